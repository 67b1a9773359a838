"""The base inside the model is the file's, tensor by tensor, whatever else lies in the folder."""

import pytest
from transformers import JinaEmbeddingsV3Model

from tests.checkpoints import (
    NATIVE,
    PUBLISHED,
    change_tensors,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.field.loading_runs import ONE_TASK, evaluates, refusal


@pytest.mark.parametrize("layout", ["native", "published", "original"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sound_weights_pass_the_comparison_in_every_layout_and_dtype(project, tmp_path, layout, dtype):
    if layout == "original":
        write_original_checkpoint(tmp_path / layout)
    else:
        names = PUBLISHED if layout == "published" else NATIVE
        write_native_checkpoint(tmp_path / layout, base_names=names, adapter_names=names)
    assert evaluates(project, tmp_path / layout, ONE_TASK, f"--dtype={dtype}") == []


@pytest.mark.parametrize("layout", ["native", "original"])
def test_base_that_changes_while_adapters_are_loaded_is_refused(project, tmp_path, monkeypatch, layout):
    write = {"native": write_native_checkpoint, "original": write_original_checkpoint}[layout]
    write(tmp_path / layout)
    load = JinaEmbeddingsV3Model.load_adapter

    def load_and_touch(model, **options):
        load(model, **options)
        base = model.layers[0].mlp.fc1.base_layer
        base.weight.data = base.weight + 1e-3

    monkeypatch.setattr(JinaEmbeddingsV3Model, "load_adapter", load_and_touch)
    assert refusal(project, tmp_path / layout) == (
        "FOLDER: the base in the model isn't the file's: 1 different in the model (first: layers.0.mlp.fc1.weight)"
    )


@pytest.mark.parametrize("lost", ["layers.1.mlp.fc2.bias", "embeddings.LayerNorm.weight"])
def test_tensor_that_the_library_fills_at_random_is_refused_whatever_it_reports(project, tmp_path, monkeypatch, lost):
    write_native_checkpoint(tmp_path / "native")
    change_tensors(tmp_path / "native/model.safetensors", lambda tensors: tensors.pop(lost))
    load = JinaEmbeddingsV3Model.from_pretrained.__func__

    def load_in_silence(cls, *given, **options):
        model, report = load(cls, *given, **options)
        return model, dict.fromkeys(report, ())

    monkeypatch.setattr(JinaEmbeddingsV3Model, "from_pretrained", classmethod(load_in_silence))
    assert refusal(project, tmp_path / "native") == (
        f"FOLDER: the base in the model isn't the file's: 1 not in the file (first: {lost})"
    )
