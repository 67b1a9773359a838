"""Flips: by hand, and what chance alone gives."""

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.comparing.flips import flips
from fixtures.errors import MeasureError


def test_flips_by_hand():
    old = {
        ("a", "de"): 1,
        ("a", "en"): 1,
        ("b", "de"): 0,
        ("b", "en"): 1,
        ("c", "en"): 1,
        ("d", "en"): 0,
        ("e", "en"): 1,
    }
    new = {
        ("a", "de"): 0,
        ("a", "en"): 1,
        ("b", "de"): 1,
        ("b", "en"): 1,
        ("c", "en"): 0,
        ("d", "en"): 0,
        ("f", "en"): 1,
    }
    lost, gained = flips(old, new)
    assert (lost.which, gained.which) == ((("a", "de"), ("c", "en")), (("b", "de"),))
    of_items = [0.5, 0, 1, 0]  # a, b, c, d
    interval = stats.t.interval(0.9, 3, loc=0.375, scale=stats.sem(of_items))
    assert interval[0] < 0
    assert (lost.share, lost.low, lost.high) == pytest.approx((0.375, 0, interval[1]))
    assert gained.share == pytest.approx(0.125)
    # Right on the old side: (1 + .5 + 1 + 0) / 4, on the new one: (.5 + 1 + 0 + 0) / 4.
    assert lost.by_chance == pytest.approx(0.625 * (1 - 0.375))
    assert gained.by_chance == pytest.approx(0.375 * (1 - 0.625))


def test_chance_is_what_two_sides_without_anything_in_common_flip():
    drawn = np.random.default_rng(0)
    keys = [(f"{row}", "en") for row in range(4_000)]
    old, new = (
        dict(zip(keys, (drawn.random(4_000) < right).astype(int).tolist(), strict=True)) for right in (0.8, 0.7)
    )
    for found, expected in zip(flips(old, new), (0.8 * 0.3, 0.7 * 0.2), strict=True):
        assert found.by_chance == pytest.approx(expected, abs=0.015)
        assert found.low < found.by_chance < found.high and found.high - found.low < 0.025


def test_same_answers_have_no_flips():
    old = {("a", "en"): 1, ("b", "en"): 0, ("c", "en"): True, ("d", "en"): 0.0}
    for found in flips(old, old):
        assert (found.which, found.share, found.low, found.high, found.by_chance) == ((), 0, 0, 0, 0.25)


def test_no_common_item_is_no_share():
    for found in flips({("a", "en"): 1}, {("b", "en"): 1}):
        assert found.which == () and math.isnan(found.share) and (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("value", [0.5, math.nan, 2])
@pytest.mark.parametrize("side", ["old", "new"])
def test_answers_that_are_neither_right_nor_wrong_are_refused(side, value):
    values = {"old": {("a", "en"): 1}, "new": {("a", "en"): 1}}
    values[side]["a", "en"] = value
    with pytest.raises(MeasureError) as raised:
        flips(**values)
    assert str(raised.value) == (
        f'the {side} side\'s value of item "a", language "en", is {value!r}; '
        "flips need answers that are 0, wrong, or 1, right"
    )
