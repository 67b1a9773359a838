"""A recording keeps what the model achieves; a baseline from before it did so is compared with, and recorded anew."""

import json

import pytest

from fixtures.baselines.baseline import Baseline
from tests.field.recording.conftest import DRIFT, PARTS
from tests.resealing import reseal
from tests.runs import notes

SAID = "snapshots/own: recorded before quality was stored: record again to include it; drift is judged all the same"


def from_before(recorded) -> None:
    """Make a recorded baseline one of a version that stored no quality."""
    (recorded.folder / "quality.json").unlink()
    manifest = json.loads((recorded.folder / "manifest.json").read_text())
    del manifest["files"]["quality.json"]
    (recorded.folder / "manifest.json").write_text(json.dumps(manifest))
    reseal(recorded.folder)


def test_recording_keeps_quality_of_the_roles_that_tasks_serve(recorded):
    assert recorded.files().keys() == PARTS
    stored = Baseline(recorded.folder).quality()
    assert list(stored.by_measure) == ["clustering"] and len(stored.by_measure["clustering"].items) == 1200
    assert not any(note.endswith("all the same") for note in notes(recorded.compare(DRIFT)))


def test_baseline_from_before_is_judged_with_a_note_and_recorded_anew_though_nothing_moved(recorded):
    kept = recorded.files()["quality.json"]
    from_before(recorded)
    judged = recorded.compare(DRIFT)
    assert judged.ret == pytest.ExitCode.OK and SAID in notes(judged)
    again = recorded.record(DRIFT, "--quick-recording")
    assert again.ret == pytest.ExitCode.OK and SAID not in notes(again)
    assert recorded.files()["quality.json"] == kept
