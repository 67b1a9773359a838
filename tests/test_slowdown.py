"""Is it slower? Verdicts on made-up seconds: against scipy, by hand, and how often they are wrong."""

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.speed.slowdown import (
    CANT_TELL,
    FEWEST_BLOCKS,
    NOT_SLOWER,
    SLOWER,
    Block,
    blocks_needed,
    is_biased,
    judge,
    smallest_slowdown,
)

ALLOWED = 0.05


def blocks(count: int, ratio: float, noise: float, seed: int, *, drift: float = 0.0, bias: float = 0.0) -> list[Block]:
    """Blocks of a system that takes ``ratio`` times as long; the whole machine may get slower steadily."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(count):
        first, middle, last = np.exp(draw.normal(0, noise, 3) + drift * (3 * number + np.arange(3)))
        old, again = (first, last) if number % 2 == 0 else (last, first)
        made.append(Block(old, middle * ratio, again * math.exp(bias)))
    return made


def test_figures_are_scipys_of_logarithms():
    row = blocks(12, 1.03, 0.02, 1)
    verdict = judge({"row": row}, ALLOWED)["row"]
    logs = [block.log_ratio for block in row]
    ends = stats.t.interval(0.9, len(logs) - 1, np.mean(logs), stats.sem(logs))
    assert (verdict.ratio.mean, verdict.ratio.low, verdict.ratio.high) == pytest.approx(
        (math.exp(np.mean(logs)), *np.exp(ends))
    )
    tested = stats.ttest_1samp(logs, math.log(1.05), alternative="greater")
    assert verdict.p_slower == pytest.approx(tested.pvalue)


def test_block_by_hand():
    block = Block(one=2.0, inside=3.0, again=4.5)
    assert math.exp(block.log_ratio) == pytest.approx(1.0) and math.exp(block.log_control) == pytest.approx(2.25)


@pytest.mark.parametrize(
    ("ratio", "noise", "outcome", "faster"),
    [
        (1.0, 0.01, NOT_SLOWER, False),
        (1.2, 0.01, SLOWER, False),
        (0.8, 0.01, NOT_SLOWER, True),
        (1.05, 0.05, CANT_TELL, False),
        (1.03, 0.005, NOT_SLOWER, False),
    ],
)
def test_outcomes(ratio, noise, outcome, faster):
    verdict = judge({"row": blocks(12, ratio, noise, 3)}, ALLOWED)["row"]
    assert (verdict.outcome, verdict.faster) == (outcome, faster)
    assert (verdict.blocks_needed is not None) == (outcome == CANT_TELL)


def test_machine_that_gets_slower_during_the_run_is_no_slower_system():
    """A frequency that falls by 1% a call: a plain mean of all old and all new calls would be right by chance only."""
    verdict = judge({"row": blocks(12, 1.0, 0.003, 5, drift=0.01)}, ALLOWED)["row"]
    assert verdict.outcome == NOT_SLOWER and not verdict.biased


def test_order_that_biases_is_seen_by_the_null_control():
    verdict = judge({"row": blocks(12, 1.2, 0.005, 5, bias=0.1)}, ALLOWED)["row"]
    assert verdict.biased and verdict.outcome == CANT_TELL and verdict.blocks_needed is None


@pytest.mark.parametrize("count", [0, 1, 2, FEWEST_BLOCKS - 1])
def test_few_blocks_decide_nothing(count):
    verdict = judge({"row": blocks(count, 2.0, 0.0001, 7)}, ALLOWED)["row"]
    assert verdict.outcome == CANT_TELL and verdict.smallest_slowdown == math.inf


def test_equal_times_are_not_slower():
    verdict = judge({"row": [Block(1.0, 1.0, 1.0)] * 8}, ALLOWED)["row"]
    assert (verdict.outcome, verdict.ratio.mean, verdict.biased) == (NOT_SLOWER, 1.0, False)


@pytest.mark.parametrize("allowed", [0, -0.1, math.nan, math.inf])
def test_slowdown_that_nobody_can_judge_by_is_refused(allowed):
    with pytest.raises(ValueError, match="needs a number above 0"):
        judge({}, allowed)


def test_false_alarms_and_detection_are_what_they_should_be():
    """20 rows a run, 300 runs: no slower system fails in one run of twenty at most; 20% is nearly always found."""
    false = found = 0
    for seed in range(300):
        rows = {str(row): blocks(12, 1.0, 0.05, 1000 * seed + row) for row in range(20)}
        false += any(verdict.outcome == SLOWER for verdict in judge(rows, ALLOWED).values())
        rows["0"] = blocks(12, 1.2, 0.03, 7_000_000 + seed)
        found += judge(rows, ALLOWED)["0"].outcome == SLOWER
    assert stats.binomtest(false, 300).proportion_ci(0.95).low < 0.05
    assert found > 285


def test_smallest_slowdown_is_found_with_80_percent():
    """By drawing: a system that is slower by as much as is said."""
    spread = 0.03
    control = np.random.default_rng(1).normal(0, spread * math.sqrt(2), 12)
    from fixtures.comparing.paired import estimate

    exact = estimate(list((control - control.mean()) / control.std(ddof=1) * spread * math.sqrt(2)))
    least = smallest_slowdown(exact, 1, ALLOWED)
    found = 0
    for seed in range(2000):
        found += judge({"row": blocks(12, 1 + least, spread, seed)}, ALLOWED)["row"].outcome == SLOWER
    assert 0.76 < found / 2000 < 0.84


def test_blocks_needed_show_with_80_percent_that_equal_systems_are():
    spread = 0.08
    needed = blocks_needed(spread * math.sqrt(3 / 2), math.log1p(ALLOWED))
    shown = sum(
        judge({"row": blocks(needed, 1.0, spread, seed)}, ALLOWED)["row"].ratio.high <= 1.05 for seed in range(600)
    )
    assert 0.76 < shown / 600 < 0.86
    assert blocks_needed(math.inf, 0.05) is None and blocks_needed(100.0, 0.05) is None


def test_null_control_is_biased_once_in_a_hundred_by_chance():
    from fixtures.comparing.paired import estimate

    biased = sum(
        is_biased(estimate([block.log_control for block in blocks(12, 1.0, 0.05, seed)])) for seed in range(3000)
    )
    assert stats.binomtest(biased, 3000, 0.01).pvalue > 0.001
