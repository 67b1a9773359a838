"""Folders of sentence-transformers that can't be used are refused in one line, and so is a library that is missing."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer

from fixtures.errors import DtypeError, LibraryError
from fixtures.hardware import library_versions
from fixtures.models.spec import Target
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from tests.checkpoints import change_json, change_tensors, write_json, write_native_checkpoint
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.opened_folders import assert_alike, opened, refused, theirs


@pytest.fixture
def folder(tmp_path):
    """A tiny folder, which a test may damage."""
    return write_sentence_transformers(tmp_path / "tiny")


# --- folders that can't be used -----------------------------------------------------------------------------------


def _pickled(folder: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _pickled_layer(folder: Path) -> None:
    torch.save({}, folder / "2_Dense" / "pytorch_model.bin")
    (folder / "2_Dense" / "model.safetensors").unlink()


def _without(name: str):
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file(
            {key: tensors[key] for key in tensors if name not in key}, folder / "model.safetensors", {"format": "pt"}
        )

    return damage


def _unknown_class(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[2]["type"] = "sentence_transformers.models.Nothing"
    write_json(folder / "modules.json", modules)


def _longer_vocabulary(folder: Path) -> None:
    """A tokenizer from elsewhere: its ids go beyond the matrix."""
    cut = "embeddings.word_embeddings.weight"
    change_tensors(folder / "model.safetensors", lambda tensors: tensors.update({cut: tensors[cut][:50].copy()}))
    change_json(folder / "config.json", vocab_size=50)


def _not_finite(folder: Path) -> None:
    name = "encoder.layer.0.output.dense.weight"
    change_tensors(folder / "model.safetensors", lambda tensors: tensors[name].__setitem__((0, 0), np.nan))


DAMAGED = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors and no model.safetensors.index"),
    "pickled": (_pickled, "holds pickled weights only (pytorch_model.bin), which can run code when loaded"),
    "pickled layer": (_pickled_layer, "FOLDER/2_Dense: holds pickled weights only (pytorch_model.bin)"),
    "module's folder missing": (
        lambda f: shutil.rmtree(f / "1_Pooling"),
        "FOLDER/modules.json: the folder '1_Pooling' of its module Pooling isn't there",
    ),
    "layer's folder missing": (
        lambda f: shutil.rmtree(f / "2_Dense"),
        "FOLDER/modules.json: the folder '2_Dense' of its module Dense isn't there",
    ),
    "layer of another input": (
        lambda f: change_json(f / "2_Dense" / "config.json", in_features=48),
        "FOLDER/2_Dense/config.json: in_features is 48; what goes in has 32 components",
    ),
    "layer of another size": (
        lambda f: change_json(f / "2_Dense" / "config.json", out_features=24),
        "FOLDER/2_Dense: the weights don't fit its config.json: 2 misshapen (first: linear.bias)",
    ),
    "layer without its bias": (
        lambda f: change_tensors(f / "2_Dense" / "model.safetensors", lambda tensors: tensors.pop("linear.bias")),
        "FOLDER/2_Dense: the weights don't fit its config.json: 1 missing (first: linear.bias)",
    ),
    "transformer's layer missing": (
        _without("encoder.layer.1."),
        "the weights don't fit its config.json: 16 missing (first: encoder.layer.1.attention.output.LayerNorm.bias)",
    ),
    "another width": (lambda f: change_json(f / "config.json", intermediate_size=48), "FOLDER: can't be loaded: "),
    "tokenizer from elsewhere": (_longer_vocabulary, "its matrix has 50 rows: the tokenizer of another model"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "FOLDER: no tokenizer (tokenizer.json or"),
    "values that are not finite": (_not_finite, "encoder.layer.0.output.dense.weight holds 1 value that is NaN or"),
    "a pointer of Git LFS": (
        lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "is a Git LFS pointer, the file itself wasn't fetched: run git lfs pull",
    ),
    "unknown architecture": (lambda f: change_json(f / "config.json", model_type="none"), "FOLDER: can't be loaded: "),
    "unknown class": (_unknown_class, "FOLDER: can't be loaded: "),
    "8-bit weights": (
        lambda f: change_tensors(f / "model.safetensors", lambda one: one.update(scale=np.zeros(3, np.int8))),
        "scale is of type I8; this suite loads",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_folder_is_refused_in_one_line(tmp_path, damage):
    folder = write_sentence_transformers(tmp_path / "model", dense=(16,))
    change, line = DAMAGED[damage]
    change(folder)
    assert line in refused(folder)


def test_weights_that_the_dtype_cannot_hold_are_refused(folder):
    change_tensors(folder / "model.safetensors", lambda tensors: tensors["embeddings.LayerNorm.bias"].fill(1e6))
    assert "infinite in float16" in refused(folder, kind=DtypeError, dtype="float16")


def test_attention_that_the_library_lacks_is_refused(folder):
    assert "FOLDER: can't be loaded: " in refused(folder, attn_implementation="flash_attention_2")
    assert opened(folder, attn_implementation="eager").environment()["attn_implementation"] == "eager"


def test_tensors_beyond_the_model_are_a_note(folder):
    change_tensors(folder / "model.safetensors", lambda one: one.update({"lm_head.bias": np.zeros(3, np.float32)}))
    encoder = opened(folder)
    assert "1 tensors of its weights are no part of the model (first: lm_head.bias)" in encoder.notes


# --- lengths ------------------------------------------------------------------------------------------------------

RESERVED = {"bert": 0, "electra": 0, "distilbert": 0, "roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}
"""Architecture -> rows of its positions that no token of a text has: those up to the padding token's, whose id is 1."""
LONG = "one two three " * 40


