"""Encode throughput beside sentence-transformers: the same weights, adapter, prefix, dtype and texts, interleaved.

Run with ``tox run -e compare``. Prints the median ratio of the times per length regime, with the range of the rounds;
above 1 this suite's encoder is faster. Exit code 1 if the two give other embeddings, or mixed lengths take longer here.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from fixtures.hardware.threads import thread_count
from fixtures.models.checkpoint import Checkpoint, inspect_checkpoint
from fixtures.models.known_models import adapter_folder
from fixtures.run.settings import BUNDLED_FOLDER
from fixtures.run.throughput import REGIMES, workload
from fixtures.runtimes.jina_v3.encoder import Encoder
from fixtures.runtimes.jina_v3.loading import load_model

LARGEST_DIFFERENCE = 1e-5


def main() -> int:
    """Compare on the command line's model and task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=BUNDLED_FOLDER, help="checkpoint folder")
    parser.add_argument("--task", default="text-matching")
    parser.add_argument("--tokens", type=int, default=8000, help="tokens per length regime")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(thread_count())
    checkpoint = inspect_checkpoint(arguments.model)
    encoder = Encoder(load_model(checkpoint))
    other = sentence_transformer(checkpoint, arguments.task)
    failed = False
    for regime in REGIMES:
        texts = list(workload(regime, arguments.tokens).texts)
        prefix = checkpoint.prefixes[arguments.task]

        def ours(texts: list[str] = texts) -> np.ndarray:
            return encoder.encode(texts, arguments.task)

        def theirs(texts: list[str] = texts, prefix: str = prefix) -> np.ndarray:
            return other.encode([prefix + text for text in texts], normalize_embeddings=True)

        apart = float(np.abs(ours() - theirs()).max())
        ratios = []
        for turn in range(arguments.rounds):  # who goes first changes, or one would always find the caches warm
            steps = (theirs, ours) if turn % 2 else (ours, theirs)
            times = {step: seconds(step) for step in steps}
            ratios.append(times[theirs] / times[ours])
        failed |= apart > LARGEST_DIFFERENCE or (regime == "mixed" and statistics.median(ratios) < 1)
        print(
            f"{regime:6}  {len(texts):4} texts  {statistics.median(ratios):.2f}x "
            f"({min(ratios):.2f} to {max(ratios):.2f}); largest difference of a component {apart:.1e}"
        )
    return int(failed)


def sentence_transformer(checkpoint: Checkpoint, task: str) -> SentenceTransformer:
    """Return the same model as sentence-transformers loads it, the task's adapter active."""
    model = SentenceTransformer(str(checkpoint.folder), device="cpu", model_kwargs={"dtype": torch.float32})
    model.load_adapter(str(checkpoint.folder / adapter_folder(task)), adapter_name=adapter_folder(task))
    model.set_adapter(adapter_folder(task))
    model.max_seq_length = checkpoint.max_length
    return model


def seconds(step: Callable[[], object]) -> float:
    """Return how long a step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
