"""Questions and the passages that answer them, made of the training texts: what the two retrieval adapters learn from.

A question asks about a sentence of a passage, or about its rarest words, often in another language than the passage
is in; the sentence asked about is often cut from the passage, so that matching words are not all there is to learn.
Words ask for their dictionary definitions as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from recipe import corpora
from recipe.catalogues import Group
from recipe.held_out import HeldOut, corpus_texts
from recipe.questions import ask_about, ask_whether
from recipe.sources import CORE_LANGUAGES
from recipe.teach import encode_texts
from recipe.texts import (
    declaration_texts,
    gloss,
    lexicons,
    load_groups,
    load_texts,
    phrase_groups,
    split_passage,
)
from recipe.workspace import Workspace, read_json_lines, write_json_lines

SEED = 11
FROM_GROUPS = 26_000
FROM_PASSAGES = 22_000
FROM_DEFINITIONS = 16_000

_LONGEST_CLAUSE = {"zh": 30}
_SHARE_CUT = 0.6
_SHARE_OF_RARE_WORDS = 0.5


@dataclass(frozen=True)
class Pair:
    """A question and the passage that answers it."""

    question: str
    passage: str


def pairs(workspace: Workspace) -> None:
    """Stage `pairs`: make them, leave out what is held out, and encode both sides with the teacher."""
    rng = random.Random(SEED)
    made = [
        *pairs_of_groups(load_groups(workspace), FROM_GROUPS, rng),
        *pairs_of_passages(workspace, FROM_PASSAGES, rng),
        *pairs_of_definitions(workspace, FROM_DEFINITIONS, rng),
    ]
    held_out = HeldOut([*corpus_texts(), *declaration_texts(workspace)])
    allowed = held_out.allows([pair.question for pair in made]) & held_out.allows([pair.passage for pair in made])
    kept = [pair for pair, keep in zip(made, allowed, strict=True) if keep]
    rng.shuffle(kept)
    write_json_lines(workspace.pairs, map(asdict, kept))
    vectors = encode_texts([text for pair in kept for text in (pair.question, pair.passage)])
    np.save(workspace.pairs_teacher, vectors.astype(np.float16))
    workspace.mark_done("pairs", pairs=len(kept), left_out=len(made) - len(kept))


def load_pairs(workspace: Workspace) -> list[Pair]:
    """The pairs that the stage wrote."""
    return [Pair(**record) for record in read_json_lines(workspace.pairs)]


def pairs_of_groups(groups: Sequence[Group], count: int, rng: random.Random) -> Iterator[Pair]:
    """A question in one language, a passage in another, of longer texts that were translated."""
    joined = [group for group in groups if group.source == "joined"]
    for _ in range(count if joined else 0):
        texts = rng.choice(joined).texts
        asked, answered = (rng.choice(sorted(texts)) for _ in range(2))
        sentences = split_passage(texts[asked][0])
        at = rng.randrange(len(sentences))
        question = _question(sentences[at], asked, rng)
        if asked == answered:
            yield Pair(question, _passage(sentences, at, asked, rng))
        else:
            yield Pair(question, texts[answered][0])


def pairs_of_passages(workspace: Workspace, count: int, rng: random.Random) -> Iterator[Pair]:
    """A question and a passage in one language."""
    found = [text for text in load_texts(workspace) if text.kind == "passage" and text.language in CORE_LANGUAGES]
    for text in rng.sample(found, min(count, len(found))):
        sentences = split_passage(text.text)
        at = rng.randrange(len(sentences))
        yield Pair(_question(sentences[at], text.language, rng), _passage(sentences, at, text.language, rng))


def pairs_of_definitions(workspace: Workspace, count: int, rng: random.Random) -> Iterator[Pair]:
    """A word in any of the languages, and its definition in English or, word by word, in another language."""
    translated = lexicons(workspace, phrase_groups(workspace))
    entries = [entry for entry in corpora.english_definitions(workspace) if len(entry.definition) >= 30]
    for entry in rng.sample(entries, min(count, len(entries))):
        asked, answered = rng.choice(CORE_LANGUAGES), rng.choice(CORE_LANGUAGES)
        word = rng.choice(entry.words)
        if asked != "en":
            translations = [w for name in entry.words for w in translated[asked][0].get(name, ())]
            if not translations:
                asked = "en"
            else:
                word = rng.choice(rng.choice(translations).split(", "))
        passage = entry.definition
        if answered != "en":
            passage = gloss(passage, *translated[answered], rng) or passage
        yield Pair(ask_about(word, asked, rng), passage[:1].upper() + passage[1:])


def _question(sentence: str, language: str, rng: random.Random) -> str:
    if len(sentence) > _LONGEST_CLAUSE.get(language, 90) or rng.random() < _SHARE_OF_RARE_WORDS:
        rare = rarest_words(sentence, language, rng.choice((1, 2, 2, 3)))
        if rare:
            return ask_about(("" if language == "zh" else " ").join(rare), language, rng)
    return ask_whether(sentence, language, rng)


def _passage(sentences: Sequence[str], at: int, language: str, rng: random.Random) -> str:
    kept = list(sentences)
    if len(kept) > 1 and rng.random() < _SHARE_CUT:
        del kept[at]
    return ("" if language == "zh" else " ").join(kept)


def rarest_words(text: str, language: str, count: int) -> list[str]:
    """The least frequent words of a text, in its order."""
    from wordfreq import tokenize, zipf_frequency

    words = [word for word in dict.fromkeys(tokenize(text, language)) if len(word) > 1 and not word.isdigit()]
    rarest = sorted(words, key=lambda word: zipf_frequency(word, language))[:count]
    return [word for word in words if word in rarest]
