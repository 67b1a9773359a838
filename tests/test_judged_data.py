"""The measure on a user's own queries: by hand, against scikit-learn and the suite's own retrieval, and its memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity

from fixtures.comparing import judged_data, per_item, quality
from fixtures.comparing.items import Choice
from fixtures.comparing.judged_data import answers_of, asked_of, figures_of_data, quality_of_data
from fixtures.comparing.no_loss import judge
from fixtures.comparing.paired import paired
from fixtures.comparing.rows import HOLDS
from fixtures.errors import MeasureError
from fixtures.models.spec import Input, Role
from fixtures.run.own_queries import OwnQueries, told_left_out
from fixtures.texts.beir import JudgedData, read_judged_data
from fixtures.texts.corpus import PASSAGE, QUESTION
from fixtures.texts.text_sets import TextSet
from tests.judged_folders import data_of, drawn_vectors
from tests.places import ROOT
from tests.small_text_sets import answering, random_vectors, some_evidence, spec, unit

EXAMPLE = ROOT / "examples" / "own-repository" / "search-data"


def turned(data: JudgedData, angles: dict[str, float]) -> dict[str, np.ndarray]:
    """Vectors of these angles, by the text's id; all have another length."""
    return {name: np.array(unit(angle)) * (1 + at) for at, (name, angle) in enumerate(angles.items())}


def whole_figures(data: JudgedData, vectors) -> dict[str, float]:
    """Query -> scikit-learn's nDCG@10 over all passages at once."""
    queries, passages = data.queries, data.passages
    scores = cosine_similarity(
        np.stack([vectors[one.id] for one in queries]).astype(float),
        np.stack([vectors[one.id] for one in passages]).astype(float),
    )
    grades = np.array([[data.texts.relevance.get((one.id, other.id), 0) for other in passages] for one in queries])
    return {
        query.id: ndcg_score(grades[row : row + 1], scores[row : row + 1], k=10) for row, query in enumerate(queries)
    }


