"""What doesn't apply to a model is one line a reason, and nothing that was skipped goes without a line."""

import pytest

from tests.places import put
from tests.runs import closing_lines, lines, run_callable

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


EVALS = [f"evals/test_{name}.py" for name in ("jina_v3", "published", "contract", "absent")]


def run_with_one_absent(project, *arguments: str) -> pytest.RunResult:
    put(project.path, {"evals/test_absent.py": ABSENT})
    return run_callable(project, "encode", *EVALS, *arguments, task_map=MAP)


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "parallel"])
def test_what_does_not_apply_is_one_line_a_reason(project, workers):
    result = run_with_one_absent(project, *workers)
    assert result.ret == pytest.ExitCode.OK
    assert not lines(result, "SKIPPED")
    skipped = [line.removeprefix("skipped").strip() for line in closing_lines(result) if line.startswith("skipped")]
    assert sorted(skipped) == sorted(
        [
            "6: not applicable: claims on jina-embeddings-v3, and nobody says that this model is one",
            "10: needs classification, text-matching, retrieval.passage, separation, retrieval.query; this run's model "
            "has query, same",
            "14: needs a choice of padding side, another prefix than the task's, base weights, cuts of the embedding, "
            "hidden states: the python runtime doesn't offer it",
            "8: it is unstated where the model cuts texts (max_length in a task map)",
            "2: published numbers of jina-embeddings-v3 are not applicable to python:tests.callables:encode",
            "1: needs a library that isn't here",
        ]
    )
    assert sum(int(line.partition(":")[0]) for line in skipped) == result.parseoutcomes()["skipped"]


def test_who_asks_for_pytests_own_lines_has_them(project):
    result = run_with_one_absent(project, "-rs", "-k", "jina_v3")
    assert lines(result, "SKIPPED [1] evals/test_absent.py:4: ")
