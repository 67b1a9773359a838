"""What a checkpoint may say or hold is accepted, and counts. What is refused: ``bad_*.py``."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file as save_torch_file

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from tests.checkpoints import (
    TASKS,
    change_json,
    change_tensors,
    write_json,
    write_modules,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.field.bad_weights import ADAPTER_A, UNMET, WORDS
from tests.field.loading_runs import ONE_TASK, evaluates
from tests.field.making_bad_inputs import ADAPTER, ADAPTER_WEIGHTS, BASE, spoilt

WRITE = {"native": write_native_checkpoint, "original": write_original_checkpoint}
ROTARY = {"rope_type": "default", "rope_theta": 20000.0}


@pytest.fixture(params=["native", "original"])
def folder(request, tmp_path):
    """A checkpoint in each layout."""
    WRITE[request.param](tmp_path / request.param)
    return tmp_path / request.param


@pytest.fixture
def original(tmp_path):
    write_original_checkpoint(tmp_path / "original")
    return tmp_path / "original"


@pytest.fixture
def native(tmp_path):
    write_native_checkpoint(tmp_path / "native")
    return tmp_path / "native"


def test_entries_that_say_what_is_done_anyway_are_accepted(project, folder):
    said = {"rotary_emb_fraction": 1.0, "rotary_emb_dim": 8, "rotary_emb_interleaved": False, "head_dim": 8}
    said |= {"emb_pooler": "mean", "position_embedding_type": "rotary", "rope_theta": 20000, "rope_parameters": ROTARY}
    said |= {"is_decoder": False, "pruned_heads": {}, "lora_main_params_trainable": True, "rotary_emb_base": 20000.0}
    change_json(folder / "config.json", **said)
    assert evaluates(project, folder, ONE_TASK) == []


def test_banks_are_in_the_order_that_the_config_states(project, original):
    def vectors():
        encoder = TorchEncoder(load_model(inspect_checkpoint(original)))
        return {task: encoder.encode(["a text"], task, prefix="") for task in encoder.tasks}

    published = vectors()
    turned = [*TASKS[1:], TASKS[0]]
    change_json(original / "config.json", lora_adaptations=turned)
    own = vectors()
    assert list(own) == turned
    for name, bank in zip(turned, TASKS, strict=True):
        np.testing.assert_array_equal(own[name], published[bank])
    assert evaluates(project, original, ONE_TASK) == []


def test_weights_in_float64_are_loaded_as_asked_for(project, native):
    tensors = load_file(native / BASE)
    save_torch_file({name: torch.from_numpy(values).double() for name, values in tensors.items()}, native / BASE)
    assert evaluates(project, native, ONE_TASK) == []


def test_maximum_length_that_is_left_open_is_the_tokenizers(project, native):
    write_modules(native)
    write_json(native / "sentence_bert_config.json", {"max_seq_length": None})
    assert evaluates(project, native, ONE_TASK) == []


def test_folder_that_sentence_transformers_writes_is_accepted(project, tmp_path):
    pytest.importorskip("sentence_transformers")
    write_native_checkpoint(tmp_path / "merged", merged="separation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models

        transformer = models.Transformer(str(tmp_path / "merged"), model_kwargs={"dtype": torch.float32})
        modules = [transformer, models.Pooling(32, pooling_mode="mean"), models.Normalize()]
        SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "saved"))
    notes = evaluates(project, tmp_path / "saved", ONE_TASK)
    assert notes == ["no adapters: the model's weights themselves answer for separation"]


# --- adapters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [True, False, "gaussian", "orthogonal", "eva", "mica"])
def test_adapter_whose_method_leaves_the_base_alone_is_its_files_tensors(project, own_checkpoint, method):
    change_json(own_checkpoint / ADAPTER, init_lora_weights=method)
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


def test_entries_that_say_nothing_are_accepted(project, own_checkpoint):
    from peft import LoraConfig

    stated = json.loads((own_checkpoint / ADAPTER).read_text())
    config = LoraConfig(**{name: stated[name] for name in ("r", "lora_alpha", "target_modules")}, lora_dropout=0.1)
    config.save_pretrained(own_checkpoint / "separation")
    assert len(json.loads((own_checkpoint / ADAPTER).read_text())) > 30
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


def test_rank_stabilised_adapter_is_scaled_by_the_root_of_its_rank(project, own_checkpoint):
    def vector():
        return TorchEncoder(load_model(inspect_checkpoint(own_checkpoint))).encode(["a text"], "separation")

    change_json(own_checkpoint / ADAPTER, lora_alpha=2)
    plain = vector()
    change_json(own_checkpoint / ADAPTER, lora_alpha=1, use_rslora=True)  # of rank 4: 2 / 4 = 1 / sqrt(4)
    assert (vector() == plain).all()
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


# --- values ---------------------------------------------------------------------------------------------------


def test_adapter_of_a_task_that_is_not_asked_for_does_not_matter(project, own_checkpoint):
    change_tensors(own_checkpoint / ADAPTER_WEIGHTS, spoilt(ADAPTER_A, np.nan, 0))
    assert evaluates(project, own_checkpoint, "--tasks=classification") == []


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_too_large_for_float16_are_evaluated_in_other_dtypes(project, own_checkpoint, dtype):
    change_tensors(own_checkpoint / BASE, spoilt(WORDS, 70_000.0, UNMET))
    assert evaluates(project, own_checkpoint, ONE_TASK, f"--dtype={dtype}") == []


def test_baseline_of_weights_too_large_for_float16_has_no_bounds_for_it(project, tmp_path):
    write_native_checkpoint(tmp_path / "merged", merged="separation")
    change_tensors(tmp_path / "merged" / BASE, spoilt(WORDS, 70_000.0, UNMET))
    notes = evaluates(project, tmp_path / "merged", "evals/test_drift.py", "--snapshot-update", ONE_TASK)
    (note,) = [note for note in notes if "float16" in note]
    assert note.startswith(f"no bounds for float16: FOLDER/{BASE}: {WORDS} holds 32 values that are infinite")
