"""The tables of the page, in Markdown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fixtures.comparing.paired import Paired
from tests.error_rates.rates import (
    BY_LANGUAGE,
    BY_ROLE,
    FAILED,
    LANGUAGE_LARGE,
    MEAN_LARGE,
    MEAN_SMALL,
    PASSED,
    SURE,
    UNDECIDED,
    Tally,
)
from tests.error_rates.topics import Together
from tests.real.table import line

HABITS = (MEAN_SMALL, MEAN_LARGE, LANGUAGE_LARGE)
OF_NULL = ("false failure", "by a role", "by the worst language", SURE, UNDECIDED, PASSED, *HABITS)
OF_LOSS = (FAILED, "by a role", "by the worst language", UNDECIDED, PASSED, *HABITS)
_SAID = {"false failure": FAILED, "by a role": BY_ROLE, "by the worst language": BY_LANGUAGE}
"""Heading -> what is counted, where the two differ."""


def of_null(found: Sequence[Tally]) -> Iterator[str]:
    """Yield the table of null runs: nothing is worse, so whatever fails is a false alarm."""
    yield from _rows(["two sides", "widest spread", *OF_NULL], found, OF_NULL, lambda one: [f"{one.spread:.2f}"])


def of_losses(found: Sequence[Tally]) -> Iterator[str]:
    """Yield the table of losses: whatever passes wasn't seen."""
    heads = ["loss", "of a role", "in a language", *OF_LOSS]
    yield from _rows(heads, found, OF_LOSS, lambda one: [largest(one.losses), largest(one.cell_losses)])


def of_topics(found: Sequence[tuple[str, str, Paired, Together]]) -> Iterator[str]:
    """Yield the table of how far the items of a topic differ alike, by two systems and role."""
    heads = ["two sides", "role", "mean difference", "spread", "correlation within a topic", "standard error by topic"]
    yield line(heads)
    yield line(["---"] * len(heads))
    for name, role, sides, of_it in found:
        figures = [f"{sides.difference.mean:+.3f}", f"{sides.difference.spread:.3f}", f"{of_it.correlation:.2f}"]
        yield line([name, role, *figures, f"{of_it.wider:.2f} times"])


def _rows(
    heads: Sequence[str], found: Sequence[Tally], columns: Sequence[str], figures: Callable[[Tally], list[str]]
) -> Iterator[str]:
    yield line(heads)
    yield line(["---"] * len(heads))
    for one in found:
        yield line([one.scenario.name, *figures(one), *(rate(one, _SAID.get(what, what)) for what in columns)])


def rate(one: Tally, what: str) -> str:
    """Return a rate with its interval, in percent."""
    share, low, high = (f"{100 * value:.1f}".removesuffix(".0") for value in one.rate(what))
    return f"{share}% ({low} to {high})"


def largest(losses: Mapping[Any, float]) -> str:
    """Return the largest loss and who has it; a gain has a minus."""
    place = max(losses, key=losses.__getitem__)
    return f"{losses[place]:.3f} {place if isinstance(place, str) else ', '.join(place)}"
