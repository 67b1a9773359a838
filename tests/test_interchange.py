"""Whether stored vectors may be used beside today's: what each verdict says, and the closing line of a run."""

from dataclasses import replace

import numpy as np
import pytest

from fixtures.comparing import drift, drift_rows, rows
from fixtures.comparing.bounds import Bound
from fixtures.comparing.compare import compare, compare_task
from fixtures.comparing.cut_texts import moved_beyond
from fixtures.comparing.diagnosis import Finding
from fixtures.comparing.interchange import JUST_RECORDED
from fixtures.comparing.reference import Reference
from fixtures.comparing.rows import Row
from fixtures.comparing.statistics import STATISTICS
from fixtures.reports.run_report import RunReport
from fixtures.reports.terminal import summary_lines
from tests import callables
from tests.compared_anchors import ANCHORS, BOUND, SAME_TASK, TASK, TEXTS, finding, observed, reference

OLD = reference(observed(callables.encode(TEXTS, TASK)))
VOID = "your stored vectors are not interchangeable: re-index"


def row(found: Finding, old: Reference = OLD) -> Row:
    """The row of a verdict that has been through JSON, as it is read at the end of a run."""
    dumped = drift_rows.rows_of(found, old, "in float32, against snapshots/m", lambda: "record it")[-1].dump()
    return Row.load(dumped)


def encoded() -> np.ndarray:
    return callables.encode(TEXTS, TASK)


def rotated() -> np.ndarray:
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((callables.DIMENSION, callables.DIMENSION)))[0]
    return (encoded() @ turn).astype(np.float32)


def judged(now: np.ndarray, statistics: list[str]) -> Finding:
    """The finding on embeddings that these statistics alone have bounds for."""
    return Finding(drift.judge(encoded(), now, dict.fromkeys(statistics, BOUND)), TASK)


@pytest.mark.parametrize("now", [encoded(), encoded() + np.float32(1e-6)], ids=["identical", "within tolerance"])
def test_vectors_within_bounds_are_interchangeable(now):
    found = row(finding(now))
    assert found.verdict == rows.HOLDS and found.detail["interchangeable"] is True
    assert found.detail["against"] == "snapshots/m" and "interchangeable_unknown" not in found.detail


@pytest.mark.parametrize(
    "now",
    [rotated(), callables.encode(TEXTS, "another task"), encoded() * np.float32(1.01)],
    ids=["rotated", "drifted", "longer"],
)
def test_vectors_beyond_bounds_are_to_be_indexed_anew_whatever_moved_them(now):
    found = row(finding(now))
    assert found.verdict == rows.FAILS and found.detail["interchangeable"] is False
    assert [case.label for case in found.evidence][-2:] == [VOID, "record it"]


@pytest.mark.parametrize("beyond", ["order inversions", "neighbour flips", "matrix mean"])
def test_similarities_beyond_bounds_are_no_reason_to_index_anew_where_each_vector_is_within_its_own(beyond):
    shares = {**dict.fromkeys(STATISTICS, 0.1), beyond: 1.1}
    found = row(Finding(drift.Verdict(drift.DRIFTED, dict.fromkeys(STATISTICS, 1e-9), shares), TASK))
    assert found.verdict == rows.FAILS and found.detail["interchangeable"] is True
    told = "your stored vectors are interchangeable: all vectors are within bounds"
    assert told in [case.label for case in found.evidence]


def test_similarities_beyond_bounds_tell_of_vectors_where_these_have_none():
    left = [name for name in STATISTICS if not name.startswith("vector")]
    found = row(judged(callables.encode(TEXTS, "another task"), left))
    assert found.new == drift.DRIFTED and found.detail["interchangeable"] is False


def test_scale_of_vectors_that_are_not_normalised_matters_to_dot_products():
    lengths = np.linspace(1, 3, len(TEXTS), dtype=np.float32)[:, None]
    before, bounds = encoded() * lengths, dict.fromkeys([*STATISTICS, "norm change"], BOUND)
    del bounds["norm max"]
    for scale, interchangeable in ((1.0001, True), (1.01, False)):
        verdict = drift.judge(before, before * np.float32(scale), bounds)
        assert row(Finding(verdict, TASK)).detail["interchangeable"] is interchangeable


