"""Gates that other projects use, written from their descriptions, judged on the same embeddings as ours.

Each takes the healthy and the observed embeddings of the anchors and of the notebook's seven sentences, and says
whether it would raise an alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.similarity import similarity_matrix


@dataclass(frozen=True)
class Observation:
    """Embeddings of the anchors, (n, dim), and of the seven sentences, (7, dim), before and now."""

    anchors_before: np.ndarray
    anchors_now: np.ndarray
    shown_before: np.ndarray
    shown_now: np.ndarray


def cosine_below(limit: float) -> Callable[[Observation], bool]:
    """Alarm when any text's embedding has less than this cosine to its golden one."""

    def alarm(seen: Observation) -> bool:
        distances = cosine_distances(seen.anchors_before, seen.anchors_now)
        return not bool((distances <= 1 - limit).all())  # NaN is an alarm

    return alarm


def similarity_row(seen: Observation) -> bool:
    """Alarm when one row of similarities, the first English text to four others, moves by more than 0.01."""
    before = similarity_matrix(seen.shown_before[:1], seen.shown_before[1:5])
    if not np.isfinite(seen.shown_now).all():
        return True
    return not np.allclose(before, similarity_matrix(seen.shown_now[:1], seen.shown_now[1:5]), rtol=0, atol=0.01)


def five_components(seen: Observation) -> bool:
    """Alarm when one of the first five components of two English texts moves by more than 1e-4."""
    before, now = (vectors[:2, :5] for vectors in (seen.anchors_before, seen.anchors_now))
    return not np.allclose(before, now, rtol=0, atol=1e-4)


def exact_text(seen: Observation) -> bool:
    """Alarm when the printed matrix of the seven sentences changes in any digit (plain syrupy)."""
    return _printed(seen.shown_before, "{!r}") != _printed(seen.shown_now, "{!r}")


def four_decimals(seen: Observation) -> bool:
    """Alarm when the matrix, rounded to four decimals, changes."""
    return _printed(seen.shown_before, "{:.4f}") != _printed(seen.shown_now, "{:.4f}")


def _printed(vectors: np.ndarray, form: str) -> list[str]:
    if not np.isfinite(vectors).all():
        return ["nan"]
    return [form.format(float(value)) for value in similarity_matrix(vectors).ravel()]


RIVALS: dict[str, Callable[[Observation], bool]] = {
    "cosine > 0.999 (TEI)": cosine_below(0.999),
    "cosine >= 0.99 (vLLM)": cosine_below(0.99),
    "one similarity row, 0.01 (sentence-transformers)": similarity_row,
    "five components, 1e-4 (FastEmbed)": five_components,
    "exact text (plain syrupy)": exact_text,
    "matrix rounded to 4 decimals": four_decimals,
}
