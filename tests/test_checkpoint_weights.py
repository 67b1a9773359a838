"""Files of weights: their headers, damage, pickles, and shards with their index."""

import struct

import pytest
from safetensors.numpy import load_file, save_file

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.weights import read_header, weight_files
from tests.checkpoints import put_into_shards, refusal


def test_shapes_are_read_from_the_header(tmp_path, native_checkpoint):
    tensors = load_file(native_checkpoint / "model.safetensors")
    shapes = {name: values.shape for name, values in tensors.items()}
    assert read_header(native_checkpoint / "model.safetensors") == shapes
    save_file(tensors, tmp_path / "without-metadata.safetensors")
    assert read_header(tmp_path / "without-metadata.safetensors") == shapes


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


def test_folder_without_weights_is_refused(own_checkpoint):
    (own_checkpoint / "model.safetensors").unlink()
    assert refusal(own_checkpoint) == (
        "FOLDER: no model.safetensors and no model.safetensors.index.json: not a model checkpoint"
    )


# --- shards -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sharded_checkpoint(own_checkpoint):
    names = load_file(own_checkpoint / "model.safetensors")
    shards = {name: f"model-{number % 2 + 1:05}-of-00002.safetensors" for number, name in enumerate(names)}
    put_into_shards(own_checkpoint, shards)
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
