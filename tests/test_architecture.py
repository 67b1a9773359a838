"""The house stands as ``docs/architecture.md`` draws it: who may import whom, no circle, nothing too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"

FOUNDATIONS = {"errors", "showing", "plain_values"}
"""Modules beside the packages, for all of them."""
MAY_IMPORT = {
    "files": set(),
    "texts": {"files"},
    "hardware": {"files"},
    "models": {"files"},
    "runtimes": {"models", "hardware", "texts", "files"},
    "observing": {"runtimes", "models", "texts", "files"},
    "comparing": {"observing", "models", "texts", "files"},
    "baselines": {"observing", "comparing", "runtimes", "models", "hardware", "texts", "files"},
    "speed": {"comparing", "observing", "runtimes", "models", "hardware", "texts", "files"},
    "reports": {"comparing", "models", "texts"},
}
"""Package -> those that it may import; ``run`` may import all."""
LONGEST = 400
READ_WHOLE = {
    "fixtures.files.regular_files",  # where a file's kind and size are looked at first
    "fixtures.hardware.devices",  # the installed torch's version, the processor's name
    "fixtures.hardware.library_versions",  # the suite's own pyproject.toml
    "fixtures.models.hub",  # a commit in the Hub's cache
    "fixtures.runtimes.python_callable",  # the module that is imported next
}
"""Modules that read files whole by themselves; anybody else's file may be huge, or a pipe."""

STARTING_RUNS = {
    "tests/runs.py": "their one home",
    "tests/field/recording/test_interrupted.py": "the run is looked at, and killed, while it records",
    "tests/frozen_pairs/__main__.py": "a program of its own, on suites of other versions",
    "tests/full_size/__main__.py": "a program of its own, whose output is the user's to read",
    "tests/real/suite_runs.py": "measures processor time, and keeps what a run prints in a file",
}
"""Modules of the tests that start runs of the suite, and why; all others ask ``tests/runs.py``."""
COMMAND = ["sys.executable", "'-m'", "'pytest'"]
OF_PYTESTER = ("runpytest", "inline_run", "spawn_pytest")


def modules() -> dict[str, ast.Module]:
    """Dotted name -> the parsed module, of all in ``fixtures/``."""
    found = {}
    for path in sorted(FIXTURES.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(module: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports anywhere, also inside functions and for types."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = modules()
IMPORTS = {name: {other for other in imported(module) if other in MODULES} for name, module in MODULES.items()}


def package(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


def test_every_package_has_its_place():
    assert {path.name for path in FIXTURES.iterdir() if (path / "__init__.py").is_file()} == {*MAY_IMPORT, "run"}


def test_packages_import_only_what_lies_below_them():
    uphill = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in others
        if package(name) in MAY_IMPORT
        and package(other) not in {package(name), "", *FOUNDATIONS, *MAY_IMPORT[package(name)]}
    ]
    assert uphill == []


def test_no_module_imports_one_that_imports_it():
    def reached(name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        for other in IMPORTS[name] - seen:
            yield other
            yield from reached(other, seen | IMPORTS[name])

    assert [name for name in MODULES if name in set(reached(name))] == []


def test_runtimes_share_what_lies_beside_them_and_know_of_another_one_what_tells_its_models_apart():
    def folder(name: str) -> str:
        return ".".join(name.split(".")[:3]) if name.startswith("fixtures.runtimes.") and name.count(".") > 2 else ""

    borrowed = {
        (folder(name).rpartition(".")[2], other.removeprefix("fixtures.runtimes."))
        for name, others in IMPORTS.items()
        for other in others
        if folder(name) and folder(other) not in ("", folder(name))
    }
    assert borrowed == {
        ("sentence_transformers", "jina_v3.layouts.jina_hf"),  # a model_type that the library would misread
        ("onnx", "sentence_transformers.tasks"),  # the prompts of a folder that both can open
    }


def test_files_of_other_people_are_read_whole_in_one_place():
    readers = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read_bytes", "read_text")
    }
    assert readers <= READ_WHOLE


def test_pytest_and_syrupy_are_known_to_run_alone():
    outside = [
        name
        for name, module in MODULES.items()
        if package(name) != "run"
        and any(other.split(".")[0] in ("pytest", "_pytest", "syrupy") for other in imported(module))
    ]
    assert outside == []


def hooks(module: ast.Module) -> list[str]:
    """The names of the hooks of pytest that a module has."""
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef))
    return [node.name for node in functions if node.name.startswith("pytest_")]


def test_order_of_a_run_is_written_in_one_place_and_each_hook_stands_there_once():
    marked = {
        name
        for name, module in MODULES.items()
        if any(isinstance(node, ast.Attribute) and node.attr == "hookimpl" for node in ast.walk(module))
    }
    assert marked | {name for name, module in MODULES.items() if hooks(module)} == {"fixtures.run.hooks"}
    stand = hooks(MODULES["fixtures.run.hooks"])
    assert len(stand) == len({*stand}) > 20


def test_what_an_eval_is_is_said_in_one_place():
    """Which fixtures a test asks for is read there, and where devices and tasks make the parameters."""
    reading = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if "fixturenames" in (getattr(node, "attr", None), getattr(node, "value", None))
    }
    assert reading == {"fixtures.run.evals", "fixtures.run.collecting"}


def starts_runs(module: ast.Module) -> bool:
    """Tell whether a module starts runs: by the ways of pytester, or by a command that begins with ``-m pytest``."""
    for node in ast.walk(module):
        if isinstance(node, ast.List) and [ast.unparse(one) for one in node.elts[:3]] == COMMAND:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            whose = ast.unparse(node.func.value).rpartition(".")[2]
            if node.func.attr.startswith(OF_PYTESTER) or (node.func.attr == "run" and whose in ("project", "pytester")):
                return True
    return False


def test_runs_are_started_in_one_place():
    starting = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if starts_runs(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert starting == STARTING_RUNS.keys()


@pytest.mark.parametrize(
    "path",
    [path for folder in ("fixtures", "evals", "tests") for path in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_module_is_too_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_evals_reach_behind_no_encoder():
    for path in sorted((ROOT / "evals").glob("*.py")):
        reached = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert not reached & {"loaded", "checkpoint", "model"} and not {one for one in reached if one.startswith("_")}
