"""Whether stored vectors are interchangeable, as whole runs say it: compared, drifted, accepted, on workers."""

import json

import pytest

from tests.field.recording.conftest import DRIFT, TASK
from tests.field.recording.test_own_texts import write
from tests.places import put
from tests.runs import lines, notes, run_callable

VOID = "your stored vectors are not interchangeable: re-index"


def detail(folder, task=TASK):
    """The detail of a task's verdict in ``report.json``."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (row,) = [row for row in report["rows"] if row["name"] == "drift" and row["task"] == task]
    return row["detail"]


def test_comparison_says_it_and_a_recording_only_of_what_it_replaced(recorded, monkeypatch):
    monkeypatch.chdir(recorded.project.path)
    same = recorded.compare(DRIFT, "--report=report")
    assert lines(same, "vectors") == ["vectors   on cpu: interchangeable with those of snapshots/own"]
    held = detail(recorded.project.path / "report")
    assert held["interchangeable"] is True and held["against"] == "snapshots/own"
    assert held["languages"]["fr"]["moved"] == 0 and held["kinds"]["script"]["texts"] == 33
    recorded.move_model()
    moved = recorded.compare(DRIFT, "--report=report")
    assert f"  {VOID}" in moved.outlines
    assert lines(moved, "vectors") == ["vectors   on cpu: not interchangeable with those of snapshots/own: re-index"]
    broken = detail(recorded.project.path / "report")
    assert broken["interchangeable"] is False and broken["languages"]["fr"]["moved"] == 4
    accepted = recorded.record(DRIFT, "--quick-recording")
    assert lines(accepted, "vectors") == []
    told = f"vectors stored before are not interchangeable with the new ones: re-index ({TASK})"
    assert accepted.ret == pytest.ExitCode.OK and told in notes(accepted)
    assert lines(recorded.compare(), "vectors") == lines(same, "vectors")


def test_recording_anew_what_did_not_move_voids_nothing(recorded):
    result = recorded.record(DRIFT)
    assert result.ret == pytest.ExitCode.OK and "re-index" not in str(result.stdout)
    assert lines(result, "vectors") == ["vectors   on cpu: interchangeable with those of snapshots/own"]


def test_own_texts_are_counted_in_the_language_that_they_state(fresh, monkeypatch):
    monkeypatch.chdir(fresh.project.path)
    texts = [{"id": str(at), "text": f"Zin nummer {at}.", "language": "nl"} for at in range(3)]
    option = write(fresh.project.path, [*texts, {"id": "none", "text": "?!"}])
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    assert fresh.compare(DRIFT, option, "--report=report").ret == pytest.ExitCode.OK
    found = detail(fresh.project.path / "report")
    assert (found["languages"]["nl"]["texts"], found["kinds"]["own"]["texts"]) == (3, 4)
    assert found["languages"]["no language"]["texts"] == 24


MAP = 'precision = "float32"\n[tasks]\nquery = {}\nnumbers = {}\n'


def test_workers_hand_over_what_moved_and_where(project):
    put(project.path, {"map.toml": MAP})
    assert run_callable(project, "encode", DRIFT, "--snapshot-update", "--quick-recording", task_map=MAP).ret == 0
    options = [DRIFT, "--baseline=tests.callables.encode", "-n", "2", "--dist", "loadgroup", "--report=report"]
    result = run_callable(project, "tests.callables.altered:altered", *options, task_map=MAP)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "not interchangeable with those of snapshots/tests.callables.encode: re-index (numbers; query is)"
    assert lines(result, "vectors") == [f"vectors   on own: {said}"]
    assert detail(project.path / "report", "numbers")["languages"]["en"]["moved"] == 5
    assert detail(project.path / "report", "query")["languages"]["en"]["moved"] == 0
