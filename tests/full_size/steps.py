"""The steps of the measurement at the published size, each in its own process: write a checkpoint, load and encode."""

import contextlib
import gc
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_TEXTS, _LENGTH, _TURNS = 16, 128, 5
"""What is encoded in turn: texts, tokens of each, and how often."""
_SECONDS_BETWEEN_SAMPLES = 0.005


def write(layout: str, folder: str) -> None:
    """Write random weights of the published dimensions in bfloat16, as the published files have them."""
    from tests import checkpoints
    from tests.real import e5_folder
    from tests.real.carried import E5

    asked = {"size": checkpoints.PUBLISHED_SIZE, "dtype": "bfloat16"}
    if layout == "native":
        names = {"base_names": checkpoints.PUBLISHED, "adapter_names": checkpoints.PUBLISHED}
        checkpoints.write_native_checkpoint(Path(folder), **asked, **names)
    else:
        checkpoints.write_original_checkpoint(Path(folder), **asked)
    e5_folder.write_tokenizer(E5.file(), Path(folder) / "tokenizer.json")


def load(folder: str, dtype: str) -> None:
    """Load a checkpoint and encode a few texts; print the figures as JSON."""
    # Whatever loading imports is imported here: its memory is no part of the model's.
    import peft.tuners.lora  # noqa: F401
    import torch
    import transformers.models.jina_embeddings_v3.modeling_jina_embeddings_v3  # noqa: F401
    from transformers import AutoTokenizer

    from fixtures.hardware.threads import thread_count
    from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder
    from fixtures.runtimes.jina_v3.loading import load_model
    from fixtures.texts import corpus

    torch.set_num_threads(thread_count())
    started = time.perf_counter()
    checkpoint = inspect_checkpoint(Path(folder))
    inspected = time.perf_counter()
    imports = anonymous_bytes()
    kept = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    gc.collect()
    tokenizer = anonymous_bytes() - imports
    del kept
    gc.collect()
    begun = time.perf_counter()
    with peak_of_anonymous_bytes() as loading_peak:
        loaded = load_model(checkpoint, dtype=dtype)
    seconds = time.perf_counter() - begun

    encoder = TorchEncoder(loaded)
    texts = list(corpus.shown_sentences().values())[:3]
    with peak_of_anonymous_bytes() as encoding_peak:
        encoder.encode(texts, encoder.tasks[-1])
        tokens, begun = encoder.tokens_encoded, time.perf_counter()
        encoder.encode(texts, encoder.tasks[-1])
        rate = (encoder.tokens_encoded - tokens) / (time.perf_counter() - begun)

    model_bytes = sum(parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters())
    layers = [layer for layer in loaded.model.modules() if hasattr(layer, "scaling") and hasattr(layer, "lora_A")]
    peak = max(*loading_peak, *encoding_peak)
    figures = {
        "adapted_matrices": len(layers),
        "scalings": sorted({value for layer in layers for value in layer.scaling.values()}),
        "inspection_seconds": round(inspected - started, 2),
        "load_seconds": round(seconds, 1),
        "weights_mib": round(model_bytes / 2**20),
        "imports_mib": round(imports / 2**20),
        "tokenizer_mib": round(tokenizer / 2**20),
        "peak_while_loading_mib": round(max(loading_peak) / 2**20),
        "peak_while_encoding_mib": round(max(encoding_peak) / 2**20),
        "memory_share": round((peak - imports - tokenizer) / model_bytes, 3),
        "tokens_per_second": round(rate),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures))


