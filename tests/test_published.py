"""The comparison with published numbers: what passes, what fails, and the baseline that was seeded from them."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fixtures.baselines import tables
from fixtures.baselines.tables import TableKind, read_table, write_table
from fixtures.comparing import published
from fixtures.comparing.bounds import assumed_tolerance
from fixtures.comparing.cases import notes
from fixtures.comparing.similarity import labelled
from fixtures.texts import corpus
from tests.checkpoints import TASKS, write_native_checkpoint
from tests.encoders.published import FASTEMBED, NOTEBOOK, TRANSFORMERS, ReplayingEncoder, vectors_with_similarities
from tests.places import ROOT
from tests.runs import run_apart

SNAPSHOTS = ROOT / "snapshots" / "jina-embeddings-v3"
SENTENCES = list(corpus.shown_sentences())


def fastembed(encoder, task):
    return published.fastembed_vectors(encoder.encode(published.fastembed_texts(), task, prefix=""), task)


def hidden_states(encoder, task):
    return published.transformers_hidden_states(
        encoder.hidden_states(published.transformers_text(), task, prefix=""), task
    )


@pytest.mark.parametrize("asked", TASKS)
def test_fastembed_vectors_pass_and_fail(asked):
    assert fastembed(ReplayingEncoder(), asked).share < 0.01
    nudged = fastembed(ReplayingEncoder(2), asked)
    assert nudged.share == pytest.approx(2, rel=0.01)
    assert nudged.worst[0].label == '"Follow the white rabbit." component 3'


@pytest.mark.parametrize("asked", [*TASKS, None])
def test_hidden_states_pass_and_fail(asked):
    assert hidden_states(ReplayingEncoder(), asked).share < 0.01
    nudged = hidden_states(ReplayingEncoder(2), asked)
    assert nudged.share == pytest.approx(2, rel=0.01)
    assert nudged.worst[0].label == "token 2 component 9"
    assert nudged.worst[0].figures.keys() == {"published", "obtained"}


def test_hidden_states_of_another_number_of_tokens_are_infinitely_far():
    departure = published.transformers_hidden_states(np.zeros((16, 1024), dtype=np.float32), None)
    assert departure.share == float("inf")
    assert departure.worst == notes("hidden states of shape (16, 1024), published are (17, 1024): other token ids?")


def test_not_a_number_is_too_far():
    departure = fastembed(ReplayingEncoder(float("nan")), "separation")
    assert not departure.share <= 1
    assert departure.worst[0].label == '"Follow the white rabbit." component 3'


@pytest.mark.parametrize("asked", TASKS)
def test_notebook_similarities_pass_and_fail(asked):
    table = np.array(NOTEBOOK["similarity"][asked])
    near = published.notebook_similarity(vectors_with_similarities(table), asked, "float32")
    assert near.share <= 1
    allowed = assumed_tolerance("float32").value + published.NOTEBOOK_ROUNDING
    table[2, 5] = table[5, 2] = table[2, 5] + 2 * allowed
    far = published.notebook_similarity(vectors_with_similarities(table), asked, "float32")
    assert far.share == pytest.approx(2, rel=0.2)
    assert far.worst[0].label == "French | German"


@pytest.mark.parametrize("pair", published.notebook_pairs(), ids="-".join)
def test_notebook_differences_pass_and_fail(pair):
    first, second = (np.array(NOTEBOOK["similarity"][task]) for task in pair)
    assert published.notebook_difference(first, second, pair, "float32").share <= 1
    allowed = assumed_tolerance("float32").value + published.NOTEBOOK_ROUNDING
    wanted = NOTEBOOK["task_difference"][" vs ".join(pair)] + 2 * allowed
    moved = published.notebook_difference(np.zeros((7, 7)), np.full((7, 7), wanted), pair, "float32")
    assert moved.share == pytest.approx(2)


def test_half_precision_may_be_further_away():
    assert published.notebook_difference(
        np.zeros((7, 7)), np.full((7, 7), 0.065), ("retrieval.query", "retrieval.passage"), "bfloat16"
    ).share == pytest.approx(0.005 / 0.0105)


def test_numbers_apply_to_the_published_model_only():
    assert published.why_not_applicable(SimpleNamespace(published_as="jinaai/jina-embeddings-v3", name="x")) is None
    reason = published.why_not_applicable(SimpleNamespace(published_as=None, name="mini"))
    assert reason == "published numbers of jina-embeddings-v3 are not applicable to mini"


def test_every_data_file_states_its_source():
    assert all(data["source"] and data["what"] and data["model"] for data in (NOTEBOOK, FASTEMBED, TRANSFORMERS))


# --- the seeded baseline ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", TASKS)
def test_seeded_matrices_are_the_notebooks(asked, monkeypatch):
    kind = TableKind(
        title=f"similarity matrix, {asked}",
        entries="cosine similarity of each two texts, in float64 from float32 embeddings",
        subject=asked,
    )
    table = labelled(np.array(NOTEBOOK["similarity"][asked]), SENTENCES)
    monkeypatch.setattr(tables, "DECIMALS", 3)
    assert (SNAPSHOTS / "similarity" / f"{asked}.txt").read_text() == write_table(kind, table)


def test_seeded_task_differences_are_the_notebooks():
    stored = read_table((SNAPSHOTS / "task-differences.txt").read_text())
    expected = pd.DataFrame(0.0, index=list(TASKS), columns=list(TASKS))
    for pair, value in NOTEBOOK["task_difference"].items():
        first, second = pair.split(" vs ")
        expected.loc[first, second] = expected.loc[second, first] = value
    pd.testing.assert_frame_equal(stored, expected)


def test_seeded_baseline_says_where_it_is_from():
    manifest = json.loads((SNAPSHOTS / "manifest.json").read_text())
    assert manifest["source"].startswith("notebook")
    assert (manifest["rounding"], manifest["device"]) == (published.NOTEBOOK_ROUNDING, "mps")
    assert manifest["revision"] is None
    assert manifest["dtype"] is None
    assert manifest["texts"] == corpus.shown_sentences()


def run_published_evals(*options: str, **variables: str) -> pytest.RunResult:
    evals = ["-p", "no:cacheprovider", "evals/test_published.py", "--device", "cpu"]
    return run_apart(*evals, *options, start=ROOT, **variables)


@pytest.mark.parametrize(
    ("nudge", "counts", "returncode"),
    [("0", "26 passed", 0), ("2", "16 failed, 10 passed", 1)],
    ids=["as is", "nudged"],
)
def test_evals_run_for_the_published_model(nudge, counts, returncode):
    """One nudged similarity of 21 leaves the ten mean differences where they were; they are nudged above."""
    finished = run_published_evals("-p", "tests.encoders.published", PUBLISHED_NUDGE=nudge)
    said = str(finished.stdout)
    assert f"= {counts} in " in said and finished.ret == returncode
    if returncode:
        claim = "largest difference as a share of the allowed one: measured 2, needs <= 1"
        assert f"separation on cpu: {claim}" in said
        assert '"Follow the white rabbit." component 3: published ' in said
        assert "French | German: published " in said


def test_other_models_skip_all_of_it_and_say_so(tmp_path):
    write_native_checkpoint(tmp_path / "mine")
    finished = run_published_evals("--model", str(tmp_path / "mine"))
    assert finished.ret == 1  # asked for nothing else, the run judged nothing
    said = str(finished.stdout)
    assert "none of the suite's evals was judged: all 26 that ran were skipped, 26 of them for this" in said
    reason = f"published numbers of jina-embeddings-v3 are not applicable to {tmp_path / 'mine'}"
    assert f"skipped   26: {reason}" in said
    assert "26 skipped" in said


def test_figures_of_whole_embeddings_are_not_asked_of_a_cut_and_hidden_states_are():
    finished = run_published_evals("-p", "tests.encoders.published", "--dim=128", PUBLISHED_NUDGE="0")
    assert finished.ret == 0 and "= 6 passed, 20 skipped in " in str(finished.stdout)
    reason = "published for whole embeddings, this run's are cut to 128 components"
    assert f"skipped   20: {reason}" in finished.outlines
