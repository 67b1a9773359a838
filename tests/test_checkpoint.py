"""Every fault of a checkpoint that its files show is refused in one line. Imports no torch."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from fixtures.errors import CheckpointError
from fixtures.models import known_models
from fixtures.models.checkpoint import inspect_checkpoint
from fixtures.models.known_models import adapter_folder
from fixtures.models.layouts.jina_hf import adapter_tensor_shapes, matrix_shapes
from fixtures.models.spec import Input
from fixtures.models.task_maps import TaskMap
from fixtures.models.weights import read_header, weight_files
from fixtures.runtimes.jina_v3.describing import baseline_name, spec_of
from tests.checkpoints import (
    MAX_LENGTH,
    TARGET_MODULES,
    TASKS,
    change_json,
    change_tensors,
    write_json,
    write_native_checkpoint,
)

PUBLISHED = {
    "vocab_size": 250002,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "type_vocab_size": 1,
}
FIRST_A = "base_model.model.embeddings.token_type_embeddings.lora_embedding_A"


def refusal(folder: Path, **options) -> str:
    """What the user reads; always one line that names the folder."""
    with pytest.raises(CheckpointError) as refused:
        inspect_checkpoint(folder, **options)
    message = str(refused.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


# --- what a checkpoint says of itself ---------------------------------------------------------------------------


def test_sound_checkpoint_is_described(native_checkpoint):
    found = inspect_checkpoint(native_checkpoint, name="some-org/some-model", revision="abc")
    assert (found.name, found.revision) == ("some-org/some-model", "abc")
    assert spec_of(found).baseline_name == "some-org--some-model"
    assert (found.tasks, found.dimension, found.max_length) == (TASKS, 32, MAX_LENGTH)
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


@pytest.mark.parametrize("prompts", [None, {"query": "", "document": ""}])
def test_tasks_that_no_file_names_are_not_guessed(own_checkpoint, prompts):
    change_json(own_checkpoint / "config.json", task_instructions=None)
    write_json(own_checkpoint / "config_sentence_transformers.json", {"prompts": prompts})
    assert refusal(own_checkpoint) == (
        "FOLDER: no file names the model's tasks: state task_instructions in config.json, or name a task map "
        "(--task-map jina-v3 has those of jina-embeddings-v3)"
    )


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


# --- hashes -----------------------------------------------------------------------------------------------------


def test_hashes_are_sha256_of_each_weights_and_tokenizer_file(native_checkpoint):
    hashes = inspect_checkpoint(native_checkpoint).hashes
    names = ["model.safetensors", "tokenizer.json"]
    names += [f"{adapter_folder(task)}/adapter_model.safetensors" for task in TASKS]
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


# --- no checkpoint, or another kind -----------------------------------------------------------------------------


def test_folder_without_config_is_refused(tmp_path):
    assert refusal(tmp_path) == "FOLDER: no config.json, so not a model checkpoint; give the folder that has it"


@pytest.mark.parametrize("model_type", ["xlm-roberta", None, 3])
def test_other_model_type_is_refused(own_checkpoint, model_type):
    change_json(own_checkpoint / "config.json", model_type=model_type)
    assert refusal(own_checkpoint) == (
        f"FOLDER: model_type is {model_type!r}; this suite loads 'jina_embeddings_v3' "
        "(the layout of jinaai/jina-embeddings-v3-hf) and the layout of jinaai/jina-embeddings-v3"
    )


@pytest.mark.parametrize("entry", ["hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size"])
@pytest.mark.parametrize("value", [None, "32"])
def test_config_without_a_size_is_refused(own_checkpoint, entry, value):
    change_json(own_checkpoint / "config.json", **{entry: value})
    assert refusal(own_checkpoint) == f"FOLDER/config.json: {entry} is {value!r}, needs a whole number"


@pytest.mark.parametrize(
    "name",
    ["config.json", "tokenizer_config.json", "separation/adapter_config.json", "config_sentence_transformers.json"],
)
@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{}"])
def test_damaged_json_is_refused(own_checkpoint, name, content):
    if name == "config_sentence_transformers.json":
        change_json(own_checkpoint / "config.json", task_instructions=None)
    (own_checkpoint / name).write_bytes(content)
    message = refusal(own_checkpoint)
    assert message.startswith(f"FOLDER/{name}: unreadable (") and message.endswith("fetch or export it again")


def test_json_that_is_no_object_is_refused(own_checkpoint):
    write_json(own_checkpoint / "config.json", [])
    assert refusal(own_checkpoint) == "FOLDER/config.json: needs a JSON object, holds a list"


@pytest.mark.parametrize("stated", [["separation"], {"separation": 1}, "separation", {}])
def test_prefixes_that_map_nothing_are_refused(own_checkpoint, stated):
    change_json(own_checkpoint / "config.json", task_instructions=stated)
    assert refusal(own_checkpoint) == "FOLDER/config.json: task_instructions must map each task to its prefix"


def test_prompts_of_its_own_are_not_replaced_by_those_of_jina(own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions=None)
    write_json(own_checkpoint / "config_sentence_transformers.json", {"prompts": {"query": "ask: ", "document": ""}})
    assert refusal(own_checkpoint).startswith(
        "FOLDER/config_sentence_transformers.json: none of its prompts 'query', 'document' is named as a task"
    )


def test_prompts_that_map_nothing_are_refused(own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions=None)
    write_json(own_checkpoint / "config_sentence_transformers.json", {"prompts": ["separation"]})
    assert refusal(own_checkpoint) == (
        "FOLDER/config_sentence_transformers.json: prompts is ['separation'], needs an object of texts"
    )


@pytest.mark.parametrize("stated", [5, ["8"], [0], {"8": 1}])
def test_matryoshka_dimensions_that_are_no_numbers_are_refused(own_checkpoint, stated):
    change_json(own_checkpoint / "config.json", matryoshka_dimensions=stated)
    assert refusal(own_checkpoint) == (
        f"FOLDER/config.json: matryoshka_dimensions is {stated!r}, needs a list of numbers"
    )


@pytest.mark.parametrize("stated", ["512", 0, -1, [512], float("nan")])
def test_maximum_length_that_is_no_length_is_refused(own_checkpoint, stated):
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=stated)
    assert refusal(own_checkpoint) == (
        f"FOLDER/tokenizer_config.json: model_max_length is {stated!r}, needs a number of at least 1"
    )


def test_checkpoint_without_tokenizer_is_refused(own_checkpoint):
    (own_checkpoint / "tokenizer.json").unlink()
    assert refusal(own_checkpoint) == (
        "FOLDER: no tokenizer (tokenizer.json or sentencepiece.bpe.model); fetch or export it again"
    )


# --- weights ----------------------------------------------------------------------------------------------------


def test_shapes_are_read_from_the_header(tmp_path, native_checkpoint):
    tensors = load_file(native_checkpoint / "model.safetensors")
    shapes = {name: values.shape for name, values in tensors.items()}
    assert read_header(native_checkpoint / "model.safetensors") == shapes
    save_file(tensors, tmp_path / "with-metadata.safetensors", metadata={"format": "pt"})
    assert read_header(tmp_path / "with-metadata.safetensors") == shapes


@pytest.mark.parametrize("name", ["model.safetensors", "text_matching/adapter_model.safetensors"])
@pytest.mark.parametrize("lost", [1, 5000])
def test_truncated_weights_are_refused(own_checkpoint, name, lost):
    whole = (own_checkpoint / name).read_bytes()
    (own_checkpoint / name).write_bytes(whole[:-lost])
    assert refusal(own_checkpoint) == (
        f"FOLDER/{name}: truncated: its header promises {len(whole):,} bytes, it has {len(whole) - lost:,}; "
        "fetch or export it again"
    )


def test_weights_followed_by_other_data_are_refused(own_checkpoint):
    path = own_checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"\0")
    assert "FOLDER/model.safetensors: followed by other data: its header promises" in refusal(own_checkpoint)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 4) + b"{",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a": {}}',
        struct.pack("<Q", 8) + b'{"a": 1}',
        struct.pack("<Q", 2) + b"\xff\xff",
        struct.pack("<Q", 42) + b'{"a": {"shape": [1], "data_offsets": [0]}}',
        struct.pack("<Q", 47) + b'{"a": {"shape": [1], "data_offsets": [0, "x"]}}',
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    ],
)
def test_weights_without_a_header_are_refused(own_checkpoint, content):
    (own_checkpoint / "model.safetensors").write_bytes(content)
    message = refusal(own_checkpoint)
    assert message.startswith("FOLDER/model.safetensors: not a readable safetensors file (")
    assert message.endswith("; fetch or export it again")


def test_weights_that_hold_no_tensors_are_refused(own_checkpoint):
    (own_checkpoint / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    assert refusal(own_checkpoint) == "FOLDER/model.safetensors: holds no tensors; fetch or export it again"


@pytest.mark.parametrize("pickled", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused(own_checkpoint, pickled):
    (own_checkpoint / "model.safetensors").rename(own_checkpoint / pickled)
    assert refusal(own_checkpoint) == (
        f"FOLDER: holds pickled weights only ({pickled}), which can run code when loaded and are refused; "
        "convert them to safetensors (save_pretrained writes it)"
    )


def test_pickled_adapter_is_refused(own_checkpoint):
    folder = own_checkpoint / "separation"
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert refusal(own_checkpoint).startswith("FOLDER/separation: holds pickled weights only (adapter_model.bin)")


def test_folder_without_weights_is_refused(own_checkpoint):
    (own_checkpoint / "model.safetensors").unlink()
    assert refusal(own_checkpoint) == (
        "FOLDER: no model.safetensors and no model.safetensors.index.json: not a model checkpoint"
    )


@pytest.fixture
def sharded_checkpoint(own_checkpoint):
    tensors = load_file(own_checkpoint / "model.safetensors")
    (own_checkpoint / "model.safetensors").unlink()
    shards = {name: f"model-{number % 2 + 1:05}-of-00002.safetensors" for number, name in enumerate(tensors)}
    for shard in sorted(set(shards.values())):
        save_file({name: tensors[name] for name in tensors if shards[name] == shard}, own_checkpoint / shard)
    write_json(own_checkpoint / "model.safetensors.index.json", {"metadata": {}, "weight_map": shards})
    return own_checkpoint


def test_shards_are_found_through_their_index(sharded_checkpoint):
    names = [file.name for file in weight_files(sharded_checkpoint)]
    assert names == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert set(names) < inspect_checkpoint(sharded_checkpoint).hashes.keys()


def test_missing_shard_is_refused(sharded_checkpoint):
    (sharded_checkpoint / "model-00002-of-00002.safetensors").unlink()
    assert refusal(sharded_checkpoint) == (
        "FOLDER: shards listed in model.safetensors.index.json are missing: model-00002-of-00002.safetensors"
    )


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}', '{"weight_map": {"a": 3}}']
)
def test_damaged_index_is_refused(sharded_checkpoint, content):
    (sharded_checkpoint / "model.safetensors.index.json").write_text(content)
    message = refusal(sharded_checkpoint)
    assert message.startswith("FOLDER/model.safetensors.index.json: ") and "\n" not in message


# --- adapters ---------------------------------------------------------------------------------------------------


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


# --- tasks ------------------------------------------------------------------------------------------------------


def test_unknown_task_is_refused_with_those_there_are(own_checkpoint):
    assert refusal(own_checkpoint, only_tasks=["separation", "clustering"]) == (
        f"--tasks: unknown task 'clustering'; own has: {', '.join(TASKS)}"
    )


def test_subset_of_tasks_keeps_the_checkpoints_order(own_checkpoint):
    assert inspect_checkpoint(own_checkpoint, only_tasks=["text-matching", "separation"]).tasks == (
        "separation",
        "text-matching",
    )


def test_checking_a_checkpoint_imports_neither_torch_nor_transformers(native_checkpoint):
    script = (
        "import json, sys; from pathlib import Path; from fixtures.models.checkpoint import inspect_checkpoint; "
        "inspect_checkpoint(Path(sys.argv[1])).weights_hash; print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script, native_checkpoint], capture_output=True, check=True, text=True)
    assert not {"torch", "transformers", "peft", "pandas", "sklearn"} & set(json.loads(ran.stdout))
