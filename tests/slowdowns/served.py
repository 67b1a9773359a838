"""``mini`` as a callable, as it is and slowed over long texts: what the command line is given.

The environment says by how much, and with how many tokens a task is timed: the long texts are those of that regime.
"""

import functools
import os

import numpy as np

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.workloads import workload
from tests.slowdowns.waiting import SLOWED, Waiting

SHARE, TOKENS = "SLOWDOWNS_SHARE", "SLOWDOWNS_TOKENS"
"""Variables of the environment: the slowdown as a share, and --benchmark-tokens."""


@functools.cache
def _encoder() -> TorchEncoder:
    return TorchEncoder(load_model(inspect_checkpoint(BUNDLED_FOLDER)))


def as_it_is(texts: list[str], task: str) -> np.ndarray:
    """Answer."""
    return _encoder().encode(texts, task)


@functools.cache
def _slowed() -> Waiting:
    texts = workload(SLOWED, int(os.environ[TOKENS])).texts
    return Waiting(_encoder(), texts, float(os.environ[SHARE]))


def slowed(texts: list[str], task: str) -> np.ndarray:
    """Answer, and wait if these are the long texts."""
    return _slowed().encode(texts, task)
