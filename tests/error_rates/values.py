"""What is done to the values of two systems: exchanged, lost in some items, drawn again. Pure functions of values.

A side is name of a measure -> item and language -> value. An item is treated alike in all measures and languages.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from fixtures.comparing.paired import Paired, Values, paired

Side = Mapping[str, Values]


def items_of(side: Side) -> list[str]:
    """Return the items that have a value in some measure, in order."""
    return sorted({item for values in side.values() for item, _ in values})


def exchanged(
    old: Side, new: Side, generator: np.random.Generator, unit: Callable[[str], str] = str
) -> tuple[Side, Side]:
    """Return two sides between which neither is the better one: of each item a coin decides which value is the old one.

    Args:
        old: one system.
        new: the other, with values of the same items and languages.
        generator: draws the coins.
        unit: what an item is exchanged together with: itself, or its topic.
    """
    units = sorted({unit(item) for item in items_of(old)})
    swapped = {one for one, coin in zip(units, generator.integers(0, 2, len(units)), strict=True) if coin}
    moved = {item for item in items_of(old) if unit(item) in swapped}
    return _of_items(old, new, moved), _of_items(new, old, moved)


def answered_by(
    new: Side,
    weaker: Side,
    share: float,
    generator: np.random.Generator,
    languages: Iterable[str] | None = None,
) -> Side:
    """Return a side in which a share of the items, drawn, have the values of a weaker system.

    Args:
        new: the side that loses.
        weaker: a system with values of the same items and languages.
        share: of the items, from 0 to 1.
        generator: draws which.
        languages: those in which an item is lost; None for all.
    """
    items = items_of(new)
    hit = set(generator.choice(items, round(share * len(items)), replace=False).tolist())
    return _of_items(new, weaker, hit, None if languages is None else set(languages))


def drawn_again(old: Side, new: Side, generator: np.random.Generator) -> tuple[Side, Side]:
    """Return as many items as there are, drawn with replacement: another sample of items such as these.

    An item that is drawn twice counts as two; both sides have the same.
    """
    items = items_of(old)
    places = generator.integers(0, len(items), len(items)).tolist()
    copies: dict[str, list[str]] = {}
    for number, place in enumerate(places):
        copies.setdefault(items[place], []).append(f"{number:05} {items[place]}")
    return _named_anew(old, copies), _named_anew(new, copies)


def compared(old: Side, new: Side) -> dict[str, Paired]:
    """Return the two sides of each measure that both have."""
    return {name: paired(values, new[name]) for name, values in old.items() if name in new}


def _of_items(side: Side, other: Side, items: set[str], languages: set[str] | None = None) -> Side:
    """The side, but the other's values of these items in these languages."""
    return {
        name: {
            (item, language): (
                other[name][item, language] if item in items and (languages is None or language in languages) else value
            )
            for (item, language), value in values.items()
        }
        for name, values in side.items()
    }


def _named_anew(side: Side, copies: Mapping[str, list[str]]) -> Side:
    return {
        name: {(copy, language): value for (item, language), value in values.items() for copy in copies.get(item, ())}
        for name, values in side.items()
    }
