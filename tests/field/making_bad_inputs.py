"""What a bad input is, and how one is made: helpers that damage a folder, or return the options that no run can use."""

import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.checkpoints import MEAN_POOLING, change_json, change_tensors, put_into_shards, write_json, write_modules
from tests.resealing import reseal

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
CONFLICT = b"<<<<<<< HEAD\n# ours\n=======\n# theirs\n>>>>>>> other\n"
DEEP = b"[" * 100_000 + b"]" * 100_000
TEN_TIB = 10 * 2**40
LARGER = "it has 10,995,116,277,760 bytes, at most"
"""The reason that a line gives for refusing a file of ten terabytes."""
CONFIG = "config.json"
TOKENIZER = "tokenizer_config.json"
PROMPTS = "config_sentence_transformers.json"
LENGTHS = "sentence_bert_config.json"
POOLING = "1_Pooling/config.json"
ADAPTER = "separation/adapter_config.json"
BASE = "model.safetensors"
ADAPTER_WEIGHTS = "separation/adapter_model.safetensors"
INDEX = "model.safetensors.index.json"

Make = Callable[[Path], list[str] | None]
"""Given the folder to damage, damages it; returns options to add."""
Change = Callable[[dict[str, np.ndarray]], Any]
"""Changes the tensors of a file."""

CALLED, LOADED, COLLECTED, EVALUATED = "called", "loaded", "collected", "evaluated"
"""How a bad input is asked about: ``inspect_checkpoint`` is called; ``load_model`` is; a run collects evals, which is
where it ends; a run goes on to one eval."""

TINY, NATIVE, ORIGINAL, MERGED = "tiny", "native", "original", "merged"
"""The sound model that is damaged: with the base by the published names, with that by the names of transformers' class,
in the original layout, with an adapter merged into the base."""


@dataclass(frozen=True)
class BadInput:
    """One kind of bad input.

    Attributes:
        tried: what is wrong, in words.
        line: the one line that is said, in which … stands for any text; FOLDER is the model's folder.
        make: how it is made.
        asked: what says the line.
        model: what it is made of.
        tasks: those that are asked for, by default all.
    """

    tried: str
    line: str
    make: Make
    asked: str = COLLECTED
    model: str = TINY
    tasks: str = ""

    def says(self, line: str) -> bool:
        """Whether a line is the one that belongs to this input."""
        return re.fullmatch(".*".join(map(re.escape, self.line.split("…"))), line) is not None


called = partial(BadInput, asked=CALLED)
loaded = partial(BadInput, asked=LOADED)
evaluated = partial(BadInput, asked=EVALUATED)


Row = tuple[str, Sequence[Any], str]
"""An entry, what it states, one value a case (None for nothing), and what the line says after "ENTRY is VALUE"."""


def stated(
    kind: Callable[..., BadInput], file: str, rows: Sequence[Row], *models: str, **beside: Any
) -> list[BadInput]:
    """What a JSON file of a model states for its entries, one value at a time.

    Args:
        kind: BadInput, or one of those above.
        file: the file, by its path in the folder.
        rows: the entries.
        *models: what they are damaged in, by default TINY.
        **beside: what the file states besides.
    """
    return [
        kind(
            f"{file}: {name} {_short(value)}" + (f", {model}" if models else ""),
            f"FOLDER/{file}: {name} is {value!r}{said}",
            entries(file, **beside | {name: value}),
            model=model,
        )
        for name, values, said in rows
        for value in values
        for model in models or (TINY,)
    ]


def _short(value: Any) -> str:
    text = "left out" if value is None else repr(value)
    return text if len(text) < 50 else f"{text[:40]}…"


def options(*given: str) -> Make:
    return lambda folder: list(given)


def entries(file: str, **stated: Any) -> Make:
    """A JSON file with these entries, of which None takes one out; one of sentence-transformers, with its folder."""

    def make(folder: Path) -> None:
        if file in (LENGTHS, POOLING):
            write_modules(folder)
        if not (folder / file).exists():
            write_json(folder / file, {})
        change_json(folder / file, **stated)

    return make


def config(**stated: Any) -> Make:
    return entries(CONFIG, **stated)


def both(*makes: Make) -> Make:
    """One damage after the other."""
    return lambda folder: [option for make in makes for option in make(folder) or ()]


def lost(*names: str) -> Make:
    """A folder without these files or folders."""

    def make(folder: Path) -> None:
        for name in names:
            (folder / name).unlink() if (folder / name).is_file() else shutil.rmtree(folder / name)

    return make


def sound(folder: Path) -> None:
    """Do no damage."""


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)


def renamed(name: str, other: str) -> Make:
    return lambda folder: (folder / name).rename(folder / other) and None


