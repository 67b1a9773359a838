"""How often a verdict says what, over many draws of two sides whose truth is known."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fixtures.comparing.no_loss import CANT_TELL, MARGIN, judge
from fixtures.comparing.paired import ROUNDING, Paired
from fixtures.comparing.rows import FAILS, HOLDS
from fixtures.comparing.worst_language import judge_worst_language

CONFIDENCE = 0.95
"""Of the interval of a rate (Clopper and Pearson 1934: it holds the true rate with at least that probability)."""

FAILED, UNDECIDED, PASSED = "fails", "can't tell", "passes"
"""What a run comes to: a row fails; none does, and one can't tell; all hold."""
BY_ROLE, BY_LANGUAGE, SURE = "a role fails", "the worst language fails", "a language is sure to be worse"
"""What fails; and a loss that is sure in some language, which fails only where it is beyond the margin."""
SMALL_CUT, LARGE_CUT = 0.01, 0.05
MEAN_SMALL, MEAN_LARGE, LANGUAGE_LARGE = "a mean below -.01", "a mean below -.05", "a language's mean below -.05"
"""The habit: a cut on the difference of means, of a role or of a role in one language."""

Draw = Callable[[np.random.Generator], Mapping[str, Paired]]


@dataclass(frozen=True)
class Scenario:
    """Two sides that are drawn again and again.

    Attributes:
        name: what is done, in the words of the table.
        draw: makes the two sides of each role.
        signs: draws of signs for the worst language.
        most_failures: the rate at which it may fail at most; None where nothing is required.
        least_passes: the rate at which it has to pass; None where nothing is required.
    """

    name: str
    draw: Draw
    signs: int
    most_failures: float | None = None
    least_passes: float | None = None


@dataclass
class Tally:
    """What came of the draws of one scenario.

    Attributes:
        scenario: what was drawn.
        runs: how many draws.
        counts: what was said -> in how many of them.
        spread: the widest spread of a role, standard deviation over items, in the mean over draws.
        losses: role -> what it lost, old less new, in the mean over draws.
        cell_losses: role and language -> the same.
    """

    scenario: Scenario
    runs: int
    counts: Counter[str]
    spread: float
    losses: Mapping[str, float]
    cell_losses: Mapping[tuple[str, str], float]
    _intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def rate(self, what: str) -> tuple[float, float, float]:
        """Return the share of draws in which that was said, and the ends of its interval."""
        from scipy.stats import binomtest

        if what not in self._intervals:
            found = binomtest(self.counts[what], self.runs).proportion_ci(CONFIDENCE, method="exact")
            self._intervals[what] = (float(found.low), float(found.high))
        return (self.counts[what] / self.runs, *self._intervals[what])

    @property
    def missing(self) -> list[str]:
        """What isn't as it has to be beyond chance, in words."""
        (failed, low, _), (passed, _, high) = self.rate(FAILED), self.rate(PASSED)
        name, most, least = self.scenario.name, self.scenario.most_failures, self.scenario.least_passes
        found = []
        if most is not None and low > most:
            found.append(f"{name}: fails in {failed:.1%} of {self.runs} runs, needs at most {most:.0%}")
        if least is not None and high < least:
            found.append(f"{name}: passes in {passed:.1%} of {self.runs} runs, needs at least {least:.0%}")
        return found


def tally(scenario: Scenario, runs: int, seed: int, margin: float = MARGIN) -> Tally:
    """Return what the verdict says of so many draws of two sides.

    Each draw has a seed of its own, and so do its signs: the first draws are the same however many there are.
    """
    counts: Counter[str] = Counter()
    spreads = []
    means: dict[str, list[float]] = {}
    cells: dict[tuple[str, str], list[float]] = {}
    for number in range(runs):
        sides = scenario.draw(np.random.default_rng((seed, number)))
        said, found = said_of(sides, margin, scenario.signs, number)
        counts.update(said)
        spreads.append(max(one.difference.spread for one in sides.values()))
        for role, one in sides.items():
            means.setdefault(role, []).append(one.difference.mean)
        for place, mean in found.items():
            cells.setdefault(place, []).append(mean)
    return Tally(scenario, runs, counts, float(np.mean(spreads)), _lost(means), _lost(cells))


def said_of(
    sides: Mapping[str, Paired], margin: float, signs: int, seed: int
) -> tuple[list[str], dict[tuple[str, str], float]]:
    """Return what is said of one pair of sides, and role and language -> mean difference."""
    roles = [verdict.outcome for verdict in judge(sides, margin).values()]
    worst = judge_worst_language(sides, margin, draws=signs, seed=seed)
    outcomes = [*roles, worst.outcome]
    means = [one.difference.mean for one in sides.values()]
    cells = {(cell.role, cell.language): cell.difference.mean for cell in worst.cells}
    true = {
        FAILED: FAILS in outcomes,
        UNDECIDED: FAILS not in outcomes and CANT_TELL in outcomes,
        PASSED: set(outcomes) == {HOLDS},
        BY_ROLE: FAILS in roles,
        BY_LANGUAGE: worst.outcome == FAILS,
        SURE: any(cell.worse for cell in worst.cells),
        MEAN_SMALL: _below(means, SMALL_CUT),
        MEAN_LARGE: _below(means, LARGE_CUT),
        LANGUAGE_LARGE: _below([*cells.values()], LARGE_CUT),
    }
    return [what for what, said in true.items() if said], cells


def _below(means: Sequence[float], cut: float) -> bool:
    return min(means) < -cut - ROUNDING


def _lost(means: Mapping[Any, Sequence[float]]) -> dict[Any, float]:
    return {place: -float(np.mean(found)) for place, found in means.items()}
