"""Runs of the evals on damaged checkpoints: what the user reads, and with which exit code."""

from pathlib import Path

import pytest

from tests import runs

ONE_EVAL = ("evals/test_contract.py", "-k", "unit_norm")
ONE_TASK = "--tasks=separation"


def run(project: pytest.Pytester, folder: Path, *arguments: str) -> pytest.RunResult:
    """Run one short eval, or the chosen ones, on the CPU."""
    chosen = arguments if any("evals/" in argument for argument in arguments) else (*ONE_EVAL, *arguments)
    return runs.run(project, *chosen, model=folder)


def refusal(project: pytest.Pytester, folder: Path, *arguments: str) -> str:
    """Run, and return the one line that a refusal is; the folder is called FOLDER in it."""
    line = runs.refusal(run(project, folder, *arguments))
    return line.removeprefix("--model: ").replace(str(folder), "FOLDER")


def evaluates(project: pytest.Pytester, folder: Path, *arguments: str) -> list[str]:
    """Run, expect it to pass, and return the notes of its summary; the folder is called FOLDER in them."""
    result = run(project, folder, *arguments)
    assert result.ret == pytest.ExitCode.OK
    return [note.replace(str(folder), "FOLDER") for note in runs.notes(result)]
