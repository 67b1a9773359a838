"""Recording in parallel: a parallel run refuses, locks, finishes first and reports all that a serial one does."""

import json

import pytest

from fixtures.baselines.folder_lock import lock_folder
from tests.field.recording.conftest import DRIFT
from tests.places import contents
from tests.resealing import reseal
from tests.runs import notes, refusal

WORKERS = {"serial": [], "one worker": ["-n1", "--dist=loadgroup"], "two workers": ["-n2", "--dist=loadgroup"]}


def of_another_source(recordings):
    reseal(recordings.folder, lambda manifest: manifest["source"].update(given="elsewhere/own"))


def of_a_later_format(recordings):
    reseal(recordings.folder, lambda manifest: manifest.update(format=3))


def left_damaged(recordings):
    (recordings.folder / ".update").mkdir()
    (recordings.folder / ".update" / "journal.json").write_text("[")


def a_folder_for_a_file(recordings):
    (recordings.folder / "tokens.json").unlink()
    (recordings.folder / "tokens.json").mkdir()


REFUSED = {
    of_another_source: "snapshots/own was recorded from elsewhere/own, this is ",
    of_a_later_format: "snapshots/own/manifest.json: format 3, of a later version of the suite",
    left_damaged: "snapshots/own/.update/journal.json: not JSON",
    a_folder_for_a_file: "snapshots/own/tokens.json: a folder where a file belongs",
}


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize(("situation", "line"), REFUSED.items(), ids=[one.__name__ for one in REFUSED])
def test_recording_is_refused_before_anything_is_measured(recorded, workers, situation, line):
    situation(recorded)
    before = contents(recorded.folder)
    assert refusal(recorded.record(DRIFT, *workers)).startswith(line)
    assert contents(recorded.folder) == before


@pytest.mark.parametrize("workers", list(WORKERS.values())[1:], ids=list(WORKERS)[1:])
def test_folder_is_locked_while_workers_measure(recorded, workers):
    before = contents(recorded.folder)
    lock = lock_folder(recorded.folder)
    try:
        said = refusal(recorded.record(DRIFT, *workers))
    finally:
        lock.release()
    assert (
        said.startswith("snapshots/own: another run is recording this baseline") and contents(recorded.folder) == before
    )


def test_interrupted_recording_is_finished_before_a_parallel_one_begins(recorded, kept_baseline):
    """Staged files of an unfinished run would be in the way of the next ones."""
    staging = recorded.folder / ".update"
    staging.mkdir()
    (staging / "0").write_text("never decided")
    recorded.move_model()
    result = recorded.record(DRIFT, "-n2", "--dist=loadgroup")
    assert result.ret == pytest.ExitCode.OK and not staging.exists()
    assert any(note.startswith("accepted into snapshots/own") for note in notes(result))
    assert len(recorded.files()["ledger.jsonl"].splitlines()) == 2
    assert recorded.compare().ret == pytest.ExitCode.OK


DIES = """
import os
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    from fixtures.run.recording_run import RECORDING

    if hasattr(session.config, "workerinput") and len(session.config.stash[RECORDING].update):
        os._exit(9)
"""


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_worker_that_dies_with_a_recording_leaves_the_old_baseline_and_the_summary_says_so(recorded, workers):
    suite = recorded.project.path / "conftest.py"
    suite.write_text(suite.read_text() + DIES)
    before = recorded.files()
    recorded.move_model()
    result = recorded.record(DRIFT, workers, "--dist=loadgroup")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert recorded.files() == before and not (recorded.folder / ".update").exists()
    assert "not recorded: a worker of pytest-xdist died before it handed a recording over" in notes(result)


def test_parallel_recording_says_and_writes_what_a_serial_one_does(fresh, tmp_path):
    serial = fresh.record()
    files = fresh.files()
    for path in sorted(fresh.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    parallel = fresh.record(DRIFT, "-n2", "--dist=loadgroup")
    assert serial.ret == parallel.ret == pytest.ExitCode.OK
    assert notes(serial) == notes(parallel)
    assert fresh.files().keys() == files.keys()
    assert fresh.files()["anchors.safetensors"] == files["anchors.safetensors"]
    assert json.loads(files["manifest.json"])["source"] == fresh.manifest()["source"]


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_run_that_only_sets_fixtures_up_records_nothing(fresh, option):
    said = refusal(fresh.record(DRIFT, option))
    assert said == f"--snapshot-update with {option}, which runs no eval: leave one of them out"
    assert not fresh.folder.exists()
