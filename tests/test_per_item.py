"""Measures that claims on any healthy model are made of, on texts that are angles."""

import numpy as np
import pytest

from fixtures.comparing import measures, per_item
from fixtures.comparing.items import by_language, mean, values, worst_language
from fixtures.texts.corpus import PARAPHRASE, PASSAGE, QUESTION, TEXT
from fixtures.texts.rewritings import rewritten
from fixtures.texts.text_sets import Text, TextSet
from tests.runs import rows_in, run
from tests.small_text_sets import joined, text_set, unit


def cosines(*angles: float) -> np.ndarray:
    return np.cos(np.radians(angles))


# --- gaps in units of the spread of unrelated pairs -----------------------------------------------------------------


def test_gap_is_similarity_to_translations_less_unrelated_pairs_of_the_language_in_their_spread():
    found = per_item.translation_gap(*text_set({"en": (0, 90), "de": (10, 120)}))
    unrelated = {
        "en": cosines(90, 120, 90, 80),  # of each English text: the other English one, the German one of the other
        "de": cosines(80, 110, 120, 110),
    }
    related = {"en0-text": 10, "en1-text": 30, "de0-text": 10, "de1-text": 30}
    assert [item.id for item in found] == list(related)
    for item in found:
        here = unrelated[item.language]
        assert item.value == pytest.approx((cosines(related[item.id])[0] - here.mean()) / here.std())


def test_gap_names_the_translation_that_is_least_similar():
    found = per_item.translation_gap(*text_set({"en": (0, 90), "de": (10, 100), "fr": (60, 80)}))
    assert found[0].found.name == "fr0-text" and found[0].found.similarity == pytest.approx(cosines(60)[0])
    mean_of_both = (cosines(10)[0] + cosines(60)[0]) / 2
    unrelated = cosines(90, 100, 80, 90, 80, 30)
    assert found[0].value == pytest.approx((mean_of_both - unrelated.mean()) / unrelated.std())


def test_gap_of_a_lost_language_is_seen_in_that_language():
    drawn = np.random.default_rng(3)
    meanings = drawn.standard_normal((40, 24))
    texts, _ = text_set(dict.fromkeys(("en", "de", "fr"), (0,) * 40))
    vectors = {text.id: meanings[int(text.group)] + 0.3 * drawn.standard_normal(24) for text in texts.texts}
    intact = per_item.translation_gap(texts, vectors)
    assert worst_language(intact)[1] > 3
    lost = [text.id for text in texts.of_kind(TEXT, "fr")]
    turned = dict(zip(lost, np.roll([vectors[name] for name in lost], 1, axis=0), strict=True))
    found = {
        language: mean(items)
        for language, items in by_language(per_item.translation_gap(texts, {**vectors, **turned})).items()
    }
    assert found["fr"] < 0.3 < 1.5 < min(found["en"], found["de"])


def test_gap_does_not_depend_on_the_level_of_similarities():
    texts, vectors = text_set({"en": (0, 90, 200), "de": (10, 100, 190)})
    raised = {name: np.append(vector, 5.0) for name, vector in vectors.items()}
    plain, level = (per_item.translation_gap(texts, some) for some in (vectors, raised))
    assert [item.value for item in level] == pytest.approx([item.value for item in plain])


def test_gap_of_paraphrases_is_of_those_in_the_own_language_or_in_the_others():
    texts, vectors = joined(
        text_set({"en": (0, 90), "de": (10, 100)}), text_set({"en": (20, 110), "de": (60, 150)}, PARAPHRASE)
    )
    unrelated = cosines(110, 150, 70, 30)  # English text 0 to paraphrases 1, English text 1 to paraphrases 0
    for own_language, angle in ((True, 20), (False, 60)):
        first = per_item.paraphrase_gap(texts, vectors, own_language=own_language)[0]
        assert first.value == pytest.approx((cosines(angle)[0] - unrelated.mean()) / unrelated.std())
    (preferred, *_) = per_item.own_paraphrase_over_translated(texts, vectors)
    assert preferred.value == pytest.approx((cosines(20)[0] - cosines(60)[0]) / unrelated.std())


# --- within each pair of languages ----------------------------------------------------------------------------------


def test_translation_is_compared_with_unrelated_pairs_of_the_same_two_languages():
    found = {item.id: item for item in per_item.translation_over_unrelated(*text_set({"en": (0, 90), "de": (10, 20)}))}
    # Unrelated: English 0 to German 1 at 20 degrees, English 1 to German 0 at 80.
    assert found["en0-text"].value == 1.0  # 10 degrees
    assert found["en1-text"].value == 0.5  # 70 degrees
    assert found["de0-text"].value == 1.0 and found["de1-text"].value == 0.5


