"""Old against new on the same items: against scipy, by hand, and where there is little or nothing to compare."""

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.comparing.paired import Paired, by_item, estimate, paired
from fixtures.errors import MeasureError
from tests.drawn_values import differences, in_one_language, sides


def correlated_sides(items: int = 40, languages: int = 6) -> tuple[dict, dict]:
    """A new side that errs on the items on which the old one errs."""
    drawn = np.random.default_rng(0)
    level = drawn.uniform(0.2, 0.8, (items, 1))
    old, new = (np.clip(level + drawn.normal(0, 0.05, (items, languages)), 0, 1) for _ in range(2))
    keys = [(f"item {row}", f"l{column}") for row in range(items) for column in range(languages)]
    return dict(zip(keys, old.ravel(), strict=True)), dict(zip(keys, new.ravel(), strict=True))


# --- the arithmetic ---------------------------------------------------------------------------------------------


def test_figures_are_those_of_scipy_on_the_means_of_items():
    old, new = correlated_sides()
    found = paired(old, new)
    reference = stats.ttest_rel(by_item(new), by_item(old))
    interval = reference.confidence_interval(0.9)
    assert found.difference.mean == pytest.approx(np.mean(by_item(new)) - np.mean(by_item(old)), abs=1e-12)
    assert found.difference.mean == pytest.approx(found.new - found.old, abs=1e-12)
    assert (found.difference.low, found.difference.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.difference.mean / found.difference.error == pytest.approx(reference.statistic, rel=1e-9)
    for direction, p in (("less", found.p_worse), ("greater", found.p_better)):
        assert p == pytest.approx(stats.ttest_rel(by_item(new), by_item(old), alternative=direction).pvalue, rel=1e-9)


def test_interval_by_hand():
    found = in_one_language(-0.3, -0.1, 0.1, 0.3).difference
    spread = math.sqrt((0.09 + 0.01 + 0.01 + 0.09) / 3)
    assert (found.items, found.mean) == (4, 0)
    assert (found.spread, found.error) == pytest.approx((spread, spread / 2))
    assert (found.low, found.high) == pytest.approx((-2.353363 * spread / 2, 2.353363 * spread / 2), rel=1e-6)


def test_items_of_many_languages_count_no_more_than_others():
    old = {("a", "en"): 0.5, ("a", "de"): 0.5, ("a", "fr"): 0.5, ("b", "en"): 1.0, ("c", "fr"): 0.0, ("c", "de"): 0.0}
    new = {("a", "en"): 0.2, ("a", "de"): 0.5, ("a", "fr"): 0.5, ("b", "en"): 0.9, ("c", "fr"): 0.4, ("c", "de"): 0.0}
    found = paired(old, new)
    assert found.difference.mean == pytest.approx((-0.1 - 0.1 + 0.2) / 3)
    assert (found.old, found.new) == pytest.approx((0.5, (0.4 + 0.9 + 0.2) / 3))
    assert (found.difference.items, found.languages) == (3, ("de", "en", "fr"))


def test_items_six_times_over_leave_the_interval_as_it_was():
    drawn = differences(np.random.default_rng(1), 30, 1)
    once, six_times = paired(*sides(drawn)), paired(*sides(np.repeat(drawn, 6, axis=1)))
    assert len(six_times.differences) == 6 * len(once.differences)
    assert list(vars(six_times.difference).values()) == pytest.approx(list(vars(once.difference).values()), rel=1e-12)
    assert six_times.p_worse == pytest.approx(once.p_worse, rel=1e-12)


def test_labels_shuffled_between_items_widen_the_interval():
    old, new = correlated_sides()
    items = sorted({item for item, _ in new})
    names = dict(zip(items, np.random.default_rng(2).permutation(items).tolist(), strict=True))
    shuffled = paired(old, {(names[item], language): value for (item, language), value in new.items()})
    assert shuffled.difference.mean == pytest.approx(paired(old, new).difference.mean)
    assert shuffled.difference.error > 4 * paired(old, new).difference.error


def test_translations_taken_for_items_would_narrow_it():
    old, new = sides(differences(np.random.default_rng(3), 60, 6))
    each = paired(*({(f"{key}", "en"): value for key, value in side.items()} for side in (old, new)))
    assert paired(old, new).difference.error > 1.5 * each.difference.error


def test_order_of_values_does_not_matter():
    old, new = correlated_sides()
    assert paired(dict(reversed(old.items())), new) == paired(old, dict(reversed(new.items())))


def test_figures_of_numpy_are_values():
    found = paired({("a", "en"): np.float32(0.5)}, {("a", "en"): np.int64(1)})
    assert (found.old, found.new) == (0.5, 1.0)


# --- little or nothing to compare -------------------------------------------------------------------------------


def certainty(found: Paired) -> tuple[float, float, float, float]:
    return found.difference.low, found.difference.high, found.p_worse, found.p_better


@pytest.mark.parametrize(("difference", "p_worse", "p_better"), [(-0.2, 0, 1), (0.0, 1, 1), (0.2, 1, 0)])
def test_equal_differences_are_as_sure_as_their_sign(difference, p_worse, p_better):
    found = in_one_language(*[difference] * 7)
    mean = pytest.approx(difference, abs=1e-12)
    assert certainty(found) == (mean, mean, p_worse, p_better)
    assert (found.difference.spread, found.difference.error) == (0, 0)


def test_differences_that_are_rounding_are_none():
    old = {(f"{row}", "en"): 0.1 + 0.2 for row in range(9)}
    found = paired(old, dict.fromkeys(old, 0.3))
    assert certainty(found) == (0, 0, 1, 1) and found.difference.mean == 0
    # Languages whose differences cancel leave a mean of some 1e-17 that differs with their order.
    orders = [(0.1, 0.2, -0.3), (-0.3, 0.1, 0.2), (0.2, -0.3, 0.1)]
    assert certainty(paired(*sides(np.array(orders)))) == (0, 0, 1, 1)


def test_one_item_has_a_difference_and_no_certainty():
    found = in_one_language(-0.4)
    assert found.difference.mean == pytest.approx(-0.4)
    assert certainty(found) == (-math.inf, math.inf, 1, 1)
    assert (found.difference.spread, found.difference.error) == (math.inf, math.inf)


def test_no_common_item_is_no_figure():
    found = paired({("a", "en"): 1.0}, {("b", "en"): 1.0})
    assert found.difference.items == 0 and found.languages == () and not found.saturated
    assert math.isnan(found.old) and math.isnan(found.new) and math.isnan(found.difference.mean)
    assert certainty(found) == (-math.inf, math.inf, 1, 1)
    assert certainty(paired({}, {})) == (-math.inf, math.inf, 1, 1)


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), -0.01, 1.01, math.inf, None, "0.5"])
@pytest.mark.parametrize("side", ["old", "new"])
def test_what_is_no_value_is_refused_in_one_line(side, value):
    values = {"old": {("a", "en"): 0.5, ("b", "de"): 0.5}, "new": {("a", "en"): 0.5, ("b", "de"): 0.5}}
    values[side]["b", "de"] = value
    with pytest.raises(MeasureError) as raised:
        paired(**values)
    assert str(raised.value) == (
        f'the {side} side\'s value of item "b", language "de", is {value!r}; '
        "a measure's values are numbers from 0 to 1"
    )


