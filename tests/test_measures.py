"""Measures of meaning on arrays small enough to work out by hand."""

import re

import numpy as np
import pytest

from fixtures.comparing import measures, notebook_pairs
from fixtures.comparing.similarity import similarity_matrix
from fixtures.texts import corpus


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


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 4], 0.25), ([1, 1], [1, 1], 0.5)],
)
def test_probability_that_one_sample_beats_another(positive, negative, expected):
    assert measures.probability_of_more(np.array(positive), np.array(negative)) == pytest.approx(expected)


def test_standardised_margins_do_not_depend_on_level_and_spread_of_the_similarities():
    questions = {"en": np.array([unit(0), unit(90)])}
    (near,) = measures.standardised_margins(questions, {"de": np.array([unit(10), unit(80)])})
    assert near == pytest.approx([1, 1], abs=0.02)
    (swapped,) = measures.standardised_margins(questions, {"de": np.array([unit(80), unit(10)])})
    assert swapped == pytest.approx([-1, -1], abs=0.02)


# --- which texts are behind a figure ----------------------------------------------------------------------------

# Each text names the angle of its vector, so that lines tell which values they belong to.
NAMED = {language: [f"{language} {row}" for row in range(3)] for language in TURNED}


def cosine_of(pair: tuple[str, str]) -> float:
    vectors = {text: TURNED[lang][row] for lang, texts in NAMED.items() for row, text in enumerate(texts)}
    return float(vectors[pair[0]] @ vectors[pair[1]])


def test_texts_of_same_meaning_and_unrelated_pairs_are_those_of_the_values():
    same = measures.same_meaning_texts(NAMED)
    assert measures.same_meaning(TURNED).ravel() == pytest.approx([cosine_of(pair) for pair in same])
    other = measures.unrelated_texts(NAMED)
    assert measures.unrelated(TURNED) == pytest.approx([cosine_of(pair) for pair in other])
    assert all(first[-1] == second[-1] for first, second in same)
    assert all(first[-1] != second[-1] for first, second in other)


def test_lowest_and_highest_pairs_are_shown_in_order_with_their_texts():
    texts = [("a", "b"), ("c", "d"), ("d", "c"), ("e", "f")]
    values = np.array([[0.5, -0.25], [-0.25, 0.75]])
    assert measures.lowest("gain", values, texts, 2) == ['gain -0.250: "c" | "d"', 'gain 0.500: "a" | "b"']
    assert measures.highest("gain", values, texts, 1) == ['gain 0.750: "e" | "f"']
    assert len(measures.highest("gain", values, texts, 9)) == 3


# --- the notebook's sentences -----------------------------------------------------------------------------------


def shown(angles: dict[str, float]) -> np.ndarray:
    return np.array([unit(angles[label]) for label in corpus.shown_sentences()])


SPREAD = {"English": 0, "Spanish": 30, "French": 60, "Arabic": 90, "German": 120, "Chinese": 200, "Similar": 210}


def test_chinese_pair_is_told_from_the_twenty_others():
    pair, others = notebook_pairs.chinese_pair_and_others(shown(SPREAD))
    assert pair == pytest.approx(np.cos(np.radians(10)))
    assert others.shape == (20,) and others.max() == pytest.approx(np.cos(np.radians(30)))


def test_chinese_pair_is_below_another_that_is_closer():
    pair, others = notebook_pairs.chinese_pair_and_others(shown(SPREAD | {"Spanish": 5}))
    assert pair - others.max() == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(5)))


def test_contrast_of_the_chinese_pair_is_over_the_twenty_others():
    every = dict.fromkeys(SPREAD, 0.0)
    pair, others = notebook_pairs.chinese_pair_and_others(shown(every))
    assert pair - others.mean() == pytest.approx(0)
    pair, others = notebook_pairs.chinese_pair_and_others(shown(every | {"Chinese": 90, "Similar": 90}))
    assert pair - others.mean() == pytest.approx(1 - 10 / 20)


def test_pairs_beside_the_chinese_one_are_shown_with_their_texts():
    lines = notebook_pairs.beside_the_chinese_pair(
        *notebook_pairs.chinese_pair_and_others(shown(SPREAD | {"Spanish": 5}))
    )
    sentences = corpus.shown_sentences()
    assert lines[0] == f'the Chinese pair 0.985: "{sentences["Chinese"]}" | "{sentences["Similar"]}"'
    assert lines[1].startswith("next 0.996: ") and len(lines) == 4
    assert {sentences["English"], sentences["Spanish"]} == set(re.findall(r'"([^"]+)"', lines[1]))


def test_pairs_that_two_tasks_see_most_differently_come_first():
    one, other = (similarity_matrix(shown(angles)) for angles in (SPREAD, SPREAD | {"German": 300}))
    lines = notebook_pairs.most_different({"separation": one, "classification": other}, "separation", "classification")
    assert len(lines) == 3 and all(line.startswith("separation to classification ") for line in lines)
    assert all(corpus.shown_sentences()["German"] in line for line in lines)


# --- helpers of the behaviours ----------------------------------------------------------------------------------


def test_only_a_texts_own_translations_are_left_out():
    count = 5
    kept = np.isfinite(measures.translations_left_out(np.zeros((6 * count, 6 * count)), meanings=count))
    assert kept.diagonal().all()
    assert not kept[0, count] and not kept[count, 0] and not kept[1, 1 + 5 * count]
    assert kept.sum() == (6 * count) ** 2 - 6 * 5 * count
