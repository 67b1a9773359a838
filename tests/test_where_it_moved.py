"""Where embeddings moved: counts by language and kind, and the sentences that hold of them, from vectors alone."""

import re
import unicodedata
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from fixtures.comparing import groups
from fixtures.comparing.compare import compare_task
from fixtures.comparing.diagnosis import Finding
from fixtures.comparing.groups import NO_KIND, NO_LANGUAGE, OfGroup, grouped
from fixtures.comparing.reference import Reference
from fixtures.texts.anchors import AnchorSet, anchor_set, anchors_of_format_1
from fixtures.texts.corpus import read_data
from fixtures.texts.language_names import NAMES
from tests import callables
from tests.callables.altered import altered
from tests.compared_anchors import ANCHORS, BOUND, SAME_TASK, TASK, TEXTS, finding, observed, reference

SENTENCE = re.compile("only|within rounding")


def told(found: Finding) -> list[str]:
    """What a failure says of how many texts moved, and which."""
    return [line for line in found.explanation if line.startswith("moved")]


def answered(change: Callable[[str, str], str]) -> np.ndarray:
    """The vectors of texts that a pipeline changes before it encodes them; it is given each one's id and text."""
    return callables.encode([change(name, text) for name, text in ANCHORS.texts.items()], TASK)


def lost(*languages: str | None) -> np.ndarray:
    """The vectors of a model that reads nothing in these languages."""
    return answered(lambda name, text: "?" if ANCHORS.languages.get(name) in languages else text)


# --- the languages of the anchors -------------------------------------------------------------------------------------


def test_every_anchor_states_its_language_or_that_it_has_none():
    stated = {anchor["id"]: anchor["language"] for anchor in read_data("anchors")["anchors"]}
    assert {code for code in stated.values() if code is not None} <= {*NAMES}
    assert ANCHORS.languages == {name: code for name, code in stated.items() if code is not None}
    assert {
        name for name in ("digits", "url", "emoji-flags", "random-letters", "maths-symbols") if stated[name]
    } == set()
    codes = list(stated.values())
    assert (len({*codes}), codes.count("en"), codes.count(None)) == (26, 25, 23)


def test_names_of_anchors_that_say_their_language_say_the_stated_one():
    by_name = {name.lower(): code for code, name in NAMES.items()}
    for anchor in ANCHORS.texts:
        named = [by_name[word] for word in anchor.split("-") if word in by_name]
        mixed = anchor.startswith(("arabic-indic", "single-arabic"))
        assert mixed or named in ([], [ANCHORS.languages.get(anchor)]), anchor


def test_anchors_keep_their_languages_and_kinds_when_some_are_left_out():
    some = ANCHORS.only(["greek", "url", "over-length"])
    assert some.languages == {"greek": "el", "over-length": "en"}
    assert some.kinds == {"greek": "script", "url": "technical", "over-length": "length"}


def test_own_texts_bring_their_languages_and_have_a_kind_of_their_own():
    both = anchor_set(512, {"a": "Ein Satz.", "b": "?"}, own_languages={"a": "de"})
    assert (both.languages["own:a"], both.kinds["own:a"], both.kinds["own:b"]) == ("de", "own", "own")
    assert "own:b" not in both.languages


def test_anchors_of_format_1_state_no_language():
    assert anchors_of_format_1(512).languages == {}


# --- counts -----------------------------------------------------------------------------------------------------------


def test_groups_are_counted_and_measured_the_worst_first_and_the_nameless_last():
    distances, moved = np.array([0.0, 0.5, 0.1, 0.3, 1.0]), np.array([False, True, False, True, True])
    found = grouped(["en", "en", "de", "de", None], distances, moved, NO_LANGUAGE)
    assert list(found) == ["en", "de", NO_LANGUAGE]  # as many of both moved, the English ones further
    assert found["de"] == OfGroup(2, 1, pytest.approx(0.2), 0.3)
    assert found[NO_LANGUAGE] == OfGroup(1, 1, 1.0, 1.0)


def test_figures_of_a_group_have_three_digits():
    assert OfGroup(2, None, 1.23456e-7, 0.98765).plain() == {
        "texts": 2,
        "moved": None,
        "median": 1.23e-7,
        "largest": 0.988,
    }


def test_what_is_not_finite_moved_infinitely_far_without_a_warning():
    now = callables.encode(TEXTS, TASK)
    now[0, 3], now[1, 0] = np.nan, np.inf
    found = finding(now)
    assert found.where.languages["en"].moved == 2 and found.where.languages["en"].largest == np.inf
    assert found.where.languages["de"].moved == 0


