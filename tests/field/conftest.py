"""Fixtures of several files of runs."""

import sys
from collections.abc import Callable

import pytest

from tests.conftest import ROOT
from tests.field.callable_runs import MAP


@pytest.fixture
def run_callable(project: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run the evals on a callable, in a process that finds it from where it stands.

    It is one of ``tests.callables`` by its name, or ``theirs:function`` of a module in the project's folder.
    """
    (project.path / "tests").symlink_to(ROOT / "tests")
    (project.path / "map.toml").write_text(MAP)

    def run(function: str, *arguments: str, task_map: str | None = "map.toml") -> pytest.RunResult:
        module = f"tests.callables{'.' if ':' in function else ':'}{function}"
        module = function if function.startswith("theirs:") else module
        options = [f"--model=python:{module}", *([f"--task-map={task_map}"] if task_map else [])]
        return project.run(sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", *arguments)

    return run
