"""Each fault is injected, the real gate judges the model, and what it says goes into the table."""

import numpy as np
import pytest

from fixtures.runtimes.jina_v3.faults import Fault
from tests.checkpoints import JINA_V3_PREFIXES
from tests.faults import catalogue
from tests.faults.laboratory import Laboratory, Tables
from tests.places import ROOT
from tests.runs import run_apart

PIPELINE = catalogue.pipeline_faults(JINA_V3_PREFIXES)
WEIGHTS = catalogue.weight_faults(JINA_V3_PREFIXES)

# Faults that touch no task of this model, with the reason: token ids and embeddings stay the same to the last bit. Each
# is injected all the same: one that changes anything fails here and leaves this list.
CHANGE_NOTHING: dict[str, str] = {
    "texts stripped of outer spaces": "XLM-R's tokenizer splits at white space and drops it",
    "line breaks and runs of spaces collapsed": "XLM-R's tokenizer splits at white space and drops it",
    "embedding rows of Georgian script zeroed": "mini's vocabulary has no Georgian piece",
}

# Faults whose failures say something else than expected on a task, with the reason.
OTHERWISE_SAID: dict[tuple[str, str], str] = {}


def names(faults: list[Fault]) -> list[str]:
    return [fault.name for fault in faults]


@pytest.mark.parametrize("fault", PIPELINE, ids=names(PIPELINE))
def test_pipeline_fault_is_caught_on_every_task_that_it_touches(laboratory, tables, fault):
    missed = inject_everywhere(laboratory, tables, fault, "pipeline")
    assert missed == [], f"{fault.name}: no alarm on {', '.join(missed)}"


@pytest.mark.parametrize("fault", WEIGHTS, ids=names(WEIGHTS))
def test_weight_fault_is_caught(laboratory, tables, fault):
    missed = inject_everywhere(laboratory, tables, fault, "weights")
    assert missed == [], f"{fault.name}: no alarm on {', '.join(missed)}"


@pytest.mark.parametrize("name", ["NormalisedBeforeTruncating", "CutFromTheEnd"])
def test_matryoshka_fault_fails_the_contract(tables, name):
    """Such faults show only where embeddings are cut: the contract eval runs with the fault, in its own process."""
    chosen = ["evals/test_contract.py", "-k", "matryoshka", "-q", "-p", "tests.faults.injected"]
    result = run_apart(*chosen, start=ROOT, EVALS_FAULT=name)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == 5
    tables.faults.append(row(name, "pipeline", "5/5", "contract: Matryoshka cut", "", "jina HF discussion 60"))


def test_catalogue_is_large_enough():
    assert len(PIPELINE) + len(WEIGHTS) + 2 >= 40
    assert len(set(names(PIPELINE + WEIGHTS))) == len(PIPELINE + WEIGHTS)


def inject_everywhere(laboratory: Laboratory, tables: Tables, fault: Fault, kind: str) -> list[str]:
    """Inject a fault on each task that it touches; record what each gate says; return the tasks without alarm."""
    tasks = catalogue.touched_tasks(fault, laboratory.prefixes)
    if fault.name in CHANGE_NOTHING:
        for task in tasks:
            # Not those of the baseline, which may be from another machine: they differ by rounding.
            vectors, tokens = laboratory.answer(laboratory.encoder, task)
            with fault.inject(laboratory.encoder, task) as faulty:
                faulty_vectors, faulty_tokens = laboratory.answer(faulty, task)
            same = np.array_equal(vectors, faulty_vectors) and tokens == faulty_tokens
            assert same, f"{fault.name} changes something on {task}: take it out of CHANGE_NOTHING"
        tables.faults.append(row(fault.name, kind, "touches none", "", CHANGE_NOTHING[fault.name], fault.source))
        return []
    missed, worst, mute = [], ("", 0.0), []
    for task in tasks:
        with fault.inject(laboratory.encoder, task) as faulty:
            finding, seen = laboratory.observe(faulty, task)
        tables.add_alarms(kind, finding, seen)
        missed += [task] if finding.verdict.acceptable else []
        worst = max(worst, finding.verdict.worst, key=lambda one: one[1])
        outcome = finding.verdict.outcome
        mute += [] if any(fault.expected in line for line in (outcome, *finding.explanation)) else [task]
    said = f"“{fault.expected}” on {len(tasks) - len(mute)}/{len(tasks)}" if len(mute) < len(tasks) else outcome
    caught = f"{len(tasks) - len(missed)}/{len(tasks)}"
    tables.faults.append(
        row(fault.name, kind, caught, f"drift: {worst[0]} at {worst[1]:,.1f}x its bound", said, fault.source)
    )
    unexpected = [task for task in mute if task not in missed and (fault.name, task) not in OTHERWISE_SAID]
    assert unexpected == [], f"{fault.name}: a failure doesn't say {fault.expected!r} on {', '.join(unexpected)}"
    return missed


def row(name: str, kind: str, caught: str, by: str, says: str, source: str) -> dict[str, str]:
    return {"fault": name, "class": kind, "caught on tasks": caught, "by": by, "says": says, "seen in": source}