def test_value_that_only_one_side_has_is_looked_at_too():
    with pytest.raises(MeasureError, match='the new side\'s value of item "b"'):
        paired({("a", "en"): 0.5}, {("a", "en"): 0.5, ("b", "en"): math.nan})


def test_rounding_above_1_is_no_error():
    assert paired({("a", "en"): 1.0}, {("a", "en"): 1 + 2e-16}).difference.mean == 0


def test_what_one_side_lacks_is_listed():
    old = {("a", "en"): 1.0, ("a", "de"): 1.0, ("b", "en"): 1.0, ("b", "de"): 1.0, ("c", "en"): 1.0}
    new = {("a", "en"): 1.0, ("b", "en"): 1.0, ("d", "en"): 1.0, ("d", "fr"): 1.0}
    found = paired(old, new)
    assert list(found.differences) == [("a", "en"), ("b", "en")]
    assert found.lost.values == (("a", "de"), ("b", "de"), ("c", "en"))
    assert (found.lost.items, found.lost.languages) == (("c",), ("de",))
    assert found.added.values == (("d", "en"), ("d", "fr"))
    assert (found.added.items, found.added.languages) == (("d",), ("fr",))
    assert found.lost and found.added and not paired(old, old).lost


def test_one_text_that_is_lost_is_neither_an_item_nor_a_language():
    old = {(item, language): 1.0 for item in "ab" for language in ("en", "de")}
    found = paired(old, {key: value for key, value in old.items() if key != ("a", "de")})
    assert (found.lost.values, found.lost.items, found.lost.languages) == ((("a", "de"),), (), ())


@pytest.mark.parametrize(("wrong", "saturated"), [(2, True), (3, False)])
@pytest.mark.parametrize("side", ["old", "new"])
def test_measure_is_saturated_where_both_are_right_on_98_of_100(wrong, saturated, side):
    right = {(f"{row}", "en"): 1.0 for row in range(100)}
    some_wrong = right | {(f"{row}", "en"): 0.9 for row in range(wrong)}
    found = paired(some_wrong, right) if side == "old" else paired(right, some_wrong)
    assert found.saturated == saturated and found.both_right == pytest.approx(1 - wrong / 100)


def test_estimate_of_one_side_is_the_same_arithmetic():
    found = estimate([0.2, 0.4, 0.9])
    interval = stats.t.interval(0.9, 2, loc=0.5, scale=stats.sem([0.2, 0.4, 0.9]))
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, *interval))
