"""Hands pytest the suite: its options, hooks and fixtures, which live in ``fixtures/run``.

When another project's run collects this folder, such as a bare ``pytest`` in a repository that holds a copy of the
suite, it gets nothing and finds no test here. Such a run is known by its session, which has begun already: pytest loads
the ``conftest.py`` of a folder that its command doesn't name only while it collects.
"""

import os
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parent
"""Where snapshots/ and evals/ lie, whatever pytest takes for its root folder."""

_parser: pytest.Parser | None = None
"""Pytest's, with the suite's options; None in a run that comes by."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    global _parser
    if pluginmanager.hasplugin("session"):
        return
    _parser = parser
    sys.path.insert(0, str(SUITE))  # --import-mode=importlib leaves it out
    _refuse_foreign_fixtures()
    if not Path.cwd().is_relative_to(SUITE.resolve()):
        _leave_path()  # the suite's other packages, such as tests, would hide those of the repository that pins it
    from fixtures.run import pytest_policy
    from fixtures.run.command_line import add_options
    from fixtures.run.foreign_settings import refuse_foreign_settings
    from fixtures.run.import_paths import add_users_paths

    pluginmanager.register(pytest_policy, "evals-pytest-policy")  # the name that a conftest.py of evals asks for
    add_options(parser)
    config = pluginmanager.getplugin("pytestconfig")
    refuse_foreign_settings(parser, config, SUITE)
    add_users_paths(parser, config, SUITE)


def _refuse_foreign_fixtures() -> None:
    """End a run that imported another package named ``fixtures`` first: the suite's modules would not be found."""
    import fixtures

    ours, theirs = SUITE / "fixtures", Path(fixtures.__file__ or next(iter(fixtures.__path__)))
    if theirs.name == "__init__.py":
        theirs = theirs.parent
    if theirs.resolve() != ours.resolve():
        raise pytest.UsageError(
            f"two packages are named fixtures: {os.path.relpath(theirs)}, which a conftest.py or a plugin imported "
            f"before the evals began, and the suite's, {os.path.relpath(ours)}; rename yours, or have it imported by "
            "nothing that a run of evals loads"
        )


def _leave_path() -> None:
    """Take the suite's folder from where Python looks for packages: pytest, too, put it there to import this file."""
    sys.path[:] = [entry for entry in sys.path if Path(entry) != SUITE]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if _parser is None:
        _leave_path()
        return
    from fixtures.run.hooks import Hooks

    # Not before: what is registered later is called first, and these go ahead of the hooks of a user's conftest.py.
    config.pluginmanager.register(Hooks(_parser, SUITE), "evals-hooks")
    from fixtures.run import baseline_fixtures, model_fixtures, quality_fixtures, slowdown_fixtures, speed_records

    for module in (model_fixtures, baseline_fixtures, quality_fixtures, speed_records, slowdown_fixtures):
        config.pluginmanager.register(module, module.__name__)
    _free_name()


def _free_name() -> None:
    """Leave the name that Python knows a conftest.py by to a user's: ``--doctest-modules`` imports that once more."""
    file = getattr(sys.modules.get("conftest"), "__file__", None)
    if file and Path(file).is_relative_to(SUITE):
        del sys.modules["conftest"]


def pytest_ignore_collect() -> bool | None:
    """Leave out the suite's folder where nobody asked for it."""
    return True if _parser is None else None