def test_finding_that_holds_has_the_figures_too():
    found = finding(callables.encode(TEXTS, TASK))
    assert found.verdict.acceptable and found.where.languages["en"] == OfGroup(25, 0, 0.0, 0.0)
    assert found.where.kinds["emoji"].texts == 4
    assert sum(group.texts for group in found.where.languages.values()) == len(TEXTS)


def test_finding_without_bounds_says_how_far_texts_moved_and_not_how_many():
    old = Reference("snapshots/m", observed(callables.encode(TEXTS, TASK)), tasks=(TASK,))
    found = compare_task(old, observed(lost("el")), ANCHORS, SAME_TASK)
    greek = found.where.languages["el"]
    assert greek.moved is None and greek.largest > BOUND


# --- sentences that hold ----------------------------------------------------------------------------------------------


def test_languages_that_moved_alone_are_named():
    first, table = told(finding(lost("zh", "ar")))
    assert first == "moved: 9 of 93 texts, only Arabic and Chinese (ar, zh)"
    assert table == "moved by language: Arabic 4 of 4, Chinese 5 of 5; none in 23 other languages"


def test_language_of_one_text_is_named_beside_others():
    assert (
        told(finding(lost("ar", "fa", "he")))[0] == "moved: 7 of 93 texts, only Arabic, Hebrew and Persian (ar, he, fa)"
    )


def test_texts_in_no_language_that_moved_with_one_are_counted():
    also = ("single-han-character", "ideographic-and-no-break-space", "latin-english-river")
    now = answered(lambda name, text: "?" if ANCHORS.languages.get(name) == "zh" or name in also[:2] else text)
    assert told(finding(now))[0] == "moved: 7 of 93 texts, only Chinese (zh), and 2 of 23 texts in none"
    now = answered(lambda name, text: "?" if ANCHORS.languages.get(name) == "zh" or name in also[2:] else text)
    assert told(finding(now))[0] == "moved: 6 of 93 texts"


def test_language_that_moved_with_most_texts_in_none_is_not_alone():
    assert told(finding(lost("zh", None)))[0] == "moved: 28 of 93 texts"


def test_language_that_stayed_alone_is_within_rounding():
    first, table = told(finding(lost(*NAMES.keys() - {"en"})))
    assert first == "moved: 45 of 93 texts; English (en) within rounding"
    assert table.endswith("; none in English") and "; the single texts in " in table and "Korean 3 of 3" in table


def test_few_texts_of_a_language_that_stayed_are_said():
    odd = ("email-address", "emoji-plain")
    now = answered(lambda name, text: "?" if name in odd or ANCHORS.languages.get(name) not in ("en", None) else text)
    assert told(finding(now))[0] == "moved: 47 of 93 texts; English (en) within rounding but for 2 of 25 texts"


def test_texts_with_digits_are_named_and_no_language():
    now = altered(TEXTS, "numbers")
    first, table = told(finding(now, callables.encode(TEXTS, "numbers")))
    assert first == "moved: 16 of 93 texts, only texts with digits (16 of 18)"
    assert table == (
        "moved by language: Hebrew 1 of 2, Arabic 1 of 4, English 6 of 25, no language 8 of 23; "
        "none in 22 other languages"
    )


def test_texts_with_capital_letters_are_named_and_no_language():
    (first, _) = told(finding(answered(lambda name, text: text.lower())))
    assert first == "moved: 43 of 93 texts, only texts with capital letters (43 of 43)"


def test_kind_of_text_that_moved_alone_is_named():
    emoji = answered(lambda name, text: "?" if ANCHORS.kinds[name] == "emoji" else text)
    assert told(finding(emoji))[0] == "moved: 4 of 93 texts, only texts of the kind emoji (4 of 4)"
    several = ("white-space", "punctuation")
    both = answered(lambda name, text: "odd" if ANCHORS.kinds[name] in several else text)
    assert told(finding(both))[0].startswith("moved: 7 of 93 texts, only texts of the kinds ")


def test_a_users_texts_are_in_the_language_that_they_state():
    texts = {str(at): f"Zin nummer {at}." for at in range(3)}
    anchors = anchor_set(512, texts, own_languages=dict.fromkeys(texts, "nl"))
    before = callables.encode(list(anchors.texts.values()), TASK)
    now = before.copy()
    now[-3:] = callables.encode(["a", "b", "c"], TASK)
    assert told(finding(now, before, anchors))[0] == "moved: 3 of 96 texts, only Dutch (nl)"