def judged_at_random(queries: int, passages: int, seed: int = 0, most: int = 15) -> JudgedData:
    draw = np.random.default_rng(seed)
    return data_of(
        {str(at): (str(at // 2), "en" if at % 3 else "de") for at in range(queries)},
        passages,
        {
            (str(at), int(passage)): 3 if place == 0 else int(draw.integers(0, 4))
            for at in range(queries)
            for place, passage in enumerate(draw.choice(passages, min(passages, draw.integers(1, most)), replace=False))
        },
    )


# --- values ----------------------------------------------------------------------------------------------------------


def test_value_found_and_expected_of_a_case_worked_out_by_hand():
    data = data_of({"a": ("a", "en")}, 4, {("a", 0): 2, ("a", 1): 1, ("a", 3): 2, ("a", 2): 0})
    vectors = turned(data, {"query:a": 0, "passage:0": 40, "passage:1": 10, "passage:2": 20, "passage:3": 30})
    found = answers_of(data, vectors)
    (answer,) = found.each
    gain = 1 / np.log2(2) + 2 / np.log2(4) + 2 / np.log2(5)  # grades by rank: 1, 0, 2, 2
    ideal = 2 / np.log2(2) + 2 / np.log2(3) + 1 / np.log2(4)
    item = answer.item
    assert (item.id, item.group, item.language) == ("query:a", "query:a", "en")
    assert item.value == pytest.approx(gain / ideal)
    cosine = {angle: pytest.approx(np.cos(np.radians(angle))) for angle in (10, 20, 30)}
    assert item.found == Choice("passage:1", cosine[10])
    assert item.expected == Choice("passage:3", cosine[30])  # of the two with the highest score the nearer one
    assert (answer.recall, answer.reciprocal_rank) == (1.0, 1.0)
    assert quality_of_data(found).true_pairs == {("query:a", "en"): cosine[30]}
    assert found.unrelated["en"] == pytest.approx(dict.fromkeys(quality.QUANTILES, np.cos(np.radians(20))))


def test_recall_and_reciprocal_rank_are_beirs():
    scores = {("a", at): 1 for at in (3, 9, 10, 14)}
    data = data_of({"a": ("a", "en"), "b": ("b", "en")}, 15, scores | {("b", 14): 1})
    angles = {"query:a": 0.0, "query:b": 0.0} | {f"passage:{at}": 1.0 + at for at in range(15)}
    found = answers_of(data, turned(data, angles))
    assert [(one.recall, one.reciprocal_rank) for one in found.each] == [(2 / 4, 1 / 4), (0.0, 1 / 15)]
    assert figures_of_data(found) == {
        "recall@10": {"en": pytest.approx(1 / 4)},
        "MRR": {"en": pytest.approx((1 / 4 + 1 / 15) / 2)},
    }


@pytest.mark.parametrize("passages", [2, 9, 10, 11, 60])
def test_values_are_scikit_learns_over_all_passages(passages):
    for seed in range(5):
        data = judged_at_random(20, passages, seed)
        vectors = drawn_vectors(data, seed=seed)
        values = {answer.item.id: answer.item.value for answer in answers_of(data, vectors).each}
        assert values == pytest.approx(whole_figures(data, vectors), abs=1e-12)


@pytest.mark.parametrize("different", [1, 2, 5, 12])
def test_values_are_scikit_learns_where_passages_tie(different):
    """Axes of integers: their similarities are the same to the last bit, wherever they stand."""
    ties = 0
    for seed in range(10):
        data = judged_at_random(12, 40, seed)
        draw = np.random.default_rng(seed)
        axes = np.eye(different + 1, dtype=np.float32)
        vectors = {text.id: axes[draw.integers(0, different)] for text in data.passages}
        vectors |= {text.id: np.arange(1, different + 2, dtype=np.float32) for text in data.queries}
        values = {answer.item.id: answer.item.value for answer in answers_of(data, vectors).each}
        assert values == pytest.approx(whole_figures(data, vectors), abs=1e-12)
        ties += any(0 < value < 1 for value in values.values())
    assert ties


def test_on_the_suites_own_texts_of_one_language_values_are_those_of_its_retrieval():
    some = some_evidence().within(["ar"])
    vectors = random_vectors(some)
    texts = dataclasses.replace(some, texts=[text for text in some.texts if text.kind in (QUESTION, PASSAGE)])
    relevance = {pair: grade for pair, grade in some.relevance.items() if {*pair} <= {text.id for text in texts.texts}}
    data = JudgedData("ours", TextSet("ours", texts.texts, relevance))
    ours = per_item.retrieval(some, vectors)
    theirs = [answer.item for answer in answers_of(data, vectors).each]
    assert [(item.id, item.group, item.language, item.found.name) for item in theirs] == [
        (item.id, item.group, item.language, item.found.name) for item in ours
    ]
    assert [item.value for item in theirs] == pytest.approx([item.value for item in ours], abs=1e-12)
    assert [item.expected.name for item in theirs] == [item.expected.name for item in ours]


def test_each_query_is_asked_for_among_passages_of_every_language():
    data = read_judged_data(EXAMPLE)
    vectors = drawn_vectors(data)
    values = {answer.item.id: answer.item.value for answer in answers_of(data, vectors).each}
    assert values == pytest.approx(whole_figures(data, vectors), abs=1e-12)
    languages = {passage.id: passage.language for passage in data.passages}
    found = {(answer.item.language, languages[answer.item.found.name]) for answer in answers_of(data, vectors).each}
    assert len(found) == 4


def test_blocks_of_queries_change_nothing(monkeypatch):
    data = judged_at_random(30, 50)
    vectors = drawn_vectors(data)
    whole = answers_of(data, vectors)
    monkeypatch.setattr(judged_data, "SIMILARITIES_AT_ONCE", 7 * 50 + 3)
    parted = answers_of(data, vectors)
    assert [one.item.found.name for one in parted.each] == [one.item.found.name for one in whole.each]
    assert [one.item.value for one in parted.each] == pytest.approx([one.item.value for one in whole.each], abs=1e-12)
    assert parted.unrelated["en"] == pytest.approx(whole.unrelated["en"], abs=1e-6)


def test_embedding_without_length_is_like_no_other():
    data = data_of({"a": ("a", "en")}, 3, {("a", 1): 1})
    vectors = turned(data, {"query:a": 0, "passage:0": 120, "passage:1": 0, "passage:2": 130})
    vectors["passage:1"] = np.zeros(2)
    (answer,) = answers_of(data, vectors).each
    assert answer.item.expected == answer.item.found == Choice("passage:1", 0.0) and answer.item.value == 1


# --- items -----------------------------------------------------------------------------------------------------------


def test_queries_of_one_group_and_language_are_one_item_with_the_mean_of_their_values():
    queries = {"a": ("g", "en"), "b": ("g", "en"), "c": ("g", "de"), "d": ("d", "en")}
    data = data_of(queries, 3, {("a", 0): 1, ("b", 1): 1, ("c", 2): 1, ("d", 0): 1})
    angles = {"query:a": 5, "query:b": 8, "query:c": 8, "query:d": 90}
    vectors = turned(data, angles | {"passage:0": 0, "passage:1": 20, "passage:2": 95})
    found = quality_of_data(answers_of(data, vectors))
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    assert found.values == pytest.approx(
        {("query:g", "en"): (1 + second) / 2, ("query:g", "de"): third, ("query:d", "en"): third}
    )
    item = found.items["query:g", "en"]
    assert (item.id, item.found.name, item.expected.name) == ("query:b", "passage:0", "passage:1")
    assert found.true_pairs == pytest.approx(
        {
            ("query:g", "en"): np.cos(np.radians(5)),  # the first query's
            ("query:g", "de"): np.cos(np.radians(87)),
            ("query:d", "en"): np.cos(np.radians(90)),
        }
    )


def test_true_pair_of_a_group_is_of_the_same_query_whichever_did_worst():
    data = data_of({"a": ("g", "en"), "b": ("g", "en")}, 2, {("a", 0): 1, ("b", 1): 1})
    for turn in (40, -40):
        angles = {"query:a": 45 + turn, "query:b": 45 + turn, "passage:0": 0, "passage:1": 90}
        found = quality_of_data(answers_of(data, turned(data, angles)))
        assert found.true_pairs == pytest.approx({("query:g", "en"): np.cos(np.radians(45 + turn))})
        assert found.items["query:g", "en"].id == ("query:a" if turn > 0 else "query:b")


def test_values_are_what_the_verdict_takes():
    data = judged_at_random(40, 30)
    found = quality_of_data(answers_of(data, drawn_vectors(data)))
    assert all(0 <= value <= 1 for value in found.values.values())
    (verdict,) = judge({judged_data.NAME: paired(found.values, found.values)}).values()
    assert verdict.outcome == HOLDS and not verdict.worse


# --- unrelated pairs -------------------------------------------------------------------------------------------------


def test_unrelated_are_pairs_without_a_score_above_0_by_the_querys_language():
    data = judged_at_random(20, 40)
    vectors = drawn_vectors(data)
    scores = cosine_similarity(
        np.stack([vectors[one.id] for one in data.queries]), np.stack([vectors[one.id] for one in data.passages])
    )
    answers = np.array([[data.texts.relevance.get((q.id, p.id), 0) > 0 for p in data.passages] for q in data.queries])
    found = answers_of(data, vectors).unrelated
    assert found.keys() == {"en", "de"}
    for language, shares in found.items():
        rows = [row for row, query in enumerate(data.queries) if query.language == language]
        expected = np.quantile(scores[rows][~answers[rows]], quality.QUANTILES)
        assert tuple(shares) == quality.QUANTILES and [*shares.values()] == pytest.approx(expected, abs=1e-6)


def test_of_many_passages_a_part_is_looked_at_that_no_order_of_lines_changes(monkeypatch):
    data = judged_at_random(20, 200)
    vectors = drawn_vectors(data)
    whole = answers_of(data, vectors).unrelated
    monkeypatch.setattr(judged_data, "UNRELATED_KEPT", 400)
    part = answers_of(data, vectors).unrelated
    turned_round = TextSet("turned", data.texts.texts[::-1], data.texts.relevance)
    again = answers_of(dataclasses.replace(data, texts=turned_round), vectors).unrelated
    for language, shares in part.items():
        assert shares != pytest.approx(whole[language], abs=1e-3)
        assert shares[0.5] == pytest.approx(whole[language][0.5], abs=0.1)
        assert again[language] == pytest.approx(shares, abs=1e-6)


def test_data_in_which_everything_answers_has_no_unrelated_pairs():
    data = data_of({"a": ("a", "en")}, 2, {("a", 0): 1, ("a", 1): 1})
    assert answers_of(data, drawn_vectors(data)).unrelated == {}


# --- size ------------------------------------------------------------------------------------------------------------


def test_many_passages_take_little_more_than_their_embeddings():
    passages, dimension = 20_000, 384
    data = judged_at_random(500, passages)
    vectors = drawn_vectors(data, dimension)
    answers_of(judged_at_random(2, 20), drawn_vectors(judged_at_random(2, 20)))  # imports
    tracemalloc.start()
    try:
        found = answers_of(data, vectors)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    wide = 8 * passages * dimension
    kept = 2 * 4 * judged_data.UNRELATED_KEPT  # float32, in two languages
    assert wide < peak < wide + 8 * judged_data.SIMILARITIES_AT_ONCE + 3 * kept
    assert len(found.each) == 500 and found.unrelated.keys() == {"en", "de"}


# --- asking a model --------------------------------------------------------------------------------------------------


def test_model_is_asked_for_queries_and_passages_under_their_tasks_with_progress(monkeypatch):
    monkeypatch.setattr(judged_data, "TEXTS_A_CALL", 512)
    data = judged_at_random(20, 1100)
    vectors = drawn_vectors(data)
    tasks = {"ask": Input("q: "), "store": Input("p: ")}
    observation = answering(data.texts, vectors, tasks=tasks, roles={Role.QUERY: "ask", Role.DOCUMENT: "store"})
    told = []
    found = judged_data.vectors_of_data(observation, data, told.append)
    assert told == [
        "queries: 20 of 20",
        "passages: 512 of 1,100",
        "passages: 1,024 of 1,100",
        "passages: 1,100 of 1,100",
    ]
    assert found.keys() == vectors.keys()
    assert all((found[name] == vector).all() for name, vector in vectors.items())
    assert {task for task, text in observation.encoded if text.startswith("query")} == {"ask"}
    assert {task for task, text in observation.encoded if text.startswith("passage")} == {"store"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embedding_that_is_not_finite_is_named_and_no_more_is_asked(monkeypatch, value):
    monkeypatch.setattr(judged_data, "TEXTS_A_CALL", 10)
    data = judged_at_random(20, 50)
    vectors = drawn_vectors(data)
    for name in ("passage:13", "passage:12"):
        vectors[name] = np.full(8, value, dtype=np.float32)
    observation = answering(data.texts, vectors)
    with pytest.raises(MeasureError) as refused:
        judged_data.vectors_of_data(observation, data)
    assert str(refused.value) == (
        "2 of the first 20 passages' embeddings hold NaN or infinity under embedding, the first that of passage:12; "
        "nothing can be said of own queries"
    )
    assert len(observation.encoded) == 40


def test_languages_that_a_model_is_not_for_are_left_out_of_the_queries_and_counted():
    queries = {"a": ("g", "en"), "b": ("g", "de"), "c": ("c", "de"), "d": ("d", "und"), "e": ("e", "pt-BR")}
    data = data_of(queries, 3, {(one, 0): 1 for one in queries})
    asked, left_out = asked_of(data, spec(languages=("en", "ar")))
    assert [query.id for query in asked.queries] == ["query:a", "query:d"] and left_out == {"de": 2, "pt-BR": 1}
    assert asked.passages == data.passages and {query for query, _ in asked.texts.relevance} == {"query:a", "query:d"}
    assert quality_of_data(answers_of(asked, drawn_vectors(asked))).items.keys() == {
        ("query:g", "en"),
        ("query:d", "und"),
    }
    assert asked_of(data, spec()) == (data, {})


def test_what_a_model_cannot_be_asked_has_a_reason():
    data = data_of({"a": ("g", "de")}, 3, {("a", 0): 1})
    why_not = judged_data.why_not_data
    assert why_not(spec(), data) is None and why_not(spec(languages=("de",)), data) is None
    assert why_not(spec(roles={Role.QUERY: "embedding"}), data) == "no task serves the role document"
    assert why_not(spec(roles={}), data) == "no task serves the role query, document"
    assert why_not(spec(languages=("en",)), data) == "no query is in one of the model's languages (en)"
    long = dataclasses.replace(data.passages[1], text="so many words that they may be too long")
    texts = [long if text.id == long.id else text for text in data.texts.texts]
    data = dataclasses.replace(data, texts=dataclasses.replace(data.texts, texts=texts))
    withheld = "the task map withholds texts that may be longer than max_length: 1 of 4, the first passage:1"
    assert why_not(spec(max_length=5, withholds_long_texts=True), data) == withheld
    assert why_not(spec(max_length=5), data) is None
    assert why_not(spec(max_length=50, withholds_long_texts=True), data) is None


def test_queries_that_are_left_out_are_counted_in_a_note():
    data = JudgedData("asked", TextSet("asked", []), left_out=2)
    (note,) = told_left_out(OwnQueries(data, {"fr": 3}))
    assert note == (
        "--data: queries left out: 2 without a passage that answers them, 3 in fr, which the model isn't for"
    )
    assert told_left_out(OwnQueries(JudgedData("asked", TextSet("asked", [])), {})) == []
