"""The measures of the model card, on vectors whose figures can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tqdm", reason="needs the recipe's packages")

from recipe import measure

MEANINGS, LANGUAGES = 6, 3
# Two wordings of each meaning in each language.
MEANING = np.tile(np.arange(MEANINGS), 2 * LANGUAGES)
LANGUAGE = np.repeat(np.arange(LANGUAGES), 2 * MEANINGS)


def vectors(*, meaning: float, language: float, noise: float = 0.05) -> np.ndarray:
    """Unit vectors with a part of their meaning, a part of their language, and noise."""
    rng = np.random.default_rng(0)
    directions = np.eye(MEANINGS + LANGUAGES)
    drawn = meaning * directions[MEANING] + language * directions[MEANINGS + LANGUAGE]
    return measure.unit_rows(drawn + noise * rng.standard_normal(drawn.shape))


def test_order_of_paraphrase_translation_unrelated_is_rewarded():
    both = measure.graded_spearman(vectors(meaning=1.0, language=0.5), MEANING, LANGUAGE)
    no_language = measure.graded_spearman(vectors(meaning=1.0, language=0.0), MEANING, LANGUAGE)
    no_meaning = measure.graded_spearman(vectors(meaning=0.0, language=1.0), MEANING, LANGUAGE)
    assert both > 0.9 > no_language > no_meaning


def test_clusters_by_meaning_are_found_and_clusters_by_language_are_not():
    assert measure.cluster_v_measure(vectors(meaning=1.0, language=0.2), MEANING) > 0.9
    assert measure.cluster_v_measure(vectors(meaning=0.2, language=1.0), MEANING) < 0.6


def test_aligned_accuracy_counts_texts_that_find_their_translation():
    first = np.eye(4, 8)
    assert measure.aligned_accuracy({"en": first, "es": first}) == {"mean": 1.0, "worst": 1.0}
    swapped = first[[1, 0, 2, 3]]
    assert measure.aligned_accuracy({"en": first, "es": swapped}) == {"mean": 0.5, "worst": 0.5}


def test_topics_are_told_from_two_english_texts():
    """Meanings 0 to 2 are of one topic, 3 to 5 of another."""
    topics = np.where(MEANING < 3, "food", "travel")
    told = vectors(meaning=1.0, language=0.0) + 2 * np.where(topics == "food", 1, -1)[:, None]
    chance = vectors(meaning=0.0, language=1.0)
    assert measure.few_shot_accuracy(told, topics, MEANINGS) == 1.0
    assert measure.few_shot_accuracy(chance, topics, MEANINGS) < 0.8
