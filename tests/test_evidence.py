"""The evidence texts: read whole, refused where damaged, and audited by checks that see what they should."""

import json
import shutil
import subprocess
import sys
import unicodedata
from dataclasses import replace

import numpy as np
import pytest

from fixtures.comparing import per_item
from fixtures.comparing.items import Choice, Item
from fixtures.comparing.power import difference_seen
from fixtures.errors import EvalsError
from fixtures.texts import corpus
from fixtures.texts.evidence import FOLDER, KINDS, PARTS, behaviour_languages, behaviour_set, evidence_set, topic_of
from fixtures.texts.text_sets import TextSet
from tests.conftest import ROOT
from tests.evidence import power, text_checks
from tests.evidence.to_read_again import to_read_again

ITEM = "railway-02"


@pytest.fixture(scope="module")
def texts() -> TextSet:
    return evidence_set()


def changed(texts: TextSet, **changes: str) -> TextSet:
    """The set with other texts, by id with underscores for hyphens."""
    new = {name.replace("_", "-"): text for name, text in changes.items()}
    assert new.keys() <= {text.id for text in texts.texts}
    return TextSet(
        texts.name, [replace(text, text=new.get(text.id, text.text)) for text in texts.texts], texts.relevance
    )


# --- the texts ------------------------------------------------------------------------------------------------------


def test_set_is_as_large_as_its_card_says(texts):
    groups = {text.group for text in texts.texts}
    assert len(groups) == 200 and len({topic_of(group) for group in groups}) == 20
    assert texts.languages == ("en", "ar", "de", "es", "fr", "zh")
    assert len(texts.texts) == len(groups) * len(texts.languages) * len(PARTS)
    kinds = [text.kind for text in texts.texts if text.kind in KINDS and text.language == "en"]
    assert (
        min(kinds.count(kind) for kind in ("negation", "number", "time", "cause")) >= 30 and kinds.count("role") <= 20
    )


def test_each_question_is_answered_by_its_own_passage_of_its_language(texts):
    by_id = {text.id: text for text in texts.texts}
    assert all(by_id[asked].language == by_id[found].language for asked, found in texts.relevance)
    own = [(asked, found) for asked, found in texts.relevance if by_id[asked].group == by_id[found].group]
    assert len(own) == 1200 and all(texts.relevance[pair] == 2 for pair in own)


def test_texts_that_baselines_rest_on_are_none_of_these(texts):
    assert corpus.meaning_set().name == "meanings" and not any(
        text.text in {one.text for one in texts.texts} for text in corpus.meaning_set().texts
    )


def test_loading_takes_no_model_library_and_little_time(tmp_path):
    script = (
        "import sys, time\nimport fixtures.texts.evidence as evidence\nbegan = time.process_time()\n"
        "evidence.evidence_set()\nprint(time.process_time() - began, *{'torch', 'numpy', 'sklearn'} & set(sys.modules))"
    )
    ran = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(3)]
    seconds, *libraries = min((run.stdout.split() for run in ran), key=lambda said: float(said[0]))
    assert float(seconds) < 0.05 and not libraries


@pytest.mark.parametrize("check", text_checks.CHECKS, ids=lambda check: check.__name__)
def test_check_finds_nothing(texts, check):
    assert list(map(str, check(texts))) == []


# --- damaged files --------------------------------------------------------------------------------------------------


def _edit(file, change):
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


