"""The measures of the model card, on vectors whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

pytest.importorskip("tqdm", reason="needs the recipe's packages")

from recipe import measure
from recipe.sources import CORE_LANGUAGES

EYE = np.eye(4)
COUNT = 3


class Told(measure.Checkpoint):
    """Gives each text the vector that it was told."""

    def __init__(self, vectors: Mapping[str, np.ndarray]) -> None:
        self._vectors = vectors

    def encode(self, texts: Sequence[str], task: str) -> np.ndarray:
        """The same under every task."""
        return measure.unit_rows(np.array([self._vectors[text] for text in texts]))


def test_aligned_accuracy_counts_texts_that_find_their_translation():
    first = np.eye(4, 8)
    assert measure.aligned_accuracy({"en": first, "es": first}) == {"mean": 1.0, "worst": 1.0}
    swapped = first[[1, 0, 2, 3]]
    assert measure.aligned_accuracy({"en": first, "es": swapped}) == {"mean": 0.5, "worst": 0.5}


def test_meanings_that_lie_apart_are_told_in_every_figure():
    """Texts of a meaning are one vector, a paraphrase is nearer than none, a negation has a similarity of 0.6 to it."""
    meanings, vectors = [], {}
    for number in range(COUNT):
        texts, paraphrases, negations = (
            {lang: f"{kind} {number} {lang}" for lang in CORE_LANGUAGES} for kind in ("text", "paraphrase", "negation")
        )
        vectors |= dict.fromkeys([*texts.values(), *paraphrases.values()], EYE[number])
        vectors |= dict.fromkeys(negations.values(), 0.6 * EYE[number] + 0.8 * EYE[COUNT])
        meanings.append({"texts": texts, "paraphrases": paraphrases, "near_misses": {"negation": negations}})
    every_language = dict.fromkeys(CORE_LANGUAGES, 1.0)
    figures = measure.measure_meanings(Told(vectors), meanings, measure.BASE)
    assert figures == {
        "translation nearest": every_language,
        "translation nearest of all languages": every_language,
        "margin": 1.0,
        "same meaning": 1.0,
        "other meaning": 0.0,
        "paraphrase": 1.0,
        "paraphrase above translation": dict.fromkeys(CORE_LANGUAGES, 0.0),
        "near miss": {"negation": pytest.approx(0.6)},
    }


def test_questions_that_find_another_passage_first_count_less():
    """Of three questions one finds its passage, two find each other's before their own: 1 / log2(3) each."""
    passages = [EYE[1] + 0.1 * EYE[0], EYE[0] + 0.1 * EYE[1], EYE[2]]
    documents, vectors = [], {}
    for number in range(COUNT):
        question, passage = ({lang: f"{kind} {number} {lang}" for lang in CORE_LANGUAGES} for kind in "qp")
        vectors |= dict.fromkeys(question.values(), EYE[number]) | dict.fromkeys(passage.values(), passages[number])
        documents.append({"question": question, "passage": passage})
    figures = measure.retrieval_figures(Told(vectors), documents, "retrieval.query", "retrieval.passage")
    assert figures == {
        "accuracy@1": pytest.approx(1 / 3),
        "nDCG@10": pytest.approx((1 + 2 / np.log2(3)) / 3),
    }
