"""What a cut on similarity keeps: by hand, and the interval against scipy's binomial."""

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.comparing.quality import Quality
from fixtures.comparing.thresholds import THRESHOLD, kept, rows_of, told


def side(true: dict[str, list[float]], unrelated: dict[str, dict[float, float]] | None = None) -> Quality:
    """A side with these similarities of true pairs by language, item for item."""
    pairs = {(str(row), one): value for one, values in true.items() for row, value in enumerate(values)}
    return Quality({}, pairs, unrelated or {})


FLAT = {0.0: 0.0, 0.5: 0.5, 1.0: 1.0}
"""Quantiles of similarities that lie evenly from 0 to 1."""


def test_shares_by_hand():
    old = side({"en": [0.9, 0.8, 0.7, 0.6]}, {"en": FLAT})
    new = side({"en": [0.5, 0.4, 0.3, 0.2]}, {"en": {0.0: 0.0, 0.5: 0.1, 1.0: 0.2}})
    (one,) = kept(old, new, 0.75)
    assert (one.language, one.pairs, one.old_true, one.new_true) == (None, 4, 0.5, 0.0)
    assert (one.old_unrelated, one.new_unrelated) == (0.25, 0.0)
    assert one.own == 0.4  # half of the new side's pairs are at or above it


def test_a_pair_at_the_cut_is_kept():
    (one,) = kept(side({"en": [0.75, 0.5]}), side({"en": [0.75, 0.75]}), 0.75)
    assert (one.old_true, one.new_true, one.own) == (0.5, 1.0, 0.75)


@pytest.mark.parametrize("old", [[0.9, 0.8, 0.7, 0.6, 0.5], [0.9, 0.9, 0.2, 0.1, 0.0]])
def test_own_cut_keeps_as_many_of_the_new_sides_pairs(old):
    new = np.random.default_rng(3).random(5).tolist()
    for threshold in (0.05, 0.15, 0.55, 0.65, 0.85):
        (one,) = kept(side({"en": old}), side({"en": new}), threshold)
        assert np.mean(np.array(new) >= one.own) == pytest.approx(one.old_true)


def test_where_nothing_or_all_is_kept_there_is_no_interval():
    old, new = side({"en": [0.5, 0.6, 0.7]}), side({"en": [0.1, 0.2, 0.3]})
    (none,), (everything,) = kept(old, new, 0.9), kept(old, new, 0.1)
    assert (none.old_true, none.own) == (0.0, 0.3) and (everything.old_true, everything.own) == (1.0, 0.1)
    assert all(math.isnan(end) for one in (none, everything) for end in (one.low, one.high))


def test_interval_is_that_of_order_statistics():
    """At least 90% by the binomial law, and less with the next order statistics inside."""
    values = np.sort(np.random.default_rng(0).random(60))
    old = [1.0] * 24 + [0.0] * 36
    (one,) = kept(side({"en": old}), side({"en": values.tolist()}), 0.5)
    low, high = (int(np.flatnonzero(values == end)[0]) for end in (one.low, one.high))
    assert one.low <= one.own <= one.high

    def covered(first: int, last: int) -> float:
        return stats.binom.cdf(last, 60, 0.6) - stats.binom.cdf(first, 60, 0.6)

    assert covered(low, high) >= 0.9 - 0.01 and covered(low + 1, high - 1) < 0.9


def test_interval_covers_the_true_cut_as_often_as_it_says():
    drawn = np.random.default_rng(1)
    found = [
        kept(side({"en": [1.0] * 20 + [0.0] * 20}), side({"en": drawn.random(40).tolist()}), 0.5)[0] for _ in range(400)
    ]
    assert 0.87 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.97


def test_languages_stand_below_all_of_them_and_only_pairs_of_both_sides_count():
    old = side({"en": [0.9, 0.9], "de": [0.9, 0.1], "fr": [0.9]}, {"en": FLAT, "de": {0.0: 0.9, 1.0: 1.0}})
    new = side({"en": [0.9, 0.1], "de": [0.1, 0.1]}, {"en": FLAT})
    every, english, german = kept(old, new, 0.5)
    assert [one.language for one in (every, english, german)] == [None, "en", "de"]
    assert (every.pairs, every.old_true, every.new_true) == (4, 0.75, 0.25)
    assert (english.old_true, german.old_true, english.new_true, german.new_true) == (1, 0.5, 0.5, 0)
    assert (every.old_unrelated, german.old_unrelated) == (0.75, 1.0)  # the mean over languages
    assert math.isnan(german.new_unrelated) and math.isnan(every.low)
    assert kept(side({"fr": [0.5]}), new, 0.5) == []


def test_rows_never_gate_and_hold_plain_values():
    old, new = side({"en": [0.9, 0.6], "de": [0.9, 0.6]}, {"en": FLAT}), side({"en": [0.5, 0.4], "de": [0.5, 0.4]})
    rows = [*rows_of("search", old, new, [0.75, 0.5], "query")]
    assert [(row.name, row.gates, row.language, row.detail["threshold"]) for row in rows] == [
        (THRESHOLD, False, language, threshold) for threshold in (0.75, 0.5) for language in (None, "en", "de")
    ]
    assert rows[0].detail["new_unrelated"] is None and rows[0].dump()
    assert rows[0].detail["told"] == (
        "0.75, search: the old side keeps 50.0% of true pairs and 25.0% of unrelated ones, the new one 0.0% and an "
        "unknown share; it keeps as many true pairs at 0.500"
    )
    (one,) = kept(side({"en": [0.9] * 20 + [0.1] * 20}), side({"en": np.linspace(0, 1, 40).tolist()}), 0.5)
    assert told(one, "search").endswith(f"at {one.own:.3f} ({one.low:.3f} to {one.high:.3f})")
