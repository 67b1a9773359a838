"""Callables that stand for systems: a healthy one, and ones that go wrong in one way each."""

import asyncio
import atexit
import functools
import hashlib
import json
import os
import warnings
from pathlib import Path

import numpy as np

DIMENSION = 64


def encode(texts: list[str], task: str) -> np.ndarray:
    """A bag of words: each word has a direction of its own, each task turns some of them round."""
    vectors = np.array([sum(map(_direction, text.split() or [text]), _direction(task)) for text in texts])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@functools.cache
def _direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode(errors="surrogatepass")).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIMENSION)


def noisy(texts: list[str], task: str) -> np.ndarray:
    """Moves each vector by the distance NOISE, in another direction at each call; unit length is kept."""
    moved = encode(texts, task).astype(np.float64)
    aside = np.random.default_rng().standard_normal(moved.shape)
    aside *= float(os.environ["NOISE"]) / np.linalg.norm(aside, axis=1, keepdims=True)
    moved += aside
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def only_queries(texts: list[str], task: str) -> np.ndarray:
    """Refuses every task but one."""
    if task != "query":
        raise ValueError(f"unknown task {task}")
    return encode(texts, task)


def turns_after(texts: list[str], task: str) -> np.ndarray:
    """Returns floats for up to two texts, complex numbers for more."""
    return encode(texts, task) if len(texts) <= 2 else encode(texts, task).astype(np.complex64)


def transposed(texts: list[str], task: str) -> np.ndarray:
    return encode(texts, task).T


def not_finite(texts: list[str], task: str) -> np.ndarray:
    return np.full((len(texts), DIMENSION), np.nan, dtype=np.float32)


def too_few(texts: list[str], task: str) -> np.ndarray:
    return encode(texts, task)[:-1]


def raises(texts: list[str], task: str) -> np.ndarray:
    raise RuntimeError("the server is gone\nsecond line")


NOT_CALLABLE = 7


_BUFFER = np.zeros((64, DIMENSION), dtype=np.float32)


def one_buffer(texts: list[str], task: str) -> np.ndarray:
    """Fills and returns the same array at each call, with the vectors of ``noisy``."""
    _BUFFER[: len(texts)] = noisy(texts, task)
    return _BUFFER[: len(texts)]


BATCH = 32


def forgets_the_order(texts: list[str], task: str) -> np.ndarray:
    """Sorts its texts by length to pad less, and doesn't put them back where it makes more than one batch."""
    ordered = sorted(texts, key=len) if len(texts) > BATCH else texts
    return encode(ordered, task)


def of_other_lengths(texts: list[str], task: str) -> np.ndarray:
    """Doesn't normalise: each vector has a norm of 10 to 30, times SCALE."""
    norms = np.array([10 + 20 * _direction(text)[0] % 20 for text in texts])[:, None]
    return (encode(texts, task) * norms * float(os.environ.get("SCALE", "1"))).astype(np.float32)


def in_bfloat16(texts: list[str], task: str) -> np.ndarray:
    """Rounds its unit vectors to eight bits, as they are where a model normalises in bfloat16."""
    rounded = encode(texts, task).view(np.uint32) + np.uint32(0x8000) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def cuts(texts: list[str], task: str) -> np.ndarray:
    """Reads the first WORDS words of a text."""
    return encode([" ".join(text.split()[: int(os.environ["WORDS"])]) for text in texts], task)


def cuts_from_the_left(texts: list[str], task: str) -> np.ndarray:
    """Reads the last WORDS words of a text."""
    return encode([" ".join(text.split()[-int(os.environ["WORDS"]) :]) for text in texts], task)


def narrow_server(texts: list[str], task: str) -> np.ndarray:
    """Refuses more than 32 texts a call, and texts of more than 256 words."""
    if len(texts) > BATCH or max(len(text.split()) for text in texts) > 256:
        raise ConnectionError("413 payload too large")
    return encode(texts, task)


def not_finite_alone(texts: list[str], task: str) -> np.ndarray:
    """Returns NaN for the first text of a call, but of one with many: a kernel that fails on small batches."""
    vectors = encode(texts, task)
    if 2 < len(texts) <= 8:
        vectors[0] = np.nan
    return vectors


def warns(texts: list[str], task: str) -> np.ndarray:
    """Warns its caller, as libraries do."""
    warnings.warn("task will be removed", FutureWarning, stacklevel=2)
    return encode(texts, task)


def imports_late(texts: list[str], task: str) -> np.ndarray:
    """Imports a module of the working directory, but only when it is called for more than two texts."""
    if len(texts) > 2:
        import beside_the_user  # noqa: F401
    return encode(texts, task)


def refuses_empty(texts: list[str], task: str) -> np.ndarray:
    """Refuses a call with a text that is empty."""
    if {"", "query: ", "passage: "} & set(texts):
        raise ValueError("input must not be empty")
    return encode(texts, task)


def returns_less_for_empty(texts: list[str], task: str) -> np.ndarray:
    """Leaves empty texts out of its answer."""
    return encode(texts, task)[: sum(text not in ("", "query: ") for text in texts)]


def cancelled_for_empty(texts: list[str], task: str) -> np.ndarray:
    """Raises on an empty text, and not an ``Exception``: asyncio's ``CancelledError`` is a ``BaseException``."""
    if {"", "query: "} & set(texts):
        raise asyncio.CancelledError("cancelled")
    return encode(texts, task)


def goes_down(texts: list[str], task: str) -> np.ndarray:
    """Answers until it meets a text of several people, then no more."""
    if _DOWN or any("\N{WOMAN}" in text for text in texts):
        _DOWN.append(True)
        raise ConnectionError("connection refused")
    return encode(texts, task)


_DOWN: list[bool] = []


_COUNTED = {"calls": 0, "texts": 0, "words": 0}


def counted(texts: list[str], task: str) -> np.ndarray:
    """Counts what it is asked, and leaves the counts in the file COUNTED as the process ends."""
    if not _COUNTED["calls"]:
        atexit.register(lambda: Path(os.environ["COUNTED"]).write_text(json.dumps(_COUNTED)))
    _COUNTED["calls"] += 1
    _COUNTED["texts"] += len(texts)
    _COUNTED["words"] += sum(len(text.split()) for text in texts)
    return encode(texts, task)
