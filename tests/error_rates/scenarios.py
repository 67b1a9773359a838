"""What the verdict is tried on: null runs, and losses of known size, each as a scenario that draws two sides."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from fixtures.comparing.paired import Paired, paired
from fixtures.comparing.worst_language import DRAWS
from fixtures.texts.evidence import topic_of
from tests import drawn_values
from tests.error_rates.rates import Draw, Scenario
from tests.error_rates.systems import (
    E5_ENGINE,
    E5_ENPT,
    E5_FLOAT32,
    MINI,
    MINILM_FLOAT32,
    MINILM_INTEGERS,
    USE_NAME,
    Observations,
)
from tests.error_rates.topics import Together, together
from tests.error_rates.values import Side, answered_by, compared, drawn_again, exchanged
from tests.floors.models import CLS, HALF, INTACT, LAST_LAYER, NO_ADAPTER

System = tuple[str, str]
"""Name of a system, and which copy of it."""

FEWER_SIGNS = 1_999
"""Draws of signs where the verdict is tried on losses: half of the time, and a p-value is as valid."""

PAIRS: Sequence[tuple[System, System]] = (
    ((MINILM_FLOAT32, INTACT), (MINILM_INTEGERS, INTACT)),
    ((E5_FLOAT32, INTACT), (E5_ENGINE, INTACT)),
    ((E5_FLOAT32, INTACT), (E5_ENPT, INTACT)),
    ((USE_NAME, INTACT), (E5_FLOAT32, INTACT)),
    ((MINI, INTACT), (E5_FLOAT32, INTACT)),
    ((MINI, INTACT), (MINI, LAST_LAYER)),
)
UNITS = {"item": str, "topic": topic_of}

SHARES = (0.02, 0.05, 0.1, 0.2)
"""Of the items, that a weaker model answers."""
SHARES_IN_ONE = (0.1, 0.2, 0.5, 1.0)
ONE = "ar"
"""The same in one language alone, which is this one."""

DAMAGED = (
    (E5_FLOAT32, LAST_LAYER),
    (E5_FLOAT32, HALF),
    (E5_FLOAT32, CLS),
    (MINI, LAST_LAYER),
    (MINI, CLS),
    (MINI, NO_ADAPTER),
    (MINILM_FLOAT32, LAST_LAYER),
    (MINILM_FLOAT32, HALF),
)
CHANGES: Sequence[tuple[System, System]] = (
    *PAIRS[:5],
    ((E5_FLOAT32, INTACT), (USE_NAME, INTACT)),
    ((E5_FLOAT32, INTACT), (MINI, INTACT)),
)

ROLES, ITEMS, LANGUAGES = 4, 200, 6
"""Of simulated values: as many as the evidence has."""
SKEW = 0.25
"""Of exponential gains: their mean, and so their standard deviation."""
SIMULATED_LOSSES = (0.03, 0.05, 0.07, 0.1)
SIMULATED_IN_ONE = (0.05, 0.1, 0.15, 0.2)
LOST_ANSWERS = 0.05
"""Share of the answers that are lost, wholly, where differences are few and of one sign."""

MOST_FAILURES, LEAST_PASSES = 0.05, 0.9
"""Of null runs."""


def called(system: System) -> str:
    """Return how the tables call a system."""
    name, copy = system
    return name if copy == INTACT else f"{name} {copy}"


# --- null runs ----------------------------------------------------------------------------------------------------


def null(observed: Observations) -> Iterator[Scenario]:
    """Yield the scenarios in which neither side is the better one."""
    for unit, of in UNITS.items():
        for old, new in PAIRS:
            sides = observed.values(*old), observed.values(*new)
            # An exchange by topic isn't the one that signs per item stand for: its rate is published, not required.
            most = MOST_FAILURES if unit == "item" else None
            name = f"{called(old)} / {called(new)}, by {unit}"
            yield Scenario(name, _exchange(sides, of), DRAWS, most_failures=most)
    yield from simulated_null()


def simulated_null() -> Iterator[Scenario]:
    """Yield the same on drawn values: of the usual spread, and of differences that aren't symmetric."""
    yield Scenario(
        f"simulated: spread {drawn_values.SPREAD}, correlation {drawn_values.CORRELATION}",
        lambda generator: drawn_values.roles(generator, ROLES, ITEMS, LANGUAGES),
        DRAWS,
        most_failures=MOST_FAILURES,
        least_passes=LEAST_PASSES,
    )
    yield Scenario("simulated: skewed, many lose a little and few gain much", skewed, DRAWS)


def pairs_by_role(observed: Observations) -> Iterator[tuple[str, str, Paired, Together]]:
    """Yield what the null runs exchange, as it is: two systems, role, the two sides, how alike a topic's items are."""
    for old, new in PAIRS:
        for role, sides in compared(observed.values(*old), observed.values(*new)).items():
            yield f"{called(old)} / {called(new)}", role, sides, together(sides, topic_of)


def _exchange(sides: tuple[Side, Side], unit: Callable[[str], str]) -> Draw:
    return lambda generator: compared(*exchanged(*sides, generator, unit))