def test_vectors_of_another_tokenizer_may_still_be_within_bounds():
    verdict = drift.judge(encoded(), encoded() + np.float32(1e-6), dict.fromkeys(STATISTICS, BOUND))
    found = row(Finding(replace(verdict, outcome=drift.TOKENIZER), TASK))
    assert found.verdict == rows.FAILS and found.detail["interchangeable"] is True
    told = "your stored vectors are interchangeable: all vectors are within bounds"
    assert told in [case.label for case in found.evidence]


def test_other_dimension_is_to_be_indexed_anew_and_similarities_are_compared():
    found = row(finding(encoded()[:, :32]))
    assert found.verdict == rows.FAILS and found.new == drift.OTHER_DIMENSION
    assert found.detail["statistic"] and not found.detail["statistic"].startswith("vector")
    told = f"vectors are not comparable: {callables.DIMENSION} and 32 dimensions"
    assert told in [case.label for case in found.evidence]
    assert found.detail["interchangeable"] is False and VOID in [case.label for case in found.evidence]
    assert found.detail["languages"] == found.detail["kinds"] == {}


def test_nothing_is_known_of_vectors_without_bounds():
    unbounded = replace(OLD, bounds=lambda new, texts: None)
    found = row(compare_task(unbounded, observed(encoded()), ANCHORS, SAME_TASK))
    assert found.detail["interchangeable"] is None
    assert found.detail["interchangeable_unknown"].startswith("no bounds were measured for ")
    assert "whether your stored vectors are interchangeable isn't known" in [case.label for case in found.evidence]


def test_vectors_that_are_not_finite_are_no_reason_to_index_anew():
    now = encoded()
    now[0, 0] = np.nan
    found = row(finding(now))
    assert found.detail["interchangeable"] is None
    assert found.detail["interchangeable_unknown"] == "embeddings hold NaN or infinity"


def test_old_side_that_is_not_finite_can_not_be_compared():
    before = encoded()
    before[-1, 0] = np.nan
    for now in (encoded(), before.copy()):
        found = row(finding(now, before))
        assert found.fails and found.new == drift.NOT_COMPARABLE and found.detail["interchangeable"] is None
        assert found.detail["interchangeable_unknown"] == (
            f"snapshots/m answered {TASK} with NaN or infinity on 1 of {len(TEXTS)} texts"
        )