@pytest.mark.parametrize("architecture", RESERVED)
def test_length_above_the_positions_is_refused_and_the_length_of_the_line_is_taken(tmp_path, architecture):
    positions = 60
    longest = positions - RESERVED[architecture]
    folder = write_sentence_transformers(
        tmp_path / "model", architecture=architecture, positions=positions, max_length=longest + 1
    )
    rows = f" ({positions} rows, of which the first 2 are the padding's)" if longest < positions else ""
    assert refused(folder) == (
        f"FOLDER: texts are cut at {longest + 1} tokens, and it has positions for {longest}{rows}; state at most "
        f"{longest}: max_seq_length in sentence_bert_config.json, or max_length in a task map (--task-map)"
    )
    by_map = opened(folder, task_map=TaskMap(max_length=longest))
    change_json(folder / "sentence_bert_config.json", max_seq_length=longest)
    for encoder in (by_map, opened(folder)):
        assert len(encoder.tokenize([LONG], "embedding")[0]) == encoder.spec.max_length == longest
        right, left = (encoder.encode([LONG, "short"], "embedding", padding_side=side) for side in ("right", "left"))
        assert np.isfinite(right).all()
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5)


def test_length_that_the_library_takes_from_the_positions_is_refused_where_padding_has_some(tmp_path):
    """Without a stated length the library cuts at all rows of a RoBERTa, and raises at the first long text."""
    folder = write_sentence_transformers(tmp_path / "model", architecture="roberta", positions=60, max_length=None)
    assert refused(folder).startswith("FOLDER: texts are cut at 60 tokens, and it has positions for 58 (60 rows, ")
    with pytest.raises((IndexError, RuntimeError), match=r"^index .*out of "):
        theirs(folder).encode([LONG])


def test_model_whose_positions_are_turned_takes_longer_texts_than_its_config_states(tmp_path):
    folder = write_sentence_transformers(tmp_path / "model", architecture="modernbert", positions=60, max_length=100)
    encoder = opened(folder)
    assert_alike(encoder.encode([LONG], "embedding"), theirs(folder).encode([LONG]))
    assert encoder.spec.max_length == 100


# --- which runtime, and whether it is there ------------------------------------------------------------------------


def test_folder_is_opened_by_the_runtime_that_its_small_files_say(folder, tmp_path):
    assert registry.runtime_of(Target(str(folder))).name == "sentence-transformers"
    jina = tmp_path / "jina"
    write_native_checkpoint(jina / "0_Transformer")
    modules = [{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]
    write_json(jina / "modules.json", modules)
    own = registry.runtime_of(Target(str(jina)))
    assert (own.name, registry.others_of(own, Target(str(jina)))) == ("jina-v3", ["sentence-transformers"])
    assert registry.others_of(registry.SENTENCE_TRANSFORMERS, Target(str(folder))) == []
    (folder / "config.json").write_text("{")
    assert registry.runtime_of(Target(str(folder))).name == "jina-v3"
    assert registry.runtime_of(Target(str(tmp_path))).name == "jina-v3"


def test_missing_library_is_one_line_that_says_what_to_install(folder, monkeypatch):
    installed = library_versions.installed_version
    hidden = "sentence-transformers"
    monkeypatch.setattr(
        library_versions, "installed_version", lambda name: "not installed" if name == hidden else installed(name)
    )
    assert refused(folder, kind=LibraryError) == (
        "this model takes sentence-transformers>=6,<7, which is not installed: pip install "
        "'sentence-transformers>=6,<7', or pip install --group sentence-transformers where the suite lies"
    )


def test_broken_library_is_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert refused(folder, kind=LibraryError).startswith("a library can't be imported: ")


def test_changed_files_are_told(folder):
    encoder = opened(folder)
    assert encoder.changed_files() == []
    change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")
    assert encoder.changed_files() == ["1_Pooling/config.json"]


def test_library_that_sends_other_prompts_than_it_is_known_to_is_refused(folder, monkeypatch):
    def other_prompts(self, model_config):
        self.prompts = {"query": "other: ", "document": ""}

    monkeypatch.setattr(SentenceTransformer, "_parse_model_config", other_prompts)
    assert "sends 'other: ' and '' before queries and documents, its files say '' and ''" in refused(
        folder, kind=LibraryError
    )
