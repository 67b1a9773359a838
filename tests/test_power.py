"""How large a loss items can show: by the exact distribution, by simulation, and where they show none."""

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.comparing import power
from fixtures.comparing.paired import t_quantile


def drawn(items: int, difference: float, spread: float, draws: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors of that many samples."""
    samples = np.random.default_rng(items).normal(difference, spread, (draws, items))
    return samples.mean(axis=1), samples.std(axis=1, ddof=1) / math.sqrt(items)


@pytest.mark.parametrize("level", [0.05, 0.025, 0.005, 0.025 / 30])
@pytest.mark.parametrize("items", [24, 60, 200])
def test_difference_seen_is_that_of_the_noncentral_t(items, level):
    size = power.difference_seen(0.25, items, level)
    exact = stats.nct.sf(stats.t.isf(level, items - 1), items - 1, size * math.sqrt(items) / 0.25)
    assert exact == pytest.approx(0.8, abs=0.02)


def test_difference_seen_by_hand():
    quantiles = stats.t.isf(0.05, 199) + stats.t.ppf(0.8, 199)
    assert power.difference_seen(0.25, 200, 0.05) == pytest.approx(quantiles * 0.25 / math.sqrt(200), rel=1e-12)


@pytest.mark.parametrize(("items", "tests"), [(24, 1), (60, 5), (200, 5)])
def test_smallest_loss_is_found_in_eight_of_ten_draws(items, tests):
    loss = power.smallest_loss(0.2, items, tests)
    means, errors = drawn(items, -loss, 0.2)
    assert (stats.t.cdf(means / errors, items - 1) <= 0.025 / tests).mean() == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("items", [24, 200])
def test_smallest_margin_is_shown_in_eight_of_ten_draws(items):
    margin = power.smallest_margin(0.2, items)
    means, errors = drawn(items, 0, 0.2)
    assert (means - t_quantile(0.05, items) * errors >= -margin).mean() == pytest.approx(0.8, abs=0.015)


def test_default_margin_is_shown_by_five_roles_of_200_items():
    spread = 0.25 * math.sqrt((1 + 5 * 0.5) / 6)
    assert power.smallest_margin(spread, 200, 0.8 ** (1 / 5)) == pytest.approx(0.046, abs=0.0005)


def test_loss_that_hits_few_items_leaves_no_trace_however_equal_the_others_are():
    least = power.smallest_loss(0.0, 200)
    assert least == pytest.approx(0.008, abs=0.0001)
    hit = np.random.default_rng(0).random((20_000, 200)) < least
    assert hit.any(axis=1).mean() == pytest.approx(0.8, abs=0.015)
    assert power.smallest_loss(1e-6, 200) == least < power.smallest_loss(0.2, 200)


def test_six_negative_signs_are_the_fewest_that_chance_hardly_makes():
    assert 2**-power.FEWEST_ITEMS <= 0.025 < 2 ** -(power.FEWEST_ITEMS - 1)
    assert [power.fewest_items(level) for level in (0.5, 0.25, 0.03, 0.025, 0.025 / 30)] == [1, 2, 6, 6, 11]


def test_too_few_items_show_nothing():
    assert math.isfinite(power.smallest_loss(0.2, 6)) and power.smallest_loss(0.2, 5) == math.inf
    assert math.isfinite(power.smallest_loss(0.2, 8, 5)) and power.smallest_loss(0.2, 7, 5) == math.inf
    assert power.smallest_margin(math.inf, 1) == power.smallest_margin(math.inf, 0) == math.inf
    assert power.items_needed(math.inf, 0.05) is None


@pytest.mark.parametrize("tests", [1, 5])
@pytest.mark.parametrize("difference", [0, -0.02, -0.05, -0.08])
def test_items_needed_decide_whatever_the_difference_is(difference, tests):
    items = power.items_needed(0.2, 0.05, tests)
    for count, undecided in ((items, 0.04), (items // 2, 1)):
        means, errors = drawn(count, difference, 0.2, 5_000)
        within = means - t_quantile(0.05, count) * errors >= -0.05
        sure = stats.t.cdf(means / errors, count - 1) <= 0.025 / tests
        assert (~within & ~sure).mean() <= undecided


def test_items_needed_are_no_more_than_needed():
    for spread, margin, tests in ((0.2, 0.05, 1), (0.21, 0.05, 5), (0.5, 0.01, 30), (0.0, 0.05, 1), (1e-4, 0.9, 1)):
        items = power.items_needed(spread, margin, tests)

        def zone(count, spread=spread, tests=tests):
            return (t_quantile(0.05, count) + t_quantile(0.025 / tests, count)) * spread / math.sqrt(count)

        assert zone(items) <= margin
        assert items == power.FEWEST_ITEMS or zone(items - 1) > margin
