"""Stage `texts`: balanced training texts and groups of translations, held-out texts filtered out."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np

from recipe import corpora
from recipe.catalogues import Group, catalogue_groups, split_sentences
from recipe.fetch import package_files
from recipe.held_out import HeldOut, corpus_texts
from recipe.questions import ask_about, ask_whether
from recipe.sources import (
    CORE_LANGUAGES,
    INTERFACE_CATALOGUES,
    OTHER_LANGUAGES,
    STORY_CATALOGUES,
    Source,
)
from recipe.workspace import Workspace, read_json_lines, write_json_lines

T = TypeVar("T")
Lexicon = dict[str, list[str]]

SEED = 5
_SENTENCE_START = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])")
_UNFINISHED = re.compile(r"[{}/]")
_SHARE_OF_OTHER_LANGUAGES = 0.04


@dataclass(frozen=True)
class Quotas:
    """Limits: groups that are kept, and texts of each kind per core language.

    Of all texts that these give, at most `texts` are trained on.
    """

    texts: int = 917_504
    story_groups: int = 90_000
    interface_groups: int = 40_000
    phrase_groups: int = 90_000
    stories: int = 34_000
    interface: int = 16_000
    verses: int = 5_000
    phrases: int = 26_000
    prose: int = 26_000
    words: int = 30_000
    combinations: int = 32_000
    glosses: int = 44_000
    joined: int = 12_000
    passages: int = 16_000
    questions: int = 26_000
    other_language_words: int = 2_000
    other_language_sentences: int = 5_000


@dataclass(frozen=True)
class TrainingText:
    """One text the student learns, and the group of translations it belongs to, if any."""

    text: str
    language: str
    kind: str
    group: int | None = None


def texts(workspace: Workspace, quotas: Quotas = Quotas()) -> None:
    """Collect, balance and filter; writes the texts and the groups."""
    rng = random.Random(SEED)
    stories = _sentence_groups(workspace, STORY_CATALOGUES)
    interface = _sentence_groups(workspace, INTERFACE_CATALOGUES)
    verses = list(corpora.verses(workspace))
    phrases = phrase_groups(workspace)
    joined = list(join_groups([*stories, *verses], quotas.joined, rng))
    prose = _prose(workspace)
    words = {language: _frequent_words(language, quotas.words) for language in CORE_LANGUAGES}
    passages = _passages(workspace, rng)
    english = [text for group in phrases for text in group.texts["en"] if text.count(" ") >= 3]
    definitions = _sample(list(corpora.english_examples(workspace)), len(english), rng)
    english += [*definitions, *map(". ".join, zip(definitions[::2], definitions[1::2], strict=False))]
    glosses = {
        language: list(gloss_sentences(english, lexicon, quotas.glosses, rng, separator=separator))
        for language, (lexicon, separator) in lexicons(workspace, phrases).items()
    }

    told = _sample(stories, quotas.story_groups, rng)
    questions = {
        language: [
            *(
                ask_about(words, language, rng)
                for words in _named(words[language], quotas.questions // 2, rng, language)
            ),
            *(
                ask_whether(sentence, language, rng)
                for sentence in _sample(_clauses(prose[language], told, language), quotas.questions // 2, rng)
            ),
        ]
        for language in CORE_LANGUAGES
    }

    groups = [
        *trim(stories, quotas.story_groups, rng, min_core_languages=2),
        *trim(interface, quotas.interface_groups, rng, min_core_languages=4),
        *verses,
        *trim([group for group in phrases if _is_phrase(group)], quotas.phrase_groups, rng),
        *joined,
    ]
    singles = [
        *(TrainingText(t, lang, "prose") for lang in prose for t in _sample(prose[lang], quotas.prose, rng)),
        *(TrainingText(t, lang, "passage") for lang in passages for t in _sample(passages[lang], quotas.passages, rng)),
        *(TrainingText(t, lang, "question") for lang in questions for t in questions[lang]),
        *(TrainingText(t, lang, "word") for lang in words for t in words[lang]),
        *(TrainingText(t, lang, "gloss") for lang in glosses for t in glosses[lang]),
        *(
            TrainingText(t, lang, "combination")
            for lang in words
            for t in combine_words(words[lang], quotas.combinations, rng, "" if lang == "zh" else " ")
        ),
        *(
            TrainingText(t, lang, "word")
            for lang in OTHER_LANGUAGES
            for t in _frequent_words(lang, quotas.other_language_words)
        ),
    ]  # fmt: skip
    groups, singles = _without_held_out(workspace, groups, singles)

    kinds = {"quran": ("verse", quotas.verses), "joined": ("joined", quotas.joined)}
    kinds |= {group.source: ("story", quotas.stories) for group in stories}
    kinds |= dict.fromkeys(("trans-de-en", "cedict"), ("phrase", quotas.phrases))
    chosen: dict[str, TrainingText] = {}
    for kind, quota in sorted({*kinds.values(), ("interface", quotas.interface)}):
        members = [
            (number, group)
            for number, group in enumerate(groups)
            if kinds.get(group.source, ("interface", 0))[0] == kind
        ]
        for text in choose_from_groups(members, kind, quota, quotas.other_language_sentences, rng):
            chosen.setdefault(text.text, text)
    for text in singles:
        varied = vary_case(text, rng)
        chosen.setdefault(varied.text, varied)
    shuffled = sorted(chosen.values(), key=lambda text: text.text)
    rng.shuffle(shuffled)
    shuffled = shuffled[: quotas.texts]

    write_json_lines(workspace.groups, (asdict(group) for group in groups))
    write_json_lines(workspace.texts, (asdict(text) for text in shuffled))
    counts = Counter(f"{text.language} {text.kind}" for text in shuffled)
    workspace.mark_done("texts", texts=len(shuffled), groups=len(groups), counts=dict(sorted(counts.items())))


def load_texts(workspace: Workspace) -> list[TrainingText]:
    """The texts that the stage wrote."""
    return [TrainingText(**record) for record in read_json_lines(workspace.texts)]


def load_groups(workspace: Workspace) -> list[Group]:
    """The groups that the stage wrote."""
    return [Group(**record) for record in read_json_lines(workspace.groups)]


def trim(groups: Sequence[Group], count: int, rng: random.Random, min_core_languages: int = 2) -> list[Group]:
    """At most `count` groups of enough core languages; most texts in other languages left out."""
    wanted = [group for group in groups if _core_languages(group) >= min_core_languages]
    return [
        Group(
            group.source,
            {
                language: wordings
                for language, wordings in group.texts.items()
                if language in CORE_LANGUAGES or rng.random() < _SHARE_OF_OTHER_LANGUAGES
            },
        )
        for group in _sample(wanted, count, rng)
    ]


def join_groups(groups: Sequence[Group], count: int, rng: random.Random) -> Iterator[Group]:
    """Longer aligned texts: neighbouring groups, joined in each language they share."""
    starts = [i for i, group in enumerate(groups) if _core_languages(group) >= 3]
    for start in _sample(starts, count, rng):
        length = rng.randint(2, 5)
        members = groups[start : start + length]
        shared = [lang for lang in CORE_LANGUAGES if all(lang in group.texts for group in members)]
        if len(shared) < 2:
            continue
        texts = {
            lang: [("" if lang == "zh" else " ").join(group.texts[lang][0] for group in members)] for lang in shared
        }
        yield Group("joined", texts)


def choose_from_groups(
    groups: Iterable[tuple[int, Group]],
    kind: str,
    quota: int,
    other_quota: int,
    rng: random.Random,
) -> Iterator[TrainingText]:
    """Texts of the groups with the most languages first, until a language has its quota."""
    shuffled = list(groups)
    rng.shuffle(shuffled)
    shuffled.sort(key=lambda numbered: -_core_languages(numbered[1]))
    counts: Counter[str] = Counter()
    for number, group in shuffled:
        for language, wordings in group.texts.items():
            limit = quota if language in CORE_LANGUAGES else other_quota // 4
            if counts[language] >= limit:
                continue
            for wording in wordings[:2]:
                counts[language] += 1
                yield TrainingText(wording, language, kind, number)


def combine_words(words: Sequence[str], count: int, rng: random.Random, separator: str) -> Iterator[str]:
    """Random combinations of two to eight words, frequent ones more often."""
    weights = 1 / np.arange(20, len(words) + 20) ** 0.75
    picks = np.random.default_rng(rng.getrandbits(32)).choice(len(words), size=(count, 8), p=weights / weights.sum())
    for row in picks:
        yield separator.join(words[index] for index in row[: rng.randint(2, 8)])


def gloss_sentences(
    sentences: Sequence[str],
    lexicon: Lexicon,
    count: int,
    rng: random.Random,
    separator: str = " ",
) -> Iterator[str]:
    """English sentences, each word replaced by a translation: everyday combinations of words."""
    for sentence in _sample(sentences, count, rng):
        if glossed := gloss(sentence, lexicon, separator, rng):
            yield glossed


def gloss(sentence: str, lexicon: Lexicon, separator: str, rng: random.Random) -> str:
    """An English sentence word by word in another language; empty if hardly a word is known."""
    glosses = [rng.choice(rng.choice(lexicon[word]).split(", ")) for word in _words(sentence) if word in lexicon]
    return separator.join(glosses) if len(glosses) >= 2 else ""


def split_passage(passage: str) -> list[str]:
    """The passage's sentences."""
    return _SENTENCE_START.split(passage)