def tensors(name: str, change: Change) -> Make:
    """A file of weights whose tensors were changed."""
    return lambda folder: change_tensors(folder / name, change)


def taken_out(*parts: str) -> Change:
    """Tensors without those whose names hold one of these texts."""
    return lambda stored: [stored.pop(name) for name in list(stored) if any(part in name for part in parts)]


def called_otherwise(name: str, other: str) -> Change:
    return lambda stored: stored.update({other: stored.pop(name)})


def spoilt(name: str, value: float, at: Any) -> Change:
    """A tensor that holds this value at a place."""
    return lambda stored: stored[name].__setitem__(at, value)


def of_type(file: str, kind: str, name: str | None = None) -> Make:
    """A file of weights in which one tensor, by default the first, is of another type of torch's."""

    def make(folder: Path) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        stored = load_file(folder / file)
        one = name or min(stored)
        save_file({**stored, one: stored[one].to(getattr(torch, kind))}, folder / file)

    return make


def in_bfloat16(folder: Path) -> None:
    """The base in bfloat16."""
    from safetensors.torch import load_file, save_file

    save_file({name: values.bfloat16() for name, values in load_file(folder / BASE).items()}, folder / BASE)


def adapter_in_root(folder: Path) -> None:
    """An adapter's files beside the base."""
    shutil.copytree(folder / "separation", folder, dirs_exist_ok=True)


def in_shards(change: Change | None = None) -> Make:
    """The base in two files, of which the second, ``SHARD``, holds the embedding matrix."""

    def make(folder: Path) -> None:
        names = load_file(folder / BASE)
        put_into_shards(folder, {name: f"model-{1 + ('.word_' in name):05}-of-00002.safetensors" for name in names})
        if change:
            change_tensors(folder / SHARD, change)

    return make


SHARD = "model-00002-of-00002.safetensors"


def header(written: bytes) -> bytes:
    """A safetensors file of a header alone."""
    return struct.pack("<Q", len(written)) + written


def content(name: str, written: bytes | Any) -> Make:
    """A file with these bytes, or with this value as JSON."""
    in_bytes = written if isinstance(written, bytes) else json.dumps(written).encode()
    return lambda folder: _write(folder / name, in_bytes)


def cut_off(name: str, size: int) -> Make:
    """A file that lost so many bytes of its end."""
    return rewritten(name, lambda written: written[:-size])


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Make:
    """A file whose bytes were changed."""
    return lambda folder: _write(folder / name, change((folder / name).read_bytes()))


def marked(name: str) -> Make:
    """A file with a byte order mark."""
    return rewritten(name, lambda written: b"\xef\xbb\xbf" + written)


def utf_16(name: str) -> Make:
    return rewritten(name, lambda written: written.decode("utf-8").encode("utf-16"))


def conflicted(name: str) -> Make:
    """A file as git leaves it where both sides of a merge changed its last line."""

    def both_sides(written: bytes) -> bytes:
        *before, last = written.splitlines(keepends=True)
        both = [b"<<<<<<< HEAD\n", last, b"=======\n", last.replace(b"0", b"1"), b">>>>>>> other\n"]
        return b"".join([*before, *both])

    return rewritten(name, both_sides)


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


def modules(steps: Sequence[str] = ("Transformer", "Pooling", "Normalize"), pooling: Any = None, **first: Any) -> Make:
    """A sentence-transformers folder of these steps, with settings of pooling, and entries of its first module."""
    pooling = MEAN_POOLING if pooling is None else pooling
    return lambda folder: write_modules(folder, steps=steps, pooling=pooling, first=first)


def shard(name: str) -> Make:
    """An index that names this file, the weights beside the folder."""

    def make(folder: Path) -> None:
        (folder / BASE).rename(folder.parent / "outside.safetensors")
        write_json(folder / INDEX, {"weight_map": {"embeddings.LayerNorm.weight": name}})

    return make


def masked_language_model(**stated: str) -> Make:
    """Weights with a head of a masked-language model."""

    def change(stored: dict[str, np.ndarray]) -> None:
        for name in list(stored):
            stored[f"roberta.{name}"] = stored.pop(name)
        stored["lm_head.dense.weight"] = np.zeros((32, 32), np.float32)

    return both(config(**stated), tensors(BASE, change))


def whole_embeddings(folder: Path) -> None:
    name = "base_model.model.embeddings.word_embeddings.base_layer.weight"
    words = load_file(folder / BASE)["embeddings.word_embeddings.weight"]
    change_tensors(folder / ADAPTER_WEIGHTS, lambda stored: stored.update({name: words}))


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


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def _gone(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
