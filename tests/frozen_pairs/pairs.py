"""The pairs: copies of the bundled model, harmless or faulty, and of its baseline, whole or not, one a line.

A pair changes a copy of the model, a copy of the stored baselines, or the options of the run, and nothing else.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.checkpoints import change_json, change_tensors, put_into_shards

Change = Callable[[Path], None]

COMPARED = ("evals/test_drift.py", "evals/test_similarity.py")
ALL = ("evals", "--deselect=evals/test_throughput.py")
CONTRACT = (*COMPARED, "evals/test_contract.py")


@dataclass(frozen=True)
class Pair:
    """One run.

    Attributes:
        name: what is changed.
        options: pytest's, besides the model, its baseline and the device.
        model: changes the copy of the model's folder.
        stored: changes the copy of ``snapshots/``.
        evals: what is run.
        baseline: the stored baseline that is named, None for none.
    """

    name: str
    options: Sequence[str] = ()
    model: Change | None = None
    stored: Change | None = None
    evals: Sequence[str] = COMPARED
    baseline: str | None = "mini"


def weights(change: Callable[[dict[str, np.ndarray]], None], file: str = "model.safetensors") -> Change:
    """Change the tensors of one file of the model, in float32."""

    def in_float32(tensors: dict[str, np.ndarray]) -> None:
        tensors.update({name: value.astype(np.float32) for name, value in tensors.items()})
        change(tensors)

    return lambda folder: change_tensors(folder / file, in_float32)


def config(file: str = "config.json", **entries: object) -> Change:
    """Give entries of a JSON file other values."""
    return lambda folder: change_json(folder / file, **entries)


def prefixes(folder: Path) -> dict[str, str]:
    """Return what config.json states."""
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))["task_instructions"]


def noise(size: float) -> Change:
    """Multiply each weight of the base by 1 plus a normal deviate of this size."""

    def change(tensors: dict[str, np.ndarray]) -> None:
        draw = np.random.default_rng(0)
        for name, value in tensors.items():
            tensors[name] = (value * (1 + size * draw.standard_normal(value.shape))).astype(np.float32)

    return weights(change)


def scaled(task: str, factor: float) -> Change:
    """Scale what an adapter adds to the base."""

    def change(tensors: dict[str, np.ndarray]) -> None:
        for name in tensors:
            if "lora_B" in name or "lora_embedding_B" in name:
                tensors[name] = tensors[name] * np.float32(factor)

    return weights(change, f"{task}/adapter_model.safetensors")


def swapped(first: str, second: str) -> Change:
    """Let two tasks' adapters change places."""

    def apply(folder: Path) -> None:
        (folder / first).rename(folder / "between")
        (folder / second).rename(folder / first)
        (folder / "between").rename(folder / second)

    return apply


def without_prefix(task: str) -> Change:
    """State no prefix for a task that has one."""
    return lambda folder: change_json(folder / "config.json", task_instructions={**prefixes(folder), task: ""})


def without_task(task: str, adapter: str) -> Change:
    """Take a task and its adapter away."""

    def apply(folder: Path) -> None:
        stated = prefixes(folder)
        del stated[task]
        change_json(folder / "config.json", task_instructions=stated)
        shutil.rmtree(folder / adapter)

    return apply


def one_task_more(task: str, like: str) -> Change:
    """Add a task whose adapter is another one's copy."""

    def apply(folder: Path) -> None:
        change_json(folder / "config.json", task_instructions={**prefixes(folder), task: ""})
        shutil.copytree(folder / like, folder / task)

    return apply


def renumbered(folder: Path) -> None:
    """Let two common words of the vocabulary change places: the tokenizer is another one, the weights aren't."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    pieces = content["model"]["vocab"]
    at = {piece: number for number, (piece, _) in enumerate(pieces)}
    first, second = at["▁the"], at["▁of"]
    pieces[first][0], pieces[second][0] = pieces[second][0], pieces[first][0]
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def in_two_files(folder: Path) -> None:
    """Divide the base's weights over two files and an index."""
    names = sorted(load_file(folder / "model.safetensors"))
    put_into_shards(folder, {name: f"model-0000{at % 2 + 1}-of-00002.safetensors" for at, name in enumerate(names)})


