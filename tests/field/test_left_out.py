"""A run says what it leaves out of a model: adapters without a task, cuts that are stated nowhere."""

import shutil

import pytest

from tests.checkpoints import TASKS, change_json, write_native_checkpoint, write_original_checkpoint
from tests.field.loading_runs import ONE_TASK, evaluates, run

CUTS = ["evals/test_contract.py", "-k", "matryoshka"]


def unevaluated(folder, why):
    return f"{folder} holds an adapter that {why}: it is not evaluated"


def test_adapter_folder_that_no_task_names_is_noted(project, own_checkpoint):
    shutil.copytree(own_checkpoint / "separation", own_checkpoint / "clustering")
    expected = unevaluated(
        "FOLDER/clustering",
        "no task of the model names (retrieval.query, retrieval.passage, separation, classification, text-matching)",
    )
    assert evaluates(project, own_checkpoint) == [expected]
    assert evaluates(project, own_checkpoint, ONE_TASK) == [expected]


def test_adapter_folders_of_tasks_that_are_not_asked_for_need_no_note(project, own_checkpoint):
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


def test_adapter_of_a_checkpoint_of_training_is_noted(project, own_checkpoint):
    shutil.copytree(own_checkpoint / "separation", own_checkpoint / "runs" / "checkpoint-500")
    (note,) = evaluates(project, own_checkpoint, ONE_TASK)
    assert note.startswith("FOLDER/runs/checkpoint-500 holds an adapter that no task of the model names (")


def test_adapter_folder_beside_a_merged_model_is_noted(project, tmp_path):
    write_native_checkpoint(tmp_path / "merged", tasks=["separation"])
    (tmp_path / "merged/separation").rename(tmp_path / "merged/clustering")
    notes = evaluates(project, tmp_path / "merged", ONE_TASK)
    assert unevaluated("FOLDER/clustering", f"no task of the model names ({', '.join(TASKS)})") in notes


def test_adapter_folder_beside_the_banks_of_the_original_layout_is_noted(project, own_checkpoint, tmp_path):
    write_original_checkpoint(tmp_path / "original")
    shutil.copytree(own_checkpoint / "separation", tmp_path / "original/separation")
    assert evaluates(project, tmp_path / "original", ONE_TASK) == [
        unevaluated("FOLDER/separation", "the banks of the original layout stand for")
    ]


@pytest.mark.parametrize("layout", ["native", "original"])
def test_model_that_states_no_cuts_is_not_tested_on_those_of_jina(project, tmp_path, layout):
    write = {"native": write_native_checkpoint, "original": write_original_checkpoint}[layout]
    write(tmp_path / layout)
    change_json(tmp_path / layout / "config.json", matryoshka_dimensions=None)
    result = run(project, tmp_path / layout, *CUTS)
    result.assert_outcomes(skipped=len(TASKS), deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["skipped   5: the model states no Matryoshka dimensions*"])


def test_model_that_states_its_cuts_is_tested_on_them(project, own_checkpoint):
    assert evaluates(project, own_checkpoint, *CUTS) == []


def test_published_model_that_states_none_has_those_of_its_card(project, tmp_path, monkeypatch):
    monkeypatch.setattr("fixtures.runtimes.jina_v3.known_models.PUBLISHED_ARCHITECTURE", {"hidden_size": 32})
    folder = tmp_path / "downloaded"
    write_native_checkpoint(folder)
    change_json(folder / "config.json", matryoshka_dimensions=None)
    result = run(project, folder, *CUTS, "--task-map=jina-v3")
    result.assert_outcomes(passed=len(TASKS), deselected=result.parseoutcomes()["deselected"])
