"""The corpus of behaviours may grow without voiding what was stored or timed before."""

import shutil

import pytest

from fixtures.texts import corpus
from tests.places import ROOT
from tests.runs import run


@pytest.fixture
def one_more_passage(monkeypatch):
    """A question and its passage, put before all others."""
    documents = corpus.read_data("retrieval")["documents"]
    added = {**documents[0], "id": "another", "passage": dict.fromkeys(corpus.LANGUAGES, "An added passage of words.")}
    monkeypatch.setitem(corpus.read_data("retrieval"), "documents", [added, *documents])
    corpus.documents.cache_clear()
    yield
    corpus.documents.cache_clear()


def test_passage_added_to_the_corpus_voids_no_baseline(project, one_more_passage):
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    assert len(corpus.documents()) == 25
    result = run(project, "evals/test_drift.py", "--tasks=separation", model="mini")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.re_match_lines([r"drift     separation on cpu: (identical|within tolerance \(.*)$"])
