"""The suite's own texts are complete, distinct and in the language they claim.

Pure standard library: these tests read the data files and no model.
"""

import json
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "fixtures" / "texts" / "data"
LANGUAGES = ["en", "es", "fr", "de", "zh", "ar"]
SPACED = ["en", "es", "fr", "de", "ar"]
TOPICS = {"travel", "food", "health", "weather", "work", "home"}
LEAST_NEAR_MISSES = {"negation": 12, "number": 10, "role_swap": 8}

RABBITS = re.compile(
    r"\brabbit|\bbunn(?:y|ies)|\bhares?\b|\bconej|\bliebres?\b|\blapins?\b|\blapereau|\blièvres?\b"
    r"|kaninchen|\bhasen?\b|兔|أرنب|الأرنب|أرانب|follow the",
    re.IGNORECASE,
)

SCRIPTS = [
    "LATIN",
    "CYRILLIC",
    "GREEK",
    "ARABIC",
    "HEBREW",
    "DEVANAGARI",
    "BENGALI",
    "TAMIL",
    "THAI",
    "GEORGIAN",
    "ARMENIAN",
    "ETHIOPIC",
    "CJK UNIFIED",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
]
LEAST_ANCHORS = {
    "script": 30,
    "case": 3,
    "normal-form": 5,
    "compatibility": 2,
    "figures": 4,
    "technical": 4,
    "punctuation": 3,
    "emoji": 4,
    "symbols": 1,
    "mixed": 3,
    "rare": 3,
    "short": 5,
    "white-space": 2,
    "pair": 4,
    "sentence-form": 2,
    "paragraph": 4,
    "length": 3,
}


