"""Quality of whole sets of texts, on vectors whose figures can be worked out by hand."""

import numpy as np
import pytest

from recipe.quality import cluster_v_measure, few_shot_accuracy, graded_spearman

MEANINGS, LANGUAGES = 6, 3
# Two wordings of each meaning in each language.
MEANING = np.tile(np.arange(MEANINGS), 2 * LANGUAGES)
LANGUAGE = np.repeat(np.arange(LANGUAGES), 2 * MEANINGS)
ENGLISH = np.arange(len(MEANING)) < MEANINGS


def vectors(*, meaning, language, noise=0.05):
    """Unit vectors with a part of their meaning, a part of their language, and noise."""
    rng = np.random.default_rng(0)
    directions = np.eye(MEANINGS + LANGUAGES)
    drawn = meaning * directions[MEANING] + language * directions[MEANINGS + LANGUAGE]
    drawn = drawn + noise * rng.standard_normal(drawn.shape)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


LEFT, RIGHT = [1.0, 0.0], [0.0, 1.0]


@pytest.mark.parametrize(
    ("places", "v_measure"),
    [
        ([LEFT, LEFT, RIGHT, RIGHT], 1.0),
        ([LEFT, RIGHT, LEFT, RIGHT], 0.0),
        # Three in one cluster: with p(label, cluster) = 1/2, 1/4, 1/4 the mutual information is 0.21576, the entropy of
        # the labels ln 2 = 0.69315, that of the clusters 0.56234: 2 * 0.21576 / (0.69315 + 0.56234).
        ([LEFT, LEFT, LEFT, RIGHT], 0.34371),
    ],
    ids=["labels", "across labels", "three of four"],
)
def test_v_measure_is_the_mutual_information_over_the_mean_entropy(places, v_measure):
    assert cluster_v_measure(np.array(places), np.array([0, 0, 1, 1])) == pytest.approx(v_measure, abs=1e-5)


def test_clusters_by_meaning_are_found_and_clusters_by_language_are_not():
    assert cluster_v_measure(vectors(meaning=1.0, language=0.2), MEANING) > 0.9
    assert cluster_v_measure(vectors(meaning=0.2, language=1.0), MEANING) < 0.6


def test_topics_are_told_from_two_english_texts():
    """Meanings 0 to 2 are of one topic, 3 to 5 of another."""
    topics = np.where(MEANING < 3, "food", "travel")
    told = vectors(meaning=1.0, language=0.0) + 2 * np.where(topics == "food", 1, -1)[:, None]
    chance = vectors(meaning=0.0, language=1.0)
    assert few_shot_accuracy(told, topics, MEANING, ENGLISH) == 1.0
    assert few_shot_accuracy(chance, topics, MEANING, ENGLISH) < 0.8


# Two labels, two meanings of each, in two languages.
LABELS, MEANINGS_OF_LABELS = np.array(["a", "a", "b", "b"] * 2), np.tile(np.arange(4), 2)


def test_translations_of_examples_are_not_tested():
    """In the second language the labels' directions are exchanged: of the meanings not shown, half is predicted.

    Were the translations of the examples tested too, it would be a third.
    """
    places = np.array([[1.0], [1.0], [-1.0], [-1.0], [-1.0], [-1.0], [1.0], [1.0]])
    first_language = np.arange(8) < 4
    assert few_shot_accuracy(places, LABELS, MEANINGS_OF_LABELS, first_language, shots=1) == 0.5


def test_examples_are_of_the_texts_that_may_be():
    """All other texts have the labels' directions exchanged: one of them as an example would get some texts right."""
    places = np.array([[1.0], [-1.0], [-1.0], [1.0], [-1.0], [-1.0], [1.0], [1.0]])
    one_of_each = np.isin(np.arange(8), [0, 2])
    assert few_shot_accuracy(places, LABELS, MEANINGS_OF_LABELS, one_of_each, shots=1) == 0.0


@pytest.mark.parametrize(
    ("turned", "spearman"),
    # Similarities 1, 0.8, 0 against grades 2, 1, 0; then 1, 1, 0: ranks (1, 0, -1) against (1/3, 1/3, -2/3).
    [(0.6, 1.0), (0.0, np.sqrt(3) / 2)],
    ids=["in order", "translations as near as paraphrases"],
)
def test_spearman_of_three_grades(turned, spearman):
    """Each meaning has a plane: paraphrases lie on one line in it, a translation is turned by an angle."""
    meanings, languages = np.repeat(np.arange(4), 4), np.tile([0, 0, 1, 1], 4)
    made = np.zeros((16, 8))
    for row, (meaning, language) in enumerate(zip(meanings, languages, strict=True)):
        made[row, 2 * meaning : 2 * meaning + 2] = [np.sqrt(1 - turned**2), turned] if language else [1.0, 0.0]
    assert graded_spearman(made, meanings, languages) == pytest.approx(spearman)


def test_spearman_takes_cosine_similarity():
    whole = vectors(meaning=1.0, language=0.5)
    lengths = np.linspace(0.5, 2.0, len(whole))[:, None]
    assert graded_spearman(whole * lengths, MEANING, LANGUAGE) == pytest.approx(
        graded_spearman(whole, MEANING, LANGUAGE)
    )


def test_order_of_paraphrase_translation_unrelated_is_rewarded():
    both = graded_spearman(vectors(meaning=1.0, language=0.5), MEANING, LANGUAGE)
    no_language = graded_spearman(vectors(meaning=1.0, language=0.0), MEANING, LANGUAGE)
    no_meaning = graded_spearman(vectors(meaning=0.0, language=1.0), MEANING, LANGUAGE)
    assert both > 0.9 > no_language > no_meaning
