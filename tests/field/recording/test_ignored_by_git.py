"""A recording names the files that a repository's .gitignore leaves out, and a clone names .gitignore as the cause."""

import shutil

import pytest

from tests.field.own_repository import Repository
from tests.field.recording.conftest import DRIFT, Recordings
from tests.places import contents
from tests.runs import notes, refusal

IGNORED = "*.safetensors\n*.txt\n"


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A repository in git, in which the user stands."""
    repository = Repository(tmp_path / "service")
    repository.folder.mkdir()
    repository.git("init --quiet")
    (repository.folder / ".gitignore").write_text(IGNORED)
    monkeypatch.chdir(repository.folder)
    return repository


def clone(service, monkeypatch) -> None:
    """Commit all, and stand in a clone."""
    service.git("add -A")
    service.git("commit --quiet --message change")
    shutil.rmtree(service.folder.parent / "clone", ignore_errors=True)
    service.git(f"clone --quiet {service.folder} {service.folder.parent / 'clone'}")
    monkeypatch.chdir(service.folder.parent / "clone")


def typed(fresh: Recordings) -> list[str]:
    return [str(fresh.project.path / DRIFT), "--snapshots=baselines"]


def test_files_that_a_clone_will_lack_are_named_by_the_recording_and_by_the_clone(fresh, service, monkeypatch):
    by_hand = service.folder / "baselines" / "own" / "known-failures.txt"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_text("# none\n")
    recorded = fresh.record(*typed(fresh), "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK
    (note,) = [note for note in notes(recorded) if note.startswith("git ignores ")]
    assert note == (
        "git ignores 5 files of baselines/own, which a clone will lack: anchors.safetensors, signatures.safetensors, "
        "similarity/separation.txt, task-differences.txt ...; commit them with git add --force baselines/own, or "
        "change .gitignore"
    )
    clone(service, monkeypatch)
    failed = fresh.compare(*typed(fresh))
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
    causes = {line.partition("baselines/own/")[2] for line in failed.outlines if "git ignores it" in line}
    assert causes == {
        "anchors.safetensors: isn't there, as git ignores it and it was never committed; commit it where it was "
        "recorded, with git add --force, or record it anew with --snapshot-update"
    }
    service.git("add --force baselines/own")
    clone(service, monkeypatch)
    assert set(contents(service.folder / "baselines")) == set(contents(service.folder.parent / "clone" / "baselines"))
    fresh.move_model()
    again = fresh.record(*typed(fresh), "--quick-recording", "--baseline=own")  # git has the files: nothing is ignored
    assert again.ret == pytest.ExitCode.OK and not [note for note in notes(again) if "git ignores" in note]


def test_lost_file_that_git_does_not_ignore_is_restored_from_it(recorded, service):
    (service.folder / ".gitignore").write_text("")
    shutil.move(recorded.snapshots, service.folder / "baselines")
    (service.folder / "baselines" / "own" / "anchors.safetensors").unlink()
    failed = recorded.compare(*typed(recorded))
    assert "anchors.safetensors: No such file or directory; restore the folder from version control" in str(
        failed.stdout
    )


def test_whole_folder_that_git_ignores_is_named_as_such(fresh, service):
    (service.folder / ".gitignore").write_text("baselines/\n")
    said = "--snapshots: 'baselines' isn't there (git ignores it, so a clone lacks it), so there is nothing to compare "
    assert refusal(fresh.compare(*typed(fresh))).startswith(said)
    (service.folder / "baselines").mkdir()
    failed = fresh.compare(*typed(fresh))
    said = (
        "git ignores baselines/own/manifest.json, so a clone lacks a baseline that was recorded elsewhere: commit it "
    )
    assert f"{said}there with git add --force. Record one with: pytest " in str(failed.stdout)
