"""Tiny stand-ins: a tokenizer and a student trained on nothing, a teacher that hashes words."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import JinaEmbeddingsV3Model, XLMRobertaTokenizer

# A tiny model gains nothing from a second thread, and on a busy machine waits for it.
os.environ["OMP_NUM_THREADS"] = "1"

SENTENCES = {
    "en": ["The bread is warm.", "A boat on the lake.", "The door was open."],
    "es": ["El pan está caliente.", "Un barco en el lago.", "La puerta estaba abierta."],
    "zh": ["面包是热的。", "湖上有一条船。", "门是开着的。"],
}


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Whatever these tests are warned of is an error, as in the suite's own tests."""
    config.addinivalue_line("filterwarnings", "error")


class HashingTeacher:
    """Vectors from the hashes of words: alike for texts that share words."""

    def __init__(self, threads: int = 1) -> None:
        del threads

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, one row per text."""
        vectors = np.zeros((len(texts), 512), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split() or [text]:
                generator = np.random.default_rng(zlib.crc32(word.encode()))
                vectors[row] += generator.standard_normal(512, dtype=np.float32)
        return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-8)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> XLMRobertaTokenizer:
    """A tokenizer of a few pieces."""
    pytest.importorskip("sentencepiece", reason="the tokenizer's normalisation comes from sentencepiece")
    pytest.importorskip("torch", reason="transformers' tokenizer class is tested with torch")
    from recipe.tokenizer import train_tokenizer

    texts = [text for sentences in SENTENCES.values() for text in sentences] * 5
    return train_tokenizer(texts, vocabulary=120)


@pytest.fixture
def tiny_student(tiny_tokenizer: XLMRobertaTokenizer) -> JinaEmbeddingsV3Model:
    """A student of one narrow layer."""
    import torch

    from recipe.model import StudentShape, create_student

    torch.manual_seed(0)
    shape = StudentShape(layers=1, heads=2, dimensions=32, intermediate=64)
    return create_student(len(tiny_tokenizer), shape).eval()