DAMAGE = {
    "no JSON": (lambda topic: (topic / "de.json").write_text("{"), "de.json: unreadable (cut off"),
    "an item gone": (
        lambda topic: _edit(topic / "de.json", lambda items: items.pop(ITEM)),
        "railway/de.json: 'railway-02' is an item of one of the two files de.json and topic.json alone",
    ),
    "an item more": (
        lambda topic: _edit(topic / "de.json", lambda items: items.update({"railway-11": items[ITEM]})),
        "railway/de.json: 'railway-11' is an item of one of the two files de.json and topic.json alone",
    ),
    "a part gone": (
        lambda topic: _edit(topic / "de.json", lambda items: items[ITEM].pop("paraphrase")),
        "railway/de.json: railway-02 needs the texts passage, question, text, paraphrase, near miss, in this order",
    ),
    "an empty text": (
        lambda topic: _edit(topic / "de.json", lambda items: items[ITEM].update(text=" ")),
        "railway/de.json: the text of railway-02 is empty, or has spaces at its ends",
    ),
    "another normal form": (
        lambda topic: _edit(
            topic / "fr.json",
            lambda items: items[ITEM].update(text=unicodedata.normalize("NFD", "Cafés fermés tout l’été à Gênes.")),
        ),
        "railway/fr.json: the text of railway-02 isn't in NFC",
    ),
    "a mark of direction": (
        lambda topic: _edit(topic / "ar.json", lambda items: items[ITEM].update(text="\u202bنص")),
        "railway/ar.json: the text of railway-02 holds a character that can't be seen",
    ),
    "a text twice": (
        lambda topic: _edit(topic / "de.json", lambda items: items[ITEM].update(text=items["railway-01"]["text"])),
        "evidence: railway-01-text-de and railway-02-text-de are the same text",
    ),
    "an unknown kind": (
        lambda topic: _edit(topic / "topic.json", lambda about: about["near_misses"].update({ITEM: "spelling"})),
        "railway/topic.json: unknown kind 'spelling' of near miss; negation, number, ",
    ),
    "a grade of 3": (
        lambda topic: _edit(topic / "topic.json", lambda about: about["also_relevant"].append([ITEM, ITEM, 3])),
        "railway/topic.json: ['railway-02', 'railway-02', 3] is no question's item, passage's item and grade",
    ),
    "no English": (lambda topic: (topic / "en.json").unlink(), "railway: there is no en.json, "),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_file_is_one_line(tmp_path, damage, says):
    shutil.copytree(FOLDER / "railway", tmp_path / "railway")
    damage(tmp_path / "railway")
    with pytest.raises(EvalsError) as raised:
        evidence_set.__wrapped__(tmp_path)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_language_and_topic_are_added_by_files_alone(tmp_path):
    shutil.copytree(FOLDER / "railway", tmp_path / "railway")
    for file in (tmp_path / "railway").glob("*.json"):
        if file.stem not in ("topic", "en", "de"):
            file.unlink()
    shutil.copytree(FOLDER / "bees", tmp_path / "bees")
    shutil.copy(tmp_path / "bees" / "zh.json", tmp_path / "bees" / "yue.json")
    _edit(
        tmp_path / "bees" / "yue.json",
        lambda items: [part.update({k: f"{t}呀" for k, t in part.items()}) for part in items.values()],
    )
    found = evidence_set.__wrapped__(tmp_path)
    assert found.languages == ("en", "ar", "de", "es", "fr", "yue", "zh")
    assert len([text for text in found.texts if text.language == "fr"]) == 50
    assert len([text for text in found.texts if text.language == "de"]) == 100


# --- the audit sees what it should ----------------------------------------------------------------------------------


def test_audit_sees_a_text_in_the_wrong_language(texts):
    german = texts.by_place[ITEM, "de", "passage"].text
    wrong = changed(texts, railway_02_passage_zh=german + " Ende.")
    assert [finding.ids for finding in text_checks.scripts(wrong)] == [("railway-02-passage-zh",)]


def test_audit_sees_a_template_that_is_used_ten_times(texts):
    names = [text.id for text in texts.texts if text.language == "de" and text.kind in ("text", "passage")]
    used = {name.replace("-", "_"): f"In dem Jahr kam {at} {'x' * (at % 7)}." for at, name in enumerate(names[:100])}
    findings = list(text_checks.like_beginnings(changed(texts, **used)))
    assert [finding.ids for finding in findings] == [("in dem jahr",)]
    ten = [name for name in names if name.startswith("railway")][:10]
    filled = {
        name.replace("-", "_"): f"Am Bahnhof von Dorsa wartet seit {at} Uhr ein Wagen auf Gäste."
        for at, name in enumerate(ten)
    }
    alike = list(text_checks.alike_within_a_topic(changed(texts, **filled)))
    assert {one for finding in alike for one in finding.ids} == set(ten)


def test_audit_sees_a_near_miss_in_a_paraphrases_place(texts):
    miss = next(text for text in texts.texts if (text.group, text.language) == (ITEM, "en") and text.kind in KINDS)
    wrong = changed(texts, railway_02_paraphrase_en=miss.text + " So.")
    assert [finding.ids for finding in text_checks.words_of_paraphrases(wrong)] == [("railway-02-text-en",)]


@pytest.fixture(scope="module")
def perfect(texts) -> dict[str, np.ndarray]:
    """What a model that errs nowhere would answer: a direction for each meaning, the near miss beside its text."""
    drawn = np.random.default_rng(5)
    meanings = {text.group: drawn.standard_normal(48) for text in texts.texts}
    aside = {text.group: drawn.standard_normal(48) for text in texts.texts}
    passages = {text.group: drawn.standard_normal(48) for text in texts.texts}
    vectors = {}
    for text in texts.texts:
        if text.kind in ("passage", "question"):
            vectors[text.id] = passages[text.group]
        else:
            vectors[text.id] = meanings[text.group] + (0.5 * aside[text.group] if text.kind in KINDS else 0)
    return vectors


def exchanged(vectors, first, second):
    return {**vectors, first: vectors[second], second: vectors[first]}


def test_nothing_is_to_be_read_again_of_a_model_that_errs_nowhere(texts, perfect):
    assert list(to_read_again(texts, {"one": perfect, "other": perfect})) == []


def test_audit_sees_two_translations_that_were_swapped(texts, perfect):
    wrong = exchanged(perfect, "railway-02-text-ar", "railway-03-text-ar")
    again = {name for name, why in to_read_again(texts, {"one": wrong, "other": wrong}) if "translation" in why}
    assert {"railway-02-text-ar", "railway-03-text-ar"} <= again


def test_audit_sees_a_passage_that_answers_its_siblings_question(texts, perfect):
    wrong = exchanged(perfect, "railway-02-passage-es", "railway-03-passage-es")
    again = dict(to_read_again(texts, {"one": wrong, "other": perfect}))
    assert {"railway-02-question-es", "railway-03-question-es"} == set(again) and "under one" in again[
        "railway-02-question-es"
    ]


def test_audit_sees_a_paraphrase_that_agrees_with_the_near_miss(texts, perfect):
    wrong = {**perfect, "railway-02-paraphrase-fr": perfect["railway-02-near-miss-fr"]}
    assert [name for name, _ in to_read_again(texts, {"one": wrong, "other": wrong})] == ["railway-02-near-miss-fr"]
    assert list(to_read_again(texts, {"one": wrong, "other": perfect})) == []


# --- measures and power ---------------------------------------------------------------------------------------------


def test_measures_are_1_for_a_model_that_errs_nowhere_and_low_for_one_that_knows_nothing(texts, perfect):
    few = TextSet(
        "few", [text for text in texts.texts if topic_of(text.group) in ("bees", "clinic", "school")], texts.relevance
    )
    drawn = np.random.default_rng(6)
    nothing = {text.id: drawn.standard_normal(48) for text in few.texts}
    topics = {"bees": 0, "clinic": 1, "school": 2}
    told = {text.id: perfect[text.id] + 9 * np.eye(48)[topics[topic_of(text.group)]] for text in few.texts}
    expected = {
        "nDCG@10, own language": 1,
        "paraphrase nearer to its text than to the near miss": 1,
        "translation accuracy@1": 1,
    }
    for name, value in expected.items():
        items = per_item.MEASURES[name](few, perfect)
        assert len(items) == 180 and {item.value for item in items} == {value}
        assert np.mean([item.value for item in per_item.MEASURES[name](few, nothing)]) < 0.6
    for name in ("topic purity of the five nearest", "held-out topic"):
        assert np.mean([item.value for item in per_item.MEASURES[name](few, told)]) > 0.98
        assert np.mean([item.value for item in per_item.MEASURES[name](few, nothing)]) < 0.5


def test_ndcg_counts_a_sibling_that_answers_as_well(texts, perfect):
    also = {**texts.relevance, ("railway-02-question-en", "railway-03-passage-en"): 1}
    more = TextSet(texts.name, texts.texts, also)
    wrong = exchanged(perfect, "railway-02-passage-en", "railway-03-passage-en")
    plain = {(item.group, item.language): item.value for item in per_item.retrieval(texts, wrong)}
    graded = {(item.group, item.language): item.value for item in per_item.retrieval(more, wrong)}
    assert plain[ITEM, "en"] < graded[ITEM, "en"] < 1


def test_smallest_loss_is_what_the_reference_expects():
    assert difference_seen(0.25 * ((1 + 5 * 0.5) / 6) ** 0.5, 200, 0.05) == pytest.approx(0.034, abs=0.0005)
    assert difference_seen(0.25, 200, 0.05 / 6) == pytest.approx(0.058, abs=0.0005)


def test_power_is_that_of_the_drawn_differences():
    drawn = np.random.default_rng(7)
    shared = drawn.standard_normal(4000) * 0.3
    old, new = [], []
    for row in range(4000):
        for la in ("a", "b", "c"):
            old.append(Item(f"t-{row}-{la}", f"t-{row}", la, 0.0, Choice("")))
            new.append(old[-1]._replace(value=shared[row] + drawn.standard_normal() * 0.3))
    found = power.power(old, new)
    assert found.correlation == pytest.approx(0.5, abs=0.03)
    assert found.spread == pytest.approx(0.3 * (1 + 1 / 3) ** 0.5, rel=0.03)
    assert found.pooled == pytest.approx(2.487 * found.spread / 4000**0.5, rel=0.01)


def test_page_says_what_encoding_all_of_it_once_costs(texts):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(ROOT / "fixtures" / "checkpoints" / "mini" / "tokenizer.json"))
    tokenizer.no_truncation()
    counted = dict.fromkeys((*PARTS, *KINDS), 0)
    for text in texts.texts:
        counted[text.kind] += len(tokenizer.encode(text.text).ids)
    similarity = sum(count for kind, count in counted.items() if kind not in ("question", "passage"))
    page = " ".join((ROOT / "docs" / "evidence.md").read_text("utf-8").split())
    said = (
        f"{counted['question']:,} tokens as queries, {counted['passage']:,} as documents, {similarity:,} for "
        f"similarity (text, paraphrase, near miss), {counted['text']:,} each for clustering and classification"
    )
    assert said in page


def test_every_line_of_reason_is_of_a_text_that_is_there(texts):
    justified = json.loads((FOLDER / "read-again.json").read_text("utf-8"))
    assert justified.keys() <= {text.id for text in texts.texts} and all(map(str.strip, justified.values()))
    assert f"{len(justified)} stay" in (FOLDER / "README.md").read_text("utf-8")


def test_audit_sees_a_text_that_is_used_for_something_else(texts):
    known = texts.by_place[ITEM, "en", "passage"].text
    found = list(text_checks.alike_to_others(texts, ["Another sentence.", f"{known} And more."]))
    assert [finding.ids[0] for finding in found] == [f"{ITEM}-passage-en"] and found[0].figure >= 0.5


def test_languages_that_are_collected_are_those_of_the_behaviours_texts():
    assert behaviour_languages() == behaviour_set().languages