def not_finite(tensors: dict[str, np.ndarray]) -> None:
    """Put a NaN into a row of the base."""
    tensors["embeddings.word_embeddings.weight"][-1, 0] = np.nan


def in_half_precision(tensors: dict[str, np.ndarray]) -> None:
    """Leave the weights eight bits of mantissa, as bfloat16 has."""
    for name, value in tensors.items():
        tensors[name] = (value.view(np.uint32) + np.uint32(0x8000) & np.uint32(0xFFFF0000)).view(np.float32)


def damaged(file: str) -> Change:
    """Flip a bit in the middle of a stored file."""

    def apply(folder: Path) -> None:
        path = folder / "mini" / file
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return apply


def missing(file: str) -> Change:
    """Remove a stored file."""
    return lambda folder: (folder / "mini" / file).unlink()


def with_file(name: str, content: str) -> Change:
    """Put a file beside the stored ones."""
    return lambda folder: (folder / "mini" / name).write_text(content, encoding="utf-8")


PAIRS = (
    # Healthy and harmless
    Pair("healthy", evals=ALL, baseline=None),
    Pair("copy in another folder", model=lambda folder: None),
    Pair("batches of 256 tokens", ["--batch-tokens=256"]),
    Pair("eager attention", ["--attn-implementation=eager"], evals=CONTRACT),
    Pair("weights in two files", model=in_two_files),
    Pair("weights in float32", model=weights(lambda tensors: None)),
    Pair("bfloat16", ["--dtype=bfloat16"], evals=ALL, baseline=None),
    Pair("float16", ["--dtype=float16"], evals=CONTRACT, baseline=None),
    Pair("one task", ["--tasks=text-matching"], evals=ALL, baseline=None),
    Pair("two tasks", ["--tasks=separation,classification"], baseline=None),
    Pair("two devices", ["-p", "tests.two_devices", "--device=cpu:0,cpu"], baseline=None),
    Pair("two workers", ["-n2", "--dist=loadgroup"], evals=ALL, baseline=None),
    Pair("nothing new to record", ["--snapshot-update"], baseline=None),
    # Faulty
    Pair("weights off by 3e-7", model=noise(3e-7)),
    Pair("weights off by 1e-4", model=noise(1e-4), evals=CONTRACT),
    Pair("weights rounded to bfloat16", model=weights(in_half_precision)),
    Pair("two adapters swapped", model=swapped("classification", "text_matching"), evals=ALL),
    Pair("query and passage swapped", model=swapped("retrieval_query", "retrieval_passage")),
    Pair("adapter without effect", model=scaled("separation", 0.0), evals=CONTRACT),
    Pair("adapter scaled by four", model=scaled("classification", 4.0)),
    Pair("no prefix for queries", model=without_prefix("retrieval.query"), evals=ALL),
    Pair("rotary base 10000", model=config(rope_parameters={"rope_theta": 10_000.0, "rope_type": "default"})),
    Pair("LayerNorm epsilon 1e-3", model=config(layer_norm_eps=1e-3)),
    Pair("two words renumbered", model=renumbered),
    Pair("cut at 128 tokens", model=config("tokenizer_config.json", model_max_length=128), evals=CONTRACT),
    Pair("a task less", model=without_task("separation", "separation")),
    Pair("a task more", model=one_task_more("extra", "separation")),
    Pair("NaN in the weights", model=weights(not_finite)),
    # The baseline
    Pair("damaged anchors", stored=damaged("anchors.safetensors"), baseline=None),
    Pair("damaged table", stored=damaged("similarity/separation.txt"), baseline=None),
    Pair("missing bounds", stored=missing("tolerance.json"), baseline=None),
    Pair("a file that no eval reads", stored=with_file("similarity/old.txt", "a table"), baseline=None),
    Pair(
        "a known failure that holds",
        stored=with_file("known-failures.txt", "test_drift.py::test_baseline_is_whole # no\n"),
        baseline=None,
    ),
    Pair("no baseline", model=lambda folder: None, baseline=None),
    Pair("another model's tables only", ["--baseline=jina-embeddings-v3"], baseline=None),
)
