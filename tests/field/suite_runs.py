"""Runs of a copy of the suite with evals that need no model loaded, from any folder, in processes of their own."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

OWN_EVALS = """
import warnings

from fixtures.comparing.rows import at_least, measured

def test_weak(device, claims):
    claims.hold(at_least("share", 0.5, 0.8))

def test_strong(device, claims):
    claims.hold(at_least("share", 0.9, 0.8))

def test_warns(device, claims):
    warnings.warn("said by an eval", FutureWarning)

def test_passes(device, claims):
    claims.hold(measured("number", 7))
"""
KNOWN = "test_own.py::test_weak # weak\ntest_own.py::test_strong # holds\n"


class Suite:
    """A copy of the suite in a folder of its own, a model's folder beside it; its stored baseline has a stray file."""

    def __init__(self, pytester: pytest.Pytester, model: Path) -> None:
        self.pytester, self.home = pytester, pytester.path
        self.folder = self.home / "suite"
        self.model = Path(shutil.copytree(model, self.home / "model"))
        self.stored = self.folder / "snapshots" / "model"
        self.stored.mkdir(parents=True)
        for name in ("conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)
        shutil.copytree(ROOT / "evals", self.folder / "evals", ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "fixtures").symlink_to(ROOT / "fixtures")
        (self.folder / "evals" / "test_own.py").write_text(OWN_EVALS)
        (self.stored / "known-failures.txt").write_text(KNOWN)
        (self.stored / "stray.txt").write_text("theirs")

    def run(self, monkeypatch, *arguments: str, start: Path | None = None, python: tuple[str, ...] = ("-m", "pytest")):
        """Run pytest in a process of its own, from the suite's folder or another, on a part of the evals."""
        monkeypatch.chdir(start or self.folder)
        return self.pytester.run(sys.executable, *python, *arguments, "--device=cpu")


def verdicts(result: pytest.RunResult) -> dict[str, str]:
    """What became of the evals that didn't pass, by name, whatever folder pytest writes before it."""
    lines = [re.match(r"(FAILED|ERROR|XFAIL|SKIPPED)\s.*::(\w+)\[", line) for line in result.outlines]
    return {found[2]: found[1] for found in lines if found}
