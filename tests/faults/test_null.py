"""Two hundred harmless runs, other ones than those that the bounds were measured from: none may raise an alarm."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.runtimes.torch_variations import attention, threads
from fixtures.runtimes.variations import Variation
from fixtures.texts.long_texts import drawn_text
from tests.checkpoints import change_tensors
from tests.faults import weights

RUNS = 200
RUNS_IN_BFLOAT16 = 20


def test_harmless_runs_raise_no_alarm(laboratory, tables, resaved):
    alarms = []
    for name, encoder, task in drawn(laboratory.encoder, resaved, RUNS):
        finding, seen = laboratory.observe(encoder, task)
        tables.add_alarms("harmless", finding, seen)
        if not finding.verdict.acceptable:
            alarms.append(f"{name} on {task}: {finding.verdict.worst}")
    assert alarms == []


def test_harmless_runs_in_bfloat16_raise_no_alarm(laboratory, tables):
    """Judged against the float32 baseline, with the bounds measured for bfloat16. float16 is too slow here."""
    rounded = TorchEncoder(load_model(laboratory.encoder.loaded.checkpoint, dtype="bfloat16"))
    lab = dataclasses.replace(laboratory, encoder=rounded)
    alarms = []
    for name, encoder, task in drawn(rounded, rounded, RUNS_IN_BFLOAT16):
        finding, seen = lab.observe(encoder, task)
        tables.add_alarms("harmless, bfloat16", finding, seen)
        if not finding.verdict.acceptable:
            alarms.append(f"{name} on {task}: {finding.verdict.worst}")
    assert alarms == []


def drawn(encoder: TorchEncoder, resaved: TorchEncoder, runs: int) -> Iterator[tuple[str, TorchEncoder, str]]:
    """Give so many different harmless runs, kinds and tasks in turn: name, encoder, task."""
    draw = np.random.default_rng(20261125)
    seen: set[tuple[str, str]] = set()
    number = 0
    while len(seen) < runs:
        task = encoder.tasks[number % len(encoder.tasks)]
        name, varied = harmless(encoder, resaved, number // len(encoder.tasks), draw)
        number += 1
        if (name, task) not in seen:
            seen.add((name, task))
            yield name, varied, task


def harmless(
    encoder: TorchEncoder, resaved: TorchEncoder, number: int, draw: np.random.Generator
) -> tuple[str, TorchEncoder]:
    """Return the name and the encoder of a drawn variation; kinds take turns."""
    size = int(draw.integers(16, 20_000))
    kinds: list[Callable[[], tuple[str, TorchEncoder]]] = [
        lambda: _batched(encoder, size, "right"),
        lambda: _batched(encoder, size, "left"),
        lambda: _shuffled(encoder, int(draw.integers(1000, 2000)), int(draw.integers(64, 8192))),
        lambda: _crowded(encoder, int(draw.integers(1, 30)), int(draw.integers(512, 8192))),
        lambda: _batched(resaved, size, "right", "re-saved in float32, "),
        lambda: _within(encoder, "eager attention", size, attention("eager")),
        lambda: _within(encoder, "one thread", size, threads(1)),
        lambda: _nudged(encoder, float(10 ** draw.uniform(-8.5, -7.5)), int(draw.integers(1000))),
    ]
    return kinds[number % len(kinds)]()


@pytest.fixture(scope="module")
def resaved(laboratory, tmp_path_factory) -> TorchEncoder:
    """The same model, saved in float32 and loaded again."""

    def in_float32(tensors):
        tensors.update({name: values.astype(np.float32) for name, values in tensors.items()})

    source = laboratory.encoder.loaded.checkpoint.folder
    folder = tmp_path_factory.mktemp("resaved") / "mini"
    shutil.copytree(source, folder)
    for file in folder.rglob("*.safetensors"):
        change_tensors(file, in_float32)
    return TorchEncoder(load_model(inspect_checkpoint(folder, name="mini")))


def _batched(encoder: TorchEncoder, size: int, side: str, name: str = "") -> tuple[str, TorchEncoder]:
    class Batched(TorchEncoder):
        def encode(self, texts, task, **options):
            return super().encode(texts, task, **{"batch_tokens": size, "padding_side": side, **options})

    return f"{name}batches of {size} tokens, padded on the {side}", Batched(encoder.loaded)


def _shuffled(encoder: TorchEncoder, seed: int, size: int) -> tuple[str, TorchEncoder]:
    varied = Variation("shuffled", {"batch_tokens": size}, lambda count: np.random.default_rng(seed).permutation(count))

    class Shuffled(TorchEncoder):
        def encode(self, texts, task, **options):
            return varied.encode(encoder, texts, task)

    return f"order shuffled, seed {seed}, batches of {size} tokens", Shuffled(encoder.loaded)


def _crowded(encoder: TorchEncoder, count: int, size: int) -> tuple[str, TorchEncoder]:
    neighbours = [drawn_text(5 + 7 * number, seed=number) for number in range(count)]

    class Crowded(TorchEncoder):
        def encode(self, texts, task, **options):
            return super().encode([*neighbours, *texts], task, batch_tokens=size)[count:]

    return f"{count} more texts, batches of {size} tokens", Crowded(encoder.loaded)


def _within(encoder: TorchEncoder, name: str, size: int, context) -> tuple[str, TorchEncoder]:
    class Within(TorchEncoder):
        def encode(self, texts, task, **options):
            with context(encoder) as varied:
                return varied.encode(texts, task, **{"batch_tokens": size, **options})

    return f"{name}, batches of {size} tokens", Within(encoder.loaded)


def _nudged(encoder: TorchEncoder, level: float, seed: int) -> tuple[str, TorchEncoder]:
    """Weights moved by as little as rounding to float32 does: 3.4e-8 of them at most (standard deviation)."""

    class Nudged(TorchEncoder):
        def encode(self, texts, task, **options):
            with weights.noise(level, seed=seed)(encoder, task) as varied:
                return varied.encode(texts, task, **options)

    return f"weights nudged by {level:.0e}", Nudged(encoder.loaded)
