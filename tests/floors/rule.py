"""The rule for a floor, which was written before the figures.

A floor lies halfway between the worst healthy and the best damaged model, the damage applied to every model that can
take it. With each healthy model left out in turn, it has to meet the floor that is set on the others; else the claim is
reported and doesn't gate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Floor:
    """What a claim can require of a model so that one kind of damage falls below it.

    Attributes:
        worst_healthy: the model with the lowest figure, and that figure.
        best_damaged: the damaged model with the highest figure, and that figure.
        missed_by: healthy model -> the floor set on the others, of those that don't meet it when they are left out.
        untested: healthy models without which no damaged one is left, so that no floor can be set on the others.
    """

    worst_healthy: tuple[str, float]
    best_damaged: tuple[str, float]
    missed_by: Mapping[str, float] = field(default_factory=dict)
    untested: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The floor."""
        return (self.worst_healthy[1] + self.best_damaged[1]) / 2

    @property
    def gates(self) -> bool:
        """Whether the damage falls below the floor, and each healthy model meets the one that is set on the others."""
        return self.worst_healthy[1] > self.best_damaged[1] and not self.missed_by and not self.untested


def floor(healthy: Mapping[str, float], damaged: Mapping[str, Mapping[str, float]]) -> Floor:
    """Return the floor of one claim for one kind of damage.

    Args:
        healthy: model -> its figure.
        damaged: model -> name of a damaged copy -> its figure; models that can't take the damage are missing.
    """
    missed, untested = {}, []
    for left_out, figure in healthy.items():
        others = {name: value for name, value in healthy.items() if name != left_out}
        their_damage = {name: figures for name, figures in damaged.items() if name != left_out}
        if not others or not their_damage:
            untested.append(left_out)
        elif figure < (set_on_others := _halfway(others, their_damage).value):
            missed[left_out] = set_on_others
    found = _halfway(healthy, damaged)
    return Floor(found.worst_healthy, found.best_damaged, missed, tuple(untested))


def _halfway(healthy: Mapping[str, float], damaged: Mapping[str, Mapping[str, float]]) -> Floor:
    copies = {
        ", ".join(part for part in (model, name) if part): value
        for model, figures in damaged.items()
        for name, value in figures.items()
    }
    return Floor(
        min(healthy.items(), key=lambda one: one[1]),
        max(copies.items(), key=lambda one: one[1]),
    )
