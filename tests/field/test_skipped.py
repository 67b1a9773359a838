"""What doesn't apply to a model is one line a reason, and nothing that was skipped goes without a line."""

import sys

import pytest

from tests.conftest import ROOT
from tests.field.said_by_runs import closing_lines

MAP = """
precision = "float32"
languages = ["en", "de"]

[tasks]
query = { prompt = "query: " }
same = {}
"""
ABSENT = """
import pytest

pytest.importorskip("nothing_of_this_name", reason="needs a library that isn't here")

def test_of_theirs(device, claims):
    pass
"""


@pytest.fixture
def run(project):
    (project.path / "tests").symlink_to(ROOT / "tests")
    (project.path / "map.toml").write_text(MAP)
    (project.path / "evals" / "test_absent.py").write_text(ABSENT)
    evals = [f"evals/test_{name}.py" for name in ("jina_v3", "published", "contract", "absent")]

    def run(*arguments: str) -> pytest.RunResult:
        model = ["--model=python:tests.callables:encode", "--task-map=map.toml", "-p", "no:cacheprovider"]
        return project.run(sys.executable, "-m", "pytest", *evals, *model, *arguments)

    return run


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "parallel"])
def test_what_does_not_apply_is_one_line_a_reason(run, workers):
    result = run(*workers)
    assert result.ret == pytest.ExitCode.OK
    assert not [line for line in result.outlines if line.startswith("SKIPPED")]
    skipped = [line.removeprefix("skipped").strip() for line in closing_lines(result) if line.startswith("skipped")]
    assert sorted(skipped) == sorted(
        [
            "16: needs retrieval.query, retrieval.passage, separation, classification, text-matching; this run's model "
            "has query, same",
            "14: needs a choice of padding side, another prefix than the task's, base weights, cuts of the embedding, "
            "hidden states: the python runtime doesn't offer it",
            "8: it is unstated where the model cuts texts (max_length in a task map)",
            "2: published numbers of jina-embeddings-v3 are not applicable to python:tests.callables:encode",
            "1: needs a library that isn't here",
        ]
    )
    assert sum(int(line.partition(":")[0]) for line in skipped) == result.parseoutcomes()["skipped"]


def test_who_asks_for_pytests_own_lines_has_them(run):
    result = run("-rs", "-k", "jina_v3")
    assert [line for line in result.outlines if line.startswith("SKIPPED [1] evals/test_absent.py:4: ")]
