"""Measures of meaning on arrays small enough to work out by hand."""

import numpy as np
import pytest

from fixtures.comparing import cases, measures, notebook_pairs
from fixtures.comparing.items import Choice, Item, by_language, gains, mean, share_right, values
from fixtures.comparing.similarity import similarity_matrix
from fixtures.errors import EvalsError
from fixtures.reports.cases import lines
from fixtures.texts import corpus
from fixtures.texts.corpus import PARAPHRASE, PASSAGE, QUESTION, TEXT
from fixtures.texts.text_sets import TextSet
from tests.small_text_sets import joined, text_set, unit

TURNED = {"en": (0, 90, 180), "de": (10, 100, 190), "fr": (0, 90, 80)}
"""Language -> the angle of each text's vector; a text's group is its place."""


# --- which is nearest -------------------------------------------------------------------------------------------


def test_margin_is_the_right_answer_less_the_best_wrong_one():
    similarities = np.array([[0.9, 0.2, 0.5], [0.7, 0.6, 0.1], [0.3, 0.3, 0.3]])
    found = measures.nearest(similarities, ["q0", "q1", "q2"], ["a0", "a1", "a2"])
    assert values(found) == pytest.approx([0.4, -0.1, 0.0])
    assert found[1] == Item("q1", "", "", pytest.approx(-0.1), Choice("a0", 0.7), Choice("a1", 0.6))
    assert lines(cases.lowest(found, shown=1)) == ['-0.100  "q1": 0.600 to "a1", 0.700 to "a0"']


def test_right_answer_may_stand_in_any_column():
    (found,) = measures.nearest(np.array([[0.9, 0.2, 0.5]]), ["q"], ["a0", "a1", "a2"], [2])
    assert (found.value, found.expected.name, found.found.name) == (pytest.approx(-0.4), "a2", "a0")


def test_translations_are_found_where_they_are_nearest():
    texts, vectors = text_set({language: TURNED[language] for language in ("en", "de")})
    found = measures.translations(texts, vectors, "en")
    assert share_right(found) == 1.0
    angles = np.cos(np.radians([10, 10, 10])) - np.cos(np.radians([100, 80, 80]))
    assert mean(found) == pytest.approx(angles.mean())
    assert [(item.id, item.group, item.language, item.expected.name) for item in found] == [
        (f"en{row}-text", str(row), "en", f"de{row}-text") for row in range(3)
    ]


def test_translation_that_another_text_beats_is_counted_and_comes_first():
    texts, vectors = text_set(TURNED)
    found = measures.translations(texts, vectors, "en")
    assert share_right(found) == pytest.approx(5 / 6)
    worst = cases.lowest(found, texts.texts)
    assert len(worst) == 3 and worst[0].figures["value"] < 0 and worst[0].item == "en2-text"
    assert (worst[0].texts["asked"], worst[0].texts["right"]) == ("text 2 in en", "text 2 in fr")


def test_text_without_a_translation_is_not_asked_about_and_is_still_a_wrong_answer():
    texts, vectors = text_set({"en": (0, 90, 180), "de": (80, 100)})
    found = {item.id: item for item in measures.translations(texts, vectors, "en")}
    assert found.keys() == {"en0-text", "en1-text"}
    (back,) = [item for item in measures.translations(texts, vectors, "de") if item.id == "de0-text"]
    assert back.value < 0 and back.found.name == "en1-text"


@pytest.fixture
def asked() -> TextSet:
    """Three questions and passages, each answered by its own."""
    return joined(text_set({"en": (0, 0, 0)}, QUESTION), text_set({"en": (0, 0, 0)}, PASSAGE))[0]


def turned_to(asked: TextSet, questions: tuple[float, ...], passages: tuple[float, ...]) -> dict[str, np.ndarray]:
    angles = dict(zip((text.id for text in asked.texts), (*questions, *passages), strict=True))
    return {name: np.array(unit(angle)) for name, angle in angles.items()}


def test_retrieval_score_of_a_perfect_order_is_one_and_falls_with_the_rank(asked):
    perfect = measures.retrieval(asked, turned_to(asked, (0, 60, 120), (1, 61, 121)), "en", "en")
    assert values(perfect) == pytest.approx([1, 1, 1])
    second = measures.retrieval(asked, turned_to(asked, (0, 60, 120), (61, 1, 121)), "en", "en")
    assert values(second) == pytest.approx([1 / np.log2(3), 1 / np.log2(3), 1])
    assert second[0].expected.name == "en0-passage" and second[0].found.name == "en1-passage"


def test_retrieval_score_looks_at_ten_places():
    size = 30
    texts, vectors = joined(
        text_set({"en": (0,) * size}, QUESTION), text_set({"en": tuple(3 * row for row in range(size))}, PASSAGE)
    )
    gains_by_rank = [1 / np.log2(rank + 2) if rank < 10 else 0.0 for rank in range(size)]
    assert values(measures.retrieval(texts, vectors, "en", "en")) == pytest.approx(gains_by_rank)


# --- same and unrelated -----------------------------------------------------------------------------------------


def test_same_meaning_takes_each_pair_of_languages_once():
    found = measures.same_meaning(*text_set(TURNED))
    expected = np.cos(np.radians([10, 10, 10, 0, 0, 100, 10, 10, 110]))
    assert values(found) == pytest.approx(expected)
    assert [(item.id, item.found.name) for item in found[2:4]] == [
        ("en2-text", "de2-text"),
        ("en0-text", "fr0-text"),
    ]


