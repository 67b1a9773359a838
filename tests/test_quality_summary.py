"""The verdict in one line: every figure of it is a row's, and what isn't judged is said."""

from dataclasses import replace

import pytest

from fixtures.comparing.rows import BROKEN, DRIFT, FAILS, KNOWN, NOT_JUDGED, QUALITY, Row
from fixtures.reports.quality_summary import sentences
from fixtures.reports.terminal import verdict_lines
from tests.test_quality_rows import RIGHT, judged, rows_of, worst_language_row, wrong

MEASURES = ("retrieval", "similarity", "clustering", "classification")


def of(name: str, old: dict, new: dict, **more) -> Row:
    return rows_of(name, judged(old, new, name=name, **more), {}, "", str)[0]


def rows(**changed: Row) -> list[Row]:
    """A run's rows, all of which hold but these."""
    same = {"de": RIGHT, "en": RIGHT}
    found = {name: of(name, same, same) for name in MEASURES}
    found["worst"] = worst_language_row(judged(same, same), {}, str)
    return [row for row in {**found, **changed}.values() if row is not None]


def line(*judged_rows: Row) -> list[str]:
    return [*sentences([Row.load(row.dump()) for row in judged_rows])]


def test_all_hold():
    assert line(*rows()) == ["not worse by more than 0.05 in four of four measures"]


def test_loss_has_the_ends_and_the_language_of_its_row():
    lost = of("retrieval", {"ar": RIGHT, "de": RIGHT}, {"ar": wrong(60), "de": wrong(20)})
    detail = lost.detail
    assert line(*rows(retrieval=lost)) == [
        "not worse by more than 0.05 in three of four measures",
        f"retrieval lost {-detail['difference']:.3f} ({-detail['high']:.3f} to {-detail['low']:.3f}), most in ar",
    ]
    known = replace(lost, verdict=KNOWN, reason="weak")
    assert line(*rows(retrieval=known))[1].endswith(", most in ar (a known failure)")


def test_losses_alike_in_all_languages_name_none():
    lost = of("retrieval", {"ar": RIGHT, "de": RIGHT}, {"ar": wrong(20), "de": wrong(20)})
    assert line(*rows(retrieval=lost))[1] == "retrieval lost 0.100 (0.065 to 0.135)"


def test_lost_broken_and_cant_tell():
    gone = of("retrieval", {"ar": RIGHT, "de": RIGHT}, {"de": RIGHT})
    broken = Row(QUALITY, verdict=BROKEN, gates=True, reason="NaN", detail={"measure": "similarity"})
    role = Row(QUALITY, verdict=FAILS, gates=True, reason="clustering: lost", detail={"measure": "clustering"})
    open_one = of("classification", {"de": wrong(20)}, {"de": [1.0] * 20 + wrong(24, 180)})
    detail = open_one.detail
    assert line(*rows(retrieval=gone, similarity=broken, clustering=role, classification=open_one)) == [
        "not worse by more than 0.05 in none of four measures",
        "retrieval is lost",
        "similarity is broken",
        "clustering is lost",
        f"classification: can't tell (-0.020, {detail['low']:+.3f} to {detail['high']:+.3f})",
    ]


def test_one_item_has_no_interval():
    assert line(*rows(retrieval=of("retrieval", {"de": [1.0]}, {"de": [0.0]})))[1] == (
        "retrieval: can't tell (-1.000, no interval)"
    )


def test_worst_language_has_the_figures_of_its_cell():
    worst = worst_language_row(judged({"ar": RIGHT, "de": RIGHT}, {"ar": wrong(20), "de": RIGHT}), {}, str)
    assert line(*rows(worst=worst))[1] == "retrieval in ar lost 0.100 (0.065 to 0.135)"
    few = worst_language_row(judged({"de": [1.0] * 3}, {"de": [1.0] * 3}), {}, str)
    assert line(*rows(worst=few))[1] == "worst language: can't tell"


def test_what_is_not_judged_is_said():
    unjudged = Row(QUALITY, verdict=NOT_JUDGED, reason="no figures", detail={"measure": "similarity"})
    assert line(*rows(similarity=unjudged, clustering=None)) == [
        "not worse by more than 0.05 in two of two measures",
        "not judged: similarity, clustering",
    ]
    assert line(rows()[-1]) == ["not judged: retrieval, similarity, clustering, classification"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([True, True], ["stored vectors can be kept"]),
        ([True, False], ["stored vectors under task 1 must be re-indexed"]),
        ([False, False], ["stored vectors must be re-indexed"]),
        ([True, None], []),
        ([], []),
    ],
)
def test_stored_vectors(known, said):
    drift = [Row(DRIFT, task=f"task {number}", detail={"interchangeable": holds}) for number, holds in enumerate(known)]
    assert line(*rows(), *drift)[1:] == said


def test_line_of_each_device_and_none_where_quality_does_not_gate():
    here = [replace(row, device=device) for device in ("cpu", "cuda:0") for row in rows()]
    assert [one.partition(": not ")[0] for one in verdict_lines(here)] == ["verdict   on cpu", "verdict   on cuda:0"]
    assert verdict_lines([replace(row, gates=False) for row in here]) == []
