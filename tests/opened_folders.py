"""Folders of sentence-transformers as the suite opens them, and as that library does."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from fixtures.errors import CheckpointError
from fixtures.models.spec import Target
from fixtures.runtimes import registry

ROUNDING = 3e-6
"""Of components of unnormalised vectors, which are as long as 6, and of those of unit length."""


def opened(folder, *, only=(), task_map=None, trust=False, **options):
    """Open a folder by the runtime of its row."""
    target = Target(str(folder), only_tasks=only, task_map=task_map, trust_remote_code=trust)
    runtime = registry.SENTENCE_TRANSFORMERS
    spec = registry.completed(runtime, runtime.fetch(registry.describe(runtime, target), target), target)
    return runtime.open(spec, target, "cpu", runtime.options(trust_remote_code=trust, **options))


def refused(folder, kind=CheckpointError, **options) -> str:
    with pytest.raises(kind) as error:
        opened(folder, **options)
    message = str(error.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


def theirs(folder, **options):
    """The library's own model of a folder, in float32."""
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, **options)


def assert_alike(vectors: np.ndarray, expected: np.ndarray) -> None:
    """Vectors are equal but for rounding."""
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=ROUNDING)
