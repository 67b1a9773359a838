"""The rule for floors, and the damage that any model can take."""

import numpy as np
import pytest

from fixtures.texts.corpus import PASSAGE
from fixtures.texts.text_sets import Text, TextSet
from tests.floors.damage import UNKNOWN, cut_from_the_vocabulary, own_words, shuffled
from tests.floors.rule import floor
from tests.small_text_sets import joined, text_set

HEALTHY = {"a": 0.9, "b": 0.8, "c": 0.7}


def test_floor_lies_halfway_between_the_worst_healthy_and_the_best_damaged():
    found = floor(HEALTHY, {"a": {"ar": 0.1, "zh": 0.3}, "b": {"ar": 0.2}})
    assert found.worst_healthy == ("c", 0.7) and found.best_damaged == ("a, zh", 0.3)
    assert found.value == pytest.approx(0.5) and found.gates and not found.missed_by


def test_damage_above_a_healthy_model_sets_no_floor():
    assert not floor(HEALTHY, {"a": {"": 0.75}, "b": {"": 0.1}}).gates


def test_healthy_model_that_would_fail_the_floor_of_the_others_is_named_and_the_claim_only_reported():
    found = floor({"a": 0.9, "b": 0.9, "c": 0.6}, {"a": {"": 0.5}, "b": {"": 0.5}, "c": {"": 0.1}})
    assert found.missed_by == {"c": pytest.approx(0.7)}
    assert found.worst_healthy[1] > found.best_damaged[1] and not found.gates


def test_damage_of_the_model_that_is_left_out_does_not_set_the_floor_that_it_must_meet():
    assert floor({"a": 0.9, "b": 0.6}, {"a": {"": 0.2}, "b": {"": 0.59}}).missed_by == {}


def test_damage_that_one_model_alone_can_take_sets_no_floor():
    found = floor(HEALTHY, {"a": {"": 0.1}})
    assert found.untested == ("a",) and not found.gates
    assert found.best_damaged == ("a", 0.1)


def texts_of(**by_language: str) -> TextSet:
    return TextSet("few", [Text(la, text, la, "1", "text") for la, text in by_language.items()])


def test_words_of_one_language_are_those_that_no_other_has():
    texts = texts_of(en="The train to Tomsk, at 9.", de="Der Zug nach Tomsk, um 9.", zh="九点去托木斯克的火车，是的。")
    assert own_words(texts, "de") == {"der", "zug", "nach", "um"}
    assert own_words(texts, "zh") == {"九点去托木斯克的火车", "是的"}


def test_word_that_is_cut_becomes_one_unknown_letter():
    words = frozenset({"zug", "der", "是的"})
    assert (
        cut_from_the_vocabulary("Der Zug nach Tomsk, 是的。", words) == f"{UNKNOWN} {UNKNOWN} nach Tomsk, {UNKNOWN}。"
    )


def test_shuffled_language_keeps_no_vector_in_its_place_and_all_of_them():
    texts, vectors = joined(text_set({"en": (0, 10, 20), "ar": (30, 40, 50)}), text_set({"ar": (60, 70)}, PASSAGE))
    found = shuffled(texts, vectors, "ar")
    arabic = [text.id for text in texts.texts if text.language == "ar"]
    assert all(np.array_equal(found[name], vectors[name]) == (name not in arabic) for name in vectors)
    for kind in ("text", PASSAGE):
        names = [name for name in arabic if name.endswith(kind)]
        assert {tuple(found[name]) for name in names} == {tuple(vectors[name]) for name in names}
