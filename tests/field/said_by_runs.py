"""What a run says to its user: the notes of its summary, and the one line of a refusal."""

import re

import pytest


def notes(result: pytest.RunResult) -> list[str]:
    return [line.removeprefix("note").strip() for line in result.outlines if line.startswith("note ")]


def closing_lines(result: pytest.RunResult) -> list[str]:
    """The lines of the section with which a run ends, before pytest's own."""
    start = next(at for at, line in enumerate(result.outlines) if re.fullmatch("=+ evals =+", line))
    end = next(at for at, line in enumerate(result.outlines) if at > start and re.match("[=-]{3}", line))
    return [line for line in result.outlines[start + 1 : end] if line]


def refusal(result: pytest.RunResult) -> str:
    """The one line of a run that ended before any eval."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert "Traceback" not in result.stdout.str()
    return line.removeprefix("ERROR: ")
