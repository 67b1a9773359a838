"""The evals' options, fixtures and hooks are in the ``conftest.py`` above: without it nothing can be evaluated."""

import pytest


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    if not pluginmanager.hasplugin("evals-pytest-policy"):
        raise pytest.UsageError(
            "pytest left out the conftest.py of the folder above evals/: -c, --rootdir or --confcutdir must name that "
            "folder, or one that doesn't lie in it"
        )
