"""What can be counted of the evidence texts without a model. Each check yields what it finds wrong, with its figure."""

import functools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from fixtures.texts.corpus import PARAPHRASE, PASSAGE, TEXT
from fixtures.texts.evidence import GLOSS, KINDS, topic_of
from fixtures.texts.text_sets import Text, TextSet

LARGEST_OVERLAP = 0.5
"""Character 5-grams that two texts share, over all of both (Jaccard)."""
LEAST_DISTINCT = 0.8
"""Share of distinct beginnings among the texts and passages of a language."""
LARGEST_SHARED_WITH_PARAPHRASE = 0.6
LEAST_SHARED_WITH_NEAR_MISS = 0.6
LARGEST_LENGTH = 1.8
"""A translation's length over its English, as a multiple of what is usual in the language; and its inverse."""

_UNSPACED = ("zh",)
_ARABIC_MARKS = re.compile("[\u064b-\u0652\u0640]")
_SCRIPTS = {"zh": "CJK", "ar": "ARABIC"}
_FOREIGN_LETTERS = 12
"""Letters of another script that a text may hold: units, product codes, an address."""


@dataclass(frozen=True)
class Finding:
    """Something that a check found: by which check, in which texts, and the figure."""

    check: str
    ids: tuple[str, ...]
    figure: float

    def __str__(self) -> str:
        return f"{self.check}: {' and '.join(self.ids)} ({self.figure:.2f})"


def alike_within_a_topic(texts: TextSet) -> Iterator[Finding]:
    """Two items of a topic that share most of their characters."""
    for language in texts.languages:
        by_topic = defaultdict(list)
        for text in texts.texts:
            if text.language == language:
                by_topic[topic_of(text.group)].append(text)
        for siblings in by_topic.values():
            for first, second in combinations(siblings, 2):
                if first.group != second.group and (overlap := _overlap(first.text, second.text)) >= LARGEST_OVERLAP:
                    yield Finding("two items of a topic are alike", (first.id, second.id), overlap)


def alike_to_others(texts: TextSet, others: Iterable[str]) -> Iterator[Finding]:
    """A text that shares most of its characters with one that is used for something else; there may be a million."""
    index, sizes = defaultdict(list), []
    for at, text in enumerate(texts.texts):
        grams = _grams(text.text)
        sizes.append(len(grams))
        for gram in grams:
            index[gram].append(at)
    for other in others:
        grams = _grams_of(other)
        shared = Counter(at for gram in grams for at in index.get(gram, ()))
        for at, count in shared.items():
            overlap = count / (sizes[at] + len(grams) - count)
            if overlap >= LARGEST_OVERLAP:
                yield Finding("alike to a text of another set", (texts.texts[at].id, other[:40]), overlap)


def like_beginnings(texts: TextSet) -> Iterator[Finding]:
    """A language in which too many texts and passages begin alike, with the commonest beginning."""
    for language, share in distinct_beginnings(texts).items():
        if share < LEAST_DISTINCT:
            commonest = Counter(map(_beginning, _openings(texts, language))).most_common(1)[0][0]
            yield Finding(f"too many texts begin alike in {language}", (commonest,), share)


def distinct_beginnings(texts: TextSet) -> dict[str, float]:
    """Return language -> share of distinct beginnings, of three words or five Chinese characters."""
    found = {language: [_beginning(text) for text in _openings(texts, language)] for language in texts.languages}
    return {language: len(set(beginnings)) / len(beginnings) for language, beginnings in found.items()}


def words_of_paraphrases(texts: TextSet) -> Iterator[Finding]:
    """A paraphrase that repeats the words of its text: it would be recognised by words."""
    for text in texts.of_kind(TEXT):
        share = shared_words(text, texts.by_place[text.group, text.language, PARAPHRASE])
        if share >= LARGEST_SHARED_WITH_PARAPHRASE:
            yield Finding("a paraphrase repeats its text", (text.id,), share)


def words_of_near_misses(texts: TextSet) -> Iterator[Finding]:
    """A near miss in other words than its text: it would be told apart by words."""
    for miss in _near_misses(texts):
        share = shared_words(texts.by_place[miss.group, miss.language, TEXT], miss)
        if share < LEAST_SHARED_WITH_NEAR_MISS:
            yield Finding("a near miss is in other words", (miss.id,), share)


def lengths(texts: TextSet) -> Iterator[Finding]:
    """A translation that is longer or shorter than translations into its language are."""
    ratios = defaultdict(dict)
    for text in texts.texts:
        if text.language != GLOSS:
            ratios[text.language][text.id] = len(text.text) / len(text.gloss)
    for found in ratios.values():
        usual = sorted(found.values())[len(found) // 2]
        for name, ratio in found.items():
            if not 1 / LARGEST_LENGTH <= ratio / usual <= LARGEST_LENGTH:
                yield Finding("a length out of proportion to its English", (name,), ratio / usual)


def scripts(texts: TextSet) -> Iterator[Finding]:
    """A text in the script of another language."""
    for text in texts.texts:
        own = _SCRIPTS.get(text.language, "LATIN")
        letters = [unicodedata.name(character, "") for character in text.text if character.isalpha()]
        foreign = sum(not name.startswith(own) for name in letters)
        if foreign > (_FOREIGN_LETTERS if own != "LATIN" else 0) or foreign > len(letters) / 2:
            yield Finding(f"letters of another script than {own.lower()}", (text.id,), foreign)


CHECKS: tuple[Callable[[TextSet], Iterator[Finding]], ...] = (
    alike_within_a_topic,
    like_beginnings,
    words_of_paraphrases,
    words_of_near_misses,
    lengths,
    scripts,
)


def shared_words(first: Text, second: Text) -> float:
    """Return the share of words that two texts of a language have in common, of the one with fewer."""
    one, other = _words(first.text, first.language), _words(second.text, second.language)
    return len(one & other) / min(len(one), len(other))


def _near_misses(texts: TextSet) -> list[Text]:
    return [text for text in texts.texts if text.kind in KINDS]


def _openings(texts: TextSet, language: str) -> list[Text]:
    return [text for text in texts.texts if text.language == language and text.kind in (TEXT, PASSAGE)]


def _beginning(text: Text) -> str:
    return text.text[:5] if text.language in _UNSPACED else " ".join(text.text.split()[:3]).lower()


def _words(text: str, language: str) -> frozenset[str]:
    lower = text.lower()
    if language in _UNSPACED:
        letters = re.sub(r"[\W_]", "", lower)
        return frozenset(letters[at : at + 2] for at in range(len(letters) - 1))
    return frozenset(re.findall(r"\w+", _ARABIC_MARKS.sub("", lower)))


def _grams_of(text: str) -> frozenset[str]:
    lower = text.lower()
    return frozenset(lower[at : at + 5] for at in range(len(lower) - 4))


_grams = functools.cache(_grams_of)


def _overlap(first: str, second: str) -> float:
    one, other = _grams(first), _grams(second)
    return len(one & other) / max(1, len(one | other))
