"""Measures on vectors by language, row i the same meaning in every language; higher is better."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from fixtures.comparing import measures
from fixtures.comparing.items import Item
from fixtures.comparing.similarity import similarity_matrix

ByLanguage = Mapping[str, np.ndarray]
"""Language -> vectors of shape (meanings, dim)."""


def translation_margins(vectors: ByLanguage, texts: Mapping[str, Sequence[str]], language: str) -> list[Item]:
    """Return the margin of each text of a language in each other language: the right answer is the translation."""
    found = []
    for other in vectors:
        if other != language:
            similarities = similarity_matrix(vectors[language], vectors[other])
            found += measures.nearest(similarities, list(texts[language]), list(texts[other]))
    return found


def paired_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the row-wise cosine similarity: (n, dim) and (n, dim) give (n,)."""
    return np.diag(similarity_matrix(first, second))


def same_meaning(vectors: ByLanguage) -> np.ndarray:
    """Return the similarity of each text to each of its translations: shape (language pairs, meanings)."""
    return np.array([paired_similarity(first, second) for first, second in combinations(vectors.values(), 2)])


def ndcg_at_10(similarities: np.ndarray) -> float:
    """Return the mean nDCG@10 of queries whose one relevant document is on the diagonal (mteb's retrieval score)."""
    from sklearn.metrics import ndcg_score

    return float(ndcg_score(np.eye(len(similarities)), similarities, k=measures.RANKS))
