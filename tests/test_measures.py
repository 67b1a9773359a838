"""Measures of meaning on arrays small enough to work out by hand."""

import numpy as np
import pytest

from evals.test_behavior import REWRITTEN, _auc, _paraphrase_contrast, _paraphrase_margin, _translations_left_out
from fixtures import corpus, measures


def unit(degrees: float) -> list[float]:
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


TURNED = {
    "en": np.array([unit(0), unit(90), unit(180)]),
    "de": np.array([unit(10), unit(100), unit(190)]),
    "fr": np.array([unit(0), unit(90), unit(80)]),
}
TEXTS = {language: [f"{language} {row}" for row in range(3)] for language in TURNED}


# --- which is nearest -------------------------------------------------------------------------------------------


def test_margin_is_the_right_answer_less_the_best_wrong_one():
    similarities = np.array([[0.9, 0.2, 0.5], [0.7, 0.6, 0.1], [0.3, 0.3, 0.3]])
    margins, lines = measures.nearest(similarities, ["q0", "q1", "q2"], ["a0", "a1", "a2"])
    assert margins == pytest.approx([0.4, -0.1, 0.0])
    assert lines[1] == '-0.100  "q1": 0.600 to "a1", 0.700 to "a0"'


def test_translations_are_found_where_they_are_nearest():
    vectors = {language: TURNED[language] for language in ("en", "de")}
    found = measures.translation_retrieval(vectors, TEXTS, "en")
    assert found.accuracy == 1.0
    angles = np.cos(np.radians([10, 10, 10])) - np.cos(np.radians([100, 80, 80]))
    assert found.margin == pytest.approx(angles.mean())


def test_translation_that_another_text_beats_is_counted_and_shown_first():
    found = measures.translation_retrieval(TURNED, TEXTS, "en")
    assert found.accuracy == pytest.approx(5 / 6)
    assert len(found.worst) == 3 and found.worst[0].startswith("-") and '"en 2": ' in found.worst[0]


def test_retrieval_score_of_a_perfect_order_is_one_and_falls_with_the_rank():
    assert measures.ndcg_at_10(np.eye(4)) == pytest.approx(1)
    second = np.array([[0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.9, 0.1, 0.5]])
    assert measures.ndcg_at_10(second) == pytest.approx(1 / np.log2(3))


def test_retrieval_score_looks_at_ten_places():
    size = 30
    scores = np.tile(np.arange(size, 0, -1.0), (size, 1))
    gains = [1 / np.log2(rank + 2) if rank < 10 else 0.0 for rank in range(size)]
    assert measures.ndcg_at_10(scores) == pytest.approx(np.mean(gains))


# --- same and unrelated -----------------------------------------------------------------------------------------


def test_same_meaning_takes_each_pair_of_languages_once():
    found = measures.same_meaning(TURNED)
    assert found.shape == (3, 3)
    expected = np.cos(np.radians([[10, 10, 10], [0, 0, 100], [10, 10, 110]]))
    assert found == pytest.approx(expected)


def test_unrelated_takes_other_meanings_within_and_across_languages():
    vectors = {language: TURNED[language][:2] for language in ("en", "de")}
    expected = np.cos(np.radians([90, 90, 100, 80, 90, 90]))
    assert sorted(measures.unrelated(vectors)) == pytest.approx(sorted(expected))


def test_paired_similarity_is_row_by_row():
    assert measures.paired_similarity(TURNED["en"], TURNED["de"]) == pytest.approx([np.cos(np.radians(10))] * 3)


# --- helpers of the behaviours ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 4], 0.25), ([1, 1], [1, 1], 0.5)],
)
def test_probability_that_one_sample_beats_another(positive, negative, expected):
    assert _auc(np.array(positive), np.array(negative)) == pytest.approx(expected)


def shown(angles: dict[str, float]) -> np.ndarray:
    return np.array([unit(angles[label]) for label in corpus.shown_sentences()])


SPREAD = {"English": 0, "Spanish": 30, "French": 60, "Arabic": 90, "German": 120, "Chinese": 200, "Similar": 210}


def test_paraphrase_margin_is_over_the_next_closest_pair():
    margin, rival = _paraphrase_margin(shown(SPREAD))
    assert margin == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(30)))
    assert rival.startswith("Chinese | Similar 0.985, next: ") and rival.endswith(" 0.866")


def test_paraphrase_margin_is_negative_when_another_pair_is_closer():
    margin, rival = _paraphrase_margin(shown(SPREAD | {"Spanish": 5}))
    assert margin == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(5)))
    assert "next: English | Spanish 0.996" in rival


def test_paraphrase_contrast_is_over_the_mean_of_the_other_twenty_pairs():
    every = dict.fromkeys(SPREAD, 0.0)
    assert _paraphrase_contrast(shown(every)) == pytest.approx(0)
    apart = every | {"Chinese": 90, "Similar": 90}
    assert _paraphrase_contrast(shown(apart)) == pytest.approx(1 - 10 / 20)


def test_only_a_texts_own_translations_are_left_out():
    count = len(REWRITTEN)
    kept = np.isfinite(_translations_left_out(np.zeros((6 * count, 6 * count))))
    assert kept.diagonal().all()
    assert not kept[0, count] and not kept[count, 0] and not kept[1, 1 + 5 * count]
    assert kept.sum() == (6 * count) ** 2 - 6 * 5 * count
