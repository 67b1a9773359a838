"""A callable that answers each task otherwise than the healthy one does, in the way that the task is named for."""

import re
import unicodedata

import numpy as np

from tests.callables import DIMENSION, encode

LONGEST = 400
CONSTANT = np.random.default_rng(7).standard_normal(DIMENSION) / 8


def altered(texts: list[str], task: str) -> np.ndarray:
    """Answer; a task of any other name as the healthy one."""
    if task == "exchanged":
        return encode(texts, task)[::-1]
    if task == "longer_odd_ones":
        return encode(texts, task) * np.array([[1 + ("\N{WOMAN}" in text)] for text in texts], dtype=np.float32)
    if task == "by_size_of_call":
        vectors = np.random.default_rng(len(texts)).standard_normal((len(texts), DIMENSION))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    if task == "longer":
        return encode(texts, task) * np.array([[2 + len(text) % 7] for text in texts], dtype=np.float32)
    if task == "slightly":
        directions = np.random.default_rng(3).standard_normal((len(texts), DIMENSION)) * 1e-6
        return (encode(texts, task) + directions).astype(np.float32)
    if task in ("constant", "constant_normalised"):
        vectors = encode(texts, task) + CONSTANT
        norms = np.linalg.norm(vectors, axis=1, keepdims=True) if task == "constant_normalised" else 1
        return (vectors / norms).astype(np.float32)
    if task == "cut":
        return encode([text[:LONGEST] for text in texts], task)
    if task == "hangul":
        return encode(["?" if _is_hangul(text) else text for text in texts], task)
    if task == "numbers":
        return encode([re.sub(r"(?<!\w)\d[\d.,]*(?!\w)", "n", text) for text in texts], task)
    if task == "everything":
        return encode([f"{at} {text}" for at, text in enumerate(texts)], task)
    return encode(texts, task)


def _is_hangul(text: str) -> bool:
    return sum("HANGUL" in unicodedata.name(character, "") for character in text) > len(text) / 2
