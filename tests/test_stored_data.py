"""``data.json``: values on a user's own queries come back to the last bit; neither texts nor ids stand in it."""

import dataclasses
import json

import pytest

from fixtures.baselines.stored_data import by_id, hash_of_id, hashed, read_data, write_data
from fixtures.comparing.judged_data import NAME, answers_of, quality_of_data
from fixtures.comparing.paired import paired
from fixtures.texts.beir import JudgedData, digests_of_data, read_judged_data
from tests.judged_folders import drawn_vectors
from tests.places import ROOT

EXAMPLE = ROOT / "examples" / "own-repository" / "search-data"


@pytest.fixture(scope="module")
def data() -> JudgedData:
    return read_judged_data(EXAMPLE)


@pytest.fixture(scope="module")
def measured(data):
    return quality_of_data(answers_of(data, drawn_vectors(data)))


@pytest.fixture
def content(data, measured) -> dict:
    return json.loads(write_data(measured, digests_of_data(data)))


def test_what_was_measured_comes_back_by_hashes_and_by_ids(data, measured, content):
    stored = read_data(content)
    assert stored.texts == digests_of_data(data)
    found = stored.by_measure[NAME]
    assert found.values == hashed(measured).values
    assert found.true_pairs == pytest.approx(hashed(measured).true_pairs, abs=1e-6)
    assert {key: item.found.name for key, item in found.items.items()} == {
        key: item.found.name for key, item in hashed(measured).items.items()
    }
    back = by_id(stored, data)
    assert back.values == measured.values
    assert {key: item.found.name for key, item in back.items.items()} == {
        key: item.found.name for key, item in measured.items.items()
    }
    assert back.true_pairs == pytest.approx(measured.true_pairs, abs=1e-6)
    assert {item.id for item in back.items.values()} <= {query.id for query in data.queries}
    for language, shares in measured.unrelated.items():
        assert back.unrelated[language] == pytest.approx(shares, abs=1e-6)


def test_same_answers_differ_by_nothing(data, measured, content):
    stored = read_data(content)
    for old, new in (
        (stored.by_measure[NAME], hashed(measured)),
        (by_id(stored, data), measured),
    ):
        sides = paired(old.values, new.values)
        assert (sides.difference.mean, sides.difference.spread) == (0, 0)
        assert not sides.lost and not sides.added and len(sides.differences) == len(measured.items)


def test_file_holds_no_text_no_id_and_no_group(data, measured):
    written = write_data(measured, digests_of_data(data)).decode()
    assert "query:" not in written and "passage:" not in written
    names = {text.id.partition(":")[2] for text in data.texts.texts} | {text.group for text in data.queries}
    assert not [name for name in names | {text.text for text in data.texts.texts} if f'"{name}"' in written]
    assert not [word for text in data.texts.texts for word in text.text.split() if len(word) > 6 and word in written]


def test_item_of_a_group_is_named_by_its_first_query():
    data = read_judged_data(EXAMPLE)
    queries = [
        dataclasses.replace(query, group="query:all", language="en") if at < 3 else query
        for at, query in enumerate(data.queries)
    ]
    texts = dataclasses.replace(data.texts, texts=[*queries, *data.passages])
    data = dataclasses.replace(data, texts=texts)
    found = quality_of_data(answers_of(data, drawn_vectors(data)))
    back = by_id(read_data(json.loads(write_data(found, digests_of_data(data)))), data)
    assert back.items["query:all", "en"].id == queries[0].id
    assert back.values == found.values


def test_only_languages_of_which_it_is_the_same_data_are_named_again(data, content):
    first = next(query for query in data.queries if query.language == "de")
    texts = [dataclasses.replace(text, text="Anders?") if text == first else text for text in data.texts.texts]
    other = dataclasses.replace(data, texts=dataclasses.replace(data.texts, texts=texts))
    back = by_id(read_data(content), other)
    assert {language for _, language in (*back.items, *back.true_pairs)} == {*back.unrelated} == {"en"}
    texts = [dataclasses.replace(text, text=text.text + "!") for text in data.texts.texts]
    other = dataclasses.replace(data, texts=dataclasses.replace(data.texts, texts=texts))
    back = by_id(read_data(content), other)
    assert not back.items and not back.true_pairs and not back.unrelated


def first_items(content: dict) -> tuple[dict, str]:
    items = content["measures"][NAME]["items"]["en"]
    return items, next(iter(items))


def with_another_group(content: dict) -> None:
    items, group = first_items(content)
    items["query:refund"] = items.pop(group)


def with_another_passage(content: dict) -> None:
    items, group = first_items(content)
    items[group][1] = "passage:refund-time-en"


def with_another_value(content: dict) -> None:
    items, group = first_items(content)
    items[group][0] = 1.5


def with_another_pair(content: dict) -> None:
    content["measures"][NAME]["true_pairs"]["de"]["0" * 15] = 0.5


NO_HASH = "is no hash of an id, which has 16 hexadecimal digits"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (with_another_group, f'^"query:refund" {NO_HASH}$'),
        (with_another_passage, f'^"passage:refund-t" {NO_HASH}$'),
        (with_another_pair, f'^"{"0" * 15}" {NO_HASH}$'),
        (with_another_value, "has the value 1.5, needs a number from 0 to 1$"),
        (lambda content: content["measures"].clear(), f"^needs the measure {NAME}$"),
        (lambda content: content.pop("texts"), "^needs texts, quantiles and measures$"),
    ],
)
def test_damaged_file_is_refused(content, change, problem):
    change(content)
    with pytest.raises(ValueError, match=problem):
        read_data(content)


def test_hash_that_the_data_does_not_have_is_named(data, content):
    items, group = first_items(content)
    items[group][1] = hash_of_id("passage:none")
    with pytest.raises(ValueError, match=f"^{hash_of_id('passage:none')} is no hash of an id of the data$"):
        by_id(read_data(content), data)
    moved = hash_of_id(next(query.group for query in data.queries if query.id == "query:de-9"))
    items[moved] = items.pop(group)
    with pytest.raises(ValueError, match=f"^{moved} is no hash of a group of the data's queries in en$"):
        by_id(read_data(content), data)


def test_query_and_passage_of_one_id_have_two_hashes():
    assert hash_of_id("query:1") != hash_of_id("passage:1") and len(hash_of_id("query:1")) == 16
