"""Callables that take longer than the healthy one does, over all texts or over long ones."""

import time

import numpy as np

from tests.callables import encode

LONG = 1000
"""Characters that texts of the regime ``long`` have on average, and those of the others don't."""


def plain(texts: list[str], task: str) -> np.ndarray:
    """Answer, after as long a time as an encoder needs for so many characters."""
    time.sleep(2e-5 * sum(map(len, texts)))
    return encode(texts, task)


def thrice_as_long(texts: list[str], task: str) -> np.ndarray:
    """Take three times as long over long texts."""
    begin = time.perf_counter()
    vectors = plain(texts, task)
    if sum(map(len, texts)) / len(texts) > LONG:
        time.sleep(2 * (time.perf_counter() - begin))
    return vectors


_DRAW = np.random.default_rng(11)


def unsteady(texts: list[str], task: str) -> np.ndarray:
    """Take anything from half as long to twice as long, the same in each process."""
    time.sleep(2e-5 * sum(map(len, texts)) * float(_DRAW.uniform(0.5, 2)))
    return encode(texts, task)
