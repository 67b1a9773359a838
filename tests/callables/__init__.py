"""Callables that stand for systems: a healthy one, and ones that go wrong in one way each."""

import asyncio
import hashlib
import os
import warnings

import numpy as np

DIMENSION = 64


def encode(texts: list[str], task: str) -> np.ndarray:
    """A bag of words: each word has a direction of its own, each task turns some of them round."""
    vectors = np.array([sum(map(_direction, text.split() or [text]), _direction(task)) for text in texts])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


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
    """Returns an array for up to two texts, a list for more."""
    return encode(texts, task) if len(texts) <= 2 else encode(texts, task).tolist()


def transposed(texts: list[str], task: str) -> np.ndarray:
    return encode(texts, task).T


def not_finite(texts: list[str], task: str) -> np.ndarray:
    return np.full((len(texts), DIMENSION), np.nan, dtype=np.float32)


def in_float64(texts: list[str], task: str) -> np.ndarray:
    return encode(texts, task).astype(np.float64)


def a_list(texts: list[str], task: str) -> list[list[float]]:
    return encode(texts, task).tolist()


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
    """Ends a call with an empty text in what is no Exception."""
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
