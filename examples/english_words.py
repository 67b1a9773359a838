"""A callable of nine lines for English texts, with one task: pieces of words, counted. Its task map lies beside it."""

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

COUNTED = HashingVectorizer(analyzer="char", ngram_range=(1, 4), n_features=1024, alternate_sign=False)


def encode(texts: list[str], task: str) -> np.ndarray:
    """Return one vector of unit length a text, float32 of shape (n, 1024)."""
    return COUNTED.transform([f" {text} " for text in texts]).toarray().astype(np.float32)
