"""Texts and tasks that came, changed or went since a recording: what both sides have is judged, the rest is noted."""

import copy
import shutil

import pytest

from fixtures.texts import corpus
from fixtures.texts.anchors import PROBES
from tests.checkpoints import change_json, write_native_checkpoint
from tests.field.recording.conftest import DRIFT, Recordings
from tests.resealing import reseal
from tests.runs import failed, notes, printed, refusal

SIMILARITY = "evals/test_similarity.py"
ADDED = {"id": "added", "kind": "script", "text": "A text that no earlier version had."}
CHANGED, GONE = "latin-english-river", "lower-case"


@pytest.fixture
def anchors(monkeypatch) -> list[dict]:
    """Today's anchors, for a test to change."""
    entries = copy.deepcopy(corpus.read_data("anchors")["anchors"])
    monkeypatch.setitem(corpus.read_data("anchors"), "anchors", entries)
    return entries


def add(entries: list[dict]) -> None:
    entries.insert(0, ADDED)


def change(entries: list[dict]) -> None:
    next(entry for entry in entries if entry["id"] == CHANGED)["text"] = "We crossed it."


def remove(entries: list[dict]) -> None:
    entries[:] = [entry for entry in entries if entry["id"] != GONE]


def remove_a_probe(entries: list[dict]) -> None:
    entries[:] = [entry for entry in entries if entry["id"] != PROBES[0]]


def shuffle(entries: list[dict]) -> None:
    entries.reverse()


def all_of_it(entries: list[dict]) -> None:
    for one in (shuffle, add, change, remove):
        one(entries)


SAID = {
    add: "93 of 94 anchors are those of snapshots/own; 1 newer than the baseline: added",
    change: f"92 of 93 anchors are those of snapshots/own; 1 changed since it was recorded: {CHANGED}",
    remove: f"92 of 92 anchors are those of snapshots/own; 1 in the baseline only: {GONE}",
    remove_a_probe: f"92 of 92 anchors are those of snapshots/own; 1 in the baseline only: {PROBES[0]}",
    all_of_it: "91 of 93 anchors are those of snapshots/own; 1 newer than the baseline: added; 1 changed since it "
    f"was recorded: {CHANGED}; 1 in the baseline only: {GONE}",
}


@pytest.mark.parametrize("change_of_texts", SAID)
def test_texts_that_both_have_are_judged_and_the_rest_is_said(recorded, anchors, change_of_texts):
    change_of_texts(anchors)
    result = recorded.compare()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["drift     separation on cpu: identical"])
    assert SAID[change_of_texts] in notes(result)


def test_another_order_of_the_same_texts_is_no_change(recorded, anchors):
    shuffle(anchors)
    result = recorded.compare()
    assert result.ret == pytest.ExitCode.OK and not [note for note in notes(result) if "anchors" in note]
    result.stdout.fnmatch_lines(["drift     separation on cpu: identical"])


@pytest.mark.parametrize("change_of_texts", SAID)
def test_moved_model_fails_on_the_texts_that_both_have(recorded, anchors, change_of_texts):
    recorded.move_model()
    change_of_texts(anchors)
    result = recorded.compare()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*separation on cpu: drift: drifted in float32, against snapshots/own"])


def test_movement_of_a_changed_text_alone_is_not_the_models(recorded, anchors):
    """Were texts matched by id alone, the text's new embedding would look like drift."""
    change(anchors)
    assert recorded.compare().ret == pytest.ExitCode.OK


def test_too_few_texts_that_both_have_are_not_comparable(recorded, anchors):
    kept = set(PROBES)
    anchors[:] = [entry for entry in anchors if entry["id"] in kept or "text" not in entry]
    result = recorded.compare()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = "only 13 of the 93 texts of snapshots/own are still there: too few for its bounds"
    assert told in result.stdout.str()


@pytest.mark.parametrize("change_of_texts", [add, change, remove])
def test_update_records_the_texts_of_today_though_nothing_moved(recorded, anchors, change_of_texts):
    change_of_texts(anchors)
    result = recorded.record(DRIFT, "--quick-recording")
    assert result.ret == pytest.ExitCode.OK and SAID[change_of_texts] in notes(result)
    stored = recorded.manifest()
    assert ("added" in stored["anchors"], GONE in stored["anchors"]) == (
        change_of_texts is add,
        change_of_texts is not remove,
    )
    again = recorded.compare()
    assert again.ret == pytest.ExitCode.OK and not [note for note in notes(again) if "anchors" in note]


# --- tasks ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_two_tasks(tmp_path_factory):
    """A model of two tasks."""
    prefixes = {"separation": "", "classification": ""}
    folder = write_native_checkpoint(tmp_path_factory.mktemp("tasks") / "own", prefixes=prefixes, tasks=[*prefixes])
    change_json(folder / "tokenizer_config.json", model_max_length=16)
    return folder


@pytest.fixture(scope="module")
def kept_baseline_of_tasks(tmp_path_factory):
    return tmp_path_factory.mktemp("kept-tasks") / "baseline"


class Tasks(Recordings):
    """Runs of all tasks that the model has."""

    def arguments(self, *evals: str) -> list[str]:
        return [*evals, f"--model={self.model}", "--device=cpu"]


