"""Verdicts on quality in words and as rows: each wording, what is lost, the worst language, flips with their texts."""

import re

import pytest

from fixtures.comparing import quality_rows
from fixtures.comparing.items import Choice, Item
from fixtures.comparing.judged_data import NAME
from fixtures.comparing.quality import Achieved, Quality
from fixtures.comparing.quality_compared import (
    Compared,
    Sides,
    compared,
    languages_not_judged,
    sides_of,
    sides_of_kept,
    told_not_judged,
)
from fixtures.comparing.quality_rows import WORST_LANGUAGE, flip_case, rows_of, worst_language_row
from fixtures.comparing.rows import BROKEN, CANT_TELL, FAILS, HOLDS, MEASURED, NOT_JUDGED, Row
from fixtures.models.spec import Role
from fixtures.texts.corpus import QUESTION
from fixtures.texts.evidence import digests
from fixtures.texts.text_sets import Text, TextSet
from tests.small_text_sets import ROLES, answering, random_vectors, some_evidence, spec

RETRIEVAL = "retrieval"
TEXTS = {
    f"q{row}": Text(f"q{row}", f"frage {row}", "de", f"g{row}", QUESTION, gloss=f"question {row}") for row in range(300)
} | {f"p{row}": Text(f"p{row}", f"absatz {row}", "de", f"g{row}", "passage") for row in range(300)}


def side(values: dict[str, list[float]]) -> Quality:
    """A side with these values by language, item for item; a wrong one finds the next item's passage."""
    return Quality(
        {
            (f"g{row}", language): Item(
                f"q{row}",
                f"g{row}",
                language,
                value,
                Choice(f"p{row + (value < 1)}", 0.9 - row / 1000),
                Choice(f"p{row}", 0.8),
            )
            for language, found in values.items()
            for row, value in enumerate(found)
        }
    )


def judged(old: dict[str, list[float]], new: dict[str, list[float]], margin: float = 0.05, name=RETRIEVAL) -> Compared:
    return compared({name: Sides(side(old), side(new))}, margin)


def first(found: Compared, name: str = RETRIEVAL) -> Row:
    return rows_of(name, found, TEXTS, "query", lambda: "accept it so")[0]


def worst(found: Compared) -> Row:
    return worst_language_row(found, TEXTS, lambda: "accept it so")


RIGHT = [1.0] * 200


def wrong(count: int, of: int = 200) -> list[float]:
    return [0.0] * count + [1.0] * (of - count)


# --- one measure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "verdict", "told"),
    [
        (RIGHT, RIGHT, HOLDS, "no item differs, 1.000"),
        (
            RIGHT,
            wrong(1),
            HOLDS,
            "not worse by more than 0.05: -0.005 (-0.013 to +0.003), 1.000 -> 0.995; a loss of 0.0__ "
            "would have been found",
        ),
        (
            RIGHT,
            wrong(4),
            HOLDS,
            "not worse by more than 0.05: -0.020 (-0.036 to -0.004), 1.000 -> 0.980; surely worse, "
            "though by less; a loss "
            "of 0.0__ would have been found",
        ),
        (
            wrong(10),
            RIGHT,
            HOLDS,
            "not worse by more than 0.05: +0.050 (+0.024 to +0.076), 0.950 -> 1.000; better; a loss of "
            "0.0__ would have "
            "been found",
        ),
        (
            RIGHT,
            wrong(20),
            FAILS,
            "worse: -0.100 (-0.135 to -0.065), 1.000 -> 0.900; needs to be no worse than by 0.05",
        ),
        (
            wrong(20),
            [1.0] * 20 + [0.0] * 24 + [1.0] * 156,
            CANT_TELL,
            "can't tell whether worse by more than 0.05: -0.020 (-0.075 to +0.035), 0.900 -> 0.880; "
            "_____ items like these "
            "would decide",
        ),
        (
            [1.0] * 5,
            [1.0] * 5,
            CANT_TELL,
            "can't tell whether worse by more than 0.05: +0.000 (+0.000 to +0.000), 1.000 -> 1.000; 6 items like these "
            "would decide",
        ),
        (
            [1.0],
            [0.0],
            CANT_TELL,
            "can't tell whether worse by more than 0.05: -1.000 (no interval), 1.000 -> 0.000; so few "
            "items decide nothing",
        ),
    ],
    ids=["same", "within", "sure, within", "better", "worse", "can't tell", "five", "one"],
)
def test_verdict_in_words(old, new, verdict, told):
    row = first(judged({"de": old}, {"de": new}))
    assert (row.verdict, row.gates, row.name) == (verdict, True, "quality")
    assert re.fullmatch(re.escape(f"{RETRIEVAL}: {told}").replace("_", r"[\d,]"), row.detail["told"]), row.detail[
        "told"
    ]
    assert row.reason == ("" if verdict == HOLDS else row.detail["told"])
    assert (row.old, row.new) == pytest.approx((sum(old) / len(old), sum(new) / len(new)))
    assert Row.load(row.dump()).detail["outcome"] == row.detail["outcome"]


