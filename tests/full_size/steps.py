"""The steps of the measurement at the published size, each in its own process: write a checkpoint, load and encode."""

import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS_BETWEEN_SAMPLES = 0.005


def write(layout: str, folder: str) -> None:
    """Write random weights of the published dimensions in bfloat16, as the published files have them."""
    from tests import checkpoints

    asked = {"size": checkpoints.PUBLISHED_SIZE, "dtype": "bfloat16"}
    if layout == "native":
        names = {"base_names": checkpoints.PUBLISHED, "adapter_names": checkpoints.PUBLISHED}
        checkpoints.write_native_checkpoint(Path(folder), **asked, **names)
    else:
        checkpoints.write_original_checkpoint(Path(folder), **asked)


def load(folder: str, dtype: str) -> None:
    """Load a checkpoint and encode a few texts; print the figures as JSON."""
    # Whatever loading imports is imported here: its memory is no part of the model's.
    import peft.tuners.lora  # noqa: F401
    import torch
    import transformers.models.jina_embeddings_v3.modeling_jina_embeddings_v3  # noqa: F401

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
    with peak_of_anonymous_bytes() as loading_peak:
        loaded = load_model(checkpoint, dtype=dtype)
    seconds = time.perf_counter() - inspected

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
        "peak_while_loading_mib": round(max(loading_peak) / 2**20),
        "peak_while_encoding_mib": round(max(encoding_peak) / 2**20),
        "memory_share": round((peak - imports) / model_bytes, 3),
        "tokens_per_second": round(rate),
        "threads": torch.get_num_threads(),
    }
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
    {"write": write, "load": load}[sys.argv[1]](*sys.argv[2:])
