"""Folders without a checkpoint that the suite loads, and configs that can't be right: refused in one line."""

import pytest

from tests.checkpoints import change_json, refusal, write_json


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
