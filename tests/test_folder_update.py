"""Several files change as one: a run killed at any moment leaves all old or all new."""

import errno
import json
import os

import pytest

from fixtures.baselines import folder_update
from fixtures.baselines.folder_update import FolderUpdate, finish_interrupted_update
from fixtures.errors import BaselineError

OLD = {"a.txt": b"old a", "sub/b.txt": b"old b", "kept.txt": b"kept"}
NEW = {"a.txt": b"new a", "sub/b.txt": b"new b", "new/c.txt": b"new c"}


class Killed(BaseException):
    """The end of a process: nothing catches it, nothing cleans up after it."""


@pytest.fixture
def folder(tmp_path):
    return write_old(tmp_path / "stored")


def write_old(folder):
    for name, content in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def new_contents(folder):
    update = FolderUpdate(folder)
    update.stage(NEW)
    return update


def kill_before_step(monkeypatch, step):
    """End the process before it touches the disk once more than so many times. Returns what it did until then."""
    happened = []

    def guard(name, change):
        def guarded(*given, **options):
            if len(happened) >= step:
                raise Killed
            happened.append(name)
            return change(*given, **options)

        return guarded

    path = folder_update.Path
    monkeypatch.setattr(folder_update.os, "replace", guard("replace", os.replace))
    monkeypatch.setattr(folder_update.os, "fsync", guard("fsync", os.fsync))
    monkeypatch.setattr(folder_update.shutil, "rmtree", guard("rmtree", folder_update.shutil.rmtree))
    for name in ("mkdir", "open", "unlink"):
        monkeypatch.setattr(path, name, guard(name, getattr(path, name)))
    return happened


def steps_of_an_update(folder):
    with pytest.MonkeyPatch.context() as patch:
        happened = kill_before_step(patch, 10_000)
        new_contents(folder).commit()
    return len(happened)


def test_commit_replaces_all_staged_files_and_no_other(folder):
    new_contents(folder).commit()
    assert contents(folder) == OLD | NEW


def test_first_commit_makes_the_folder(tmp_path):
    new_contents(tmp_path / "not" / "there").commit()
    assert contents(tmp_path / "not" / "there") == NEW


def test_nothing_staged_touches_nothing(tmp_path):
    FolderUpdate(tmp_path / "gone").commit()
    finish_interrupted_update(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_staged_content_can_be_read_before_it_is_committed(folder):
    update = new_contents(folder)
    assert update.staged("a.txt") == b"new a" and update.staged("kept.txt") is None
    assert len(update) == 3 and contents(folder) == OLD
    update.commit()
    assert len(update) == 0


def test_contents_that_are_staged_later_take_the_place_of_all_that_were(folder):
    update = new_contents(folder)
    update.stage({"a.txt": b"newer a"})
    update.commit()
    assert contents(folder) == OLD | {"a.txt": b"newer a"}


def test_killed_at_any_step_all_files_are_old_or_all_are_new(tmp_path, folder):
    outcomes = []
    for step in range(steps_of_an_update(folder)):
        for name, content in contents(folder).items():
            (folder / name).unlink() if name not in OLD else (folder / name).write_bytes(OLD.get(name, content))
        with pytest.MonkeyPatch.context() as patch:
            kill_before_step(patch, step)
            with pytest.raises(Killed):
                new_contents(folder).commit()
        finish_interrupted_update(folder)
        outcomes.append(contents(folder))
        assert outcomes[-1] in (OLD, OLD | NEW), f"half an update after step {step}"
    switched = outcomes.index(OLD | NEW)
    assert outcomes == [OLD] * switched + [OLD | NEW] * (len(outcomes) - switched)
    assert 0 < switched < len(outcomes) - 1


def commit_on_a_disk_that_is_full(folder, *, after):
    """Commit where only this many changes succeed. Returns the error's message, None if they were enough."""
    happened = []

    def before_step(step, path):
        happened.append(step)
        if len(happened) > after:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_update, "before_step", before_step)
        try:
            new_contents(folder).commit()
        except BaselineError as error:
            return str(error)


def test_disk_full_at_any_step_is_one_line_and_all_files_are_old_or_all_are_new(tmp_path):
    outcomes = []
    while said := commit_on_a_disk_that_is_full(
        folder := write_old(tmp_path / str(len(outcomes))), after=len(outcomes)
    ):
        assert f"{folder.name}: No space left on device; " in said and "\n" not in said
        finish_interrupted_update(folder)
        outcomes.append(contents(folder))
    assert contents(folder) == OLD | NEW
    decided = outcomes.index(OLD | NEW)
    assert outcomes == [OLD] * decided + [OLD | NEW] * (len(outcomes) - decided)
    assert decided > 2 * len(NEW) and len(outcomes) - decided > len(NEW)


def test_recovery_may_itself_be_killed_at_any_step(tmp_path):
    for step in range(100):
        folder = decided_update(tmp_path / f"recovery-{step}")
        with pytest.MonkeyPatch.context() as patch:
            happened = kill_before_step(patch, step)
            try:
                finish_interrupted_update(folder)
            except Killed:
                assert len(happened) == step
            else:
                break
        finish_interrupted_update(folder)
        assert contents(folder) == OLD | NEW, f"half an update after step {step}"
    assert step > len(NEW)


def decided_update(folder):
    """A folder whose run was killed when its journal was in place and no file had been moved yet."""
    staging = write_old(folder) / ".update"
    staging.mkdir()
    for position, name in enumerate(sorted(NEW)):
        (staging / str(position)).write_bytes(NEW[name])
    (staging / "journal.json").write_text(json.dumps(sorted(NEW)))
    return folder


def test_next_update_completes_the_one_before_it(folder):
    staging = folder / ".update"
    staging.mkdir()
    (staging / "0").write_bytes(b"earlier a")
    (staging / "1").write_bytes(b"earlier kept")
    (staging / "journal.json").write_text(json.dumps(["a.txt", "kept.txt"]))
    new_contents(folder).commit()
    assert contents(folder) == OLD | NEW | {"kept.txt": b"earlier kept"}


def test_undecided_update_is_dropped(folder):
    staging = folder / ".update"
    staging.mkdir()
    (staging / "0").write_bytes(b"half")
    finish_interrupted_update(folder)
    assert contents(folder) == OLD and not staging.exists()


def test_contents_are_on_the_disk_before_the_journal_names_them(folder, monkeypatch):
    happened = kill_before_step(monkeypatch, 10_000)
    new_contents(folder).commit()
    before_journal = happened[: happened.index("replace")]
    assert before_journal.count("fsync") == len(NEW) + 1