def test_another_vocabulary_explains_no_drift_where_more_differs():
    names = list(ANCHORS.token_texts)
    for many, explained in ((len(names), ""), (len(names) // 2, "the tokenizers differ")):
        moves = set(names[:many])
        now = encoded()
        for at, name in enumerate(ANCHORS.texts):
            if name in moves:
                now[at] = callables.encode([TEXTS[at]], "another task")[0]
        old = observed(encoded(), tokens={name: [1] for name in names})
        new = observed(now, tokens={name: [2] if name in moves else [1] for name in names})
        old.spec, new.spec = (replace(old.spec, precision=one) for one in ("float32", "bfloat16"))
        found = compare(reference(old), new, ANCHORS)[TASK]
        assert found.verdict.outcome == drift.TOKENIZER and found.explained == explained


@pytest.mark.parametrize("broken_side", [0, 1], ids=["old", "new"])
def test_long_texts_that_are_not_finite_fail_though_only_one_side_cuts_them(broken_side):
    vectors = np.eye(2, dtype=np.float32)
    sides = [vectors, vectors.copy()]
    sides[broken_side][1, 0] = np.nan
    known = ANCHORS.only(list(ANCHORS.texts)[:2])
    old, new = (observed(side, known) for side in sides)
    cut = moved_beyond(old, new, known, TASK, {"vector max": Bound(BOUND, "made up")})
    found = replace(finding(encoded()), beyond=cut)
    of_cut = [one for one in drift_rows.rows_of(found, OLD, "", lambda: "") if one.name == drift_rows.CUT_TEXTS]
    assert [one.fails for one in of_cut] == [True] and "1 of 2 texts hold NaN or infinity" in of_cut[0].reason
    assert row(found).detail["interchangeable"] is None


def test_long_texts_without_a_bound_leave_it_unknown_whether_vectors_are_interchangeable():
    known = ANCHORS.only(list(ANCHORS.texts)[:2])
    old, new = (observed(side, known) for side in (np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1]))
    found = replace(finding(encoded()), beyond=moved_beyond(old, new, known, TASK, {}))
    assert row(found).detail["interchangeable"] is None


@pytest.mark.parametrize(
    ("lacking", "says"),
    [("vector", "no bound says how far the direction of a vector may change"), ("norm", "the length of a vector")],
)
def test_bounds_that_can_not_see_a_rotation_or_a_scale_say_nothing_of_vectors(lacking, says):
    left = [name for name in STATISTICS if not name.startswith(lacking)]
    now = rotated() if lacking == "vector" else encoded() + np.float32(1e-6)
    found = row(judged(now, left))
    assert found.new == drift.WITHIN and found.detail["interchangeable"] is None
    assert says in found.detail["interchangeable_unknown"]
    assert row(judged(encoded(), left)).detail["interchangeable"] is True  # to the last bit


def test_run_that_records_says_nothing_of_stored_vectors():
    found = row(finding(encoded()), replace(OLD, just_recorded=True))
    assert found.detail["interchangeable"] is None and found.detail["interchangeable_unknown"] == JUST_RECORDED
    assert not vectors_lines([replace(found, task="a", device="cpu")])


def test_where_it_moved_travels_with_the_row_in_plain_values_that_are_short():
    for now in (encoded(), callables.encode(TEXTS, "another task")):
        found = row(finding(now))
        assert found.detail["languages"]["en"]["texts"] == 25 and found.detail["kinds"]["emoji"]["texts"] == 4
        assert {*found.detail["languages"]["en"]} == {"texts", "moved", "median", "largest"}
        assert len(str([found.detail["languages"], found.detail["kinds"]])) < 5000


# --- the closing line -----------------------------------------------------------------------------------------------


def vectors_lines(judged: list[Row]) -> list[str]:
    return [line for line in summary_lines(RunReport(), judged) if line.startswith("vectors")]


def of(task: str, holds: bool | None, device: str = "cpu") -> Row:
    unknown = {"interchangeable_unknown": "no bounds"} if holds is None else {}
    detail = {"interchangeable": holds, "against": "snapshots/m", **unknown}
    return Row(rows.DRIFT, drift.WITHIN, task=task, device=device, detail=detail)


IS, NOT = "interchangeable with those of snapshots/m", "not interchangeable with those of snapshots/m: re-index"


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        ({"a": True, "b": True}, IS),
        ({"a": False, "b": False}, NOT),
        ({"a": False, "b": True, "c": False}, f"{NOT} (a, c; b is)"),
        ({"a": True, "b": True, "c": False}, f"{NOT} (c; a, b are)"),
        ({"a": True, "b": False, "c": None}, f"{NOT} (b; a is; not known under c)"),
        ({"a": False, "b": None}, f"{NOT} (a; not known under b)"),
        ({"a": True, "b": None}, f"{IS} (a is; not known under b: no bounds)"),
        ({"a": None, "b": None}, f"not known whether {IS}: no bounds"),
    ],
)
def test_closing_line_names_the_tasks_apart_where_they_differ(judged, said):
    assert vectors_lines([of(task, holds) for task, holds in judged.items()]) == [f"vectors   on cpu: {said}"]


def test_each_device_has_its_closing_line():
    lines = vectors_lines([of("a", True), of("a", False, "cuda"), of("b", True)])
    assert lines == [f"vectors   on cpu: {IS}", f"vectors   on cuda: {NOT}"]


def test_rows_without_such_a_verdict_have_no_closing_line():
    assert vectors_lines([Row(rows.DRIFT, drift.WITHIN, task="a", device="cpu")]) == []
