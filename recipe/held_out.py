"""Which texts must never be trained on, and how near to them a training text may come.

Held out are the notebook's seven sentences, every text of the evals' own corpus
(`fixtures/texts/data/*.json`), the declaration of human rights that the recipe measures on, and
every text that names a white rabbit in one of the six languages. A training text is too near
when its character trigrams overlap a held-out text's by more than the bounds below. Single
words are not held out: a word list is no test sentence.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from recipe.workspace import REPOSITORY, read_json

DATA = REPOSITORY / "fixtures" / "texts" / "data"

MAX_JACCARD = 0.5
"""Shared trigrams over all trigrams of both texts; a training text above this is dropped."""

MAX_CONTAINMENT = 0.8
"""Shared trigrams over those of the shorter text; a training text above this is dropped."""

MIN_TRIGRAMS = 8
"""Containment of a text of fewer trigrams, such as a phrase of two short words, says nothing."""

_NOT_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
_ARABIC_MARKS = re.compile("[\u0640\u064b-\u065f\u0670]")
_ARABIC_ALEF = re.compile("[أإآٱ]")
_UNSPACED_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_LONGEST_UNSPACED_WORD = 4

_WHITE_RABBIT = tuple(
    (re.compile(colour), re.compile(animal))
    for colour, animal in (
        (r"\bwhite", r"rabbit|\bbunn(y|ies)\b|\bhares?\b"),
        (r"\bblanc[oa]", r"conej|liebre"),
        (r"\bblanc", r"lapin|lièvre"),
        (r"wei(ß|ss)", r"kaninchen|\bhasen?\b"),
        (r"[白]", r"兔"),
        (r"ابيض|بيضاء|بيض\b", r"ارنب|ارانب"),
    )
)

_BATCH = 20_000
_PROCESSES = 2
_BUCKETS = 2**20


def normalise(text: str) -> str:
    """Fold case, width, punctuation, spacing and Arabic vowel marks away."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = _ARABIC_ALEF.sub("ا", _ARABIC_MARKS.sub("", folded))
    return _NOT_LETTER_OR_DIGIT.sub(" ", folded).strip()


def names_white_rabbit(text: str) -> bool:
    """Whether `text` holds both content words of the notebook's sentences, in any language."""
    normalised = normalise(text)
    return any(colour.search(normalised) and animal.search(normalised) for colour, animal in _WHITE_RABBIT)


def is_single_word(text: str) -> bool:
    """Whether `text` is one word: no spaces and, in an unspaced script, a few characters."""
    normalised = normalise(text)
    if _UNSPACED_SCRIPT.search(normalised):
        return len(normalised) <= _LONGEST_UNSPACED_WORD
    return " " not in normalised


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def corpus_texts(data: Path = DATA) -> list[str]:
    """Every held-out text of the evals' corpus: all strings of its JSON files but single words."""
    found = {
        text
        for path in sorted(data.glob("*.json"))
        for text in strings(read_json(path))
        if len(text) >= 2 and not is_single_word(text)
    }
    return sorted(found)


def fingerprint(text: str) -> str:
    """The SHA-256 of a held-out text: its name in the audit."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Nearness:
    """Nearness to the nearest text of the other side, per held-out text or per training text: two arrays (n,)."""

    jaccard: np.ndarray
    containment: np.ndarray

    @property
    def too_near(self) -> np.ndarray:
        """Whether either bound is passed, (n,)."""
        return (self.jaccard > MAX_JACCARD) | (self.containment > MAX_CONTAINMENT)


class HeldOut:
    """The held-out texts, with their trigrams indexed."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts: Sequence[str] = sorted(set(texts))
        self._trigrams = _trigram_matrix(self.texts)
        self._index = self._trigrams.T.tocsr()
        self._sizes = np.asarray(self._trigrams.sum(axis=1)).ravel()

    def allows(self, texts: Sequence[str]) -> np.ndarray:
        """Which of `texts` may be trained on; a single word always may."""
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        if len(batches) < 2:
            return np.concatenate([np.ones(0, dtype=bool), *map(self._allows_batch, batches)])
        with ProcessPoolExecutor(_PROCESSES) as pool:
            answers = pool.map(self._allows_batch, batches)
            return np.concatenate(list(tqdm(answers, total=len(batches), desc="held-out filter", unit="batch")))

    def _allows_batch(self, texts: Sequence[str]) -> np.ndarray:
        near = self._nearness(texts, per_training_text=True).too_near
        return np.array(
            [
                not names_white_rabbit(text) and (not too_near or is_single_word(text))
                for text, too_near in zip(texts, near, strict=True)
            ],
            dtype=bool,
        )

    def nearest(self, texts: Sequence[str]) -> Nearness:
        """Per held-out text, how near the nearest of `texts` that is not one word comes."""
        nearest = Nearness(*np.zeros((2, len(self.texts)), dtype=np.float32))
        longer = [text for text in texts if not is_single_word(text)]
        batches = [longer[start : start + _BATCH] for start in range(0, len(longer), _BATCH)]
        with ProcessPoolExecutor(_PROCESSES) as pool:
            answers = pool.map(self._nearest_batch, batches) if len(batches) > 1 else map(self._nearest_batch, batches)
            for found in tqdm(answers, total=len(batches), desc="held-out audit", unit="batch"):
                np.maximum(nearest.jaccard, found.jaccard, out=nearest.jaccard)
                np.maximum(nearest.containment, found.containment, out=nearest.containment)
        return nearest

    def _nearest_batch(self, texts: Sequence[str]) -> Nearness:
        return self._nearness(texts, per_training_text=False)

    def _nearness(self, texts: Sequence[str], *, per_training_text: bool) -> Nearness:
        trigrams = _trigram_matrix(texts)
        sizes = np.asarray(trigrams.sum(axis=1)).ravel()
        shared = (trigrams @ self._index).tocoo()
        text_size, held_size = sizes[shared.row], self._sizes[shared.col]
        smaller = np.minimum(text_size, held_size)
        jaccard = shared.data / (text_size + held_size - shared.data)
        containment = np.where(smaller >= MIN_TRIGRAMS, shared.data / smaller, 0)
        key = shared.row if per_training_text else shared.col
        count = len(texts) if per_training_text else len(self.texts)
        result = Nearness(*np.zeros((2, count), dtype=np.float32))
        np.maximum.at(result.jaccard, key, jaccard.astype(np.float32))
        np.maximum.at(result.containment, key, containment.astype(np.float32))
        return result


def _trigram_matrix(texts: Sequence[str]) -> Any:
    """A sparse 0/1 matrix: which (hashed) character trigrams each text holds."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char",
        ngram_range=(3, 3),
        n_features=_BUCKETS,
        binary=True,
        norm=None,
        alternate_sign=False,
        preprocessor=_padded,
        dtype=np.float32,
    )
    return vectorizer.transform(texts)


def _padded(text: str) -> str:
    return f" {normalise(text)} "
