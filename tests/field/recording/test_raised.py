"""Whatever is raised at any step of a recording leaves the old baseline or the new one, and the summary says which."""

import shutil

import pytest

from fixtures.baselines import folder_update, writing
from fixtures.comparing.rows import BROKEN
from tests.field.recording.conftest import DRIFT
from tests.runs import notes, rows_in, run


def raising(error):
    def raises(*arguments, **options):
        raise error

    return raises


def raising_at(chosen, error):
    def before_step(step, path):
        if (step, path.name) == chosen:
            raise error

    return before_step


@pytest.mark.parametrize("error", [RuntimeError("no more"), MemoryError(), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("step", ["signatures.record_signatures", "measure_tolerance", "writing.sealed", "Baseline"])
def test_what_is_raised_while_a_baseline_is_made_leaves_the_old_one(recorded, step, error, monkeypatch):
    old = recorded.files()
    recorded.move_model()
    monkeypatch.setattr(f"fixtures.baselines.recording.{step}", raising(error))
    arguments = [*recorded.arguments(DRIFT), "--snapshot-update"]
    result = run(recorded.project, *arguments, no_reraise_ctrlc=True)
    interrupted = isinstance(error, KeyboardInterrupt)
    assert result.ret == (pytest.ExitCode.INTERRUPTED if interrupted else pytest.ExitCode.TESTS_FAILED)
    assert recorded.files() == old and not (recorded.folder / ".update").exists()
    (said,) = [note for note in notes(result) if "recorded" in note]
    assert said.startswith("not recorded: ") and (type(error).__name__ in said or "no more" in said)


def test_model_that_is_gone_when_it_was_measured_is_not_recorded(fresh, monkeypatch):
    sealed = writing.sealed

    def sealed_meanwhile(*arguments):
        shutil.rmtree(fresh.model)
        return sealed(*arguments)

    monkeypatch.setattr(writing, "sealed", sealed_meanwhile)
    result = fresh.record()
    assert result.ret == pytest.ExitCode.TESTS_FAILED and not fresh.folder.exists()
    (said,) = [note for note in notes(result) if "recorded" in note]
    assert said.startswith("not recorded: ") and "model.safetensors" in said and "changed while" in said


@pytest.mark.parametrize("error", [RuntimeError("no more"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize(
    ("step", "name", "wins"),
    [
        ("make", ".update", False),
        ("write", "3", False),
        ("rename", "journal.json", False),
        ("rename", "manifest.json", True),
        ("remove", ".update", True),
    ],
)
def test_what_is_raised_while_files_are_written_leaves_one_of_the_two_and_the_summary_says_which(
    recorded, step, name, wins, error
):
    old = recorded.files()
    recorded.move_model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_update, "before_step", raising_at((step, name), error))
        result = recorded.record(DRIFT, "--junit-xml=report.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (said,) = [note for note in notes(result) if "recorded" in note]
    (row,) = rows_in(recorded.project.path / "report.xml")["recording"]
    assert row.verdict == BROKEN and row.reason == said
    outcome = "its new files are all there" if wins else "its files are as they were"
    assert said.startswith("recorded, but " if wins else "not recorded: ") and outcome in said
    assert recorded.compare().ret == (pytest.ExitCode.OK if wins else pytest.ExitCode.TESTS_FAILED)
    unchanged = recorded.files()["anchors.safetensors"] == old["anchors.safetensors"]
    assert unchanged is not wins and not (recorded.folder / ".update").exists()
