"""Runs of the evals on damaged checkpoints: what the user reads, and with which exit code."""

from pathlib import Path

import peft  # noqa: F401  pytester forgets what is first imported inside a run
import pytest
import torch  # noqa: F401
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model  # noqa: F401

from tests.field.said_by_runs import notes

ONE_EVAL = ("evals/test_contract.py", "-k", "unit_norm")
ONE_TASK = "--tasks=separation"


def run(project: pytest.Pytester, folder: Path, *arguments: str) -> pytest.RunResult:
    """Run one short eval, or the chosen ones, on the CPU."""
    chosen = arguments if any("evals/" in argument for argument in arguments) else (*ONE_EVAL, *arguments)
    return project.runpytest_inprocess(f"--model={folder}", "--device=cpu", *chosen)


def refusal(project: pytest.Pytester, folder: Path, *arguments: str) -> str:
    """Run, and return the one line that a refusal is; the folder is called FOLDER in it."""
    result = run(project, folder, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stdout.str()
    lines = [line.removeprefix("ERROR: ") for line in result.errlines if line.startswith("ERROR: ")]
    lines = [line.removeprefix("--model: ") for line in lines]
    marks = "! "
    lines += [line.strip(marks).removeprefix("_pytest.outcomes.Exit: ") for line in result.outlines if "Exit: " in line]
    (line,) = lines
    return line.replace(str(folder), "FOLDER")


def evaluates(project: pytest.Pytester, folder: Path, *arguments: str) -> list[str]:
    """Run, expect it to pass, and return the notes of its summary; the folder is called FOLDER in them."""
    result = run(project, folder, *arguments)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str() + result.stderr.str()
    return [note.replace(str(folder), "FOLDER") for note in notes(result)]
