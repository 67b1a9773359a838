"""The smallest loss that the evidence texts can show, from the spread of real differences between two systems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fixtures.comparing.items import Item
from fixtures.comparing.power import difference_seen

ONE_SIDED = 0.05


@dataclass(frozen=True)
class Power:
    """What paired differences of one measure allow to see.

    Attributes:
        spread: standard deviation over items of the item's mean difference over languages.
        spread_in_one_language: the same of one language's differences, the largest of all languages.
        correlation: of two languages' differences of one item (intra-class, one-way analysis of variance).
        pooled: the smallest loss, over all languages, that is seen with 80% at ``ONE_SIDED``.
        one_language: the same in one language, at the strictest step of Holm's correction over all languages.
    """

    spread: float
    spread_in_one_language: float
    correlation: float
    pooled: float
    one_language: float


def power(old: Sequence[Item], new: Sequence[Item]) -> Power:
    """Return what the paired differences of two systems' values allow to see."""
    before = {(item.group, item.language): item.value for item in old}
    groups = sorted({item.group for item in new})
    languages = sorted({item.language for item in new})
    after = {(item.group, item.language): item.value for item in new}
    differences = np.array([[after[g, la] - before[g, la] for la in languages] for g in groups])
    items, count = differences.shape
    spread = float(differences.mean(axis=1).std(ddof=1))
    single = float(differences.std(axis=0, ddof=1).max())
    return Power(
        spread,
        single,
        _intra_class_correlation(differences),
        difference_seen(spread, items, ONE_SIDED),
        difference_seen(single, items, ONE_SIDED / count),
    )


def _intra_class_correlation(differences: np.ndarray) -> float:
    """ICC(1): share of the variance that lies between items; differences are (items, languages)."""
    languages = differences.shape[1]
    if languages < 2:
        return float("nan")
    between = languages * differences.mean(axis=1).var(ddof=1)
    within = differences.var(axis=1, ddof=1).mean()
    total = between + (languages - 1) * within
    return float((between - within) / total) if total else float("nan")
