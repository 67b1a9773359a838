"""Text sets and vectors small enough to work a measure out by hand: a text is an angle."""

import numpy as np

from fixtures.texts.corpus import PASSAGE, QUESTION, TEXT
from fixtures.texts.text_sets import Text, TextSet

TextsAndVectors = tuple[TextSet, dict[str, np.ndarray]]


def unit(degrees: float) -> list[float]:
    """A vector of length one in this direction."""
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


def text_set(angles: dict[str, tuple[float, ...]], kind: str = TEXT) -> TextsAndVectors:
    """Texts of a kind by language, whose group is their place and whose vector has the angle given."""
    texts = [
        Text(f"{language}{row}-{kind}", f"{kind} {row} in {language}", language, str(row), kind)
        for language, turned in angles.items()
        for row in range(len(turned))
    ]
    turned = [one for turned in angles.values() for one in turned]
    vectors = {text.id: np.array(unit(angle)) for text, angle in zip(texts, turned, strict=True)}
    same = [(one.id, two.id) for one in texts for two in texts if one.group == two.group]
    return TextSet("turned", texts, {(one, two.replace(QUESTION, PASSAGE)): 1 for one, two in same}), vectors


def joined(*sets: TextsAndVectors) -> TextsAndVectors:
    """Several sets as one, with the relevance of the first."""
    texts = [text for one, _ in sets for text in one.texts]
    return TextSet("joined", texts, sets[0][0].relevance), {k: v for _, vectors in sets for k, v in vectors.items()}
