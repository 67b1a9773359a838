"""A recording that ends at any moment, however, leaves the old baseline or the new one, whole, and at most one line."""

import errno
import os
import shutil
import subprocess
import sys
import time

import pytest

from fixtures.baselines import folder_update
from tests.field.recording.conftest import DRIFT, PARTS, WHOLE
from tests.field.recording.leftovers import everything, leave_update
from tests.runs import notes, refusal

STEPS = ("make", "create", "write", "rename", "remove")


# --- what was left is finished ----------------------------------------------------------------------------------------


def test_decided_recording_is_finished_by_the_next_run(recorded, other_baseline):
    leave_update(recorded.folder, other_baseline)
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
    assert recorded.files() == other_baseline


def test_decided_recording_is_compared_with_where_the_disk_cannot_be_written(recorded, other_baseline, monkeypatch):
    leave_update(recorded.folder, other_baseline)
    left = everything(recorded.folder)
    monkeypatch.setattr(folder_update, "before_step", failing_at(lambda step, path: True, errno.EROFS))
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
    assert everything(recorded.folder) == left
    (recorded.folder / "tokens.json").write_text("the old one no longer counts")
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK


def test_undecided_recording_is_dropped(recorded, other_baseline):
    before = recorded.files()
    (leave_update(recorded.folder, other_baseline) / "journal.json").unlink()
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
    assert recorded.files() == before and not (recorded.folder / ".update").exists()


def test_looking_around_finishes_nothing(recorded, other_baseline):
    leave_update(recorded.folder, other_baseline)
    left = everything(recorded.folder)
    assert recorded.compare(*WHOLE, "--collect-only").ret == pytest.ExitCode.OK
    assert everything(recorded.folder) == left


def test_file_that_is_a_link_is_replaced_and_not_what_it_points_to(recorded, other_baseline):
    outside = recorded.project.path / "outside.json"
    shutil.move(recorded.folder / "tokens.json", outside)
    (recorded.folder / "tokens.json").symlink_to(outside)
    before = outside.read_bytes()
    leave_update(recorded.folder, other_baseline)
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
    assert outside.read_bytes() == before and not (recorded.folder / "tokens.json").is_symlink()


# --- killed, full, beside another -------------------------------------------------------------------------------------


def failing_at(chosen, code):
    def before_step(step, path):
        if chosen(step, path):
            raise OSError(code, os.strerror(code))

    return before_step


def record_failing(recordings, chosen, code):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_update, "before_step", failing_at(chosen, code))
        return recordings.record()


def test_killed_before_any_step_leaves_the_old_baseline_or_the_new_one(recorded, tmp_path):
    old, states = recorded.files(), []

    def copy_as_a_kill_would_leave_it(step, path):
        assert step in STEPS
        states.append((step, shutil.copytree(recorded.folder, tmp_path / f"state-{len(states)}", symlinks=True)))

    recorded.move_model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_update, "before_step", copy_as_a_kill_would_leave_it)
        assert recorded.record().ret == pytest.ExitCode.OK
    new, outcomes = recorded.files(), []
    for _, state in states:
        shutil.rmtree(recorded.folder)
        shutil.move(state, recorded.folder)
        assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
        outcomes.append(recorded.files())
        assert outcomes[-1] in (old, new) and old != new
    decided = outcomes.index(new)
    assert outcomes == [old] * decided + [new] * (len(states) - decided)
    assert {step for step, _ in states[:decided]} == {"make", "create", "write", "rename"}
    assert [step for step, _ in states[decided:]].count("rename") == len(new)


