"""Similarity matrices and task differences, against values worked out by hand and the notebook's own."""

from itertools import combinations

import numpy as np
import pytest

from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.similarity import (
    difference_table,
    labelled,
    pairs,
    similarity_matrix,
    task_difference,
    task_differences,
)
from fixtures.reports import matrices
from fixtures.texts import corpus

NOTEBOOK = corpus.read_data("notebook")
MATRICES = {task: np.array(rows) for task, rows in NOTEBOOK["similarity"].items()}


@pytest.mark.parametrize(("first", "second"), list(combinations(MATRICES, 2)))
def test_task_differences_of_the_notebooks_matrices_are_those_it_printed(first, second):
    printed = NOTEBOOK["task_difference"][f"{first} vs {second}"]
    # Both were rounded to 3 decimals: an entry by up to half a unit, the difference by half a unit more.
    assert task_difference(MATRICES[first], MATRICES[second]) == pytest.approx(printed, abs=1e-3)


def test_all_ten_differences_come_in_the_order_of_the_tasks():
    expected = {tuple(name.split(" vs ")): value for name, value in NOTEBOOK["task_difference"].items()}
    found = task_differences(MATRICES)
    assert list(found) == list(expected)
    assert [round(value, 2) for value in found.values()] == [round(value, 2) for value in expected.values()]


def test_task_difference_is_the_mean_over_all_entries_with_the_diagonal():
    first, second = np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 0.9], [0.9, 1.0]])
    assert task_difference(first, second) == pytest.approx(0.2)
    assert task_difference(second, first) == pytest.approx(0.2)
    assert task_difference(first, first) == 0


def test_difference_table_is_symmetric_with_zeros_on_its_diagonal():
    table = difference_table(MATRICES)
    assert list(table.index) == list(table.columns) == list(MATRICES)
    assert (np.diag(table) == 0).all() and np.array_equal(table, table.T)
    assert table.loc["separation", "classification"] == table.to_numpy()[~np.eye(5, dtype=bool)].min()


def test_similarity_is_the_cosine_whatever_the_lengths():
    vectors = np.array([[2, 0], [0, 3], [1, 1]], dtype=np.float32)
    half = np.sqrt(0.5)
    expected = [[1, 0, half], [0, 1, half], [half, half, 1]]
    assert similarity_matrix(vectors) == pytest.approx(np.array(expected))
    assert similarity_matrix(vectors, vectors[2:]) == pytest.approx(np.array(expected)[:, 2:])


def test_similarity_is_computed_in_float64():
    near = np.array([[1, 0], [1, 1e-5]], dtype=np.float32)
    matrix = similarity_matrix(near)
    assert matrix.dtype == np.float64
    assert 1 - matrix[0, 1] == pytest.approx(0.5e-10, rel=1e-4)


def test_pairs_are_the_entries_above_the_diagonal():
    assert pairs(np.arange(9).reshape(3, 3)).tolist() == [1, 2, 5]
    assert len(pairs(MATRICES["separation"])) == 21


def test_labels_stand_on_both_sides():
    table = labelled(np.array([[1.0, 0.5], [0.5, 1.0]]), ["one", "two"])
    assert table.loc["one", "two"] == 0.5 and list(table.columns) == ["one", "two"]


# --- distances --------------------------------------------------------------------------------------------------


def test_cosine_distance_is_one_less_cosine():
    first = np.array([[1, 0], [1, 0], [1, 0], [3, 4]], dtype=np.float32)
    second = np.array([[2, 0], [0, 5], [-1, 0], [4, 3]], dtype=np.float32)
    assert cosine_distances(first, second) == pytest.approx([0, 1, 2, 1 - 24 / 25])


def test_cosine_distance_resolves_what_float32_cannot():
    first, second = np.array([[1, 0]], dtype=np.float32), np.array([[1, 1e-7]], dtype=np.float32)
    assert cosine_distances(first, second) == pytest.approx([0.5e-14], rel=1e-3)


# --- what is shown ----------------------------------------------------------------------------------------------


def test_description_of_a_task_names_its_closest_and_farthest_pair():
    labels = list(corpus.shown_sentences())
    same, unrelated = np.array([0.8, 0.6]), np.array([0.1, 0.3])
    assert matrices.describe("text-matching", MATRICES["text-matching"], labels, same, unrelated) == (
        "text-matching: same meaning 0.700, unrelated 0.200 (gap 0.500); shown sentences 0.647 ± 0.104, "
        "closest Chinese-Similar 0.930, farthest French-Similar 0.506"
    )


def test_rendering_shows_the_notebooks_figures():
    figures = {task: np.array([0.5]) for task in MATRICES}
    text = matrices.render(MATRICES, corpus.shown_sentences(), figures, figures)
    blocks = text.split("\n\n")
    assert [block.splitlines()[0] for block in blocks[:5]] == list(MATRICES)
    assert blocks[4].splitlines()[-1].split() == [
        "Similar",
        *(f"{value:.3f}" for value in MATRICES["text-matching"][-1]),
    ]
    assert blocks[5].startswith("mean absolute difference between tasks\nretrieval.query vs retrieval.passage: 0.060\n")
    assert blocks[6].startswith("what each task does\nretrieval.query: same meaning 0.500")
    assert blocks[7].splitlines()[-1] == "Similar: 在前面那只白色的兔子后面走。"
