"""The base inside the model is the file's, tensor by tensor, whatever else lies in the folder."""

import shutil

import pytest
from transformers import JinaEmbeddingsV3Model

from tests.checkpoints import (
    NATIVE,
    PUBLISHED,
    change_json,
    change_tensors,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.field.loading_runs import ONE_TASK, evaluates, refusal

ROOT_ADAPTER = (
    "FOLDER/adapter_config.json: an adapter beside the weights: whether it is merged into them or belongs on top is "
    "unclear; remove it if it is merged, else move it to its task's own folder"
)


def put_an_adapter_in_the_root(folder):
    for file in (folder / "separation").iterdir():
        shutil.copy(file, folder)


def lose_an_mlp(tensors):
    for name in [name for name in tensors if "layers.1.mlp" in name]:
        del tensors[name]


def test_adapter_in_the_root_of_a_whole_base_is_refused(project, own_checkpoint):
    put_an_adapter_in_the_root(own_checkpoint)
    assert refusal(project, own_checkpoint) == ROOT_ADAPTER


def test_adapter_in_the_root_does_not_hide_weights_that_are_missing(project, own_checkpoint):
    put_an_adapter_in_the_root(own_checkpoint)
    change_tensors(own_checkpoint / "model.safetensors", lose_an_mlp)
    assert refusal(project, own_checkpoint) == ROOT_ADAPTER
    (own_checkpoint / "adapter_config.json").unlink()
    assert "the weights don't fit JinaEmbeddingsV3Model: 4 missing" in refusal(project, own_checkpoint)


def test_adapter_in_the_root_of_a_merged_model_is_refused(project, tmp_path):
    write_native_checkpoint(tmp_path / "merged", tasks=["separation"])
    shutil.copy(tmp_path / "merged/separation/adapter_config.json", tmp_path / "merged")
    shutil.rmtree(tmp_path / "merged/separation")
    assert refusal(project, tmp_path / "merged", ONE_TASK) == ROOT_ADAPTER


def test_adapter_in_the_root_of_the_original_layout_is_refused(project, own_checkpoint, tmp_path):
    write_original_checkpoint(tmp_path / "original")
    shutil.copy(own_checkpoint / "separation/adapter_config.json", tmp_path / "original")
    assert refusal(project, tmp_path / "original") == ROOT_ADAPTER


@pytest.mark.parametrize("layers", [1, 3])
def test_file_of_another_number_of_layers_is_refused(project, tmp_path, layers):
    write_native_checkpoint(tmp_path / "merged", merged="separation")
    change_json(tmp_path / "merged/config.json", num_hidden_layers=layers)
    fault = {1: "16 unexpected (first: layers.1.", 3: "16 missing (first: layers.2."}[layers]
    assert f"the weights don't fit JinaEmbeddingsV3Model: {fault}" in refusal(project, tmp_path / "merged", ONE_TASK)


@pytest.mark.parametrize("layers", [1, 3])
def test_original_file_of_another_number_of_layers_is_refused(project, tmp_path, layers):
    write_original_checkpoint(tmp_path / "original")
    change_json(tmp_path / "original/config.json", num_hidden_layers=layers)
    fault = {1: "unexpected (first: roberta.encoder.layers.1.", 3: "missing (first: roberta.encoder.layers.2."}[layers]
    assert fault in refusal(project, tmp_path / "original")


@pytest.mark.parametrize("layout", ["native", "published", "original"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sound_weights_pass_the_comparison_in_every_layout_and_dtype(project, tmp_path, layout, dtype):
    if layout == "original":
        write_original_checkpoint(tmp_path / layout)
    else:
        names = PUBLISHED if layout == "published" else NATIVE
        write_native_checkpoint(tmp_path / layout, base_names=names, adapter_names=names)
    assert evaluates(project, tmp_path / layout, ONE_TASK, f"--dtype={dtype}") == []


def test_tensor_that_the_file_holds_under_two_names_is_refused(project, own_checkpoint):
    change_tensors(
        own_checkpoint / "model.safetensors",
        lambda tensors: tensors.update({"embeddings.LayerNorm.weight": 2 * tensors["emb_ln.weight"]}),
    )
    assert refusal(project, own_checkpoint) == (
        "FOLDER: emb_ln.weight and embeddings.LayerNorm.weight are both embeddings.LayerNorm.weight; "
        "fetch or export it again"
    )


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
