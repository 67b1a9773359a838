"""A system that waits over some texts, for a share of the time that each call took."""

import time
from collections.abc import Sequence

import numpy as np

from fixtures.runtimes.encoder import Encoder

SLOWED = "long"
"""The regime whose texts are slowed."""


class Waiting:
    """A system that takes longer over texts of one regime, by a share of the time that each call took."""

    def __init__(self, encoder: Encoder, texts: Sequence[str], share: float) -> None:
        self._encoder, self._texts, self._share = encoder, set(texts), share

    def encode(self, texts: Sequence[str], task: str) -> np.ndarray:
        """Encode, then wait if these are the texts."""
        begin = time.perf_counter()
        vectors = self._encoder.encode(texts, task)
        if self._share and self._texts.issuperset(texts):
            self._encoder.wait()
            end = time.perf_counter() + self._share * (time.perf_counter() - begin)
            while time.perf_counter() < end:
                pass
        return vectors

    def wait(self) -> None:
        """Wait for the device."""
        self._encoder.wait()
