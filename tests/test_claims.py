"""A claim that fails says what was measured, what is needed, on what and how far off; every row is recorded."""

import numpy as np
import pytest

from fixtures.comparing.cases import PAIR, Case, farthest
from fixtures.comparing.rows import (
    BROKEN,
    FAILS,
    HOLDS,
    KNOWN,
    MEASURED,
    Row,
    at_least,
    at_most,
    equal,
    measured,
    more_than,
    read_rows,
)
from fixtures.run.claims import ClaimDoesNotHold, Claims
from fixtures.run.known_failures import KnownFailure, Listed

WEAK = Listed.of([KnownFailure(1, "test_a.py::test_b", None, "weak there")])


class Recorder(list):
    def __call__(self, name, value):
        self.append((name, value))

    @property
    def rows(self) -> list[Row]:
        return read_rows(self)


@pytest.fixture
def recorded():
    return Recorder()


@pytest.fixture
def claims(recorded):
    return Claims(recorded, {"eval": "evals/test_a.py::test_b", "task": "separation"}, "separation on cpu", None)


def failure(claims, *rows):
    with pytest.raises(pytest.fail.Exception) as failed:
        claims.hold(*rows)
    assert failed.value.pytrace is False
    return str(failed.value)


def test_figure_that_is_too_low_is_told(claims):
    message = failure(claims, at_least("accuracy", 0.9123456, 0.95))
    assert message == "separation on cpu: accuracy: measured 0.9123, needs >= 0.95 (off by 0.038)"


def test_figure_that_must_be_more_may_not_be_equal(claims):
    claims.hold(more_than("margin", 0.1, 0.0))
    message = failure(claims, more_than("margin", 0.0, 0.0))
    assert message == "separation on cpu: margin: measured 0, needs > 0 (off by 0)"
    assert "needs > 0" in failure(claims, more_than("margin", float("nan"), 0.0))


def test_figure_that_is_too_high_is_told(claims):
    message = failure(claims, at_most("distance", 2.5e-6, 1e-6))
    assert message == "separation on cpu: distance: measured 2.5e-06, needs <= 1e-06 (off by 1.5e-06)"


def test_thing_that_is_not_equal_is_told(claims):
    assert failure(claims, equal("shape", (2, 3), (2, 4))) == "separation on cpu: shape: found (2, 3), needs (2, 4)"


def test_worst_cases_follow_indented(claims):
    message = failure(claims, at_least("accuracy", 0.5, 1.0, worst=["one", "two"]))
    assert message.splitlines()[1:] == ["  one", "  two"]


def test_worst_cases_are_worded_in_the_message_and_recorded_as_records(claims, recorded):
    worst = [Case(PAIR, "gain", {"value": np.float64(-0.25)}, {"text": "one", "other": "x" * 70})]
    message = failure(claims, at_least("accuracy", 0.5, 1.0, worst=worst))
    assert message.splitlines()[1:] == [f'  gain -0.250: "one" | "{"x" * 59}…"']
    assert recorded.rows[0].evidence == (Case(PAIR, "gain", {"value": -0.25}, {"text": "one", "other": "x" * 70}),)


def test_worst_cases_are_made_only_where_a_claim_does_not_hold(claims):
    def never():
        raise AssertionError("made for a claim that holds")

    claims.hold(at_least("accuracy", 1.0, 0.5, worst=never))


@pytest.mark.parametrize("value", [float("nan"), np.float32("nan")])
def test_nan_holds_no_claim(claims, value):
    assert "measured nan, needs >= 0" in failure(claims, at_least("accuracy", value, 0))
    assert "measured nan, needs <= 0" in failure(claims, at_most("accuracy", value, 0))


def test_bound_itself_holds(claims):
    claims.hold(at_least("accuracy", 0.95, 0.95), at_most("accuracy", 0.95, 0.95), equal("shape", (2, 3), (2, 3)))


def test_all_rows_are_recorded_before_the_first_that_fails_ends_the_eval(claims, recorded):
    rows = [
        measured("alone", 7),
        at_least("holds", np.float64(0.5), 0.1),
        at_most("fails", np.float32(0.5), 0.1),
        equal("shape", (2, 3), (2, 4)),
        equal("type", "float32", "float32"),
    ]
    message = failure(claims, *rows)
    assert [line.split(":")[1].strip() for line in message.splitlines()] == ["fails", "shape"]
    assert [(row.name, row.new, row.verdict) for row in recorded.rows] == [
        ("alone", 7, MEASURED),
        ("holds", 0.5, HOLDS),
        ("fails", 0.5, FAILS),
        ("shape", "(2, 3)", FAILS),
        ("type", "float32", HOLDS),
    ]
    assert {(row.eval, row.task, row.device) for row in recorded.rows} == {
        ("evals/test_a.py::test_b", "separation", None)
    }


def test_known_failure_is_expected_and_its_row_says_why(recorded):
    claims = Claims(recorded, {}, "cpu", WEAK)
    with pytest.raises(pytest.xfail.Exception, match=r"share: measured 0.5, needs >= 0.8 .* # weak there"):
        claims.hold(at_least("share", 0.5, 0.8), at_least("other", 0.9, 0.8))
    assert [(row.verdict, row.reason) for row in recorded.rows] == [(KNOWN, "weak there"), (HOLDS, "")]


def test_what_is_broken_is_never_known(recorded):
    claims = Claims(recorded, {}, "cpu", WEAK)
    with pytest.raises(pytest.fail.Exception) as failed:
        claims.hold(at_least("share", float("nan"), 0.8), at_least("other", 0.5, 0.8))
    assert not isinstance(failed.value, ClaimDoesNotHold)
    assert [row.verdict for row in recorded.rows] == [BROKEN, KNOWN]


@pytest.mark.parametrize(
    "row",
    [
        at_most("distance", 1e-9, 1e-6, source="measured, 95 runs", n=3, detail={"table": "one"}),
        at_least("share", float("inf"), 0.8, worst=["a", "b"]),
        at_least("share", 0.5, 0.8, worst=farthest(["a", "b"], np.array([0.25, 0.5]))),
        equal("shape", (2, 3), (2, 4)),
        measured("text", "\u4e2d"),
    ],
)
def test_row_travels_as_text_and_back(row):
    assert Row.load(row.dump()) == row
