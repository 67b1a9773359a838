"""How a bad input is made: helpers that damage a folder, or return the options that no run can use."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.checkpoints import MEAN_POOLING, change_json, change_tensors, write_json, write_modules
from tests.resealing import reseal

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
CONFLICT = b"<<<<<<< HEAD\n# ours\n=======\n# theirs\n>>>>>>> other\n"
DEEP = b"[" * 100_000 + b"]" * 100_000
TEN_TIB = 10 * 2**40
LARGER = "it has 10,995,116,277,760 bytes, at most"
"""The reason that a line gives for refusing a file of ten terabytes."""
ADAPTER = "separation/adapter_config.json"
INDEX = "model.safetensors.index.json"

Make = Callable[[Path], list[str] | None]
"""Given the folder to damage, damages it; returns options to add."""


@dataclass(frozen=True)
class BadInput:
    """One kind of bad input.

    Attributes:
        tried: what is wrong, in words.
        line: text that the run's one line must hold.
        make: how it is made.
    """

    tried: str
    line: str
    make: Make


def options(*given: str) -> Make:
    return lambda folder: list(given)


def config(**entries: Any) -> Make:
    return lambda folder: change_json(folder / "config.json", **entries)


def adapter(**entries: Any) -> Make:
    return lambda folder: change_json(folder / ADAPTER, **entries)


def content(name: str, written: bytes | Any) -> Make:
    """A file with these bytes, or with this value as JSON."""
    in_bytes = written if isinstance(written, bytes) else json.dumps(written).encode()
    return lambda folder: _write(folder / name, in_bytes)


def cut_off(name: str, size: int) -> Make:
    """A file that lost so many bytes of its end."""
    return lambda folder: _write(folder / name, (folder / name).read_bytes()[:-size])


def marked(name: str) -> Make:
    """A file with a byte order mark."""
    return lambda folder: _write(folder / name, b"\xef\xbb\xbf" + (folder / name).read_bytes())


def utf_16(name: str) -> Make:
    return lambda folder: _write(folder / name, (folder / name).read_text("utf-8").encode("utf-16"))


def conflicted(name: str) -> Make:
    """A file as git leaves it where both sides of a merge changed its last line."""

    def make(folder: Path) -> None:
        *before, last = (folder / name).read_bytes().splitlines(keepends=True)
        both = [b"<<<<<<< HEAD\n", last, b"=======\n", last.replace(b"0", b"1"), b">>>>>>> other\n"]
        _write(folder / name, b"".join([*before, *both]))

    return make


def pipe(name: str) -> Make:
    return lambda folder: os.mkfifo(_gone(folder / name))


def link(name: str, target: str | None = None) -> Make:
    """A link to something, or to itself."""
    return lambda folder: _gone(folder / name).symlink_to(target or name)


def directory(name: str) -> Make:
    return lambda folder: _gone(folder / name).mkdir()


def huge(name: str) -> Make:
    """A sparse file of ten terabytes, which takes no room on the disk."""

    def make(folder: Path) -> None:
        _write(folder / name, b"")
        os.truncate(folder / name, TEN_TIB)

    return make


def huge_pooling(folder: Path) -> None:
    write_modules(folder, pooling=MEAN_POOLING)
    huge("1_Pooling/config.json")(folder)


def huge_option(option: str) -> Make:
    """An option that names such a file."""

    def make(folder: Path) -> list[str]:
        huge("huge")(folder.parent)
        return [f"{option}={folder.parent / 'huge'}"]

    return make


def tasks(*names: str) -> Make:
    return config(task_instructions=dict.fromkeys(names, ""))


def prompts(value: Any) -> Make:
    def make(folder: Path) -> None:
        change_json(folder / "config.json", task_instructions=None)
        write_json(folder / "config_sentence_transformers.json", {"prompts": value})

    return make


def modules(pooling: Any = None, **entries: Any) -> Make:
    """A sentence-transformers folder with these settings of pooling, and these entries of its first module."""
    return lambda folder: write_modules(folder, pooling=MEAN_POOLING if pooling is None else pooling, first=entries)


def shard(name: str) -> Make:
    def make(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
        write_json(folder / INDEX, {"weight_map": {"embeddings.LayerNorm.weight": name}})

    return make


def deep_index(folder: Path) -> None:
    _gone(folder / "model.safetensors")
    _write(folder / INDEX, DEEP)


def masked_language_model(folder: Path) -> None:
    change_json(folder / "config.json", architectures=["JinaEmbeddingsV3ForMaskedLM"])

    def change(tensors: dict[str, np.ndarray]) -> None:
        for name in list(tensors):
            tensors[f"roberta.{name}"] = tensors.pop(name)
        tensors["lm_head.dense.weight"] = np.zeros((32, 32), np.float32)

    change_tensors(folder / "model.safetensors", change)


def masked_xlm_roberta(folder: Path) -> None:
    masked_language_model(folder)
    change_json(folder / "config.json", architectures=["XLMRobertaForMaskedLM"], model_type="xlm-roberta")


def whole_embeddings(folder: Path) -> None:
    name = "base_model.model.embeddings.word_embeddings.base_layer.weight"
    words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    change_tensors(folder / "separation/adapter_model.safetensors", lambda tensors: tensors.update({name: words}))


def sentencepiece_only(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "sentencepiece.bpe.model")


def sealed(name: str, change: Callable[[Any], Any]) -> Make:
    """A stored file that was changed, and the baseline sealed again as if it had been recorded so."""

    def make(folder: Path) -> None:
        path = folder / name
        if name.endswith(".safetensors"):
            change_tensors(path, change)
        elif name != "manifest.json":
            stored = json.loads(path.read_bytes())
            _write(path, json.dumps(change(stored) or stored).encode())
        reseal(folder, change if name == "manifest.json" else None)

    return make


def ledger(text: str) -> Make:
    def make(folder: Path) -> None:
        _write(folder / "ledger.jsonl", text.encode())
        reseal(folder)

    return make


def retyped(task: str, kind: str) -> Callable[[dict[str, np.ndarray]], None]:
    """Tensors of a stored file of which one is of another type."""

    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors[task] = tensors[task].astype(kind)

    return change


def no_columns(tensors: dict[str, np.ndarray]) -> None:
    for task in tensors:
        tensors[task] = tensors[task][:, :0]


def cut_rows(tensors: dict[str, np.ndarray]) -> None:
    tensors["separation"] = tensors["separation"][:-1]


def lose_a_task(tensors: dict[str, np.ndarray]) -> None:
    del tensors["separation"]


def put_a_nan(tensors: dict[str, np.ndarray]) -> None:
    tensors["separation"][0, 0] = np.nan


def lose_a_size(tensors: dict[str, np.ndarray]) -> None:
    del tensors["separation|CLS pooling|size"]


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def _gone(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
