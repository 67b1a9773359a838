"""Adapter folders: which may be missing, and what an adapter that does not fit is refused with."""

import pytest

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from tests.checkpoints import FIRST_A, TASKS, change_json, change_tensors, refusal, write_native_checkpoint


def test_missing_adapter_folder_is_refused(tmp_path):
    folder = write_native_checkpoint(tmp_path / "four", tasks=TASKS[1:])
    assert refusal(folder) == (
        "FOLDER/retrieval_query: the adapter folder of task 'retrieval.query' is missing; use --tasks to leave it out"
    )


def test_missing_adapter_folder_does_not_matter_to_other_tasks(tmp_path):
    folder = write_native_checkpoint(tmp_path / "four", tasks=TASKS[1:])
    assert inspect_checkpoint(folder, only_tasks=TASKS[3:]).tasks == TASKS[3:]


def test_empty_adapter_folder_is_refused(own_checkpoint):
    for file in (own_checkpoint / "separation").iterdir():
        file.unlink()
    assert refusal(own_checkpoint) == (
        "FOLDER/separation: no adapter_config.json, so no adapter; fetch or export the folder again"
    )


def test_adapter_folder_without_weights_is_refused(own_checkpoint):
    (own_checkpoint / "separation/adapter_model.safetensors").unlink()
    assert refusal(own_checkpoint).startswith("FOLDER/separation: no adapter_model.safetensors and no ")


@pytest.mark.parametrize("entries", [{"peft_type": "IA3"}, {"r": None}, {"r": "4"}, {"target_modules": "all-linear"}])
def test_adapter_that_is_no_plain_lora_is_refused(own_checkpoint, entries):
    change_json(own_checkpoint / "separation/adapter_config.json", **entries)
    assert refusal(own_checkpoint) == (
        "FOLDER/separation/adapter_config.json: not a LoRA configuration with r and a list of target_modules"
    )


def _take_out(tensors):
    del tensors[FIRST_A]


def _rename(tensors):
    tensors["base_model.model.elsewhere.lora_A"] = tensors.pop(FIRST_A)


def _transpose(tensors):
    tensors[FIRST_A] = tensors[FIRST_A].T.copy()


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (_take_out, f"1 missing (first: {FIRST_A})"),
        (
            _rename,
            f"1 missing (first: {FIRST_A}); 1 unexpected (first: base_model.model.elsewhere.lora_A)",
        ),
        (_transpose, f"1 misshapen (first: {FIRST_A})"),
    ],
)
def test_adapter_whose_tensors_do_not_fit_is_refused(own_checkpoint, change, counts):
    change_tensors(own_checkpoint / "separation/adapter_model.safetensors", change)
    assert refusal(own_checkpoint) == (
        f"FOLDER/separation: the adapter of task 'separation' doesn't fit the base model: {counts}"
    )


def test_adapter_of_another_rank_than_its_config_says_is_refused(own_checkpoint):
    change_json(own_checkpoint / "separation/adapter_config.json", r=8)
    assert "doesn't fit the base model: 30 misshapen (first: " in refusal(own_checkpoint)


def test_adapter_of_a_deeper_model_is_refused(own_checkpoint):
    change_json(own_checkpoint / "config.json", num_hidden_layers=1)
    assert "doesn't fit the base model: 12 unexpected (first: base_model.model.layers.1." in refusal(own_checkpoint)


def test_adapter_whose_scaling_is_no_number_is_refused(own_checkpoint):
    change_json(own_checkpoint / "separation/adapter_config.json", lora_alpha="1")
    assert refusal(own_checkpoint) == "FOLDER/separation/adapter_config.json: lora_alpha is '1', needs a number"


def test_pickled_adapter_is_refused(own_checkpoint):
    folder = own_checkpoint / "separation"
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert refusal(own_checkpoint).startswith("FOLDER/separation: holds pickled weights only (adapter_model.bin)")
