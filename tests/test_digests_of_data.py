"""Which data it was: a digest a language, of all that decides the values of that language's queries."""

import dataclasses

import pytest

from fixtures.texts.beir import digests_of_data, read_judged_data
from tests.judged_folders import CORPUS, QRELS, QUERIES, write_folder


def changed(texts, at: int, **entries):
    return [{**one, **entries} if row == at else one for row, one in enumerate(texts)]


@pytest.mark.parametrize(
    ("written", "languages"),
    [
        ({"corpus": changed(CORPUS, 0, text="Paid within six days.")}, {"en", "und"}),
        ({"corpus": changed(CORPUS, 0, title="Refund")}, {"en", "und"}),
        ({"corpus": changed(CORPUS, 2, language="nl")}, {"en", "und"}),
        ({"corpus": changed(CORPUS, 2, _id="4")}, {"en", "und"}),
        ({"corpus": CORPUS[:2]}, {"en", "und"}),
        ({"queries": changed(QUERIES, 0, text="where is my refund?")}, {"en"}),
        ({"queries": changed(QUERIES, 0, group="money")}, {"en"}),
        ({"queries": changed(QUERIES, 0, language="de")}, {"en"}),
        ({"queries": changed(QUERIES, 0, language="und")}, {"en", "und"}),
        ({"queries": changed(QUERIES, 1, _id="two"), "qrels": QRELS.replace("\n2\t", "\ntwo\t")}, {"und"}),
        ({"qrels": QRELS.replace("1\t1\t2", "1\t1\t3")}, {"en"}),
        ({"qrels": QRELS.replace("1\t2\t0\n", "")}, {"en"}),
        ({"qrels": QRELS + "2\t3\t1\n"}, {"und"}),
        ({"qrels": "1\t1\t2\n1\t2\t0\n"}, {"und"}),
        ({"corpus": CORPUS[::-1], "queries": QUERIES[::-1]}, set()),
        ({"qrels": "".join(QRELS.splitlines(keepends=True)[:0:-1])}, set()),
    ],
)
def test_digest_changes_with_whatever_decides_the_values_of_a_language(tmp_path, written, languages):
    before = digests_of_data(read_judged_data(write_folder(tmp_path / "mine")))
    after = digests_of_data(read_judged_data(write_folder(tmp_path / "other", **written)))
    assert before.keys() == {"en", "und"}
    assert {language for language in before if after.get(language) != before[language]} == languages


def test_texts_can_not_be_moved_across_entries_unseen(tmp_path):
    data = read_judged_data(write_folder(tmp_path / "mine"))
    one, *others = data.texts.texts
    moved = dataclasses.replace(one, group=f'{one.group}", "where', text=one.text.removeprefix("where"))
    other = dataclasses.replace(data, texts=dataclasses.replace(data.texts, texts=[moved, *others]))
    assert digests_of_data(other)["en"] != digests_of_data(data)["en"]
