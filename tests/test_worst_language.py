"""One verdict over all cells of a role and a language: exact, by brute force, and how often it is wrong."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy import stats

from fixtures.comparing import worst_language
from fixtures.comparing.no_loss import judge
from fixtures.comparing.paired import Paired, paired
from fixtures.comparing.power import smallest_loss
from fixtures.comparing.rows import CANT_TELL, FAILS, HOLDS
from fixtures.comparing.worst_language import DRAWS, Cell, WorstLanguage, judge_worst_language, smallest_of_flips
from tests.drawn_values import differences, roles, sides


def cell(found: WorstLanguage, role: str, language: str) -> Cell:
    return next(one for one in found.cells if (one.role, one.language) == (role, language))


def of(*columns: list[float]) -> Paired:
    """The two sides of a measure whose languages differ by these values, item for item."""
    return paired(*sides(np.array(columns, dtype=float).T))


def shifted(drawn: np.ndarray, mean: float) -> np.ndarray:
    """The same values about another mean."""
    return drawn - drawn.mean() + mean


# --- the distribution -------------------------------------------------------------------------------------------


def test_p_is_that_of_all_signs_by_brute_force_with_the_usual_t():
    """Two roles in two languages, ten items each: the two t have one order where cells have equally many items."""
    drawn = differences(np.random.default_rng(0), 10, 4) - np.array([0.1, 0, 0.05, 0])
    found = judge_worst_language({"query": paired(*sides(drawn[:, :2])), "similarity": paired(*sides(drawn[:, 2:]))})
    flipped = np.array(list(itertools.product((1, -1), repeat=10)))[:, :, np.newaxis] * drawn
    usual = stats.ttest_1samp(flipped, 0, axis=1).statistic
    minima, observed = usual.min(axis=1), stats.ttest_1samp(drawn, 0).statistic
    assert (found.exact, found.draws) == (True, 2**10)
    for column, (role, language) in enumerate(itertools.product(("query", "similarity"), ("l0", "l1"))):
        one = cell(found, role, language)
        assert one.p == (minima <= observed[column] + 1e-9).mean()
        about_zero = drawn[:, column].mean() / math.sqrt((drawn[:, column] ** 2).mean() / 10)
        assert one.t == pytest.approx(about_zero, rel=1e-9)
        assert one.difference.mean / one.difference.error == pytest.approx(observed[column], rel=1e-9)


def test_one_cell_by_hand():
    """The signs of six items: all negative in one of 64 ways, the smallest of them positive in one more."""
    all_lost = judge_worst_language({"query": of([-0.1, -0.2, -0.3, -0.4, -0.5, -0.6])})
    assert (all_lost.cells[0].p, all_lost.outcome) == (1 / 64, FAILS)
    assert all_lost.cells[0].t == pytest.approx(-2.1 / math.sqrt(0.91))
    one_gained = judge_worst_language({"query": of([0.1, -0.2, -0.3, -0.4, -0.5, -0.6])})
    assert (one_gained.cells[0].p, one_gained.outcome) == (2 / 64, HOLDS)


def test_equal_losses_are_finite_and_sure():
    found = judge_worst_language({"query": of([-0.25] * 12)})
    assert (found.outcome, found.cells[0].p) == (FAILS, 2**-12)
    assert found.cells[0].t == pytest.approx(-math.sqrt(12))


def test_drawn_signs_come_near_to_all_signs():
    matrix = differences(np.random.default_rng(1), 13, 5)
    everything, exact = smallest_of_flips(matrix, 2**13, 0)
    drawn, not_exact = smallest_of_flips(matrix, 2**13 - 1, 0)
    assert (exact, not_exact, len(everything), len(drawn)) == (True, False, 2**13, 2**13 - 1)
    for level in (0.025, 0.2, 0.5):
        assert (drawn <= np.quantile(everything, level)).mean() == pytest.approx(level, abs=3 * math.sqrt(0.25 / 2**13))


def test_p_of_draws_is_never_0():
    found = judge_worst_language({"query": of([-0.25] * 40)}, draws=99)
    assert (found.exact, found.draws, found.cells[0].p) == (False, 99, 0.01)


def test_draws_are_taken_in_parts_where_there_are_many_items(monkeypatch):
    matrix = differences(np.random.default_rng(2), 50, 3)
    monkeypatch.setattr(worst_language, "_AT_ONCE", 333)
    minima, _ = smallest_of_flips(matrix, 1_000, 0)
    assert len(minima) == 1_000 and len(np.unique(minima)) > 990


def test_equal_languages_and_roles_cost_nothing_and_separate_items_do():
    """Signs belong to items, in all languages and roles: what moves together is one test."""
    drawn = differences(np.random.default_rng(3), 12, 1) - 0.12
    alone = judge_worst_language({"query": paired(*sides(drawn))}).cells[0]
    equal = paired(*sides(np.repeat(drawn, 2, axis=1)))
    together = judge_worst_language({"query": equal, "document": equal})
    assert {one.p for one in together.cells} == {alone.p} and len(together.cells) == 4
    others = {
        number: paired(*({(item + number, "l0"): value for (item, _), value in side.items()} for side in sides(drawn)))
        for number in "abcd"
    }
    assert min(one.p for one in judge_worst_language(others).cells) > 1.5 * alone.p


def test_same_seed_same_figures_in_whatever_order_values_come():
    generator = np.random.default_rng(4)
    first, second = (sides(differences(generator, 40, 3)) for _ in range(2))
    for side in second:  # so that roles name items in another order
        del side["item 00000", "l0"], side["item 00000", "l1"], side["item 00000", "l2"]
    found = judge_worst_language({"query": paired(*first), "document": paired(*second)})
    backwards = [[dict(reversed(side.items())) for side in both] for both in (first, second)]
    again = judge_worst_language({"document": paired(*backwards[1]), "query": paired(*backwards[0])})
    assert found == again
    other = judge_worst_language({"query": paired(*first), "document": paired(*second)}, seed=1)
    assert [one.p for one in other.cells] != [one.p for one in found.cells]


def test_five_roles_in_six_languages_take_less_than_a_second():
    five = roles(np.random.default_rng(5), 5, 200, 6)
    taken = []
    for _ in range(3):
        begun = time.process_time()
        found = judge_worst_language(five)
        taken.append(time.process_time() - begun)
    assert (len(found.cells), found.draws, found.exact) == (30, DRAWS, False)
    assert min(taken) < 1


# --- the verdict ------------------------------------------------------------------------------------------------


def test_loss_in_one_language_that_the_mean_hides_fails():
    drawn = 0.5 * differences(np.random.default_rng(6), 200, 6)
    drawn = drawn - drawn.mean(axis=0)
    drawn[:, 3] -= 0.1
    sound = paired(*sides(0.5 * differences(np.random.default_rng(7), 200, 6)))
    both = {"query": paired(*sides(drawn)), "clustering": sound}
    assert [verdict.outcome for verdict in judge(both).values()] == [HOLDS, HOLDS]
    found = judge_worst_language(both)
    assert (found.outcome, [(one.role, one.language) for one in found.failing]) == (FAILS, [("query", "l3")])
    assert found.cells[0] is found.failing[0] and found.cells[0].difference.mean == pytest.approx(-0.1)
    assert judge_worst_language({"clustering": sound}).outcome == HOLDS


def test_sure_loss_within_the_margin_holds():
    drawn = shifted(differences(np.random.default_rng(8), 60, 1, spread=0.02), -0.03)
    found = judge_worst_language({"query": paired(*sides(drawn))})
    assert (found.outcome, found.failing, found.cells[0].worse) == (HOLDS, (), True)
    assert judge_worst_language({"query": paired(*sides(drawn))}, margin=0.02).outcome == FAILS


def test_loss_beyond_the_margin_that_is_not_sure_holds_and_says_what_it_could_have_seen():
    drawn = shifted(differences(np.random.default_rng(9), 20, 1, spread=0.4), -0.08)
    found = judge_worst_language({"query": paired(*sides(drawn))})
    assert (found.outcome, found.cells[0].worse) == (HOLDS, False)
    assert found.smallest_loss == found.cells[0].smallest_loss == smallest_loss(np.std(drawn, ddof=1), 20) > 0.2


def test_smallest_t_may_be_within_the_margin_and_another_cell_beyond_it():
    generator = np.random.default_rng(10)
    slight = shifted(differences(generator, 100, 1, spread=0.03), -0.03)
    large = shifted(differences(generator, 100, 1, spread=0.2), -0.12)
    found = judge_worst_language({"query": paired(*sides(np.hstack([slight, large])))})
    assert [one.language for one in found.cells] == ["l0", "l1"]
    assert (found.outcome, [one.language for one in found.failing]) == (FAILS, ["l1"])


def test_loss_at_the_margin_is_within_it():
    found = judge_worst_language({"query": of([-0.05] * 20)})
    assert (found.outcome, found.cells[0].worse) == (HOLDS, True)


def test_gains_are_never_worse():
    found = judge_worst_language({"query": of([0.3] * 12, [0.1, 0.2] * 6)})
    assert found.outcome == HOLDS and not any(one.worse for one in found.cells)


def test_cell_without_differences_has_no_t_and_costs_the_others_nothing():
    lost = [-0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8]
    found = judge_worst_language({"query": of(lost, [0.0] * 8)})
    assert (cell(found, "query", "l1").t, cell(found, "query", "l1").p) == (0, 1)
    assert cell(found, "query", "l0").p == judge_worst_language({"query": of(lost)}).cells[0].p == 2**-8


def test_same_values_hold():
    found = judge_worst_language({"query": of(*[[0.0] * 200] * 6), "clustering": of(*[[0.0] * 200] * 6)})
    assert (found.outcome, found.draws, found.exact, len(found.cells)) == (HOLDS, 1, True, 12)
    assert {(one.t, one.p, one.worse) for one in found.cells} == {(0, 1, False)}
    assert found.smallest_loss == pytest.approx(0.008, abs=0.0001)


def test_cells_of_too_few_items_are_not_judged():
    """Two cells: signs of seven items are all negative by chance in 1 of 128, which is below 2.5% in two cells."""
    old, new = sides(np.full((7, 2), -0.4))
    whole = judge_worst_language({"query": paired(old, new)})
    assert (whole.fewest_items, whole.not_judged, len(whole.cells), whole.outcome) == (7, (), 2, FAILS)
    new.pop(("item 00003", "l1"))
    found = judge_worst_language({"query": paired(old, new)})
    assert (found.not_judged, [one.language for one in found.cells]) == ((("query", "l1"),), ["l0"])
    for language in ("l0", "l1"):
        new.pop(("item 00004", language))
    nothing = judge_worst_language({"query": paired(old, new)})
    assert (nothing.outcome, nothing.cells, len(nothing.not_judged)) == (CANT_TELL, (), 2)
    assert nothing.smallest_loss == math.inf


def test_nothing_to_judge_can_not_tell():
    for nothing in ({}, {"query": paired({}, {})}):
        found = judge_worst_language(nothing)
        assert (found.outcome, found.cells, found.not_judged) == (CANT_TELL, (), ())


def test_one_small_cell_does_not_set_the_threshold_of_the_others():
    """The usual t of a few items is -10 in some draws; then no loss of the large cell would be sure."""
    large = shifted(differences(np.random.default_rng(11), 100, 1), -0.1)
    small = np.random.default_rng(12).choice([-0.3, 0.3], (12, 1)) + np.linspace(-0.001, 0.001, 12)[:, np.newaxis]
    several = {
        f"small {number}": paired(
            *({(f"{item} {number}", "ar"): value for (item, _), value in side.items()} for side in sides(small))
        )
        for number in range(8)
    }
    found = judge_worst_language({"query": paired(*sides(large)), **several})
    assert [one.role for one in found.failing] == ["query"]


@pytest.mark.parametrize("margin", [0, 1, math.nan])
def test_margin_that_judges_nothing_is_refused(margin):
    with pytest.raises(ValueError, match="needs a number above 0 and below 1"):
        judge_worst_language({}, margin)


# --- how often it is wrong --------------------------------------------------------------------------------------


def share_sure(runs: int, loss: float, seed: int = 0, items: int = 30) -> float:
    """The share of runs in which a loss in one of nine cells, or none, is sure in some cell."""
    generator = np.random.default_rng(seed)
    sure = 0
    for _ in range(runs):
        drawn = [differences(generator, items, 3) for _ in range(3)]
        drawn[1][:, 2] -= loss
        both = {f"role {number}": paired(*sides(one)) for number, one in enumerate(drawn)}
        sure += any(one.worse for one in judge_worst_language(both, draws=399).cells)
    return sure / runs


def test_false_alarms_of_all_cells_together_are_at_the_level():
    """In 1,500 runs a rate of 2.5% has a standard error of 0.4%."""
    assert share_sure(1_500, 0) == pytest.approx(0.025, abs=2.5 * 0.004)


def test_larger_losses_are_found_more_often_and_the_smallest_loss_in_eight_of_ten():
    least = smallest_loss(0.25, 30, 9)
    found = [share_sure(150, loss) for loss in (least / 2, least, 1.5 * least)]
    assert found[0] < 0.5 < 0.72 < found[1] < found[2] and found[2] > 0.95
