"""The loaded model is that of the checkpoint's files, or loading is refused."""

import logging
import re

import pytest
import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file

from fixtures.errors import CheckpointError
from fixtures.hardware import threads
from fixtures.hardware.threads import thread_count
from fixtures.models import precisions
from fixtures.models.spec import Target
from fixtures.runtimes.jina_v3 import describing
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.known_models import adapter_folder
from fixtures.runtimes.jina_v3.loading import load_model, verify_adapter
from tests.checkpoints import TASKS, change_tensors, write_native_checkpoint
from tests.runs import run

A_KEY = "base_model.model.layers.0.mlp.fc1.lora_A.weight"
EMBEDDING_KEY = "base_model.model.embeddings.word_embeddings.lora_embedding_B"


@pytest.fixture(scope="module")
def model(native_checkpoint):
    return load_model(inspect_checkpoint(native_checkpoint)).model


@pytest.fixture
def tensors(native_checkpoint):
    return load_file(native_checkpoint / "separation/adapter_model.safetensors")


def refusal(folder, **options):
    checkpoint = inspect_checkpoint(folder, name="a-model")
    with pytest.raises(CheckpointError) as refused:
        load_model(checkpoint, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# --- what is loaded ---------------------------------------------------------------------------------------------


def test_checkpoint_that_says_bfloat16_is_loaded_in_float32(model):
    assert model.config.model_type == "jina_embeddings_v3"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", precisions.DTYPES)
def test_weights_and_adapters_have_the_dtype_asked_for_and_frequencies_stay_float32(native_checkpoint, dtype):
    loaded = load_model(inspect_checkpoint(native_checkpoint), dtype=dtype)
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {getattr(torch, dtype)}
    assert loaded.model.rotary_emb.inv_freq.dtype == torch.float32
    assert loaded.dtype == dtype


def test_model_is_in_evaluation_mode_with_an_adapter_per_task(model):
    assert not model.training
    assert set(model.peft_config) == {adapter_folder(task) for task in TASKS}


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_attention_is_computed_as_asked_for(native_checkpoint, implementation):
    loaded = load_model(inspect_checkpoint(native_checkpoint), attn_implementation=implementation)
    assert loaded.model.config._attn_implementation == loaded.attn_implementation == implementation


def test_only_the_tasks_asked_for_are_loaded(native_checkpoint):
    loaded = load_model(inspect_checkpoint(native_checkpoint, only_tasks=["separation"]))
    assert set(loaded.model.peft_config) == {"separation"}


def test_loading_prints_nothing(native_checkpoint, capfd, caplog):
    load_model(inspect_checkpoint(native_checkpoint))
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("usable", "workers", "wanted", "expected"),
    [
        (8, 1, "", 8),
        (8, 2, "", 4),
        (2, 4, "", 1),
        (8, 1, "3", 3),
        (8, 4, "3", 2),
        (8, 1, "0", 8),
        (8, 1, "many", 8),
    ],
)
def test_threads_are_the_share_of_the_processors_or_fewer_if_asked(monkeypatch, usable, workers, wanted, expected):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda pid: set(range(usable)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert thread_count(workers) == expected


# --- adapters are compared with their files ---------------------------------------------------------------------


def adapter_fault(model, tensors, scaling=0.25):
    with pytest.raises(CheckpointError) as refused:
        verify_adapter(model, "separation", tensors, scaling=scaling)
    return str(refused.value).removeprefix("adapter 'separation' didn't load as its file says: ")


def test_adapter_that_loaded_whole_is_accepted(model, tensors):
    verify_adapter(model, "separation", tensors, scaling=0.25)


@pytest.mark.parametrize("key", [A_KEY, EMBEDDING_KEY])
def test_one_changed_value_in_an_adapter_is_found(model, tensors, key):
    tensors[key].view(-1)[-1] += 1e-3
    assert adapter_fault(model, tensors) == f"1 different in the model (first: {key})"


def test_tensor_that_found_no_place_is_found(model, tensors):
    tensors["base_model.model.layers.9.mlp.fc1.lora_A.weight"] = tensors[A_KEY]
    assert adapter_fault(model, tensors) == "1 not placed (first: base_model.model.layers.9.mlp.fc1.lora_A.weight)"


@pytest.mark.parametrize("key", [A_KEY, EMBEDDING_KEY])
def test_tensor_that_the_file_lacks_is_found(model, tensors, key):
    del tensors[key]
    assert re.fullmatch(r"1 not in the file \(first: .*\.separation(\.weight)?\)", adapter_fault(model, tensors))


def test_another_tasks_adapter_under_this_name_is_found(model, native_checkpoint):
    others = load_file(native_checkpoint / "classification/adapter_model.safetensors")
    assert adapter_fault(model, others) == f"{len(others)} different in the model (first: {next(iter(others))})"


def test_other_scaling_than_the_files_is_found(model, tensors):
    assert adapter_fault(model, tensors, scaling=1.0) == "scaled by [0.25], not 1.0"


def test_one_layer_scaled_differently_is_found(model, tensors, monkeypatch):
    layer = next(layer for layer in model.modules() if isinstance(layer, LoraLayer))
    monkeypatch.setitem(layer.scaling, "separation", 0.5)
    assert adapter_fault(model, tensors) == "scaled by [0.25, 0.5], not 0.25"


def test_scaling_follows_the_adapters_config(tmp_path):
    folder = write_native_checkpoint(tmp_path / "alpha", tasks=TASKS, alpha=8)
    loaded = load_model(inspect_checkpoint(folder))
    layers = [layer for layer in loaded.model.modules() if isinstance(layer, LoraLayer)]
    assert {scale for layer in layers for scale in layer.scaling.values()} == {2.0}


# --- refusals ---------------------------------------------------------------------------------------------------


def test_checkpoint_without_a_pooler_is_loaded_since_no_embedding_uses_it(own_checkpoint):
    change_tensors(
        own_checkpoint / "model.safetensors",
        lambda tensors: [tensors.pop(f"pooler.dense.{part}") for part in ("weight", "bias")],
    )
    assert load_model(inspect_checkpoint(own_checkpoint)).model is not None


def test_other_class_is_refused(native_checkpoint, monkeypatch):
    from transformers import AutoModel

    found = load_model(inspect_checkpoint(native_checkpoint)).model
    other = (torch.nn.Linear(1, 1), {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []})
    assert type(found).__name__ == "JinaEmbeddingsV3Model"
    monkeypatch.setattr(AutoModel, "from_pretrained", lambda *given, **options: other)
    assert "loaded as Linear, not as JinaEmbeddingsV3Model" in refusal(native_checkpoint)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_frequencies_cast_to_half_precision_are_refused(native_checkpoint, monkeypatch, half):
    from transformers import AutoModel

    load = AutoModel.from_pretrained

    def load_and_cast(*given, **options):
        model, report = load(*given, **options)
        return model.to(half), report

    monkeypatch.setattr(AutoModel, "from_pretrained", load_and_cast)
    message = refusal(native_checkpoint, dtype=str(half).removeprefix("torch."))
    assert message == (
        f"a-model: the rotary frequencies aren't those of base 20000.0 in float32 (found {half}): "
        "long texts would get other embeddings; load with dtype=, never .half() or .to()"
    )


def test_frequencies_that_were_cast_and_cast_back_are_refused(native_checkpoint, monkeypatch):
    from transformers import AutoModel

    load = AutoModel.from_pretrained

    def load_and_round(*given, **options):
        model, report = load(*given, **options)
        model.rotary_emb.inv_freq = model.rotary_emb.inv_freq.half().float()
        return model, report

    monkeypatch.setattr(AutoModel, "from_pretrained", load_and_round)
    assert "the rotary frequencies aren't those of base 20000.0 in float32" in refusal(native_checkpoint)


def test_dtype_that_was_not_honoured_is_refused(native_checkpoint, monkeypatch):
    from transformers import AutoModel

    load = AutoModel.from_pretrained
    monkeypatch.setattr(AutoModel, "from_pretrained", lambda *given, dtype, **options: load(*given, **options))
    assert refusal(native_checkpoint) == "a-model: asked for torch.float32, but some weights are torch.bfloat16"


def test_device_that_cannot_hold_the_model_is_refused(native_checkpoint):
    assert refusal(native_checkpoint, device="cuda:99").startswith("device 'cuda:99' can't hold a-model: ")


def test_attention_that_is_not_installed_is_refused(native_checkpoint):
    message = refusal(native_checkpoint, attn_implementation="flash_attention_2")
    assert message.startswith("a-model: can't be loaded: ") and "flash" in message.lower()


# --- inspected once -----------------------------------------------------------------------------------------------


def test_checkpoint_is_inspected_once_a_run(project, native_checkpoint, monkeypatch):
    inspected = []

    def counted(folder, **options):
        inspected.append(folder)
        return inspect_checkpoint(folder, **options)

    monkeypatch.setattr(describing, "inspect_checkpoint", counted)
    asked = run(project, "evals/test_contract.py", "-k", "unit_norm", model=native_checkpoint)
    assert asked.ret == pytest.ExitCode.OK
    assert inspected == [native_checkpoint]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "separation/adapter_config.json"])
def test_checkpoint_that_changes_before_it_is_opened_is_inspected_again(own_checkpoint, name):
    target = Target(str(own_checkpoint))
    spec = describing.describe(target)
    assert describing.checkpoint_of(spec, target) is describing.checkpoint_of(spec, target)
    (own_checkpoint / name).write_text("[]")
    with pytest.raises(CheckpointError):
        describing.checkpoint_of(spec, target)
