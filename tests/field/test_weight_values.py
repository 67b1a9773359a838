"""Weights that are NaN or infinite, or would be once cast, are refused when loaded, even if no text meets them."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch_file
from safetensors.torch import save_file as save_torch_file

from tests.checkpoints import change_tensors, put_into_shards, write_native_checkpoint, write_original_checkpoint
from tests.field.loading_runs import ONE_TASK, evaluates, refusal

BASE, ADAPTER = "model.safetensors", "separation/adapter_model.safetensors"
WORDS, NORM = "embeddings.word_embeddings.weight", "emb_ln.bias"
UNMET_ROW = 4  # the row of <mask>: no text has it
ADAPTER_A = "base_model.model.layers.0.mlp.fc1.lora_A.weight"


def spoil(file, name, value, row=UNMET_ROW):
    def change(tensors):
        tensors[name][row] = value

    change_tensors(file, change)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_row_of_the_embedding_matrix_that_no_text_meets_is_refused(project, own_checkpoint, value):
    spoil(own_checkpoint / BASE, WORDS, value)
    assert refusal(project, own_checkpoint) == (
        f"FOLDER/{BASE}: {WORDS} holds 32 values that are NaN or infinite; fetch or export it again"
    )


def test_first_of_several_such_tensors_is_named_and_the_others_counted(project, own_checkpoint):
    spoil(own_checkpoint / BASE, WORDS, np.nan)
    spoil(own_checkpoint / BASE, NORM, np.inf)
    assert refusal(project, own_checkpoint) == (
        f"FOLDER/{BASE}: {NORM} holds 1 value that is NaN or infinite, and so does 1 tensor more; "
        "fetch or export it again"
    )


def test_adapter_with_such_a_value_is_refused_by_its_own_name(project, own_checkpoint):
    spoil(own_checkpoint / ADAPTER, ADAPTER_A, np.nan, row=(0, 0))
    assert refusal(project, own_checkpoint).startswith(
        f"FOLDER/{ADAPTER}: {ADAPTER_A} holds 1 value that is NaN or infinite"
    )


def test_adapter_of_a_task_that_is_not_asked_for_does_not_matter(project, own_checkpoint):
    spoil(own_checkpoint / ADAPTER, ADAPTER_A, np.nan, row=0)
    assert evaluates(project, own_checkpoint, "--tasks=classification") == []


def test_shard_with_such_a_value_is_named(project, own_checkpoint):
    shards = {name: f"model-{1 + (name == WORDS):05}-of-00002.safetensors" for name in load_file(own_checkpoint / BASE)}
    put_into_shards(own_checkpoint, shards)
    spoil(own_checkpoint / shards[WORDS], WORDS, np.nan)
    assert refusal(project, own_checkpoint).startswith(f"FOLDER/{shards[WORDS]}: {WORDS} holds 32 values")


@pytest.mark.parametrize("part", ["original", "0.lora_A"])
def test_original_layout_with_such_a_value_is_refused(project, tmp_path, part):
    write_original_checkpoint(tmp_path / "original")
    name = f"roberta.embeddings.word_embeddings.parametrizations.weight.{part}"
    spoil(tmp_path / "original" / BASE, name, np.nan, row=(0, 0))
    assert f"FOLDER/{BASE}: {name} holds " in refusal(project, tmp_path / "original")


def test_half_precision_file_with_such_a_value_is_refused(project, own_checkpoint):
    tensors = load_torch_file(own_checkpoint / BASE)
    tensors = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    tensors[WORDS][UNMET_ROW, 3] = np.inf
    save_torch_file(tensors, own_checkpoint / BASE)
    assert refusal(project, own_checkpoint, "--dtype=bfloat16").startswith(f"FOLDER/{BASE}: {WORDS} holds 1 value")


@pytest.mark.parametrize("file", [BASE, ADAPTER])
def test_weights_too_large_for_float16_are_refused_in_it(project, own_checkpoint, file):
    name = WORDS if file == BASE else ADAPTER_A
    spoil(own_checkpoint / file, name, 70_000.0, row=(1, slice(2)))
    assert refusal(project, own_checkpoint, "--dtype=float16") == (
        f"FOLDER/{file}: {name} holds 2 values that are infinite in float16; the largest that float16 holds is 65,504; "
        "use --dtype float32 or bfloat16"
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_too_large_for_float16_are_evaluated_in_other_dtypes(project, own_checkpoint, dtype):
    spoil(own_checkpoint / BASE, WORDS, 70_000.0)
    assert evaluates(project, own_checkpoint, ONE_TASK, f"--dtype={dtype}") == []


def test_baseline_of_weights_too_large_for_float16_has_no_bounds_for_it(project, tmp_path):
    write_native_checkpoint(tmp_path / "merged", merged="separation")
    spoil(tmp_path / "merged" / BASE, WORDS, 70_000.0)
    notes = evaluates(project, tmp_path / "merged", "evals/test_drift.py", "--snapshot-update", ONE_TASK)
    (note,) = [note for note in notes if "float16" in note]
    assert note.startswith(f"no bounds for float16: FOLDER/{BASE}: {WORDS} holds 32 values that are infinite")


def test_header_whose_sizes_contradict_each_other_is_refused(project, own_checkpoint):
    content = (own_checkpoint / BASE).read_bytes()
    assert content.count(b'"shape":[32,64]') == 2
    (own_checkpoint / BASE).write_bytes(content.replace(b'"shape":[32,64]', b'"shape":[32,63]'))
    message = refusal(project, own_checkpoint)
    assert message.startswith(f"FOLDER/{BASE}: not a readable safetensors file (")
    assert message.endswith("; fetch or export it again")
