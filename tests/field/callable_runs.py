"""Runs of the evals on callables."""

import re

import pytest

MAP = """
precision = "float32"
languages = ["en", "de"]

[tasks]
query = { prompt = "query: " }
passage = { prompt = "passage: " }
same = {}

[roles]
query = "query"
document = "passage"
similarity = "same"
"""


def refusal(result: pytest.RunResult) -> str:
    """The one line that ends a run."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in [*result.outlines, *result.errlines] if "ERROR: " in line or "Exit: " in line]
    (line,) = lines
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text and "INTERNALERROR" not in text
    return re.sub(r"^!* ?(ERROR: |_pytest\.outcomes\.Exit: )| !+$", "", line)