def test_languages_that_cancel_out_differ_all_the_same():
    found = judged({"de": RIGHT, "en": wrong(200)}, {"de": wrong(200), "en": RIGHT})
    assert (
        first(found).detail["told"].startswith("retrieval: not worse by more than 0.05: +0.000 (+0.000 to +0.000), 0.5")
    )
    assert (worst(found).verdict, worst(found).language) == (FAILS, "de")


def test_few_items_promise_no_loss_that_would_have_been_found():
    sides = {f"m{at}": Sides(side({"de": [0.5] * 7}), side({"de": [0.5] * 6 + [0.51]})) for at in range(5)}
    found = compared(sides, 0.05)
    assert first(found, "m0").detail["told"].endswith("; too few items for any loss to be sure")
    assert first(found, "m0").detail["smallest_loss"] is None


def test_failing_row_names_the_languages_that_lost_most_and_how_to_accept_it():
    old = dict.fromkeys(("ar", "de", "en", "fr"), RIGHT)
    new = {"ar": wrong(100), "de": wrong(40), "en": RIGHT, "fr": wrong(4)}
    row = first(judged(old, new))
    cases = [case.label or case.texts["asked"] for case in row.evidence]
    assert cases[0].startswith("by language: ar -0.500 (") and cases[0].count("(") == 3 and "en" not in cases[0]
    assert cases[-1] == "accept it so" and len(row.evidence) == 2 + quality_rows.SHOWN_FLIPS
    assert row.detail["languages"] == pytest.approx({"ar": -0.5, "de": -0.2, "en": 0, "fr": -0.02})


def test_below_it_stand_flips_and_languages_which_never_gate():
    rows = rows_of(
        RETRIEVAL, judged({"de": RIGHT, "en": wrong(10)}, {"de": wrong(20), "en": RIGHT}), TEXTS, "query", str
    )
    _, lost, gained, *by_language = rows
    assert [(row.name, row.verdict, row.gates, row.detail["flips"]) for row in (lost, gained)] == [
        ("old right, new wrong", MEASURED, False, 20),
        ("old wrong, new right", MEASURED, False, 10),
    ]
    assert (lost.new, gained.new) == pytest.approx((0.05, 0.025))
    assert [(row.language, row.new, row.gates) for row in by_language] == [
        ("de", pytest.approx(-0.1), False),
        ("en", pytest.approx(0.05), False),
    ]