def test_unrelated_takes_other_meanings_within_and_across_languages():
    found = measures.unrelated(*text_set({language: TURNED[language][:2] for language in ("en", "de")}))
    expected = np.cos(np.radians([90, 90, 100, 80, 90, 90]))
    assert sorted(values(found)) == pytest.approx(sorted(expected))


def test_each_figure_is_that_of_its_two_texts():
    texts, vectors = text_set(TURNED)
    groups = {text.id: text.group for text in texts.texts}
    for found, same in ((measures.same_meaning(texts, vectors), True), (measures.unrelated(texts, vectors), False)):
        assert values(found) == pytest.approx([vectors[item.id] @ vectors[item.found.name] for item in found])
        assert all((item.group == groups[item.found.name]) == same for item in found)


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 4], 0.25), ([1, 1], [1, 1], 0.5)],
)
def test_probability_that_one_sample_beats_another(positive, negative, expected):
    assert measures.probability_of_more(np.array(positive), np.array(negative)) == pytest.approx(expected)


# --- items ------------------------------------------------------------------------------------------------------


def test_gains_are_those_of_the_same_two_texts_in_any_order():
    old = [Item("a", "", "en", 0.5, Choice("b")), Item("a", "", "de", 0.25, Choice("c"))]
    new = [Item("a", "", "de", 0.75, Choice("c")), Item("a", "", "en", 0.25, Choice("b"))]
    assert [(item.found.name, item.value) for item in gains(new, old)] == [("c", 0.5), ("b", -0.25)]
    with pytest.raises(KeyError):
        gains(new, old[:1])


def test_gains_of_items_with_a_right_answer_go_by_it_and_not_by_what_was_found():
    old = [Item("a", "", "en", 0.0, Choice("wrong"), Choice("right"))]
    new = [Item("a", "", "en", 1.0, Choice("right"), Choice("right"))]
    assert [item.value for item in gains(new, old)] == [1.0]


def test_items_are_gathered_by_language_in_their_order():
    items = [
        Item(name, "", language, 0.0, Choice("")) for name, language in zip("abc", ("en", "de", "en"), strict=True)
    ]
    assert {language: [item.id for item in found] for language, found in by_language(items).items()} == {
        "en": ["a", "c"],
        "de": ["b"],
    }


# --- the notebook's sentences -----------------------------------------------------------------------------------


def shown(angles: dict[str, float]) -> np.ndarray:
    return np.array([unit(angles[label]) for label in corpus.shown_sentences()])


SPREAD = {"English": 0, "Spanish": 30, "French": 60, "Arabic": 90, "German": 120, "Chinese": 200, "Similar": 210}


def test_chinese_pair_is_told_from_the_twenty_others():
    pair, others = notebook_pairs.chinese_pair_and_others(shown(SPREAD))
    assert pair.value == pytest.approx(np.cos(np.radians(10)))
    assert len(others) == 20 and values(others).max() == pytest.approx(np.cos(np.radians(30)))


def test_chinese_pair_is_below_another_that_is_closer():
    pair, others = notebook_pairs.chinese_pair_and_others(shown(SPREAD | {"Spanish": 5}))
    assert pair.value - values(others).max() == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(5)))


def test_contrast_of_the_chinese_pair_is_over_the_twenty_others():
    every = dict.fromkeys(SPREAD, 0.0)
    pair, others = notebook_pairs.chinese_pair_and_others(shown(every))
    assert pair.value - mean(others) == pytest.approx(0)
    pair, others = notebook_pairs.chinese_pair_and_others(shown(every | {"Chinese": 90, "Similar": 90}))
    assert pair.value - mean(others) == pytest.approx(1 - 10 / 20)


def test_pairs_beside_the_chinese_one_come_with_their_texts():
    found = notebook_pairs.beside_the_chinese_pair(
        *notebook_pairs.chinese_pair_and_others(shown(SPREAD | {"Spanish": 5}))
    )
    sentences = corpus.shown_sentences()
    assert lines(found)[0] == f'the Chinese pair 0.985: "{sentences["Chinese"]}" | "{sentences["Similar"]}"'
    assert len(found) == 4 and found[1].label == "next" and found[1].figures["value"] == pytest.approx(0.996, abs=5e-4)
    assert set(found[1].texts.values()) == {sentences["English"], sentences["Spanish"]}


def test_pairs_that_two_tasks_see_most_differently_come_first():
    one, other = (similarity_matrix(shown(angles)) for angles in (SPREAD, SPREAD | {"German": 300}))
    found = notebook_pairs.most_different({"separation": one, "classification": other}, "separation", "classification")
    assert [case.label for case in found] == ["separation to classification"] * 3
    assert all(corpus.shown_sentences()["German"] in case.texts.values() for case in found)


# --- helpers of the behaviours ----------------------------------------------------------------------------------


def test_only_a_texts_own_translations_are_left_out():
    count = 5
    texts = text_set(dict.fromkeys("abcdef", (0,) * count))[0].texts
    kept = np.isfinite(measures.translations_left_out(np.zeros((6 * count, 6 * count)), texts))
    assert kept.diagonal().all()
    assert not kept[0, count] and not kept[count, 0] and not kept[1, 1 + 5 * count]
    assert kept.sum() == (6 * count) ** 2 - 6 * 5 * count


def test_text_that_a_language_lacks_is_named():
    texts, _ = joined(text_set({"en": (0, 90), "de": (0, 90)}), text_set({"en": (0, 90), "de": (0,)}, PARAPHRASE))
    assert texts.with_each(TEXT) is texts
    with pytest.raises(EvalsError, match="joined: there is no paraphrase of '1' in 'de'"):
        texts.with_each(TEXT, PARAPHRASE)
