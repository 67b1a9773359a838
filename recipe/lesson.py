"""Lessons: a step of joint training draws one. It has a batch of one task, or two, and a loss on the vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

Embed = Callable[[Sequence[str], str], Tensor]
"""Unit vectors of texts under a task."""


class Lesson(ABC):
    """Draws a batch and says how far its vectors are from what they should be."""

    @abstractmethod
    def loss(self, embed: Embed, rng: np.random.Generator) -> Tensor:
        """The loss of one batch; all that is random comes from `rng`, so that a step can be repeated."""