def test_killed_before_any_step_leaves_the_baseline_of_format_1_or_the_new_one(fresh, baseline_of_format_1, tmp_path):
    """What only format 1 has stays beside the new files, unread."""
    shutil.copytree(baseline_of_format_1, fresh.folder)
    old, states = fresh.files(), []
    assert fresh.compare(*WHOLE).ret == pytest.ExitCode.OK

    def copy_as_a_kill_would_leave_it(step, path):
        states.append(shutil.copytree(fresh.folder, tmp_path / f"state-{len(states)}", symlinks=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_update, "before_step", copy_as_a_kill_would_leave_it)
        assert fresh.record().ret == pytest.ExitCode.OK
    new, outcomes = fresh.files(), []
    assert set(new) == {*old, "quality.json"} and fresh.manifest()["format"] == 2
    assert {name for name in new if new[name] == old.get(name)} == set(old) - PARTS
    assert {"first.safetensors", "known-failures.txt"} <= set(old) - PARTS
    for state in states:
        shutil.rmtree(fresh.folder)
        shutil.move(state, fresh.folder)
        assert fresh.compare(*WHOLE).ret == pytest.ExitCode.OK
        outcomes.append(fresh.files())
    decided = outcomes.index(new)
    assert outcomes == [old] * decided + [new] * (len(states) - decided) and 0 < decided < len(states)
    assert fresh.compare().ret == pytest.ExitCode.OK


@pytest.mark.parametrize(("step", "code"), [("make", errno.EROFS), ("write", errno.ENOSPC), ("rename", errno.EIO)])
def test_disk_that_fails_is_one_line_and_the_old_baseline(recorded, step, code):
    old = recorded.files()
    recorded.move_model()
    result = record_failing(recorded, lambda at, path: at == step, code)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and recorded.files() == old
    (said,) = [line for line in result.outlines if line.startswith("not recorded: ")]
    assert said.startswith(f"not recorded: snapshots/own: {os.strerror(code)}; its files are as they were: make room ")
    assert said in notes(result) and not any("accepted" in line for line in result.outlines)
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK


def test_disk_that_fails_once_all_is_decided_leaves_the_new_baseline(recorded):
    old = recorded.files()
    recorded.move_model()
    result = record_failing(recorded, lambda step, path: (step, path.name) == ("rename", "tokens.json"), errno.EIO)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert any("its new files are all there, but not all at their places" in note for note in notes(result))
    assert recorded.compare().ret == pytest.ExitCode.OK
    assert recorded.files()["anchors.safetensors"] != old["anchors.safetensors"]
    assert not (recorded.folder / ".update").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk, which only root may")
def test_full_disk_is_one_line_and_the_old_baseline(recorded):
    kept = recorded.files()
    shutil.rmtree(recorded.folder)
    recorded.folder.mkdir()
    pages = sum(-(-len(content) // 4096) for content in kept.values())  # room for one baseline, and not for two
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * (pages + 6)}k", "none", str(recorded.folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this container mounts nothing")
    try:
        for name, content in kept.items():
            (recorded.folder / name).parent.mkdir(exist_ok=True)
            (recorded.folder / name).write_bytes(content)
        recorded.move_model()
        result = recorded.record()
        assert result.ret == pytest.ExitCode.TESTS_FAILED and recorded.files() == kept
        assert any("No space left on device; its files are as they were" in note for note in notes(result))
        assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
    finally:
        subprocess.run(["umount", str(recorded.folder)], check=True)


HOLD = """
import os, pathlib, time
from fixtures.baselines import folder_update
marks = pathlib.Path(os.environ["MARKS"])

def before_step(step, path):
    if step == "rename" and path.name == "manifest.json":
        (marks / "moving").touch()
        while not (marks / "go").exists():
            time.sleep(0.01)
        if "kill" in (marks / "go").read_text():
            os._exit(9)

folder_update.before_step = before_step
"""


@pytest.mark.parametrize("then", ["go on", "kill"])
def test_while_one_run_records_others_compare_with_a_whole_baseline_and_none_records(recorded, then, monkeypatch):
    recorded.project.makepyfile(hold=HOLD)
    monkeypatch.setenv("MARKS", str(recorded.project.path))
    monkeypatch.setenv("PYTHONPATH", str(recorded.project.path))
    recorded.move_model()
    command = [sys.executable, "-m", "pytest", "-p", "hold", *recorded.arguments(DRIFT), "--snapshot-update"]
    recording = subprocess.Popen(command, cwd=recorded.project.path, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(recorded.project.path / "moving", recording)
        assert (recorded.folder / ".update" / "journal.json").is_file()
        assert recorded.compare().ret == pytest.ExitCode.OK
        said = refusal(recorded.record())
        assert said.startswith("snapshots/own: another run is recording this baseline; wait until it has ended")
        assert (recorded.folder / ".update" / "journal.json").is_file()
    finally:
        (recorded.project.path / "go").write_text(then)
        recording.communicate(timeout=60)
    assert recording.returncode == (0 if then == "go on" else 9)
    assert recorded.record().ret == pytest.ExitCode.OK
    assert recorded.compare().ret == pytest.ExitCode.OK and not (recorded.folder / ".update").exists()


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
