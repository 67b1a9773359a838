"""Beside pytest-randomly, pytest-rerunfailures and pytest-timeout no eval changes its outcome and nothing counts twice.

The plugins lie in a folder of their own, which only the runs here look into: see ``tox.ini``.
"""

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fixtures.baselines import recording
from fixtures.comparing.rows import read_rows
from tests.checkpoints import change_tensors, write_native_checkpoint
from tests.places import put
from tests.runs import lines, run, run_apart

TABLES = ["evals/test_similarity.py", "evals/test_zz.py", "-k", "baseline or last"]
LAST = """
from fixtures.comparing.rows import at_least

def test_last(device, observation, run_report, claims):
    observation.vectors(["a"], observation.tasks[0])
    run_report.notes.append("said by the last eval")
    claims.hold(at_least("share", 0.5, 0.8))
"""
SLOW = """
import time
import pytest

from fixtures.comparing.rows import at_least

@pytest.mark.timeout(0.2)
def test_slow(device, claims):
    time.sleep(60)
    claims.hold(at_least("share", 0.5, 0.8))
"""


@pytest.fixture
def run_beside(project):
    """Run the evals with the three plugins on the path of the process."""
    folder = os.environ.get("PLUGINS_BESIDE", "")
    if not Path(folder).is_dir() or not folder:
        pytest.skip(
            "PLUGINS_BESIDE names no folder with pytest-randomly, pytest-rerunfailures and pytest-timeout (tox run -e "
            "tests makes one): how the suite runs beside them was not tested"
        )

    def run_beside(model: Path, *arguments: str) -> pytest.RunResult:
        result = run_apart(*arguments, model=model, PYTHONPATH=folder)
        (plugins,) = lines(result, "plugins: ")
        assert all(name in plugins for name in ("rerunfailures-", "timeout-"))
        return result

    return run_beside


def attempts(report: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """Each eval's attempts in their order: what became of it, and the names of the figures."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcome = next((one.tag for one in case if one.tag != "properties"), "passed")
        properties = [(one.get("name"), one.get("value")) for one in case.iter("property")]
        names = [row.name for row in read_rows(properties)]
        found.setdefault(f"{case.get('file')}::{case.get('name')}", []).append((outcome, names))
    return found


def test_no_eval_changes_its_outcome_or_its_figures(run_beside, project, native_checkpoint):
    evals = ["evals", "--tasks=separation,text-matching", "--benchmark-disable", "--junit-xml=report.xml"]
    run(project, *evals, model=native_checkpoint)
    alone = {name: found for name, (found,) in attempts(project.path / "report.xml").items()}
    result = run_beside(native_checkpoint, *evals, "--randomly-seed=3", "--reruns=1", "--timeout=600")
    beside = attempts(project.path / "report.xml")
    assert list(beside) != list(alone)
    assert {name: found[-1] for name, found in beside.items()} == alone
    assert result.parseoutcomes()["rerun"] == sum(outcome == "failure" for outcome, _ in alone.values()) > 5


def test_what_is_run_again_counts_once_and_what_was_recorded_is_on_disk(run_beside, project, own_checkpoint):
    put(project.path, {"evals/test_zz.py": LAST})
    again = [*TABLES, "--reruns=2", "-p", "no:randomly", "--junit-xml=report.xml"]
    recorded = run_beside(own_checkpoint, *again, "--snapshot-update")
    recorded.assert_outcomes(passed=6, failed=1, deselected=6)
    assert lines(recorded, "compared")[0].startswith("compared  6 tables on cpu with snapshots/own: 6 recorded")
    assert lines(recorded, "encoded") == ["encoded   8,912 distinct texts and tasks on cpu, each once"]
    assert lines(recorded, "loaded")[0].endswith(": once")
    assert [line.split()[1] for line in lines(recorded, "note")] == ["said", "recorded"]  # each once
    assert len(list((project.path / "snapshots" / "own").rglob("*.txt"))) == 6
    tried = attempts(project.path / "report.xml")["evals/test_zz.py::test_last[cpu]"]
    assert [names for _, names in tried] == [["share"]] * 3

    change_tensors(own_checkpoint / "model.safetensors", lambda tensors: tensors["emb_ln.weight"].__imul__(3))
    moved = run_beside(own_checkpoint, *again)
    moved.assert_outcomes(failed=7, deselected=6)
    assert moved.parseoutcomes()["rerun"] == 14
    assert lines(moved, "compared")[0].startswith("compared  6 tables on cpu with snapshots/own: 6 moved; ")


def test_known_failure_does_not_cover_a_timeout(run_beside, project, native_checkpoint):
    known = "test_slow.py::test_slow # weak\n"
    put(project.path, {"evals/test_slow.py": SLOW, "snapshots/tiny/known-failures.txt": known})
    result = run_beside(native_checkpoint, "evals/test_slow.py", "-p", "no:randomly")
    result.assert_outcomes(failed=1)
    assert "Timeout (>0.2s)" in result.stdout.str()


def test_baseline_is_whole_whichever_eval_of_a_recording_comes_first(project, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    model = write_native_checkpoint(tmp_path / "tiny", prefixes={"clustering": ""}, tasks=["clustering"])
    whole = "evals/test_drift.py::test_baseline_is_whole"
    run(project, whole, "--snapshot-update", model=model).assert_outcomes(passed=1)
    (project.path / "snapshots" / "tiny" / "tokens.json").write_text("{}")
    run(project, whole, model=model).assert_outcomes(failed=1)
    run(project, whole, "--snapshot-update", model=model).assert_outcomes(passed=1)
    run(project, whole, model=model).assert_outcomes(passed=1)