@pytest.fixture
def two_tasks(project, of_two_tasks, tmp_path, kept_baseline_of_tasks) -> Tasks:
    model = Tasks(project, shutil.copytree(of_two_tasks, tmp_path / "own"))
    if not kept_baseline_of_tasks.exists():
        assert model.record(DRIFT, "--quick-recording").ret == pytest.ExitCode.OK
        shutil.copytree(model.folder, kept_baseline_of_tasks)
        shutil.rmtree(model.snapshots)
    shutil.copytree(kept_baseline_of_tasks, model.folder)
    reseal(model.folder, lambda manifest: manifest["source"].update(given=model.model.as_posix()))
    return model


def take_a_task_away(model: Tasks) -> None:
    change_json(model.model / "config.json", task_instructions={"separation": ""})
    shutil.rmtree(model.model / "classification")


def add_a_task(model: Tasks) -> None:
    prefixes = {"separation": "", "classification": "", "newer": ""}
    change_json(model.model / "config.json", task_instructions=prefixes)
    shutil.copytree(model.model / "classification", model.model / "newer")


def test_task_that_the_model_lost_fails_and_the_others_are_judged(two_tasks):
    take_a_task_away(two_tasks)
    result = two_tasks.compare(DRIFT, SIMILARITY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert failed(result) == ["test_what_the_old_system_served_is_served[cpu-role:classification]"]
    told = "lost: the role classification (its task classification), which snapshots/own served; "
    assert f"{told}no task of it serves that role: {two_tasks.model} has separation" in printed(result)
    result.stdout.fnmatch_lines(
        ["drift     separation on cpu: *", "compared  2 tables on cpu with snapshots/own: 2 within tolerance*"]
    )


def test_task_that_the_model_gained_is_said_and_the_others_are_judged(two_tasks):
    add_a_task(two_tasks)
    result = two_tasks.compare(DRIFT, SIMILARITY)
    assert result.ret == pytest.ExitCode.OK
    assert "not judged, as snapshots/own is older: newer" in notes(result)
    result.stdout.fnmatch_lines(
        [
            "drift     separation on cpu: *",
            "drift     classification on cpu: *",
            "compared  3 tables on cpu with snapshots/own: 3 within tolerance*",
            "skipped   1: snapshots/own has neither newer nor a role of it: there is nothing to compare with",
            "skipped   1: snapshots/own has no task newer: there is no table to compare with",
        ]
    )


@pytest.mark.parametrize("change_of_tasks", [take_a_task_away, add_a_task])
def test_model_that_moved_fails_though_its_tasks_changed(two_tasks, change_of_tasks):
    change_of_tasks(two_tasks)
    two_tasks.move_model()
    result = two_tasks.compare(DRIFT, SIMILARITY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = result.stdout.str()
    assert "separation on cpu: drift: drifted in float32, against snapshots/own" in told
    assert "separation on cpu: largest difference of a similarity" in told or "entries differ by more than" in told


@pytest.mark.parametrize("change_of_tasks", [take_a_task_away, add_a_task])
def test_update_records_the_tasks_of_today_though_nothing_moved(two_tasks, change_of_tasks):
    change_of_tasks(two_tasks)
    assert two_tasks.record(DRIFT, "--quick-recording").ret == pytest.ExitCode.OK
    tasks = {"separation"} if change_of_tasks is take_a_task_away else {"separation", "classification", "newer"}
    assert set(two_tasks.manifest()["spec"]["tasks"]) == tasks
    if change_of_tasks is take_a_task_away:  # only the user may delete what was recorded: the run names it
        assert "delete them" in two_tasks.compare(SIMILARITY).stdout.str()
        (two_tasks.folder / "similarity" / "classification.txt").unlink()
    again = two_tasks.compare(DRIFT, SIMILARITY)
    assert again.ret == pytest.ExitCode.OK and not [note for note in notes(again) if "task" in note or "older" in note]


def test_run_of_some_tasks_says_of_none_that_it_is_gone(two_tasks):
    result = two_tasks.compare(DRIFT, "--tasks=separation")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["skipped   1: not judged: --tasks leaves tasks of the model out"])


def test_model_with_none_of_the_baselines_tasks_is_not_comparable(two_tasks):
    take_a_task_away(two_tasks)
    change_json(two_tasks.model / "config.json", task_instructions={"clustering": ""})
    (two_tasks.model / "separation").rename(two_tasks.model / "clustering")
    result = two_tasks.compare(DRIFT, SIMILARITY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
    assert failed(result) == [
        "test_embeddings_are_those_of_the_baseline[cpu-clustering]",
        "test_what_the_old_system_served_is_served[cpu-role:classification]",
        "test_what_the_old_system_served_is_served[cpu-role:clustering]",
    ]
    told = "snapshots/own has none of the model's tasks, and none of their roles: it has separation, classification"
    assert told in printed(result)


def test_newer_task_alone_is_not_judged(two_tasks):
    add_a_task(two_tasks)
    result = two_tasks.compare(DRIFT, "--tasks=newer")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=3)


def test_baseline_of_a_later_format_is_never_replaced(recorded):
    reseal(recorded.folder, lambda manifest: manifest.update(format=3))
    before = recorded.files()
    told = (
        "snapshots/own/manifest.json: format 3, of a later version of the suite, this one reads up to 2; upgrade the "
        "suite, or name another baseline with --baseline NAME"
    )
    assert refusal(recorded.record()) == told
    compared = recorded.compare()
    assert compared.ret == pytest.ExitCode.TESTS_FAILED and told in compared.stdout.str()
    assert recorded.files() == before
