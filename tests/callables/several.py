"""One callable that serves several models, as examples/own_code.py does: SERVED chooses, SAID says which one it is."""

import os

import numpy as np

from tests import callables

_SERVED = os.environ.get("SERVED", "")


def encode(texts: list[str], task: str) -> np.ndarray:
    """What the chosen model answers: each one turns words by another direction."""
    return callables.encode([f"{_SERVED} {text}" for text in texts], task)


if said := os.environ.get("SAID"):
    encode.evals_model = int(said) if said.isdigit() else said