def test_lost_languages_and_lost_items_fail_whatever_the_rest_says():
    gone = first(judged({"de": RIGHT, "en": RIGHT}, {"de": RIGHT}))
    assert (gone.verdict, gone.detail["lost"]) == (FAILS, ["en"])
    assert gone.reason == "retrieval: lost: the languages en, in which the old side was measured and the new one isn't"
    fewer = first(judged({"de": RIGHT, "en": RIGHT}, {"de": RIGHT, "en": RIGHT[:-3]}))
    assert (fewer.verdict, fewer.detail["lost"]) == (FAILS, 3)
    assert fewer.reason == "retrieval: lost: 3 values of some items, which the old side has and the new one lacks"
    items = first(judged({"de": RIGHT}, {"de": RIGHT[:-3]}))
    assert items.reason == "retrieval: lost: 3 values of 3 items, which the old side has and the new one lacks"
    everything = first(judged({"de": RIGHT}, {"en": RIGHT}))
    assert everything.verdict == FAILS and "the languages de" in everything.reason


@pytest.mark.parametrize(
    ("sides", "verdict", "gates", "reason"),
    [
        (Sides(lost="no task serves the role query"), FAILS, True, "retrieval: lost: no task serves the role query"),
        (Sides(side({"de": RIGHT}), broken="NaN"), BROKEN, True, "retrieval: NaN"),
        (
            Sides(not_judged="the old side has no figures of it"),
            NOT_JUDGED,
            False,
            "retrieval: the old side has no figures of it",
        ),
        (Sides(side({}), side({"de": RIGHT})), NOT_JUDGED, False, "retrieval: the old side has no item of it"),
    ],
    ids=["lost", "broken", "not judged", "no item"],
)
def test_one_side_alone(sides, verdict, gates, reason):
    found = compared({RETRIEVAL: sides}, 0.05)
    row = first(found)
    assert (row.verdict, row.gates, row.reason, row.detail["measure"]) == (verdict, gates, reason, RETRIEVAL)
    assert worst(found) is None


def test_without_an_old_side_each_measure_says_why():
    found = Compared(0.05, {}, nothing="there is no baseline")
    assert (first(found).verdict, first(found).reason) == (NOT_JUDGED, "retrieval: there is no baseline")
    assert rows_of("clustering", compared({}, 0.05), TEXTS, "clustering", str) == []


# --- the worst language -----------------------------------------------------------------------------------------------


def test_worst_language_names_its_cell_and_shows_its_flips():
    old = dict.fromkeys(("ar", "de", "en"), RIGHT)
    row = worst(judged(old, {"ar": wrong(40), "de": wrong(20), "en": RIGHT}))
    assert (row.verdict, row.gates, row.language, row.detail["measure"]) == (FAILS, True, "ar", WORST_LANGUAGE)
    assert row.reason == (
        "worst language: retrieval in ar: -0.200 (-0.247 to -0.153); needs no sure loss of more "
        "than 0.05 in any language"
    )
    assert {case.label for case in row.evidence[: quality_rows.SHOWN_FLIPS]} == {"ar"}
    assert [case.label for case in row.evidence[quality_rows.SHOWN_FLIPS :]] == [
        "retrieval in de: -0.100 (-0.135 to -0.065)",
        "accept it so",
    ]
    assert [cell["language"] for cell in row.detail["cells"]] == ["ar", "de", "en"]


def test_worst_language_that_holds_says_what_it_could_have_seen():
    same = worst(judged({"de": RIGHT, "en": RIGHT}, {"de": RIGHT, "en": RIGHT}))
    assert (same.verdict, same.detail["told"]) == (HOLDS, "worst language: no item differs in any")
    gained = worst(judged({"de": [0.5] * 200}, {"de": [0.75] * 200}))
    assert (gained.verdict, "no item differs" in gained.detail["told"]) == (HOLDS, False)
    one = worst(judged({"de": [0.5] * 200, "en": RIGHT}, {"de": [0.75] * 200, "en": RIGHT}))
    assert (one.verdict, "no item differs" in one.detail["told"]) == (HOLDS, False)
    within = worst(judged({"de": RIGHT, "en": RIGHT}, {"de": wrong(9), "en": RIGHT}))
    assert within.verdict == HOLDS
    assert re.fullmatch(
        r"worst language: none surely worse by more than 0\.05; a loss of 0\.\d{3} would have been "
        r"found in any; surely "
        r"worse, though by less: retrieval in de: -0\.045 \(-0\.069 to -0\.021\)",
        within.detail["told"],
    )


