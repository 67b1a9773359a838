"""Two hundred harmless runs, other ones than those that the bounds were measured from: none may raise an alarm."""

from collections.abc import Callable

import numpy as np
import pytest

from fixtures import corpus
from fixtures.checkpoint import inspect_checkpoint
from fixtures.encoder import Encoder
from fixtures.loading import load_model
from fixtures.null_set import Variation, _attention, _threads
from tests.faults import catalogue
from tests.faults.laboratory import Laboratory

RUNS = 200


def test_harmless_runs_raise_no_alarm(laboratory, tables, resaved):
    draw = np.random.default_rng(20261124)
    alarms = []
    for number in range(RUNS):
        task = laboratory.encoder.tasks[number % len(laboratory.encoder.tasks)]
        name, encoder = harmless(laboratory, resaved, number // len(laboratory.encoder.tasks), draw)
        finding, seen = laboratory.observe(encoder, task)
        tables.add_alarms("harmless", finding, seen)
        if not finding.verdict.acceptable:
            alarms.append(f"{name} on {task}: {finding.verdict.worst}")
    assert alarms == []


def harmless(laboratory: Laboratory, resaved: Encoder, number: int, draw: np.random.Generator) -> tuple[str, Encoder]:
    """Return the name and the encoder of a drawn variation; kinds take turns."""
    kinds: list[Callable[[], tuple[str, Encoder]]] = [
        lambda: _batched(laboratory.encoder, int(draw.integers(16, 20_000)), "right"),
        lambda: _batched(laboratory.encoder, int(draw.integers(16, 20_000)), "left"),
        lambda: _shuffled(laboratory.encoder, int(draw.integers(1000, 2000)), int(draw.integers(64, 8192))),
        lambda: _crowded(laboratory.encoder, int(draw.integers(1, 30)), int(draw.integers(512, 8192))),
        lambda: ("re-saved in float32", resaved),
        lambda: _within(laboratory.encoder, "eager attention", _attention("eager")),
        lambda: _within(laboratory.encoder, "one thread", _threads(1)),
        lambda: _nudged(laboratory.encoder, float(10 ** draw.uniform(-8.5, -7.5)), int(draw.integers(1000))),
    ]
    return kinds[number % len(kinds)]()


@pytest.fixture(scope="module")
def resaved(laboratory, tmp_path_factory) -> Encoder:
    """The same model, saved by the libraries in float32 and loaded again."""
    import shutil

    source = laboratory.encoder.loaded.checkpoint.folder
    folder = tmp_path_factory.mktemp("resaved") / "mini"
    shutil.copytree(source, folder)
    from safetensors.torch import load_file, save_file

    for file in folder.rglob("*.safetensors"):
        tensors = {name: tensor.float().contiguous() for name, tensor in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})
    return Encoder(load_model(inspect_checkpoint(folder, name="mini")))


def _batched(encoder: Encoder, size: int, side: str) -> tuple[str, Encoder]:
    class Batched(Encoder):
        def encode(self, texts, task, **options):
            return super().encode(texts, task, **{"batch_tokens": size, "padding_side": side, **options})

    return f"batches of {size} tokens, padded on the {side}", Batched(encoder.loaded)


def _shuffled(encoder: Encoder, seed: int, size: int) -> tuple[str, Encoder]:
    varied = Variation("shuffled", {"batch_tokens": size}, lambda count: np.random.default_rng(seed).permutation(count))

    class Shuffled(Encoder):
        def encode(self, texts, task, **options):
            return varied.encode(encoder, texts, task)

    return f"order shuffled, seed {seed}, batches of {size} tokens", Shuffled(encoder.loaded)


def _crowded(encoder: Encoder, count: int, size: int) -> tuple[str, Encoder]:
    neighbours = [corpus.drawn_text(5 + 7 * number, seed=number) for number in range(count)]

    class Crowded(Encoder):
        def encode(self, texts, task, **options):
            return super().encode([*neighbours, *texts], task, batch_tokens=size)[count:]

    return f"{count} more texts, batches of {size} tokens", Crowded(encoder.loaded)


def _within(encoder: Encoder, name: str, context) -> tuple[str, Encoder]:
    class Within(Encoder):
        def encode(self, texts, task, **options):
            with context(encoder) as varied:
                return varied.encode(texts, task, **options)

    return name, Within(encoder.loaded)


def _nudged(encoder: Encoder, level: float, seed: int) -> tuple[str, Encoder]:
    """Weights moved by as little as rounding to float32 does: 3.4e-8 of them at most (standard deviation)."""

    class Nudged(Encoder):
        def encode(self, texts, task, **options):
            with catalogue.noise(level, seed=seed)(encoder, task) as varied:
                return varied.encode(texts, task, **options)

    return f"weights nudged by {level:.0e}", Nudged(encoder.loaded)
