"""The checkpoints that tests write are what they are meant to be, and cost what the tests rely on."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.checkpoints import (
    ADAPTER_FILE,
    BASE_FILE,
    NATIVE,
    PUBLISHED,
    TASKS,
    TEXTS,
    Size,
    change_json,
    open_encoder,
    random_weights,
    vocabulary,
    write_json,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.conftest import ROOT


def test_writing_a_checkpoint_loads_no_torch(tmp_path):
    script = (
        "import json, sys; from pathlib import Path; from tests.checkpoints import *; "
        "write_native_checkpoint(Path(sys.argv[1])); write_original_checkpoint(Path(sys.argv[2])); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", script, tmp_path / "native", tmp_path / "original"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert not {"torch", "transformers", "peft"} & set(json.loads(ran.stdout))
    assert (tmp_path / "native" / BASE_FILE).is_file() and (tmp_path / "original" / BASE_FILE).is_file()


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = random_weights(3), random_weights(3), random_weights(4)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first)


def test_files_in_bfloat16_hold_the_rounded_weights(tmp_path):
    write_original_checkpoint(tmp_path, dtype="bfloat16")
    stored = load_file(tmp_path / BASE_FILE)
    for name, values in random_weights().items():
        assert torch.equal(stored[name], torch.from_numpy(values).bfloat16()), name


@pytest.mark.parametrize("names", [NATIVE, PUBLISHED])
def test_files_in_bfloat16_are_one_model_in_both_layouts(tmp_path, names):
    """As the checkpoints of published size are written (``tests/full_size``)."""
    write_original_checkpoint(tmp_path / "original", dtype="bfloat16")
    write_native_checkpoint(tmp_path / "native", dtype="bfloat16", base_names=names, adapter_names=names)
    original, native = (open_encoder(tmp_path / layout) for layout in ("original", "native"))
    for asked in (*TASKS, None):
        np.testing.assert_array_equal(original.encode(TEXTS, asked), native.encode(TEXTS, asked))


def test_adapters_with_inputs_of_their_own_differ_between_query_key_and_value(tmp_path):
    write_native_checkpoint(tmp_path / "own", own_inputs=True)
    write_native_checkpoint(tmp_path / "shared")
    for folder, different in (("own", 3), ("shared", 1)):
        adapter = load_file(tmp_path / folder / "separation" / ADAPTER_FILE)
        stems = [f"base_model.model.layers.1.self_attn.{part}_proj" for part in "qkv"]
        assert len({adapter[f"{stem}.lora_A.weight"].numpy().tobytes() for stem in stems}) == different


def test_each_task_has_an_adapter_of_its_own_whatever_it_is_called(tmp_path):
    names = ["clustering", "separation", "my-task"]
    write_native_checkpoint(tmp_path, prefixes=dict.fromkeys(names, ""), tasks=names)
    vectors = [open_encoder(tmp_path).encode(TEXTS[:1], name)[0] for name in names]
    assert len({vector.tobytes() for vector in vectors}) == len(names)


def test_an_embedding_matrix_has_a_row_for_each_piece():
    assert Size().rows == len(vocabulary())
    with pytest.raises(AssertionError):
        _ = Size(vocabulary=len(vocabulary()) - 1).rows


def test_changed_entry_leaves_the_others_alone_empty_ones_included(tmp_path):
    write_json(tmp_path / "config.json", {"a": None, "b": 1, "c": "ü"})
    change_json(tmp_path / "config.json", b=None, d=2)
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) == {"a": None, "c": "ü", "d": 2}