def adapters(folder: str, dtype: str) -> None:
    """Encode with adapters, with PEFT's own layers and with the base alone, in turn; print shares of the GEMM rate."""
    import torch
    from peft.tuners.lora.layer import Linear

    from fixtures.hardware.threads import thread_count
    from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder
    from fixtures.runtimes.jina_v3.fused_lora import FusedLinear
    from fixtures.runtimes.jina_v3.loading import load_model
    from fixtures.speed.gemm import best_rates

    torch.set_num_threads(thread_count())
    encoder = TorchEncoder(load_model(inspect_checkpoint(Path(folder)), dtype=dtype))
    draw = np.random.default_rng(0)
    token_ids = [draw.integers(5, 200_000, _LENGTH).tolist() for _ in range(_TEXTS)]
    flop = encoder.arithmetic().flop([_LENGTH] * _TEXTS)
    forwards = {"fused": FusedLinear.forward, "peft": Linear.forward, "base": lambda self, x: self.base_layer(x)}
    rates, seconds, vectors = [], {name: [] for name in forwards}, {}
    for turn in range(1 + _TURNS):
        rates.append(best_rates("cpu", on_torch=True, seconds=1)[dtype])
        for name, forward in forwards.items():
            FusedLinear.forward = forward
            begun = time.perf_counter()
            with torch.inference_mode():
                encoder.select(encoder.tasks[-1])
                vectors[name] = encoder.finish(encoder.pool(*encoder.forward(token_ids, "right")), None)
            if turn:
                seconds[name].append(time.perf_counter() - begun)
    figures = {"gemm_gflop_per_second": [round(rate / 1e9) for rate in rates]}
    for name, took in seconds.items():
        figures |= {
            f"{name}: share of the best": round(flop / float(np.median(took)) / max(rates), 3),
            f"{name}: tokens_per_second": round(_TEXTS * _LENGTH / float(np.median(took))),
            f"{name}: seconds": [round(one, 2) for one in took],
        }
    figures["largest component difference of fused to peft"] = float((vectors["fused"] - vectors["peft"]).abs().max())
    print(json.dumps(figures))


def record(folder: str) -> None:
    """Record a baseline of all tasks as a run does; print what went through the model, and how long it took."""
    import pytest

    from fixtures.runtimes.jina_v3.encoder import TorchEncoder

    counted: dict[str, list[float]] = {}
    forward = TorchEncoder.forward

    def counting(self: TorchEncoder, token_ids: list[list[int]], side: str) -> Any:
        begun = time.perf_counter()
        answer = forward(self, token_ids, side)
        longest = max(map(len, token_ids))
        found = counted.setdefault(self.loaded.dtype, [0, 0, 0])
        for at, more in enumerate((sum(map(len, token_ids)), longest * len(token_ids), time.perf_counter() - begun)):
            found[at] += more
        return answer

    TorchEncoder.forward = counting
    with tempfile.TemporaryDirectory() as snapshots, contextlib.redirect_stdout(sys.stderr):
        options = [f"--model={folder}", f"--snapshots={snapshots}", "--device=cpu", "--snapshot-update"]
        begun = time.perf_counter()
        code = pytest.main(["evals/test_drift.py", "-p", "no:cacheprovider", *options])
        minutes = (time.perf_counter() - begun) / 60
    if code:
        raise SystemExit(int(code))
    figures = {"minutes": round(minutes, 1), "tokens": sum(int(found[0]) for found in counted.values())}
    for dtype, (tokens, filled, took) in counted.items():
        figures[f"in {dtype}"] = (
            f"{int(tokens):,} tokens, {1 - tokens / filled:.0%} padding, {tokens / took:.0f} a second"
        )
    print(json.dumps(figures))


def anonymous_bytes() -> int:
    """Return this process's resident memory that no file stands behind (Linux, /proc/self/status)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024


@contextmanager
def peak_of_anonymous_bytes() -> Iterator[list[int]]:
    """Sample anonymous memory until the block ends; the largest value is the list's only entry afterwards."""
    peak = [anonymous_bytes()]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SECONDS_BETWEEN_SAMPLES):
            peak[0] = max(peak[0], anonymous_bytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak[0] = max(peak[0], anonymous_bytes())


if __name__ == "__main__":
    {"write": write, "load": load, "adapters": adapters, "record": record}[sys.argv[1]](*sys.argv[2:])
