"""Which evals each runtime's models are asked: what they are excused from is pinned, with the reason that a run says.

An eval that is skipped passes. So a difference between runtimes has to be meant: an ability that one doesn't have, a
role that a task map leaves open. ``tests/data/not_asked.json`` counts evals by function, on tiny models with random
weights.
"""

import json
from collections import Counter

import pytest

from fixtures.comparing.rows import NOT_APPLICABLE
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import ROOT
from tests.runs import report_in, run, run_callable

ASKED = ["evals/test_contract.py", "evals/test_behavior.py", "evals/test_jina_v3.py", "--report=out"]
PROMPTS = {"query": "Represent the query: ", "document": "Represent the document: "}
PINNED = ROOT / "tests" / "data" / "not_asked.json"


def of_a_checkpoint(project, checkpoint):
    return run(project, *ASKED, model=checkpoint)


def of_sentence_transformers(project, checkpoint):
    return run(project, *ASKED, model=write_sentence_transformers(project.path / "model", prompts=PROMPTS))


def of_a_graph(project, checkpoint):
    return run(project, *ASKED, model=write_onnx_folder(project.path / "model", prompts=PROMPTS))


def of_a_callable(project, checkpoint):
    return run_callable(project, "encode", *ASKED)


SYSTEMS = {
    "jina-v3": of_a_checkpoint,
    "sentence-transformers": of_sentence_transformers,
    "onnx": of_a_graph,
    "python": of_a_callable,
}


def not_asked(project) -> dict[str, dict[str, int]]:
    """Reason -> function of evals -> how many of these were skipped for it."""
    found: dict[str, Counter[str]] = {}
    for row in report_in(project.path / "out")["rows"]:
        if row["verdict"] == NOT_APPLICABLE:
            function = row["eval"].partition("[")[0]
            found.setdefault(row["reason"], Counter())[function] += 1
    return {reason: dict(sorted(counts.items())) for reason, counts in sorted(found.items())}


@pytest.mark.parametrize("runtime", SYSTEMS)
def test_evals_that_are_not_asked_are_those_that_are_pinned(project, native_checkpoint, runtime):
    SYSTEMS[runtime](project, native_checkpoint)
    found = not_asked(project)
    assert found == json.loads(PINNED.read_text(encoding="utf-8"))[runtime], json.dumps(found, indent=1)


def test_every_runtime_is_pinned():
    from fixtures.runtimes.registry import RUNTIMES

    assert {row.name for row in RUNTIMES} == set(SYSTEMS) == set(json.loads(PINNED.read_text(encoding="utf-8")))