def test_worst_language_of_a_few_items_cannot_tell_and_cells_that_are_passed_over_are_named():
    few = worst(judged({"de": [1.0] * 5}, {"de": [0.0] * 5}))
    assert (few.verdict, few.reason) == (CANT_TELL, "worst language: can't tell: needs 6 items in a language")
    some = worst(judged({"de": RIGHT, "en": [1.0] * 3}, {"de": RIGHT, "en": [1.0] * 3}))
    assert (
        some.detail["told"] == "worst language: no item differs in any; not judged for want of items: retrieval in en"
    )
    assert some.detail["not_judged"] == [[RETRIEVAL, "en"]]


def test_items_of_ones_own_have_signs_of_their_own():
    """All eight lose in two cells: with one sign for both that is as low once in 256 draws, with two twice as often."""
    lost = {"de": [1.0] * 8}, {"de": [0.0] * 8}
    found = {name: Sides(side(lost[0]), side(lost[1])) for name in (RETRIEVAL, NAME)}
    assert compared(found, 0.05).worst.cells[0].p == pytest.approx(2 / 256, abs=0.0025)
    suites = {name: Sides(side(lost[0]), side(lost[1])) for name in (RETRIEVAL, "similarity")}
    assert compared(suites, 0.05).worst.cells[0].p == 1 / 256


# --- flips ------------------------------------------------------------------------------------------------------------


def item(found: str, expected: str | None = "p1", name: str = "q1") -> Item:
    return Item(name, "g1", "de", 0.0, Choice(found, 0.9), expected and Choice(expected, 0.8))


def test_flip_has_the_texts_of_what_was_asked_what_is_right_and_what_was_found():
    case = flip_case(item("p1", None), item("p2"), TEXTS)
    assert (case.label, case.item) == ("de", "q1")
    assert dict(case.texts) == {"asked": "frage 1", "gloss": "question 1", "right": "absatz 1", "now": "absatz 2"}
    gained = flip_case(item("p3", None), item("p1"), TEXTS)
    assert dict(gained.texts) == {"asked": "frage 1", "gloss": "question 1", "right": "absatz 1", "before": "absatz 3"}
    both = flip_case(item("p3", None), item("p2"), TEXTS)
    assert (both.texts["before"], both.texts["now"]) == ("absatz 3", "absatz 2")


def test_flip_of_topics_or_of_texts_that_nobody_has_names_them():
    case = flip_case(item("bees"), item("harbour", "bees"), TEXTS)
    assert (case.texts["right"], case.texts["now"]) == ("bees", "harbour")
    unknown = flip_case(item("0123", None, "abcd"), item("4567", None, "abcd"), TEXTS)
    assert dict(unknown.texts) == {"asked": "abcd", "before": "0123", "now": "4567"}


def test_texts_without_a_meaning_of_their_own_have_no_gloss():
    english = {"q1": Text("q1", "question", "en", "g1", QUESTION, gloss="question")}
    assert "gloss" not in flip_case(item("p1"), item("p2"), english).texts


# --- both sides of a system -------------------------------------------------------------------------------------------


TEXT_SET = some_evidence()
VECTORS = random_vectors(TEXT_SET, 3)


@pytest.fixture
def few_texts(monkeypatch) -> TextSet:
    """Have the evidence be a fifth of it."""
    monkeypatch.setattr("fixtures.comparing.quality.evidence_set", lambda: TEXT_SET)
    return TEXT_SET


@pytest.fixture
def old_side(few_texts) -> Achieved:
    from fixtures.comparing.quality import achieved

    return achieved(answering(few_texts, VECTORS))


