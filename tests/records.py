"""Made-up records of speed, for tests that need no run."""

from collections.abc import Mapping
from typing import Any

from fixtures.speed.record import Record, Regime

TEXTS = "a" * 64
WEIGHTS = "b" * 64


def regime(speed: float, **more: Any) -> Regime:
    """A regime at so many texts a second, of 10 texts with 100 tokens each."""
    texts = {"texts": 10, "tokens": 1000, "texts_sha256": TEXTS}
    timed = {"tokens_per_second": 100 * speed, "spread": 0.01, "rounds": 5, "distance": 0.0}
    return Regime(sentences_per_second=speed, **{**texts, **timed, **more})


def made_up(
    *,
    speed: float = 50.0,
    system: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
    **more: Any,
) -> Record:
    """A record of a model called tiny on a processor; what is given replaces its entries."""
    entries: dict[str, Any] = {
        "made": "2026-11-30T14:22:33Z",
        "suite": "0.8.0",
        "machine": {"processor": "A Processor", "key": "c" * 12, "cores": 2.0, "host": "d" * 12, **(machine or {})},
        "system": {
            "model": "tiny",
            "name": "tiny",
            "runtime": "jina-v3",
            "device": "cpu",
            "dtype": "float32",
            "identity": WEIGHTS,
            **(system or {}),
        },
        "gemm": {"by": "torch 2.13.0", "start": {"float32": 1e11}, "end": {"float32": 1e11}},
        "throttled": {"start": None, "end": None},
        "regimes": {"short": regime(speed)},
        "sweep": {"curve": [[512, 100.0], [1024, 200.0]], "ended": "larger batches are no faster"},
        "latency": {"median": 0.01, "p95": 0.02, "calls": 20},
        "load_seconds": 1.5,
        "first_call_seconds": 0.1,
        "memory": {"bytes": 2**30, "of": "resident in the process"},
        "drift": {"against": "snapshots/tiny", "tasks": {"embedding": {"outcome": "identical", "share": 0.0}}},
        "unknown": {"throttle reasons": "a processor isn't asked"},
    }
    return Record(**{**entries, **more})
