"""Reads gettext catalogues: one English string, its translations, several where packages differ."""

from __future__ import annotations

import gettext
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_LOCALE_LANGUAGES = {
    "ar": "ar", "de": "de", "de_AT": "de", "de_CH": "de", "en_CA": "en", "en_GB": "en",
    "en_US": "en", "es": "es", "es_AR": "es", "es_ES": "es", "es_MX": "es", "fr": "fr",
    "fr_CA": "fr", "it": "it", "ja": "ja", "ko": "ko", "nl": "nl", "pl": "pl", "pt": "pt",
    "pt_BR": "pt", "ru": "ru", "tr": "tr", "zh_CN": "zh", "zh-CN": "zh",
}  # fmt: skip
_CATALOGUE_PATH = re.compile(r"/([A-Za-z_@-]+)/LC_MESSAGES/([^/]+)\.mo$")
_MARKUP = re.compile(r"<[^>]*>")
_ACCELERATOR_SUFFIX = re.compile(r"\s*\([_&]?[A-Za-z]\)")
_CONTEXT_PREFIX = re.compile(r"^[^\s|]*\|")
_PLACEHOLDER = re.compile(r"[%${}\\~]|@[a-z]")
_SPACES = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟])\s*")
_MIN_LENGTH, _MAX_LENGTH = 2, 1200


@dataclass
class Group:
    """Texts of one meaning: per language, one or more wordings."""

    source: str
    texts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages the meaning is said in."""
        return tuple(self.texts)


def clean(text: str) -> str:
    """The text as a reader sees it: without markup, accelerator keys and line breaks."""
    text = _ACCELERATOR_SUFFIX.sub("", _MARKUP.sub(" ", text))
    text = text.replace("_", "").replace("&", "")
    return _SPACES.sub(" ", text).strip()


def catalogue_groups(files: Iterable[Path]) -> list[Group]:
    """All groups of the catalogues, merged by their English string."""
    wordings: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    sources: dict[str, str] = {}
    for path in files:
        match = _CATALOGUE_PATH.search(path.as_posix())
        language = _LOCALE_LANGUAGES.get(match.group(1)) if match else None
        if match is None or language is None:
            continue
        for original, translation in _messages(path):
            wordings[original]["en"][original] = None
            wordings[original][language][translation] = None
            sources.setdefault(original, match.group(2))
    return [
        Group(sources[original], {language: list(texts) for language, texts in languages.items()})
        for original, languages in wordings.items()
    ]


def split_sentences(group: Group) -> list[Group]:
    """The group's sentences, one group each, where languages agree on how many there are."""
    split = {
        language: [[part for part in _SENTENCE_END.split(text) if len(part) > 1] for text in texts]
        for language, texts in group.texts.items()
    }
    count = len(split["en"][0]) if split.get("en") else 0
    if count < 2:
        return [group]
    sentences = []
    for position in range(count):
        texts = {
            language: [parts[position] for parts in wordings if len(parts) == count]
            for language, wordings in split.items()
        }
        agreed = {language: found for language, found in texts.items() if found}
        if len(agreed) > 1:
            sentences.append(Group(group.source, agreed))
    return sentences or [group]


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        try:
            catalogue: dict[object, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, UnicodeError, ValueError):
            return
    for key, value in catalogue.items():
        if not isinstance(key, str) or not key or _PLACEHOLDER.search(key):
            continue
        original = clean(_CONTEXT_PREFIX.sub("", key.rsplit("\x04", 1)[-1]))
        translation = clean(_CONTEXT_PREFIX.sub("", value))
        if all(_MIN_LENGTH <= len(text) <= _MAX_LENGTH for text in (original, translation)):
            yield original, translation
