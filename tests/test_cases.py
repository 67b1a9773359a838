"""The evidence of a row: which cases are the worst, and how a case reads."""

import numpy as np
import pytest

from fixtures.comparing import cases
from fixtures.comparing.cases import ANSWER, CHANGE, DISTANCE, NOTE, PAIR, PUBLISHED, Case
from fixtures.comparing.items import Choice, Item
from fixtures.reports.cases import lines
from fixtures.texts.text_sets import Text

BOTH_WAYS = [
    Item("a", "", "", 0.5, Choice("b")),
    Item("c", "", "", -0.25, Choice("d")),
    Item("d", "", "", -0.25, Choice("c")),
    Item("e", "", "", 0.75, Choice("f")),
]


def test_lowest_and_highest_come_in_order_and_a_pair_comes_once():
    lowest = cases.lowest(BOTH_WAYS, of="gain", shown=2)
    assert lines(lowest) == ['gain -0.250: "c" | "d"', 'gain 0.500: "a" | "b"']
    assert lines(cases.highest(BOTH_WAYS, of="gain", shown=1)) == ['gain 0.750: "e" | "f"']
    assert len(cases.highest(BOTH_WAYS, shown=9)) == 3


def test_case_has_the_words_of_the_texts_that_an_item_names_by_id():
    texts = [Text("a", "the text", "en", "1", "text"), Text("b", "its answer", "en", "1", "passage")]
    (case,) = cases.lowest([Item("a", "1", "en", -0.5, Choice("elsewhere", 0.75), Choice("b", 0.25))], texts)
    assert case == Case(
        ANSWER,
        figures={"value": -0.5, "right": 0.25, "found": 0.75},
        texts={"asked": "the text", "right": "its answer", "found": "elsewhere"},
        item="a",
    )


def test_question_is_shown_once_for_each_of_its_right_answers():
    items = [Item("q", "", "", at / 10, Choice("x"), Choice(name)) for at, name in enumerate("abc")]
    assert [case.texts["right"] for case in cases.lowest(items)] == ["a", "b", "c"]


def test_farthest_texts_are_those_with_the_largest_distances_the_largest_first():
    found = cases.farthest(["near", "far", "middle"], np.array([0.001, 0.5, 0.02]), shown=2)
    assert lines(found) == ['5.0e-01  "far"', '2.0e-02  "middle"']


WORDED = {
    "note": (Case(NOTE, "a remark"), "a remark"),
    "answer": (
        Case(ANSWER, "", {"value": -0.1, "right": 0.6, "found": 0.7}, {"asked": "q", "right": "r", "found": "f"}),
        '-0.100  "q": 0.600 to "r", 0.700 to "f"',
    ),
    "answer that was found": (
        Case(ANSWER, "", {"value": 1.0, "right": 0.6}, {"asked": "q", "right": "r"}),
        '+1.000  "q": 0.600 to "r"',
    ),
    "answer by name": (
        Case(ANSWER, "topic", {"value": 0.0}, {"asked": "q", "right": "bees", "found": "clinic"}),
        'topic +0.000  "q": "bees", "clinic"',
    ),
    "pair": (Case(PAIR, "gain", {"value": 0.25}, {"text": "a", "other": "b"}), 'gain 0.250: "a" | "b"'),
    "distance": (Case(DISTANCE, "", {"distance": 1.5e-7}, {"text": "a"}), '1.5e-07  "a"'),
    "distance of two": (
        Case(DISTANCE, "", {"distance": 0.5}, {"text": "a", "other": "b"}),
        '5.0e-01  "a" | "b"',
    ),
    "no figure": (Case(DISTANCE, texts={"text": "a"}), '"a"'),
    "change": (
        Case(CHANGE, "", {"before": 0.5, "now": 0.25}, {"text": "a", "other": "b"}),
        '0.5000 -> 0.2500 (-0.2500)  "a" | "b"',
    ),
    "change of a norm": (
        Case(CHANGE, "norm", {"before": 1.0, "now": 2.0}, {"text": "a"}),
        'norm 1.0000 -> 2.0000 (+1.0000)  "a"',
    ),
    "published": (
        Case(PUBLISHED, "French | German", {"published": 0.5, "obtained": 0.25}),
        "French | German: published 0.5000, obtained 0.2500",
    ),
}


@pytest.mark.parametrize(("case", "line"), WORDED.values(), ids=WORDED)
def test_each_kind_of_case_has_its_line(case, line):
    assert lines([case]) == [line]


def test_cases_below_a_note_are_indented_and_those_above_are_not():
    pair = Case(PAIR, "", {"value": 0.5}, {"text": "a", "other": "b"})
    shown = '0.500: "a" | "b"'
    assert lines([pair, Case(NOTE, "one"), pair, Case(NOTE, "two")]) == [shown, "one", f"  {shown}", "two"]


def test_texts_that_look_alike_when_shortened_are_told_apart_over_all_cases():
    first, second = ("the same long beginning of a text, " * 3 + end for end in ("once", "twice"))
    found = cases.farthest([first, second], np.array([0.5, 0.25]))
    assert [line.rpartition("…")[2] for line in lines(found)] == ['" (109 characters)', '" (110 characters)']