def test_languages_whose_similarities_lie_at_another_level_are_not_pooled():
    texts, _ = text_set(dict.fromkeys(("en", "fr", "zh"), (0,) * 3))
    level = {"en": 0.0, "fr": 5.0, "zh": 5.0}  # unrelated texts in fr and zh are nearer than a text in en to its own
    vectors = {text.id: np.append(np.eye(3)[int(text.group)], level[text.language]) for text in texts.texts}
    assert {item.value for item in per_item.translation_over_unrelated(texts, vectors)} == {1.0}
    same, other = (values(of(texts, vectors)) for of in (measures.same_meaning, measures.unrelated))
    assert measures.probability_of_more(same, other) < 0.9


def test_ties_count_as_half():
    found = per_item.translation_over_unrelated(*text_set({"en": (0, 0), "de": (0, 0)}))
    assert [item.value for item in found] == [0.5] * 4


def test_translation_that_beats_the_fewest_is_named():
    found = per_item.translation_over_unrelated(*text_set({"en": (0, 90), "de": (10, 100), "fr": (80, 10)}))
    assert found[0].id == "en0-text" and found[0].found.name == "fr0-text"


# --- questions and passages -----------------------------------------------------------------------------------------


def test_gain_of_two_roles_is_paired_by_question():
    texts, two = joined(text_set({"en": (0, 60, 120)}, QUESTION), text_set({"en": (1, 61, 121)}, PASSAGE))
    one = {**two, "en0-passage": np.array(unit(61)), "en1-passage": np.array(unit(1))}
    found = per_item.gain_of_two_roles(texts, two, one)
    lost = 1 - 1 / np.log2(3)
    assert {item.id: item.value for item in found} == pytest.approx(
        {"en0-question": lost, "en1-question": lost, "en2-question": 0}
    )


def test_worst_language_is_the_one_with_the_lowest_mean():
    texts, vectors = text_set({"en": (0, 90), "de": (0, 90), "fr": (90, 0)})
    assert worst_language(per_item.translation(texts, vectors)) == ("fr", 0.0)


# --- near misses ----------------------------------------------------------------------------------------------------


def test_near_misses_of_other_kinds_are_left_out():
    texts, vectors = joined(
        text_set({"en": (0, 0)}),
        text_set({"en": (10, 10)}, PARAPHRASE),
        text_set({"en": (50, 15)}, "number"),
        text_set({"en": (15, 15)}, "role"),
    )
    found = per_item.paraphrase_over_near_miss(texts, vectors, ["number"])
    assert [(item.id, item.value, item.found.name) for item in found] == [
        ("en0-paraphrase", 1.0, "en0-text"),
        ("en1-paraphrase", 0.0, "en1-number"),
    ]


def test_rewritten_text_that_is_as_near_to_another_one_is_not_told_apart():
    first, second = (Text(f"{name}-en", name, "en", name, TEXT) for name in ("a", "b"))
    asked = TextSet("tied", [first, second, *rewritten([first, second], "quoted")])
    apart = {"a-en": (1, 0), "a-en-quoted": (1, 0), "b-en": (0, 1), "b-en-quoted": (0, 1)}
    alike = dict.fromkeys(apart, (1, 0))
    for vectors, expected in ((apart, [1, 1]), (alike, [0, 0])):
        found = per_item.rewriting(asked, {name: np.float32(one) for name, one in vectors.items()}, "quoted")
        assert [item.value for item in found] == expected


def test_eval_of_rewritings_computes_their_margins_once(project, native_checkpoint, monkeypatch):
    computed, own = [], per_item.rewriting_margins

    def counted(texts, vectors, kind):
        computed.append(kind)
        return own(texts, vectors, kind)

    monkeypatch.setattr(per_item, "rewriting_margins", counted)
    one = ["evals/test_behavior.py", "-k", "rewriting and quoted", "--tasks=separation", "--junit-xml=report.xml"]
    run(project, *one, model=native_checkpoint)
    (rows,) = rows_in(project.path / "report.xml").values()
    assert [row.name.partition(",")[0] for row in rows] == [
        "mean margin over another meaning",
        "rewritten texts nearer to the original than to any other meaning",
    ]
    assert computed == ["quoted"]