def test_another_dimension_is_judged_by_what_it_achieves(few_texts, old_side):
    wider = {name: [*vector, 0.0, 0.0] for name, vector in VECTORS.items()}
    found = compared(sides_of(old_side, answering(few_texts, wider)), 0.05)
    assert {verdict.outcome for verdict in found.verdicts.values()} == {HOLDS}
    assert not any(any(pair.differences.values()) for pair in found.paired.values())


def test_changed_texts_are_other_items(few_texts, old_side):
    stale = Achieved({**old_side.texts, "en": "another digest"}, old_side.by_measure)
    found = sides_of(stale, answering(few_texts, VECTORS))
    assert {one.lost for one in found.values()} == {
        "its texts in en are others than those that the old side was measured on: record the old side again"
    }
    assert {one.lost for one in sides_of_kept(stale, old_side, spec()).values()} == {one.lost for one in found.values()}


def test_new_side_is_measured_in_the_languages_of_the_old_one(few_texts):
    from fixtures.comparing.quality import achieved

    new = answering(few_texts, VECTORS)
    narrow = achieved(answering(few_texts, VECTORS, languages=("en", "zh")))
    found = sides_of(narrow, new)
    assert {language for one in found.values() for _, language in one.new.items} == {"en", "zh"}
    assert not any(any(pair.differences.values()) for pair in compared(found, 0.05).paired.values())
    kept = sides_of_kept(narrow, achieved(new, tuple(narrow.texts)), new.spec)
    assert {name: one.new.values for name, one in kept.items()} == {name: one.new.values for name, one in found.items()}
    assert languages_not_judged(narrow, new.spec) == ("ar",)
    assert languages_not_judged(narrow, spec(languages=("en", "sv", "zh"))) == ("sv",)
    assert told_not_judged((), "it") == []
    assert told_not_judged(("sv",), "it") == ["quality isn't judged in sv: it was measured on no texts in it"]


def test_measure_without_a_task_is_lost_and_one_that_tasks_leave_out_is_not(few_texts, old_side):
    fewer = answering(few_texts, VECTORS, roles={role: task for role, task in ROLES.items() if role != Role.CLUSTERING})
    lost = sides_of(old_side, fewer)["clustering"]
    assert lost.lost.startswith("no task serves the role clustering") and lost.not_judged is None
    chosen = sides_of(old_side, fewer, lambda: True)
    assert (chosen["clustering"].lost, chosen["clustering"].not_judged) == (
        None,
        "not judged: --tasks leaves tasks of the model out",
    )
    assert all(one.can_be_paired for name, one in chosen.items() if name != "clustering")
    kept = Achieved(old_side.texts, {name: one for name, one in old_side.by_measure.items() if name != "clustering"})
    assert sides_of_kept(old_side, kept, fewer.spec)["clustering"].lost == "the new side has no figures of it"
    assert sides_of_kept(old_side, kept, fewer.spec, lambda: True)["clustering"].lost is None
    merged = answering(few_texts, VECTORS, roles=fewer.spec.roles, task_named=True)
    assert sides_of(old_side, merged)["clustering"].not_judged.startswith(
        "not judged: --tasks names the one task of a "
    )
    assert sides_of(kept, answering(few_texts, VECTORS))["clustering"].not_judged == "the old side has no figures of it"


def test_nan_breaks_its_measure_alone(few_texts, old_side):
    asked = next(text.id for text in few_texts.texts if text.kind == QUESTION)
    broken = answering(few_texts, {**VECTORS, asked: VECTORS[asked] * float("nan")})
    found = sides_of(old_side, broken)
    assert found["retrieval"].broken.startswith("1 of ") and not found["similarity"].broken
    verdicts = {name: rows_of(name, compared(found, 0.05), {}, "", str)[0].verdict for name in found}
    assert verdicts == {"retrieval": BROKEN, "similarity": HOLDS, "clustering": HOLDS, "classification": HOLDS}


def test_digests_are_those_of_the_languages_that_were_measured(few_texts, old_side):
    assert old_side.texts == digests(few_texts)
