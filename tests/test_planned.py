"""What a run can show, before it has asked anything: from stored values, by hand."""

import math

import numpy as np
import pytest

from fixtures.comparing import planned
from fixtures.comparing.items import Choice, Item
from fixtures.comparing.power import smallest_loss, smallest_margin
from fixtures.comparing.quality import Achieved, Quality


def stored(*values: float, languages: int = 1, name: str = "retrieval") -> Achieved:
    """A side with one value an item, in each of its languages."""
    items = {
        (f"g{row}", f"l{at}"): Item(f"{row}-{at}", f"g{row}", f"l{at}", value, Choice("x"))
        for row, value in enumerate(values)
        for at in range(languages)
    }
    return Achieved({f"l{at}": "digest" for at in range(languages)}, {name: Quality(items)})


def test_spread_of_a_mean_by_hand():
    """Variance of a mean of k values that spread by s and correlate by r: s^2 (1 + (k - 1) r) / k."""
    assert planned.of_a_mean(0.25, 1) == 0.25
    assert planned.of_a_mean(0.25, 6) == pytest.approx(0.25 * math.sqrt(3.5 / 6))
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(6), 0.5 + 0.5 * np.eye(6), 200_000)
    assert drawn.mean(axis=1).std() == pytest.approx(planned.of_a_mean(1, 6), rel=0.01)


def test_without_stored_values_the_usual_spread_is_taken():
    told, apart = planned.lines(None, 200, 6)
    spread = planned.of_a_mean(0.25, 6)
    assert told == (
        f"each measure: 200 items can show a loss of {smallest_loss(spread, 200, 4):.3f}, and a margin of "
        f"{smallest_margin(spread, 200):.3f}"
    )
    assert "0.034" in told or "0.046" in told or smallest_loss(spread, 200, 4) < 0.05
    assert apart.startswith(
        "between model families, where a fifth of the answers differ, 200 items show a margin of 0.0"
    )


def test_a_wide_margin_needs_no_warning():
    assert len([*planned.lines(None, 200, 6, margin=0.2)]) == 1


def test_stored_values_spread_as_they_do():
    told, _ = planned.lines(stored(*[0.0, 1.0] * 50, languages=2), 200, 6)
    spread = float(np.std([0.0, 1.0] * 50, ddof=1))
    assert f"retrieval: 100 items can show a loss of {smallest_loss(spread, 100, 1):.3f}, " in told
    assert f"a margin of {smallest_margin(spread, 100):.3f}" in told


def test_saturated_values_promise_no_more_than_the_usual_spread():
    assert next(planned.lines(stored(*[1.0] * 200), 200, 1)) == next(planned.lines(stored(*[0.5] * 200), 200, 1))
    assert "0.000" not in next(planned.lines(stored(*[1.0] * 200), 200, 1))


@pytest.mark.parametrize(("count", "said"), [(0, "0 items"), (1, "1 item"), (5, "5 items")])
def test_few_items_can_show_nothing(count, said):
    assert next(planned.lines(stored(*[0.0, 1.0, 0.5, 0.2, 0.7][:count]), count, 1)) == (
        f"retrieval: {said}, too few to show any loss"
    )
