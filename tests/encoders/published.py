"""An encoder that answers with the published numbers, some of them nudged.

As a plugin of pytest (``-p tests.encoders.published``) it stands in the model's place; PUBLISHED_NUDGE says by how many
times the allowed difference it is off.
"""

import os
from dataclasses import replace

import numpy as np

from fixtures.comparing.bounds import assumed_tolerance
from fixtures.comparing.published import NOTEBOOK_ROUNDING
from fixtures.models.spec import Input, ModelSpec
from fixtures.runtimes import registry
from fixtures.runtimes.encoder import Encoder
from fixtures.runtimes.jina_v3.known_models import task_map_of_published
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


def published_spec(target=None) -> ModelSpec:
    """What the published model says of itself."""
    published = task_map_of_published()
    return ModelSpec(
        name="jinaai/jina-embeddings-v3",
        runtime="jina-v3",
        tasks={task: Input(sent.prompt, adapter=task) for task, sent in published.tasks.items()},
        roles=published.roles,
        dimension=DIMENSION,
        max_length=8194,
        precision="float32",
        identity="0" * 64,
        source="nowhere",
        baseline_name="jina-embeddings-v3",
        published_as="jinaai/jina-embeddings-v3",
        details={"layout": "native"},
    )


class ReplayingEncoder(Encoder):
    """Answers with the published numbers, one of each set off by `nudge` times its tolerance."""

    device = "cpu"

    def __init__(self, nudge: float = 0.0) -> None:
        self.spec, self.nudge = published_spec(), nudge
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


def pytest_addoption() -> None:
    """Have it open every model, before a run looks for its runtime."""
    row = replace(
        registry.JINA_V3,
        describe=published_spec,
        fetch=lambda spec, target: spec,
        open=lambda *arguments: ReplayingEncoder(float(os.environ["PUBLISHED_NUDGE"])),
    )
    registry.register(row)
