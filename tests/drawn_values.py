"""Values of two sides of a measure, drawn at random: differences of one item correlate over its languages."""

import numpy as np

from fixtures.comparing.paired import Paired, paired

SPREAD, CORRELATION = 0.25, 0.5
"""Of the differences in one language, and of those of two languages of one item."""


def differences(
    generator: np.random.Generator, items: int, languages: int, spread: float = SPREAD, correlation: float = CORRELATION
) -> np.ndarray:
    """(items, languages), around 0."""
    common = generator.normal(0, spread * correlation**0.5, (items, 1))
    return common + generator.normal(0, spread * (1 - correlation) ** 0.5, (items, languages))


def sides(drawn: np.ndarray) -> tuple[dict, dict]:
    """Old and new values, which lie symmetrically about a half, of differences in (items, languages)."""
    drawn = np.clip(drawn, -1, 1)
    keys = [(f"item {row:05}", f"l{column}") for row in range(len(drawn)) for column in range(drawn.shape[1])]
    flat = drawn.ravel().tolist()
    return (
        {key: 0.5 - value / 2 for key, value in zip(keys, flat, strict=True)},
        {key: 0.5 + value / 2 for key, value in zip(keys, flat, strict=True)},
    )


def roles(
    generator: np.random.Generator, count: int, items: int, languages: int, loss: float = 0, losing: int = 1
) -> dict[str, Paired]:
    """That many roles, the first of which have lost so much."""
    return {
        f"role {number}": paired(*sides(differences(generator, items, languages) - (loss if number < losing else 0)))
        for number in range(count)
    }


def in_one_language(*values: float) -> Paired:
    """The two sides of items that differ by these values, each in one language."""
    return paired(*sides(np.array(values, dtype=float).reshape(-1, 1)))