def cut_into_passages(paragraph: str, language: str, rng: random.Random) -> Iterator[str]:
    """The paragraph in stretches of whole sentences, of the lengths that passages have."""
    most = 130 if language == "zh" else 360
    stretch, wanted = "", rng.randint(most // 6, most)
    for sentence in split_passage(paragraph):
        joined = f"{stretch}{'' if language == 'zh' or not stretch else ' '}{sentence}"
        if stretch and len(joined) > wanted:
            yield stretch
            stretch, wanted = sentence, rng.randint(most // 6, most)
        else:
            stretch = joined
    if stretch:
        yield stretch


def vary_case(text: TrainingText, rng: random.Random) -> TrainingText:
    """The text, now and then as a title, in capitals, or with a full stop."""
    draw = rng.random()
    varied = text.text
    if draw < 0.15:
        varied = varied[:1].upper() + varied[1:]
    elif draw < 0.17:
        varied = varied.upper()
    if text.kind in {"combination", "gloss"} and rng.random() < 0.4:
        varied += "。" if text.language == "zh" else "."
    return TrainingText(varied, text.language, text.kind, text.group)


def _sentence_groups(workspace: Workspace, source: Source) -> list[Group]:
    files = (path for package in source.packages for path in package_files(workspace, source.registry, package, "*.mo"))
    return [
        sentence
        for group in catalogue_groups(files)
        for sentence in split_sentences(group)
        if all(len(text) <= 600 for texts in sentence.texts.values() for text in texts)
    ]


def _prose(workspace: Workspace) -> dict[str, list[str]]:
    prose: dict[str, list[str]] = {language: [] for language in CORE_LANGUAGES}
    prose["en"].extend(corpora.english_examples(workspace))
    prose["ar"].extend(corpora.arabic_prose(workspace))
    prose["zh"].extend(corpora.chinese_prose(workspace))
    for language, text in (*corpora.sayings(workspace), *corpora.conversations(workspace)):
        prose[language].append(text)
    return {language: sorted(set(found)) for language, found in prose.items()}


def _passages(workspace: Workspace, rng: random.Random) -> dict[str, list[str]]:
    passages: dict[str, list[str]] = {language: [] for language in CORE_LANGUAGES}
    for language, paragraph in corpora.paragraphs(workspace):
        passages[language].extend(cut_into_passages(paragraph, language, rng))
    return {language: sorted(set(found)) for language, found in passages.items()}


def _named(words: Sequence[str], count: int, rng: random.Random, language: str) -> Iterator[str]:
    """One to three words to ask about, fewer often."""
    for combination in combine_words(words, count, rng, " "):
        chosen = combination.split(" ")[: rng.choice((1, 1, 2, 2, 3))]
        yield ("" if language == "zh" else " ").join(chosen)


def _clauses(prose: Sequence[str], stories: Sequence[Group], language: str) -> list[str]:
    """Short sentences to ask about."""
    shortest, longest = (4, 30) if language == "zh" else (12, 90)
    told = (wordings[0] for group in stories if (wordings := group.texts.get(language)))
    return [text for text in (*prose, *told) if shortest <= len(text) <= longest]


def phrase_groups(workspace: Workspace) -> list[Group]:
    """Words and phrases with their English translations."""
    return [*corpora.german_english(workspace), *corpora.chinese_english(workspace)]


def lexicons(workspace: Workspace, phrases: Sequence[Group]) -> dict[str, tuple[Lexicon, str]]:
    """Per language: English words with their translations, and what stands between two words."""
    found = {
        language: (corpora.freedict(workspace, code), " ")
        for language, code in (("ar", "ara"), ("fr", "fra"), ("es", "spa"))
    }
    for language, separator in (("de", " "), ("zh", "")):
        lexicon: Lexicon = {}
        for group in phrases:
            for word in group.texts["en"]:
                key = word.lower().removeprefix("to ").removeprefix("the ")
                if language in group.texts and " " not in key and not _UNFINISHED.search(group.texts[language][0]):
                    lexicon.setdefault(key, []).extend(group.texts[language][:1])
        found[language] = (lexicon, separator)
    return found


def _without_held_out(
    workspace: Workspace, groups: Sequence[Group], singles: Sequence[TrainingText]
) -> tuple[list[Group], list[TrainingText]]:
    held_out = HeldOut([*corpus_texts(), *declaration_texts(workspace)])
    unique = sorted(
        {text for group in groups for texts in group.texts.values() for text in texts}
        | {single.text for single in singles}
    )
    allowed = held_out.allows(unique)
    refused = {text for text, keep in zip(unique, allowed, strict=True) if not keep}
    print(f"held-out filter: {len(refused)} of {len(unique)} texts dropped")
    kept = []
    for group in groups:
        texts = {
            language: [text for text in wordings if text not in refused] for language, wordings in group.texts.items()
        }
        texts = {language: wordings for language, wordings in texts.items() if wordings}
        if len(texts) > 1:
            kept.append(Group(group.source, texts))
    return kept, [single for single in singles if single.text not in refused]


def declaration_texts(workspace: Workspace) -> list[str]:
    """The articles that are measured on, in all six languages."""
    return [article for language in CORE_LANGUAGES for article in corpora.declaration(workspace, language)]


def _frequent_words(language: str, count: int) -> list[str]:
    from wordfreq import top_n_list

    return top_n_list(language, count)


def _words(sentence: str) -> list[str]:
    return ["".join(c for c in word if c.isalnum()) for word in sentence.lower().split()]


def _is_phrase(group: Group) -> bool:
    """Whether the English side is more than a word or two."""
    return group.texts["en"][0].count(" ") >= 2


def _core_languages(group: Group) -> int:
    return sum(language in CORE_LANGUAGES for language in group.texts)


def _sample(items: Sequence[T], count: int, rng: random.Random) -> list[T]:
    return rng.sample(list(items), min(count, len(items)))
