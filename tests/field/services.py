"""A service's folder as its users have it, without git: the suite in it, and tests of the service's own."""

import shutil
from pathlib import Path

import pytest

from tests.field.suite_runs import Suite

EVALS = "suite/evals"
OURS = f"{EVALS}/test_ours.py"
EVAL = """
import pytest

from fixtures.comparing.rows import at_least

def helper_of_an_eval(device): pass

def test_judged(device, claims): claims.hold(at_least("share", 0.9, 0.8))

@pytest.mark.parametrize("number", [1, 2])
def test_skipped(device, claims, number): pytest.skip("not asked of this model")
"""
UNIT = """
import pytest

@pytest.mark.unit
def test_unit(): pass
"""
INI = "[pytest]\nmarkers = unit\n"
MODEL = ("--model=model", "--device=cpu")


class Service:
    """The folder, with quick evals in a file of the suite's."""

    def __init__(self, pytester: pytest.Pytester, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        suite = Suite(pytester, model)
        self.pytester, self.folder = pytester, suite.home
        shutil.rmtree(suite.stored)
        (suite.folder / "evals" / "test_own.py").unlink()
        self.says({OURS: EVAL, "tests/test_unit.py": UNIT})

    def says(self, files: dict[str, str]) -> None:
        """Write files by their paths in the folder."""
        for name, content in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(content)

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run in this process, which is quick where no model is opened."""
        return self.pytester.runpytest_inprocess(*arguments, *MODEL)

    def run_apart(self, *arguments: str, model: tuple[str, ...] = MODEL) -> pytest.RunResult:
        """Run in a process of its own, as a user does."""
        return self.pytester.runpytest_subprocess(*arguments, *model)
