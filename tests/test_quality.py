"""The measures of quality: against hand-worked cases and scikit-learn, and as the verdict of a pair takes them."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fixtures.comparing import beside, per_item, quality
from fixtures.comparing.items import Choice, Item, by_language, mean
from fixtures.comparing.no_loss import judge
from fixtures.comparing.paired import by_item, estimate, paired
from fixtures.comparing.rows import HOLDS
from fixtures.comparing.worst_language import judge_worst_language
from fixtures.errors import MeasureError
from fixtures.models.spec import Role
from fixtures.texts.corpus import PASSAGE, QUESTION, TEXT
from fixtures.texts.evidence import GATING_KINDS, digests
from fixtures.texts.text_sets import Text, TextSet
from tests.small_text_sets import ROLES, answering, joined, random_vectors, some_evidence, spec, text_set, unit


def of_topics(topics: dict[str, tuple[float, ...]], languages=("en",)) -> tuple[TextSet, dict[str, np.ndarray]]:
    """Texts by topic, whose vectors have these angles in every language."""
    texts, vectors = [], {}
    for language in languages:
        for topic, angles in topics.items():
            for at, angle in enumerate(angles):
                name = f"{topic}-{at}-text-{language}"
                texts.append(Text(name, name, language, f"{topic}-{at}", TEXT))
                vectors[name] = np.array(unit(angle))
    return TextSet("topics", texts), vectors


@pytest.fixture(scope="module")
def some() -> TextSet:
    return some_evidence()


# --- figures beside --------------------------------------------------------------------------------------------------


def test_recall_and_reciprocal_rank_are_those_of_the_first_right_passage():
    angles = tuple(range(0, 60, 5))
    texts, vectors = joined(text_set({"en": angles}, QUESTION), text_set({"en": angles}, PASSAGE))
    vectors["en0-passage"] = np.array(unit(90))  # all eleven others are nearer to its question
    vectors["en1-passage"] = np.array(unit(16))  # 11 degrees: those at 0 turned away; 10, 15 are nearer
    figures = beside.of_retrieval(texts, vectors, ())
    assert figures.keys() == {"recall@10", "MRR"}
    assert figures["recall@10"]["en"] == pytest.approx(11 / 12)
    ranks = per_item.rank_of_right_passage(texts, vectors)
    assert (ranks["en0-question"], ranks["en1-question"]) == (12, 3)
    assert figures["MRR"]["en"] == pytest.approx((1 / 12 + 1 / 3 + 10) / 12)


def test_across_languages_is_the_mean_over_questions_and_other_languages(some):
    vectors = random_vectors(some)
    expected = {one: mean(per_item.retrieval_across(some, vectors, one)) for one in some.languages}
    assert beside.across_languages(some, vectors) == pytest.approx(expected)


def test_first_hits_at_home_are_counted_over_passages_of_all_languages():
    questions, passages = (text_set({"en": (0, 90), "de": (1, 40)}, kind) for kind in (QUESTION, PASSAGE))
    texts, vectors = joined(questions, passages)
    assert beside.first_hits_at_home(texts, vectors) == {"en": 1.0, "de": 1.0}
    vectors["de1-passage"] = np.array(unit(180))  # nearest to the German question at 40 degrees: German at 1
    vectors["en1-passage"] = np.array(unit(41))
    assert beside.first_hits_at_home(texts, vectors) == {"en": 1.0, "de": 0.5}


def test_pair_auc_is_the_share_of_pairs_with_ties_as_half():
    margins = [
        Item(f"p{at}", str(at), "en", right - wrong, Choice("miss", wrong), Choice("text", right))
        for at, (right, wrong) in enumerate([(0.9, 0.5), (0.5, 0.7)])
    ]
    assert beside.pair_auc(margins) == {"en": pytest.approx((1 + 1 + 0.5 + 0) / 4)}
    labels, scores = [1, 1, 0, 0], [0.9, 0.5, 0.5, 0.7]
    assert beside.pair_auc(margins)["en"] == pytest.approx(roc_auc_score(labels, scores))


def test_v_measure_is_one_for_topics_apart_and_none_for_texts_that_are_all_alike():
    apart, vectors = of_topics({"a": (0, 1, 2), "b": (90, 91, 92), "c": (180, 181, 182)}, ("en", "de"))
    (figures,) = beside.of_clustering(apart, vectors, ()).values()
    assert figures.keys() == {"en", "de"} and 0.8 < figures["en"] <= 1
    assert max(beside.v_measure(["a"] * 3 + ["b"] * 3, np.eye(2)[[0, 0, 0, 1, 1, 1]], seed) for seed in range(3)) == 1
    (alike,) = beside.of_clustering(apart, dict.fromkeys(vectors, np.ones(2)), ()).values()
    assert alike == {"en": 0.0, "de": 0.0}


def test_v_measure_is_the_same_whenever_it_is_asked():
    texts, vectors = of_topics({"a": (0, 20, 70), "b": (40, 91, 120)})
    assert beside.of_clustering(texts, vectors, ()) == beside.of_clustering(texts, vectors, ())


def test_macro_f1_is_the_mean_over_topics():
    named = [("a", "a"), ("a", "b"), ("b", "b"), ("c", "b")]  # F1: a 2/3, b 1/2, c 0
    items = [
        Item(f"t{at}", f"{topic}-{at}", "en", float(topic == found), Choice(found), Choice(topic))
        for at, (topic, found) in enumerate(named)
    ]
    assert list(beside.of_classification(None, {}, items).values()) == [{"en": pytest.approx((2 / 3 + 1 / 2 + 0) / 3)}]


# --- gated values ----------------------------------------------------------------------------------------------------


def test_each_measure_has_a_value_an_item_and_language(some):
    vectors = random_vectors(some)
    found = {one.name: quality.quality_of(one, some, vectors) for one in quality.MEASURES}
    every = {(text.group, text.language) for text in some.of_kind(TEXT)}
    fit = {(text.group, text.language) for text in some.texts if text.kind in GATING_KINDS}
    assert {name: one.values.keys() for name, one in found.items()} == {
        "retrieval": every,
        "similarity": fit,
        "clustering": every,
        "classification": every,
    }
    assert len(fit) < len(every)
    assert all(0 <= value <= 1 for one in found.values() for value in one.values.values())


def test_paraphrase_is_nearer_by_its_margin(some):
    vectors = random_vectors(some)
    margins = per_item.near_miss_margins(some, vectors)
    nearer = per_item.paraphrase_over_near_miss(some, vectors)
    assert [item.value for item in nearer] == [float(item.value > 0) for item in margins]
    assert [item.found for item in nearer] == [item.expected if item.value > 0 else item.found for item in margins]
    assert {item.value for item in nearer} == {0.0, 1.0} and len(margins) == len(some.of_kind(TEXT))


def test_pairs_of_an_item_are_true_and_those_of_two_items_unrelated_unless_one_answers_the_other():
    texts, vectors = joined(
        text_set({"en": (0, 60, 120), "de": (0, 90, 170)}, QUESTION), text_set({"en": (10, 80, 150)}, PASSAGE)
    )
    texts = TextSet("answers", texts.texts, {**texts.relevance, ("en0-question", "en1-passage"): 2})
    found = quality.quality_of(dataclasses.replace(quality.RETRIEVAL, items=lambda texts, vectors: []), texts, vectors)
    assert found.true_pairs == pytest.approx(
        {(str(at), "en"): np.cos(np.radians(angle)) for at, angle in enumerate((10, 20, 30))}
    )
    unrelated = np.cos(np.radians([150, 50, 90, 110, 40]))  # 0 to 2; 1 to 0 and 2; 2 to 0 and 1
    assert found.unrelated.keys() == {"en"}
    shares = found.unrelated["en"]
    assert tuple(shares) == quality.QUANTILES
    assert (shares[0.0], shares[0.5], shares[1.0]) == pytest.approx(
        (unrelated.min(), np.median(unrelated), unrelated.max())
    )


def test_item_alone_has_no_interval_and_a_saturated_measure_one_without_width():
    alone = estimate(by_item({("a-1", "en"): 1.0, ("a-1", "de"): 0.0}))
    assert (alone.items, alone.mean, alone.low, alone.high) == (1, 0.5, -np.inf, np.inf)
    full = estimate(by_item({(f"a-{at}", "en"): 1.0 for at in range(20)}))
    assert (full.mean, full.low, full.high) == (1.0, 1.0, 1.0)


def test_values_are_what_the_verdicts_take(some):
    old, new = (quality.all_of(answering(some, random_vectors(some, seed)), some) for seed in (0, 1))
    same = {name: paired(one.values, one.values) for name, one in old.items()}
    assert all(verdict.outcome == HOLDS and not verdict.worse for verdict in judge(same).values())
    assert judge_worst_language(same).outcome == HOLDS
    other = {name: paired(old[name].values, new[name].values) for name in old}
    assert not any(sides.lost or sides.added for sides in other.values())
    assert {cell.language for cell in judge_worst_language(other).cells} == {"en", "ar", "zh"}


def test_language_that_one_side_lacks_is_lost(some):
    vectors = random_vectors(some)
    old = quality.all_of(answering(some, vectors), some)
    new = quality.all_of(answering(some, vectors, languages=("en", "zh")), some)
    sides = paired(old["retrieval"].values, new["retrieval"].values)
    assert sides.lost.languages == ("ar",) and sides.difference.mean == 0


def test_lost_language_shows_in_its_own_values_alone(some):
    vectors = random_vectors(some)
    together = {
        text.id: vectors[f"{text.group}-{'question' if text.kind == PASSAGE else text.kind}-{text.language}"]
        for text in some.texts
        if text.kind in (QUESTION, PASSAGE)
    }
    found = {one: mean(of_it) for one, of_it in by_language(per_item.retrieval(some, together)).items()}
    assert found == pytest.approx(dict.fromkeys(some.languages, 1.0), abs=0.01)
    lost = [text.id for text in some.of_kind(PASSAGE, "ar")]
    turned = dict(zip(lost, np.roll([together[name] for name in lost], 1, axis=0), strict=True))
    found = {one: mean(of_it) for one, of_it in by_language(per_item.retrieval(some, {**together, **turned})).items()}
    assert found["ar"] < 0.5 and found["en"] == found["zh"] == pytest.approx(1.0, abs=0.01)


# --- what can't be measured ------------------------------------------------------------------------------------------


def test_measures_of_roles_that_nothing_serves_are_left_out(some):
    roles = {Role.QUERY: "embedding", Role.CLUSTERING: "embedding"}
    found = quality.all_of(answering(some, random_vectors(some), roles=roles), some)
    assert list(found) == ["clustering"]
    assert quality.why_not(quality.RETRIEVAL, spec(roles=roles), some) == (
        'no task serves the role document; a task map can say document = "embedding" under [roles]'
    )


def test_model_for_one_language_is_measured_in_it(some):
    observation = answering(some, random_vectors(some), languages=("zh", "xx"))
    found = quality.all_of(observation, some)
    assert list(found) == [one.name for one in quality.MEASURES]
    assert {language for one in found.values() for _, language in one.values} == {"zh"}
    texts = quality.texts_for(observation.spec, some)
    for measure in quality.MEASURES:
        vectors = quality.vectors_for(measure, observation, texts)
        for figures in quality.figures_beside(measure, texts, vectors, found[measure.name]).values():
            assert figures.keys() == {"zh"}


def test_model_for_none_of_the_languages_is_not_asked(some):
    observation = answering(some, {text.id: None for text in some.texts}, languages=("xx",))
    assert quality.all_of(observation, some) == {} and not observation.encoded
    reason = "the texts have none of the model's languages (xx)"
    assert quality.why_not(quality.CLUSTERING, observation.spec, quality.texts_for(observation.spec, some)) == reason


@pytest.mark.parametrize(("items", "topics"), [(1, 1), (5, 1), (3, 2), (5, 2)])
def test_topics_need_items_enough(items, topics):
    texts, _ = of_topics({f"topic{at}": tuple(range(items)) for at in range(topics)}, ("en", "de"))
    reasons = {
        measure.name: quality.why_not(measure, spec(), texts)
        for measure in (quality.CLUSTERING, quality.CLASSIFICATION)
    }
    enough = {"clustering": items * topics > 5, "classification": items >= 5 and topics >= 2}
    assert {name: reason is None for name, reason in reasons.items()} == enough


def test_texts_that_a_task_map_withholds_are_not_asked(some):
    short = spec(max_length=32, withholds_long_texts=True)
    assert quality.why_not(quality.RETRIEVAL, short, some).startswith("the task map withholds texts")
    assert quality.why_not(quality.RETRIEVAL, spec(max_length=32), some) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embedding_that_is_not_finite_is_named_with_its_task(some, value):
    vectors = random_vectors(some)
    first = some.of_kind(PASSAGE)[1].id
    vectors[first] = np.full(16, value, dtype=np.float32)
    observation = answering(some, vectors)
    with pytest.raises(MeasureError) as refused:
        quality.all_of(observation, some)
    assert str(refused.value) == (
        f"1 of 120 embeddings hold NaN or infinity under embedding, the first that of {first}; nothing can be said of "
        "retrieval"
    )
    without = {role: task for role, task in ROLES.items() if role != Role.DOCUMENT}
    assert list(quality.all_of(answering(some, vectors, roles=without), some)) == [
        "similarity",
        "clustering",
        "classification",
    ]


def test_each_text_is_asked_once_under_a_task(some):
    observation = answering(some, random_vectors(some))
    quality.all_of(observation, some)
    assert len(observation.encoded) == len(some.texts) and set(observation.encoded.values()) == {1}


# --- which texts they were -------------------------------------------------------------------------------------------


def test_digest_of_a_language_changes_with_its_texts_kinds_and_answers_alone(some):
    before = digests(some)
    assert before.keys() == {"en", "ar", "zh"}
    first = some.of_kind(QUESTION, "ar")[0]
    changed = [
        dataclasses.replace(
            some, texts=[dataclasses.replace(text, text="?") if text == first else text for text in some.texts]
        ),
        dataclasses.replace(some, texts=[text for text in some.texts if text != first]),
        dataclasses.replace(
            some, relevance={pair: grade for pair, grade in some.relevance.items() if pair[0] != first.id}
        ),
    ]
    for texts in changed:
        after = digests(texts)
        assert {language for language in before if before[language] != after[language]} == {"ar"}
    assert digests(dataclasses.replace(some, texts=list(reversed(some.texts)))) == before
