"""The verdict on each role: by hand, and how often it is wrong on values that are drawn."""

import math

import numpy as np
import pytest

from fixtures.comparing import power
from fixtures.comparing.no_loss import LOST, MARGIN, Verdict, holm, judge
from fixtures.comparing.paired import Paired, estimate, paired
from fixtures.comparing.rows import CANT_TELL, FAILS, HOLDS
from tests.drawn_values import in_one_language, roles


def spread_about(mean: float, spread: float, items: int = 50) -> Paired:
    """Items, half of them above and half below a mean difference, so that they spread by so much."""
    step = spread * math.sqrt((items - 1) / items)
    return in_one_language(*[mean - step, mean + step] * (items // 2))


def alone(sides: Paired, margin: float = MARGIN) -> Verdict:
    return judge({"query": sides}, margin)["query"]


# --- Holm -------------------------------------------------------------------------------------------------------


def test_holm_by_hand():
    # Sorted .01 .03 .04 .2: 4 x .01, 3 x .03, then 2 x .04 = .08, which is no less than the .09 before it, then .2.
    assert holm([0.04, 0.01, 0.2, 0.03]) == pytest.approx([0.09, 0.04, 0.2, 0.09])


def test_holm_is_never_above_1_and_takes_none_and_one():
    assert (holm([]), holm([0.3]), holm([0.7, 0.6])) == ([], [0.3], [1.0, 1.0])
    assert holm([0.0, 1.0, 0.0]) == [0.0, 1.0, 0.0]


# --- one role ---------------------------------------------------------------------------------------------------


def test_same_values_hold():
    verdict = alone(in_one_language(*[0.0] * 200))
    assert (verdict.outcome, verdict.worse, verdict.better, verdict.items_needed) == (HOLDS, False, False, None)
    assert (verdict.p_worse, verdict.smallest_margin) == (1, 0)
    assert verdict.smallest_loss == pytest.approx(0.008, abs=0.0001)


def test_small_sure_loss_holds_and_is_sure():
    verdict = alone(spread_about(-0.02, 0.04))
    assert (verdict.outcome, verdict.worse, verdict.better) == (HOLDS, True, False)


def test_sure_loss_beyond_the_margin_fails():
    verdict = alone(spread_about(-0.07, 0.1))
    assert (verdict.outcome, verdict.worse, verdict.items_needed) == (FAILS, True, None)


def test_sure_loss_that_may_be_beyond_the_margin_fails():
    verdict = alone(spread_about(-0.04, 0.1))
    assert verdict.paired.difference.low < -MARGIN < verdict.paired.difference.mean
    assert (verdict.outcome, verdict.worse) == (FAILS, True)


def test_neither_sure_nor_within_the_margin_can_not_tell_and_says_how_many_items_decide():
    verdict = alone(spread_about(-0.01, 0.25))
    assert (verdict.outcome, verdict.worse, verdict.better) == (CANT_TELL, False, False)
    assert verdict.items_needed == power.items_needed(0.25, MARGIN) > 50
    assert verdict.smallest_loss == power.smallest_loss(verdict.paired.difference.spread, 50) > MARGIN


def test_gain_is_better():
    verdict = alone(spread_about(0.05, 0.1))
    assert (verdict.outcome, verdict.worse, verdict.better) == (HOLDS, False, True)


def test_gain_that_is_not_sure_is_not_better():
    assert not alone(spread_about(0.02, 0.1)).better


def test_interval_that_ends_at_the_margin_holds():
    assert alone(in_one_language(*[-0.05] * 20)).outcome == HOLDS
    assert alone(in_one_language(*[-0.0501] * 20)).outcome == FAILS
    assert alone(in_one_language(*[-0.0501] * 20), margin=0.0501).outcome == HOLDS


@pytest.mark.parametrize("difference", [0.0, -0.5, 0.5])
@pytest.mark.parametrize("items", [1, 2, 5])
def test_too_few_items_never_decide(items, difference):
    verdict = alone(in_one_language(*[difference] * items))
    assert (verdict.outcome, verdict.worse, verdict.better) == (CANT_TELL, False, False)
    assert verdict.smallest_loss == math.inf


def test_no_common_item_can_not_tell():
    verdict = alone(paired({}, {("a", "en"): 1.0}))
    assert (verdict.outcome, verdict.items_needed, verdict.smallest_loss) == (CANT_TELL, None, math.inf)
    assert verdict.smallest_margin == math.inf


def test_values_that_the_new_side_lacks_are_lost_whatever_the_others_say():
    old = {(f"{row}", language): 0.5 for row in range(100) for language in ("en", "de")}
    assert alone(paired(old, {key: value for key, value in old.items() if key[1] == "en"})).outcome == LOST
    assert alone(paired(old, {})).outcome == LOST
    assert alone(paired(old, {key: 0.2 for key in old if key[1] == "en"})).outcome == FAILS
    assert alone(paired({key: value for key, value in old.items() if key[1] == "en"}, old)).outcome == HOLDS


@pytest.mark.parametrize("margin", [0, -0.05, 1, 5, math.nan])
def test_margin_that_judges_nothing_is_refused(margin):
    with pytest.raises(ValueError, match="needs a number above 0 and below 1"):
        judge({"query": in_one_language(0.0, 0.0)}, margin)


# --- several roles ----------------------------------------------------------------------------------------------


def test_a_loss_must_be_surer_among_more_roles():
    slight, same = spread_about(-0.06, 0.19), in_one_language(*[0.0] * 50)
    assert 0.005 < slight.p_worse < 0.025
    assert alone(slight).outcome == FAILS
    five = judge({"query": slight, **{f"{number}": same for number in range(4)}})
    assert (five["query"].outcome, five["0"].outcome) == (CANT_TELL, HOLDS)
    assert five["query"].p_worse == pytest.approx(5 * slight.p_worse)
    assert five["query"].items_needed == power.items_needed(slight.difference.spread, MARGIN, 5)


def test_what_holds_holds_among_more_roles():
    within = spread_about(-0.02, 0.1)
    assert {verdict.outcome for verdict in judge(dict.fromkeys("abcde", within)).values()} == {HOLDS}


def test_a_role_of_too_few_items_makes_no_other_one_surer():
    slight = spread_about(-0.06, 0.2)
    assert 0.0125 < slight.p_worse < 0.025
    verdicts = judge({"few": in_one_language(-0.5, -0.5), "query": slight})
    assert [verdict.outcome for verdict in verdicts.values()] == [CANT_TELL, CANT_TELL]


def test_roles_keep_their_order_and_none_is_none():
    sides = in_one_language(*[0.0] * 9)
    assert list(judge({"query": sides, "clustering": sides})) == ["query", "clustering"]
    assert judge({}) == {}


# --- how often it is wrong --------------------------------------------------------------------------------------


def outcomes(runs: int, items: int, loss: float = 0, losing: int = 1, margin: float = MARGIN) -> list[list[str]]:
    """Of each run the outcomes of four roles; the first ones have lost so much."""
    generator = np.random.default_rng(0)
    drawn = (judge(roles(generator, 4, items, 2, loss, losing), margin).values() for _ in range(runs))
    return [[verdict.outcome for verdict in verdicts] for verdicts in drawn]


def test_false_alarms_of_all_roles_together_are_at_most_the_level():
    """In 2,000 runs without a loss a rate of 2.5% has a standard error of 0.35%. No row holds at so small a margin."""
    failed = np.mean([FAILS in run for run in outcomes(2_000, 24, margin=0.001)])
    assert 0.015 < failed < 0.025 + 2 * 0.0035


def test_loss_of_the_margin_passes_for_none_in_one_of_twenty():
    """Of 3,200 values; a rate of 5% has a standard error of 0.4%."""
    runs = outcomes(800, 60, loss=MARGIN, losing=4)
    passed = np.mean([outcome == HOLDS for run in runs for outcome in run])
    assert passed == pytest.approx(0.05, abs=2.5 * 0.004)


@pytest.mark.parametrize(("items", "passed"), [(60, 0.20), (200, 0.12)])
def test_loss_of_few_whole_answers_passes_more_often_as_the_module_says(items, passed):
    lost = np.random.default_rng(0).random((2_000, items)) < MARGIN
    within = [estimate((-answers.astype(float)).tolist()).low >= -MARGIN for answers in lost]
    assert np.mean(within) == pytest.approx(passed, abs=0.02)


def test_larger_losses_are_found_more_often():
    found = [np.mean([run[0] == FAILS for run in outcomes(150, 60, loss)]) for loss in (0.0, 0.05, 0.1, 0.2)]
    assert found[0] < 0.05 < 0.15 < found[1] < 0.5 < found[2] < found[3] == 1


def test_four_roles_of_200_items_pass_in_nine_of_ten_runs_without_a_loss():
    generator = np.random.default_rng(5)
    runs = [judge(roles(generator, 4, 200, 6)).values() for _ in range(100)]
    assert np.mean([{verdict.outcome for verdict in run} == {HOLDS} for run in runs]) > 0.85
