"""Damage that any model can take, as it acts on the texts that go in or on the vectors that come out."""

import re
from collections.abc import Mapping

import numpy as np

from fixtures.texts.text_sets import TextSet

UNKNOWN = "\U00010380"
"""A letter of Ugaritic, which no vocabulary here has: tokenizers give it their unknown token."""

_HAN = r"[\u3400-\u9fff\uf900-\ufaff]+"
_WORD = re.compile(rf"{_HAN}|[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A run of letters; Chinese, which has no spaces, counts as one word up to the next mark."""


def own_words(texts: TextSet, language: str) -> frozenset[str]:
    """Return the words, in lower case, that stand in texts of one language and in those of no other."""
    found = {one: _words(texts, one) for one in texts.languages}
    return frozenset(found[language].difference(*(words for one, words in found.items() if one != language)))


def cut_from_the_vocabulary(text: str, words: frozenset[str]) -> str:
    """Return a text with each of these words replaced by one unknown letter."""
    return _WORD.sub(lambda found: UNKNOWN if found[0].lower() in words else found[0], text)


def shuffled(texts: TextSet, vectors: Mapping[str, np.ndarray], language: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Return vectors in which the texts of one language, each among those of its kind, have one another's.

    None keeps its own: the texts stand on a circle in an order that is drawn, and each has the next one's.
    """
    found = dict(vectors)
    drawn = np.random.default_rng(seed)
    for kind in dict.fromkeys(text.kind for text in texts.texts):
        ids = [text.id for text in texts.of_kind(kind, language) if text.id in vectors]
        order = drawn.permutation(len(ids))
        for at, place in enumerate(order):
            found[ids[place]] = vectors[ids[order[at - 1]]]
    return found


def _words(texts: TextSet, language: str) -> set[str]:
    of_language = (text for text in texts.texts if text.language == language)
    return {word.lower() for text in of_language for word in _WORD.findall(text.text)}