# --- sentences that would hold by chance ------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [1, 2, 3, 5, 9, 30, 60, 85, 92])
def test_texts_drawn_by_chance_are_no_languages_and_no_kinds(moved):
    languages, kinds = ([of.get(name) for name in ANCHORS.texts] for of in (ANCHORS.languages, ANCHORS.kinds))
    for seed in range(200):
        picked = np.zeros(len(TEXTS), dtype=bool)
        picked[np.random.default_rng(seed).choice(len(TEXTS), moved, replace=False)] = True
        by_language = grouped(languages, picked.astype(float), picked, NO_LANGUAGE)
        by_kind = grouped(kinds, picked.astype(float), picked, NO_KIND)
        assert groups.only_in_some_languages(by_language) is None, seed
        assert groups.only_of_some_kinds(by_kind) is None, seed


def test_noise_about_as_large_as_the_bound_says_nothing_of_languages():
    before = callables.encode(TEXTS, TASK).astype(np.float64)
    for seed in range(8):
        draw = np.random.default_rng(seed)
        aside = draw.standard_normal(before.shape)
        aside *= BOUND * draw.uniform(0.5, 1.5, (len(before), 1)) / np.linalg.norm(aside, axis=1, keepdims=True)
        (first, table) = told(finding(before + aside, before))
        assert 20 < int(first.split()[1]) < 73 and not SENTENCE.search(first)
        assert table.startswith("moved by language: ")


@pytest.mark.parametrize("name", ["thai", "digits", "single-common-word", "emoji-flags"])
def test_one_text_that_moved_is_no_language_and_no_kind(name):
    now = answered(lambda one, text: "?" if one == name else text)
    assert told(finding(now)) == ["moved: 1 of 93 texts"]


def test_two_languages_of_one_text_each_are_no_sentence():
    assert told(finding(lost("th", "el"))) == [
        "moved: 2 of 93 texts",
        "moved by language: the single texts in Greek and Thai; none in 23 other languages",
    ]


def test_other_task_moves_all_texts_and_has_no_table():
    assert told(finding(callables.encode(TEXTS, "another task"))) == ["moved: all 93 texts"]


def test_composed_accents_are_no_language():
    (first, _) = told(finding(answered(lambda name, text: unicodedata.normalize("NFC", text))))
    assert first == "moved: 2 of 93 texts"


def test_anchors_without_languages_and_kinds_have_no_table():
    plain = AnchorSet(ANCHORS.texts, ANCHORS.token_texts)
    found = finding(lost("zh", "ar"), anchors=plain)
    assert told(found) == ["moved: 9 of 93 texts"]
    assert list(found.where.languages) == [NO_LANGUAGE] and list(found.where.kinds) == [NO_KIND]


def test_table_is_left_out_where_nearly_all_texts_of_each_language_moved():
    many = {"en": OfGroup(25, 24, 0.1, 0.2), "de": OfGroup(4, 4, 0.1, 0.2)}
    assert groups.counted_by_language(many) is None


# --- token ids --------------------------------------------------------------------------------------------------------


def on_tokens(changed: Iterable[str], now: np.ndarray) -> str:
    """What is said of token ids where those of these texts have changed."""
    tokens = {name: [1, 2] for name in ANCHORS.token_texts}
    old = reference(observed(callables.encode(TEXTS, TASK), tokens=tokens))
    found = compare_task(old, observed(now, tokens={**tokens, **{name: [3] for name in changed}}), ANCHORS, SAME_TASK)
    (line,) = [line for line in found.explanation if line.startswith("token ids")]
    return line


def test_other_token_ids_are_said_to_be_of_another_tokenizer():
    line = on_tokens(["greek", "thai"], callables.encode(TEXTS, TASK))
    assert line == "token ids differ on 2 of 93 texts: the tokenizers differ (greek, thai)"


def test_texts_that_moved_because_of_their_tokens_are_said_to_be_those():
    line = on_tokens(["greek", "hebrew", "bengali", "tamil", "thai"], lost("el", "th"))
    assert line == (
        "token ids differ on 5 of 93 texts: the tokenizers differ (greek, hebrew, bengali, tamil ...); "
        "every text that moved has other token ids"
    )


def test_texts_that_moved_with_the_same_token_ids_are_counted():
    line = on_tokens(["greek"], lost("el", "th"))
    assert line.endswith("the tokenizers differ (greek); 1 of the 2 texts that moved have the same ids")


@pytest.mark.parametrize("same", [0, 1, 10])
def test_nothing_is_said_of_the_texts_that_moved_where_most_ids_differ(same):
    changed = list(ANCHORS.token_texts)[same:]
    assert "texts that moved" not in on_tokens(changed, lost("el", "th"))
    assert on_tokens(changed, lost("el", "th")).startswith(
        f"token ids differ on {93 - same} of 93 texts: the tokenizers differ ("
    )
