"""What a run says to its user: the notes of its summary, and the one line of a refusal."""

import pytest


def notes(result: pytest.RunResult) -> list[str]:
    return [line.removeprefix("note").strip() for line in result.outlines if line.startswith("note ")]


def refusal(result: pytest.RunResult) -> str:
    """The one line of a run that ended before any eval."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert "Traceback" not in result.stdout.str()
    return line.removeprefix("ERROR: ")
