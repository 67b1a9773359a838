"""What version control and editors do to a baseline on its way from one machine to another."""

import re
import shlex

import pytest

from tests.field.making_bad_inputs import LFS_POINTER, conflicted, content, cut_off, marked, utf_16
from tests.field.recording.conftest import DRIFT, TABLE, WHOLE
from tests.runs import finished, notes

KNOWN, MAP = "known-failures.txt", "task-map.toml"

DAMAGE = {
    "manifest cut": cut_off("manifest.json", 2),
    "manifest empty": content("manifest.json", b""),
    "manifest in UTF-16": utf_16("manifest.json"),
    "manifest in conflict": conflicted("manifest.json"),
    "manifest not fetched": content("manifest.json", LFS_POINTER),
    "manifest gone": lambda folder: (folder / "manifest.json").unlink(),
    "tokens cut": cut_off("tokens.json", 2),
    "tokens marked": marked("tokens.json"),
    "table in conflict": conflicted(TABLE),
    "anchors not fetched": content("anchors.safetensors", LFS_POINTER),
    "ledger marked": marked("ledger.jsonl"),
}
LOST_LEDGER = {
    "in conflict": conflicted("ledger.jsonl"),
    "not fetched": content("ledger.jsonl", LFS_POINTER),
    "with the manifest cut": lambda folder: (conflicted("ledger.jsonl")(folder), cut_off("manifest.json", 2)(folder)),
}


def entries(recordings):
    return (recordings.folder / "ledger.jsonl").read_text("utf-8").splitlines()


def _without_last_line_end(folder):
    written = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(written.rstrip())


@pytest.mark.parametrize(
    "harmless",
    [
        marked("manifest.json"),
        _without_last_line_end,
        content(KNOWN, b"\xef\xbb\xbftest_drift.py::test_baseline_is_hole[x] # none"),
        content(MAP, b"\xef\xbb\xbfmax_length = 16\n"),
    ],
    ids=["manifest marked", "manifest without its last line end", "known failures marked", "task map marked"],
)
def test_what_changes_nothing_that_a_file_says_is_compared_as_before(recorded, harmless):
    harmless(recorded.folder)
    assert recorded.compare().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_baseline_is_recorded_anew_and_goes_on_from_its_ledger(recorded, damage):
    (before,) = entries(recorded)
    damage(recorded.folder)
    assert recorded.compare(*WHOLE).ret == pytest.ExitCode.TESTS_FAILED
    result = recorded.record()
    assert result.ret == pytest.ExitCode.OK and "couldn't be read" not in result.stdout.str()
    assert entries(recorded)[0] == before and len(entries(recorded)) == 2
    assert recorded.compare().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("damage", LOST_LEDGER.values(), ids=LOST_LEDGER)
def test_ledger_that_is_lost_with_a_recording_is_told(recorded, damage):
    damage(recorded.folder)
    result = recorded.record()
    assert result.ret == pytest.ExitCode.OK
    assert "snapshots/own/ledger.jsonl couldn't be read: the new one begins with this recording" in notes(result)
    assert len(entries(recorded)) == 1


@pytest.mark.parametrize("evals", [DRIFT, "evals/test_similarity.py"])
def test_baseline_that_cannot_be_read_is_one_line_of_each_eval(recorded, evals):
    conflicted("manifest.json")(recorded.folder)
    result = recorded.compare(evals)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    failures = result.parseoutcomes()["failed"]
    conflict = "manifest.json: holds an unresolved merge conflict; take "
    said = [line for line in result.outlines if conflict in line and not line.startswith("broken ")]
    assert len(said) == failures and "Traceback" not in result.stdout.str()


def test_both_sides_of_a_merge_come_back_whole_as_the_line_says(recorded):
    """Only some files are in conflict: what was merged without one, or was only added, must not stay."""

    def git(*arguments, check=True):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        ran = finished(["git", *identity, *arguments], cwd=recorded.project.path)
        assert ran.ret == 0 or not check

    def commit(name):
        git("add", "snapshots")
        git("commit", "-qm", name)
        return recorded.files()

    git("init", "-q", "-b", "ours")
    commit("before")
    git("checkout", "-qb", "theirs")
    recorded.move_model()
    assert recorded.record(DRIFT, "--baseline=own").ret == pytest.ExitCode.OK
    sides = {"MERGE_HEAD": commit("theirs")}
    git("checkout", "-q", "ours")
    recorded.move_model()
    assert recorded.record(DRIFT, "--baseline=own").ret == pytest.ExitCode.OK
    sides["HEAD"] = commit("ours")
    git("merge", "theirs", check=False)
    said = [line for line in recorded.compare(*WHOLE).outlines if "holds an unresolved merge conflict" in line]
    command = re.search(r"\((git restore [^;]*);", said[0])[1]
    for side, files in sides.items():
        git(*shlex.split(command.replace("HEAD", side))[1:])
        assert recorded.files() == files
        assert recorded.compare(*WHOLE).ret == pytest.ExitCode.OK
