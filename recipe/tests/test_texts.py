"""Catalogues are read as a reader sees them, and the training texts are balanced."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="the recipe needs numpy")
pytest.importorskip("tqdm", reason="the recipe needs tqdm")

from recipe.catalogues import Group, catalogue_groups, clean, split_sentences  # noqa: E402
from recipe.texts import (  # noqa: E402
    TrainingText,
    choose_from_groups,
    combine_words,
    gloss_sentences,
    join_groups,
    vary_case,
)


def write_catalogue(path: Path, messages: dict[str, str]) -> None:
    """A gettext .mo file."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    start = 28 + 16 * len(pairs)
    tables, blob = [b"", b""], b""
    for side in (0, 1):
        for pair in pairs:
            tables[side] += struct.pack("<II", len(pair[side]), start + len(blob))
            blob += pair[side] + b"\0"
    header = struct.pack("<IIIIIII", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + tables[0] + tables[1] + blob)


@pytest.fixture
def groups() -> list[Group]:
    return [Group("tale", {"en": [f"Tale {n}."], "es": [f"Cuento {n}."], "zh": [f"故事{n}。"]}) for n in range(10)]


def test_clean_removes_markup_and_accelerators():
    assert clean("<b>_Open</b>\n the  &file (_O)") == "Open the file"


def test_catalogues_are_merged_by_their_english_string(tmp_path: Path):
    header = {"": "Content-Type: text/plain; charset=UTF-8\n"}
    for package, wording in (("a", "Guten Tag"), ("b", "Hallo")):
        write_catalogue(
            tmp_path / package / "locale/de/LC_MESSAGES/app.mo",
            {**header, "Hello": wording, "%d files": "%d Dateien"},
        )
    write_catalogue(tmp_path / "a/locale/xx/LC_MESSAGES/app.mo", {**header, "Hello": "Xo"})
    (found,) = catalogue_groups(sorted(tmp_path.rglob("*.mo")))
    assert found.texts == {"en": ["Hello"], "de": ["Guten Tag", "Hallo"]}


def test_sentences_are_aligned_where_languages_agree():
    group = Group("tale", {"en": ["One. Two."], "de": ["Eins. Zwei."], "zh": ["一，二。"]})
    assert [g.texts for g in split_sentences(group)] == [
        {"en": ["One."], "de": ["Eins."]},
        {"en": ["Two."], "de": ["Zwei."]},
    ]


def test_joined_groups_are_aligned_neighbours(groups):
    joined = list(join_groups(groups, 4, random.Random(0)))
    assert joined
    for group in joined:
        numbers = {language: "".join(filter(str.isdigit, texts[0])) for language, texts in group.texts.items()}
        assert len(set(numbers.values())) == 1


def test_quota_is_kept_per_language(groups):
    chosen = list(choose_from_groups(enumerate(groups), "story", 4, 0, random.Random(0)))
    by_language = {lang: sum(text.language == lang for text in chosen) for lang in ("en", "es")}
    assert by_language == {"en": 4, "es": 4}
    assert all(text.group is not None for text in chosen)


def test_combinations_are_of_the_given_words():
    words = ["one", "two", "three"]
    combined = list(combine_words(words, 20, random.Random(0), " "))
    assert len(combined) == 20
    assert {word for text in combined for word in text.split()} <= set(words)
    assert combined == list(combine_words(words, 20, random.Random(0), " "))


def test_glosses_follow_the_sentence():
    lexicon = {"green": ["verde"], "door": ["puerta"]}
    glossed = list(gloss_sentences(["The green door."], lexicon, 5, random.Random(0)))
    assert glossed == ["verde puerta"]


def test_case_is_varied_only_in_form():
    rng = random.Random(0)
    varied = {vary_case(TrainingText("bread", "en", "word"), rng).text for _ in range(500)}
    assert varied == {"bread", "Bread", "BREAD"}
