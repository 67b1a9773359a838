"""How far the items of a topic differ alike between two systems: whether an item is a unit of its own."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fixtures.comparing.paired import ROUNDING, Paired


@dataclass(frozen=True)
class Together:
    """Items' mean differences over their languages, by unit.

    Attributes:
        correlation: of two items of one unit, from the analysis of variance (Donner 1986): 0 where units say nothing,
            1 where all items of a unit differ alike.
        wider: the standard error of the mean with units as the items, over the one that the verdict takes.
    """

    correlation: float
    wider: float


def together(sides: Paired, unit: Callable[[str], str]) -> Together:
    """Return how far items of a unit differ alike; units need equally many items, two or more, that do differ."""
    of_item = defaultdict(list)
    for (item, _), difference in sides.differences.items():
        of_item[item].append(difference)
    of_unit = defaultdict(list)
    for item, differences in of_item.items():
        of_unit[unit(item)].append(np.mean(differences))
    found = np.array([*of_unit.values()])  # (units, items)
    units, items = found.shape
    between, within = items * found.mean(axis=1).var(ddof=1), found.var(axis=1, ddof=1).mean()
    if between + within < ROUNDING:
        return Together(0.0, 1.0)
    correlation = (between - within) / (between + (items - 1) * within)
    wider = np.sqrt(between / items / units) / sides.difference.error
    return Together(float(correlation), float(wider))
