"""How far rounding moves deep models, beside the floors of bounds: ``python -m tests.rounding --help``.

One model in one precision, on the anchors: the harmless variations that a recording of it runs, and for each statistic
the largest movement of any of them, as a share of the floor for as many layers and of the table's own. Two minutes on
idle cores for a real model of twelve layers.
"""

import argparse
import tempfile
from pathlib import Path

from fixtures.comparing import drift
from fixtures.comparing.bounds import largest_seen
from fixtures.comparing.floors import LAYERS_OF_FLOORS, floors
from fixtures.runtimes import registry
from fixtures.runtimes.encoder import Encoder
from fixtures.texts.anchors import anchor_set
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.opened_folders import opened


def noise(encoder: Encoder, texts: list[str]) -> dict[str, float]:
    """Return statistic -> the largest movement of any harmless variation under the model's first task."""
    task = encoder.tasks[0]
    before = encoder.encode(texts, task)
    samples = []
    for variation in registry.SENTENCE_TRANSFORMERS.variations(encoder, thorough=True):
        if encoder.spec.precision != "float32" and "float64" in variation.name:
            continue  # it is far from every coarser precision
        samples.append(drift.measure(before, variation.encode(encoder, texts, task)))
        print(f"  {variation.name}: vector max {samples[-1]['vector max']:.2g}", flush=True)
    return largest_seen(samples)


def main() -> None:
    """Print a table for one model."""
    parser = argparse.ArgumentParser(prog="python -m tests.rounding", description=__doc__)
    parser.add_argument("--folder", help="a folder of sentence-transformers; by default one with random weights")
    parser.add_argument("--layers", type=int, default=24, help="of random weights")
    parser.add_argument("--hidden", type=int, default=256, help="components, of random weights")
    parser.add_argument("--spread", type=float, default=0.04, help="standard deviation of the random weights")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or str(
            write_sentence_transformers(
                Path(scratch) / "model", hidden=options.hidden, layers=options.layers, spread=options.spread
            )
        )
        encoder = opened(folder, dtype=options.dtype)
        texts = list(anchor_set(encoder.spec.max_length).texts.values())
        seen = noise(encoder, texts)
    print(f"{options.folder or 'random weights'}, {encoder.spec.layers} layers, {options.dtype}, {len(texts)} texts")
    print("| statistic | largest seen | floor | share | floor without growth | share |\n|---|---|---|---|---|---|")
    plain = floors(options.dtype, LAYERS_OF_FLOORS[options.dtype])
    for name, floor in floors(options.dtype, encoder.spec.layers).items():
        beside = f"{plain[name]:.2g} | {seen[name] / plain[name]:.0%}"
        print(f"| {name} | {seen[name]:.2g} | {floor:.2g} | {seen[name] / floor:.0%} | {beside} |")


if __name__ == "__main__":
    main()
