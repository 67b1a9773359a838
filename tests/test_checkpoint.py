"""What a checkpoint says of itself: name, tasks, prefixes, length, hashes. Imports no torch."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from safetensors.numpy import load_file, save_file

from fixtures.models.spec import Input
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes.jina_v3 import known_models
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.describing import baseline_name, spec_of
from fixtures.runtimes.jina_v3.known_models import adapter_folder
from fixtures.runtimes.jina_v3.layouts.jina_hf import TARGET_MODULES, adapter_tensor_shapes, matrix_shapes
from fixtures.runtimes.weights import read_header, weight_files
from tests.checkpoints import (
    FIRST_A,
    MAX_LENGTH,
    TASKS,
    TINY,
    change_json,
    change_tensors,
    put_into_shards,
    write_json,
)

PUBLISHED = {
    "vocab_size": 250002,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "type_vocab_size": 1,
}


# --- what a checkpoint says of itself ---------------------------------------------------------------------------


def test_sound_checkpoint_is_described(native_checkpoint):
    found = inspect_checkpoint(native_checkpoint, name="some-org/some-model", revision="abc")
    assert (found.name, found.revision) == ("some-org/some-model", "abc")
    assert spec_of(found).baseline_name == "some-org--some-model"
    assert (found.tasks, found.dimension, found.max_length) == (TASKS, 32, MAX_LENGTH)
    assert spec_of(found).layers == TINY.layers
    assert found.matryoshka_dimensions == (8, 16, 32)


def test_local_folder_is_called_and_stored_by_its_own_name(native_checkpoint):
    found = inspect_checkpoint(native_checkpoint)
    assert (found.name, spec_of(found).baseline_name) == (str(native_checkpoint), "tiny")


@pytest.mark.parametrize("name", ["jinaai/jina-embeddings-v3", "jinaai/jina-embeddings-v3-hf"])
def test_both_layouts_of_the_published_model_share_a_baseline(name):
    assert baseline_name(name) == "jina-embeddings-v3"


def test_model_of_another_size_is_not_the_published_one_whatever_it_is_said_to_be(native_checkpoint):
    assert inspect_checkpoint(native_checkpoint, published_as="jinaai/jina-embeddings-v3").published_as is None


def test_prefixes_and_their_order_come_from_the_config(own_checkpoint):
    stated = {"text-matching": "match: ", "retrieval.query": "ask: "}
    change_json(own_checkpoint / "config.json", task_instructions=stated)
    assert list(inspect_checkpoint(own_checkpoint).prefixes.items()) == list(stated.items())


def test_prefixes_come_from_sentence_transformers_where_the_config_has_none(own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions=None)
    prompts = {"retrieval.query": "ask: ", "separation": ""}
    write_json(own_checkpoint / "config_sentence_transformers.json", {"prompts": prompts})
    assert inspect_checkpoint(own_checkpoint).prefixes == prompts


def test_tasks_and_cuts_of_a_task_map_stand_for_what_the_files_say(own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions={"separation": "other"})
    stated = TaskMap(tasks={"separation": Input("mapped: ")}, matryoshka=(8,))
    found = inspect_checkpoint(own_checkpoint, task_map=stated)
    assert (found.prefixes, found.matryoshka_dimensions) == ({"separation": "mapped: "}, (8,))


def test_prefixes_of_the_published_model_are_those_of_its_card_where_nothing_states_them(own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions=None)
    assert inspect_checkpoint(own_checkpoint, published_as="jinaai/jina-embeddings-v3-hf").prefixes == {
        "retrieval.query": "Represent the query for retrieving evidence documents: ",
        "retrieval.passage": "Represent the document for retrieval: ",
        "separation": "",
        "classification": "",
        "text-matching": "",
    }


def test_matryoshka_dimensions_that_the_published_model_leaves_unstated_are_those_of_its_card(
    own_checkpoint, monkeypatch
):
    change_json(own_checkpoint / "config.json", matryoshka_dimensions=None)
    assert inspect_checkpoint(own_checkpoint).matryoshka_dimensions == ()
    monkeypatch.setattr(known_models, "PUBLISHED_ARCHITECTURE", {"hidden_size": 32})
    found = inspect_checkpoint(own_checkpoint, published_as="jinaai/jina-embeddings-v3-hf")
    assert found.matryoshka_dimensions == (32,)


@pytest.mark.parametrize(
    ("stated", "positions", "expected"),
    [(100, 8194, 100), (None, 8194, 8192), (1e30, 8194, 8194), (8194, 8194, 8194), (9000, 512, 512), (None, 64, 64)],
)
def test_maximum_length_is_the_tokenizers_within_the_models(own_checkpoint, stated, positions, expected):
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=stated)
    change_json(own_checkpoint / "config.json", max_position_embeddings=positions)
    assert inspect_checkpoint(own_checkpoint).max_length == expected


def test_maximum_length_is_8192_without_a_tokenizer_config(own_checkpoint):
    (own_checkpoint / "tokenizer_config.json").unlink()
    assert inspect_checkpoint(own_checkpoint).max_length == 8192


def test_published_size_has_147_adapted_matrices_and_294_adapter_tensors():
    matrices = matrix_shapes(PUBLISHED, TARGET_MODULES)
    assert len(matrices) == 147
    assert matrices["embeddings.word_embeddings"] == (250002, 1024)
    assert matrices["layers.23.mlp.fc1"] == (4096, 1024) and matrices["layers.23.mlp.fc2"] == (1024, 4096)
    shapes = adapter_tensor_shapes(PUBLISHED, {"r": 4, "target_modules": TARGET_MODULES})
    assert len(shapes) == 294
    assert shapes["base_model.model.embeddings.word_embeddings.lora_embedding_A"] == (4, 250002)
    assert shapes["base_model.model.embeddings.word_embeddings.lora_embedding_B"] == (1024, 4)
    assert shapes["base_model.model.layers.0.mlp.fc1.lora_A.weight"] == (4, 1024)
    assert shapes["base_model.model.layers.0.mlp.fc1.lora_B.weight"] == (4096, 4)


def test_fewer_target_modules_call_for_fewer_matrices():
    assert len(matrix_shapes(PUBLISHED, ["q_proj", "dense"])) == 25


def test_missing_adapter_folder_does_not_matter_to_other_tasks(own_checkpoint):
    shutil.rmtree(own_checkpoint / "retrieval_query")
    assert inspect_checkpoint(own_checkpoint, only_tasks=TASKS[3:]).tasks == TASKS[3:]


# --- files of weights -------------------------------------------------------------------------------------------


def test_shapes_are_read_from_the_header(tmp_path, native_checkpoint):
    tensors = load_file(native_checkpoint / "model.safetensors")
    shapes = {name: values.shape for name, values in tensors.items()}
    assert read_header(native_checkpoint / "model.safetensors") == shapes
    save_file(tensors, tmp_path / "without-metadata.safetensors")
    assert read_header(tmp_path / "without-metadata.safetensors") == shapes


def test_shards_are_found_through_their_index(own_checkpoint):
    tensors = load_file(own_checkpoint / "model.safetensors")
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    put_into_shards(own_checkpoint, {name: files[number % 2] for number, name in enumerate(tensors)})
    assert [file.name for file in weight_files(own_checkpoint)] == files
    assert set(files) < inspect_checkpoint(own_checkpoint).hashes.keys()


# --- hashes -----------------------------------------------------------------------------------------------------


def test_hashes_are_sha256_of_each_file_of_weights_tokenizer_and_configuration(native_checkpoint):
    hashes = inspect_checkpoint(native_checkpoint).hashes
    names = ["model.safetensors", "tokenizer.json"]
    names += [f"{adapter_folder(task)}/adapter_model.safetensors" for task in TASKS]
    names += ["config.json", "tokenizer_config.json"]
    names += [f"{adapter_folder(task)}/adapter_config.json" for task in TASKS]
    digests = {name: hashlib.sha256((native_checkpoint / name).read_bytes()).hexdigest() for name in names}
    assert hashes == digests
    assert inspect_checkpoint(native_checkpoint).tokenizer_hash == digests["tokenizer.json"]


def test_weights_hash_changes_with_any_adapter_and_with_nothing_else(own_checkpoint):
    before = inspect_checkpoint(own_checkpoint).weights_hash
    change_json(own_checkpoint / "tokenizer.json", truncation=None)
    change_json(own_checkpoint / "config.json", transformers_version="5")
    assert inspect_checkpoint(own_checkpoint).weights_hash == before
    change_tensors(own_checkpoint / "separation/adapter_model.safetensors", lambda tensors: tensors[FIRST_A].fill(0))
    assert inspect_checkpoint(own_checkpoint).weights_hash != before


# --- tasks ------------------------------------------------------------------------------------------------------


def test_subset_of_tasks_keeps_the_checkpoints_order(own_checkpoint):
    assert inspect_checkpoint(own_checkpoint, only_tasks=["text-matching", "separation"]).tasks == (
        "separation",
        "text-matching",
    )


def test_checking_a_checkpoint_imports_neither_torch_nor_transformers(native_checkpoint):
    script = (
        "import json, sys; from pathlib import Path; "
        "from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint; "
        "inspect_checkpoint(Path(sys.argv[1])).weights_hash; print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script, native_checkpoint], capture_output=True, check=True, text=True)
    assert not {"torch", "transformers", "peft", "pandas", "sklearn"} & set(json.loads(ran.stdout))