def skewed(generator: np.random.Generator) -> dict[str, Paired]:
    """Return differences of mean 0 that aren't symmetric: exponential gains, at most 1, less their mean."""
    # The mean of an exponential of mean s that is cut at c is s (1 - exp(-c / s)); c is 1 and what is taken off.
    mean = SKEW * (1 - np.exp(-(1 + SKEW) / SKEW))
    return {
        f"role {number}": paired(*drawn_values.sides(generator.exponential(SKEW, (ITEMS, LANGUAGES)) - mean))
        for number in range(ROLES)
    }


# --- losses -------------------------------------------------------------------------------------------------------


def shares(observed: Observations) -> Iterator[Scenario]:
    """Yield those in which a weaker model answers a share of the items: else equal, else exchanged with another."""
    for old, new, weaker in (
        (E5_FLOAT32, E5_FLOAT32, (MINI, LAST_LAYER)),
        (E5_FLOAT32, USE_NAME, (MINI, LAST_LAYER)),
        (MINI, MINI, (MINI, LAST_LAYER)),
    ):
        sides = observed.values(old), observed.values(new)
        worse = observed.values(*weaker)
        for share in SHARES:
            yield Scenario(
                f"{_otherwise(old, new)}: {share:.0%} of items by {called(weaker)}",
                _lose(sides, worse, share),
                FEWER_SIGNS,
            )


def _otherwise(old: str, new: str) -> str:
    return old if old == new else f"{old} / {new} exchanged"


def _lose(sides: tuple[Side, Side], weaker: Side, share: float, languages: Sequence[str] | None = None) -> Draw:
    def draw(generator: np.random.Generator) -> Mapping[str, Paired]:
        old, new = exchanged(*sides, generator)
        return compared(old, answered_by(new, weaker, share, generator, languages))

    return draw


def languages(observed: Observations) -> Iterator[Scenario]:
    """Yield those in which one language is broken: by the cut vocabulary, wholly; by a weaker model, in part."""
    sound = observed.values(E5_FLOAT32)
    others = sorted({language for values in sound.values() for _, language in values} - {"en"})
    for language in others:
        broken = observed.with_language_of(E5_FLOAT32, E5_ENPT, language)
        yield Scenario(f"e5: {language} by e5 enpt", _again(sound, broken), FEWER_SIGNS)
    worse = observed.values(E5_ENPT)
    for new in (E5_FLOAT32, USE_NAME):
        sides = sound, observed.values(new)
        for share in SHARES_IN_ONE:
            yield Scenario(
                f"{_otherwise(E5_FLOAT32, new)}: {share:.0%} of items in {ONE} by e5 enpt",
                _lose(sides, worse, share, [ONE]),
                FEWER_SIGNS,
            )


def layers(observed: Observations) -> Iterator[Scenario]:
    """Yield those in which the model is damaged inside."""
    for name, copy in DAMAGED:
        sides = observed.values(name), observed.values(name, copy)
        yield Scenario(f"{name}: {copy}", _again(*sides), FEWER_SIGNS)


def changes(observed: Observations) -> Iterator[Scenario]:
    """Yield those in which a real system takes the place of another."""
    for old, new in CHANGES:
        sides = observed.values(*old), observed.values(*new)
        yield Scenario(f"{called(old)} -> {called(new)}", _again(*sides), FEWER_SIGNS)


def _again(old: Side, new: Side) -> Draw:
    return lambda generator: compared(*drawn_again(old, new, generator))


def simulated(observed: Observations | None = None) -> Iterator[Scenario]:
    """Yield losses of one role in all its languages, and in one alone, on drawn values of the usual spread."""
    for loss in SIMULATED_LOSSES:
        yield Scenario(f"simulated: {loss} in all languages of a role", _lower(loss), FEWER_SIGNS)
    for loss in SIMULATED_IN_ONE:
        yield Scenario(f"simulated: {loss} in one language of a role", _lower_in_one(loss), FEWER_SIGNS)
    name = f"simulated: {LOST_ANSWERS:.0%} of the answers of one role in one language lost wholly, nothing else differs"
    yield Scenario(name, _whole, FEWER_SIGNS)


def _whole(generator: np.random.Generator) -> dict[str, Paired]:
    lost = (generator.random((ITEMS, 1)) < LOST_ANSWERS).astype(float)
    return {"role 0": paired(*drawn_values.sides(-lost))}


def _lower(loss: float) -> Draw:
    return lambda generator: drawn_values.roles(generator, ROLES, ITEMS, LANGUAGES, loss)


def _lower_in_one(loss: float) -> Draw:
    def draw(generator: np.random.Generator) -> dict[str, Paired]:
        found = drawn_values.roles(generator, ROLES - 1, ITEMS, LANGUAGES)
        lower = drawn_values.differences(generator, ITEMS, LANGUAGES)
        lower[:, 0] -= loss
        return {f"role {ROLES - 1}": paired(*drawn_values.sides(lower)), **found}

    return draw