def load(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


MEANINGS = load("meanings.json")["meanings"]
DOCUMENTS = load("retrieval.json")["documents"]
ANCHORS = load("anchors.json")["anchors"]
ANCHOR_TEXTS = {a["id"]: a["text"] for a in ANCHORS if "text" in a}


def meaning_rows():
    """(place, language, text) for every text of meanings.json."""
    for m in MEANINGS:
        groups = {"texts": m["texts"], "paraphrases": m["paraphrases"], **m["near_misses"]}
        for group, texts in groups.items():
            for language, text in texts.items():
                yield f"{m['id']}/{group}/{language}", language, text


def retrieval_rows():
    """(place, language, text) for every text of retrieval.json."""
    for d in DOCUMENTS:
        for part in ("question", "passage"):
            for language, text in d[part].items():
                yield f"{d['id']}/{part}/{language}", language, text


ROWS = [*meaning_rows(), *retrieval_rows()]
NEAR_MISSES = [
    pytest.param(m["texts"].get(lang, ""), texts.get(lang, ""), id=f"{m['id']}-{kind}-{lang}")
    for m in MEANINGS
    for kind, texts in m["near_misses"].items()
    for lang in LANGUAGES
]
PARAPHRASES = [
    pytest.param(m["texts"].get(lang, ""), m["paraphrases"].get(lang, ""), id=f"{m['id']}-{lang}")
    for m in MEANINGS
    for lang in LANGUAGES
]


def folded(text):
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def likeness(a, b):
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def scripts_of(text):
    """The first word of the Unicode name of each letter: LATIN, CJK, ARABIC..."""
    return {unicodedata.name(c, "?").split()[0] for c in text if c.isalpha()}


def repeats(items):
    return [item for item, n in Counter(items).items() if n > 1]


# ---- every file


@pytest.mark.parametrize("name", ["meanings.json", "retrieval.json"])
def test_languages_are_declared_in_order(name):
    assert load(name)["languages"] == LANGUAGES


@pytest.mark.parametrize("entries", [MEANINGS, DOCUMENTS, ANCHORS], ids=["meanings", "retrieval", "anchors"])
def test_ids_are_unique_and_kebab_case(entries):
    ids = [e["id"] for e in entries]
    assert repeats(ids) == []
    assert [i for i in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", i)] == []


def test_every_entry_has_all_six_languages():
    for m in MEANINGS:
        for texts in (m["texts"], m["paraphrases"], *m["near_misses"].values()):
            assert list(texts) == LANGUAGES, m["id"]
    for d in DOCUMENTS:
        assert list(d["question"]) == list(d["passage"]) == LANGUAGES, d["id"]


@pytest.mark.parametrize("rows", [list(meaning_rows()), list(retrieval_rows())], ids=["meanings", "retrieval"])
def test_no_two_texts_are_equal_after_folding(rows):
    assert repeats(folded(text) for _, _, text in rows) == []


def test_anchor_texts_are_unique():
    assert repeats(ANCHOR_TEXTS.values()) == []


def test_texts_are_clean():
    for place, _, text in ROWS:
        assert text and text == " ".join(text.split()), place
        assert text == unicodedata.normalize("NFC", text), place


def test_each_text_is_in_the_script_of_its_language():
    only = {"zh": "CJK", "ar": "ARABIC"}
    for place, language, text in ROWS:
        assert scripts_of(text) == {only.get(language, "LATIN")}, place


def test_english_has_plain_letters_only():
    for place, language, text in ROWS:
        if language == "en" and "Jean-François" not in text:
            assert all(c.isascii() for c in text if c.isalpha()), place


def test_sentences_end_as_their_script_does():
    ends = {"zh": "。？！", "ar": ".؟!"}
    for place, language, text in ROWS:
        assert text[-1] in ends.get(language, ".?!"), place


def test_no_text_mentions_a_rabbit():
    texts = [*((p, t) for p, _, t in ROWS), *ANCHOR_TEXTS.items()]
    assert [place for place, text in texts if RABBITS.search(text)] == []


def test_the_rabbit_check_can_fail():
    for text in ("Two rabbits", "el conejo blanco", "le lapin", "das Kaninchen", "白兔", "الأرنب الأبيض"):
        assert RABBITS.search(text)


# ---- meanings


def test_meanings_are_five_to_a_topic():
    assert Counter(m["topic"] for m in MEANINGS) == dict.fromkeys(TOPICS, 5)


def test_near_misses_are_as_many_as_promised():
    kinds = Counter(kind for m in MEANINGS for kind in m["near_misses"])
    assert set(kinds) == set(LEAST_NEAR_MISSES)
    assert all(kinds[kind] >= least for kind, least in LEAST_NEAR_MISSES.items())


def test_base_texts_are_short_sentences():
    for m in MEANINGS:
        for language in SPACED:
            assert 4 <= len(m["texts"][language].split()) <= 16, (m["id"], language)
        assert 6 <= len(m["texts"]["zh"]) <= 30, m["id"]


@pytest.mark.parametrize(("base", "near"), NEAR_MISSES)
def test_near_miss_differs_but_keeps_the_wording(base, near):
    assert base != near
    assert likeness(base, near) > 0.5


@pytest.mark.parametrize(("base", "paraphrase"), PARAPHRASES)
def test_paraphrase_uses_other_words(base, paraphrase):
    assert likeness(base, paraphrase) < 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_meanings_are_not_near_copies_of_each_other(language):
    for a, b in combinations(MEANINGS, 2):
        assert likeness(a["texts"][language], b["texts"][language]) < 0.75, (a["id"], b["id"])


def test_questions_are_questions_in_every_language():
    for m in MEANINGS:
        marked = {lang: m["texts"][lang][-1] in "?？؟" for lang in LANGUAGES}
        assert len(set(marked.values())) == 1, (m["id"], marked)


# ---- retrieval


def test_there_are_24_questions_with_passages():
    assert len(DOCUMENTS) >= 24


def test_retrieval_questions_are_short_questions():
    for d in DOCUMENTS:
        for language in LANGUAGES:
            question = d["question"][language]
            assert question[-1] in "?？؟", (d["id"], language)
            if language in SPACED:
                words = [w for w in question.split() if any(c.isalnum() for c in w)]
                assert 4 <= len(words) <= 10, (d["id"], language)


def test_passages_are_30_to_60_words_of_two_or_more_sentences():
    for d in DOCUMENTS:
        for language in SPACED:
            assert 30 <= len(d["passage"][language].split()) <= 60, (d["id"], language)
        assert 50 <= len(d["passage"]["zh"]) <= 110, d["id"]


@pytest.mark.parametrize("language", ["en", "es", "fr", "de"])
def test_questions_share_few_words_with_their_passage(language):
    for d in DOCUMENTS:
        question, passage = (
            {w for w in re.findall(r"\w+", d[part][language].casefold()) if len(w) > 5}
            for part in ("question", "passage")
        )
        assert len(question & passage) <= 1, (d["id"], question & passage)


# ---- anchors


def test_anchor_kinds_are_covered():
    kinds = Counter(a["kind"] for a in ANCHORS)
    assert len(ANCHORS) >= 52
    assert {k: kinds[k] for k in LEAST_ANCHORS if kinds[k] < LEAST_ANCHORS[k]} == {}


@pytest.mark.parametrize("script", SCRIPTS)
def test_anchors_cover_the_script_with_a_sentence(script):
    def letters(text):
        return sum(unicodedata.name(c, "").startswith(script) for c in text)

    assert any(letters(a["text"]) >= 5 for a in ANCHORS if a["kind"] == "script")


def test_anchor_texts_are_not_empty():
    assert all(text.strip() for text in ANCHOR_TEXTS.values())


def test_length_anchors_carry_tokens_in_place_of_text():
    lengths = {a["id"]: a["tokens"] for a in ANCHORS if a["kind"] == "length"}
    assert lengths == {"long-300-tokens": 300, "long-600-tokens": 600, "over-length": None}
    assert {a["id"] for a in ANCHORS if "text" not in a} == set(lengths)


def test_anchor_paragraphs_are_about_100_words():
    paragraphs = [a["text"] for a in ANCHORS if a["kind"] == "paragraph"]
    for text in paragraphs:
        if "CJK" in scripts_of(text):
            assert 130 <= len(text) <= 220
        else:
            assert 90 <= len(text.split()) <= 115


@pytest.mark.parametrize("name", ["accents", "hangul"])
def test_normal_form_anchors_are_one_text_in_two_forms(name):
    composed, decomposed = ANCHOR_TEXTS[f"{name}-nfc"], ANCHOR_TEXTS[f"{name}-nfd"]
    assert composed != decomposed
    assert unicodedata.normalize("NFD", composed) == decomposed
    assert unicodedata.normalize("NFC", decomposed) == composed


def test_case_anchors_differ_by_case_only():
    cases = [a["text"] for a in ANCHORS if a["kind"] == "case"]
    assert len(set(cases)) == len(cases) and len({c.casefold() for c in cases}) == 1
    assert ANCHOR_TEXTS["upper-case"].isupper() and ANCHOR_TEXTS["lower-case"].islower()


def test_compatibility_anchors_change_under_nfkc():
    for a in ANCHORS:
        if a["kind"] == "compatibility":
            assert unicodedata.normalize("NFKC", a["text"]) != a["text"], a["id"]


def test_white_space_anchors_are_kept_as_written():
    spaces = ANCHOR_TEXTS["outer-and-inner-spaces"]
    assert spaces != spaces.strip() and "  " in spaces.strip()
    assert {"\t", "\n"} <= set(ANCHOR_TEXTS["tab-and-newline"])


def test_emoji_anchors_hold_joiner_skin_tone_and_flag():
    emoji = "".join(a["text"] for a in ANCHORS if a["kind"] == "emoji")
    names = {unicodedata.name(c, "") for c in emoji}
    assert "ZERO WIDTH JOINER" in names
    assert any(n.startswith("EMOJI MODIFIER FITZPATRICK") for n in names)
    assert any(n.startswith("REGIONAL INDICATOR") for n in names)


def test_short_anchors_are_one_character_to_two_words():
    short = [a["text"] for a in ANCHORS if a["kind"] == "short"]
    assert min(len(t) for t in short) == 1
    assert max(len(t.split()) for t in short) == 2


# ---- the card


def test_data_card_states_the_licence_and_the_counts():
    card = (DATA / "README.md").read_text(encoding="utf-8")
    kinds = Counter(kind for m in MEANINGS for kind in m["near_misses"])
    for words in (
        "CC0-1.0",
        f"{len(MEANINGS)} meanings",
        f"{len(DOCUMENTS)} entries",
        f"{len(ANCHORS)} entries",
        f"{kinds['negation']} negation, {kinds['number']} number, {kinds['role_swap']} role swap",
        *("meanings.json", "retrieval.json", "anchors.json", "notebook.json"),
    ):
        assert words in card
