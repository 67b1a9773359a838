"""Each fault is injected, the real gate judges the model, and what it says goes into the table."""

import os
import subprocess
import sys

import pytest

from fixtures.faults import Fault
from fixtures.known_models import JINA_V3_PREFIXES
from tests.faults import catalogue
from tests.faults.laboratory import ROOT, Laboratory, Tables

PIPELINE = catalogue.pipeline_faults(JINA_V3_PREFIXES)
WEIGHTS = catalogue.weight_faults(JINA_V3_PREFIXES)

# Faults that change nothing on a task, or too little to tell from rounding, with the reason. Each is measured all the
# same: one that is caught after all fails here and leaves this list.
SURVIVORS: dict[str, str] = {
    "texts stripped of outer spaces": "nothing to catch: XLM-R's tokenizer splits at white space",
    "line breaks and runs of spaces collapsed": "nothing to catch: XLM-R's tokenizer splits at white space",
    "embedding rows of Georgian script zeroed": "nothing to catch: mini's vocabulary has no Georgian piece, "
    "its Georgian anchor is unknown tokens",
}


def names(faults: list[Fault]) -> list[str]:
    return [fault.name for fault in faults]


@pytest.mark.parametrize("fault", PIPELINE, ids=names(PIPELINE))
def test_pipeline_fault_is_caught_on_every_task_that_it_touches(laboratory, tables, fault):
    missed = inject_everywhere(laboratory, tables, fault, "pipeline")
    assert missed == [] or fault.name in SURVIVORS, f"{fault.name}: no alarm on {', '.join(missed)}"
    assert missed or fault.name not in SURVIVORS, f"{fault.name} is caught: take it out of SURVIVORS"


@pytest.mark.parametrize("fault", WEIGHTS, ids=names(WEIGHTS))
def test_weight_fault_is_caught(laboratory, tables, fault):
    missed = inject_everywhere(laboratory, tables, fault, "weights")
    assert missed == [] or fault.name in SURVIVORS, f"{fault.name}: no alarm on {', '.join(missed)}"
    assert missed or fault.name not in SURVIVORS, f"{fault.name} is caught: take it out of SURVIVORS"


@pytest.mark.parametrize("name", ["NormalisedBeforeTruncating", "CutFromTheEnd"])
def test_matryoshka_fault_fails_the_contract(tables, name):
    """These show only where embeddings are cut: the contract eval runs, in a process of its own, with the fault in."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "evals/test_contract.py",
            "-k",
            "matryoshka",
            "-q",
            "-p",
            "tests.faults.injected",
        ],
        cwd=ROOT,
        env={**os.environ, "EVALS_FAULT": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout + run.stderr
    assert "5 failed" in run.stdout
    tables.faults.append(row(name, "pipeline", "5/5", "contract: Matryoshka cut", "", "jina HF discussion 60"))


def test_catalogue_is_large_enough():
    assert len(PIPELINE) + len(WEIGHTS) + 2 >= 40
    assert len(set(names(PIPELINE + WEIGHTS))) == len(PIPELINE + WEIGHTS)


def inject_everywhere(laboratory: Laboratory, tables: Tables, fault: Fault, kind: str) -> list[str]:
    """Inject a fault on each task that it touches; record what each gate says; return the tasks without alarm."""
    tasks = catalogue.touched_tasks(fault, laboratory.prefixes)
    missed, worst, named = [], ("", 0.0), 0
    for task in tasks:
        with fault.inject(laboratory.encoder, task) as faulty:
            finding, seen = laboratory.observe(faulty, task)
        tables.add_alarms(kind, finding, seen)
        missed += [task] if finding.verdict.acceptable else []
        worst = max(worst, finding.verdict.worst, key=lambda one: one[1])
        named += any(fault.name in line for line in finding.explanation)
    outcome = finding.verdict.outcome
    said = f"named on {named}/{len(tasks)}" if named else outcome
    caught = f"{len(tasks) - len(missed)}/{len(tasks)}"
    tables.faults.append(
        row(fault.name, kind, caught, f"drift: {worst[0]} at {worst[1]:,.1f}x its bound", said, fault.source)
    )
    return missed


def row(name: str, kind: str, caught: str, by: str, says: str, source: str) -> dict[str, str]:
    return {"fault": name, "class": kind, "caught on tasks": caught, "by": by, "says": says, "seen in": source}
