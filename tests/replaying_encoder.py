"""An encoder that answers with the published numbers, some of them nudged; as a pytest plugin, the run's model.

PUBLISHED_NUDGE says by how many times the allowed difference the plugin's encoder is off.
"""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from fixtures.comparing.bounds import assumed_tolerance
from fixtures.comparing.published import NOTEBOOK_ROUNDING
from fixtures.run.run_state import CHECKPOINT
from fixtures.runtimes.jina_v3 import loading
from fixtures.texts import corpus

NOTEBOOK = corpus.read_data("notebook")
FASTEMBED = corpus.read_data("published/fastembed")
TRANSFORMERS = corpus.read_data("published/transformers")
DIMENSION = 1024


def vectors_with_similarities(matrix: np.ndarray) -> np.ndarray:
    """Unit vectors (n, n) whose cosine similarities are the matrix; published ones are near enough to be possible."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.clip(values, 0, None))


def allowed_hidden_state(task: str | None) -> float:
    value = TRANSFORMERS["hidden_states"][task or "base"][1][8]
    return TRANSFORMERS["tolerance"]["atol"] + TRANSFORMERS["tolerance"]["rtol"] * abs(value)


class ReplayingEncoder:
    """Answers with the published numbers, one of each set off by `nudge` times what is allowed."""

    tasks = tuple(NOTEBOOK["similarity"])

    def __init__(self, nudge: float = 0.0) -> None:
        self.nudge = nudge
        self.notes: list[str] = []

    def encode(self, texts, task, *, prefix=None):
        if texts == list(corpus.shown_sentences().values()):
            assert prefix is None, "the notebook's sentences have their task's prefix"
            return self._notebook(task)
        assert prefix == "", "published without a prefix"
        assert texts == FASTEMBED["texts"]
        vectors = np.zeros((2, DIMENSION), dtype=np.float32)
        vectors[:, :5] = FASTEMBED["vectors"][task]
        vectors[1, 3] += self.nudge * FASTEMBED["tolerance"]["atol"]
        return vectors

    def _notebook(self, task):
        matrix = np.array(NOTEBOOK["similarity"][task])
        matrix[2, 5] = matrix[5, 2] = matrix[2, 5] + self.nudge * (
            assumed_tolerance("float32").value + NOTEBOOK_ROUNDING
        )
        return np.pad(vectors_with_similarities(matrix), ((0, 0), (0, DIMENSION - len(matrix))))

    def hidden_states(self, text, task, *, prefix):
        assert prefix == "", "published without a prefix"
        assert text == TRANSFORMERS["text"]
        states = np.zeros((17, DIMENSION), dtype=np.float32)
        states[1:4, 1:10] = TRANSFORMERS["hidden_states"][task or "base"]
        states[2, 9] += self.nudge * allowed_hidden_state(task)
        return states

    def unload(self):
        pass


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """Take the place of the run's model, which is then never loaded."""
    from fixtures.run import plugin

    config.stash[CHECKPOINT] = SimpleNamespace(
        name="jinaai/jina-embeddings-v3",
        published_as="jinaai/jina-embeddings-v3",
        baseline_name="jina-embeddings-v3",
        layout="native",
        weights_hash="0" * 64,
        tasks=ReplayingEncoder.tasks,
        lacks=lambda ability: None,
    )
    loading.load_model = lambda checkpoint, **options: None
    plugin._encoder_class = lambda layout: (
        lambda loaded, **options: ReplayingEncoder(float(os.environ["PUBLISHED_NUDGE"]))
    )
