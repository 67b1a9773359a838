"""Did the numbers move? The notebook's seven sentences, their similarity matrices and how the tasks differ.

Compared with the tables stored in ``snapshots/<model>/``; ``--snapshot-update`` records a whole new baseline.
"""

import numpy as np
import pytest

from fixtures.baselines import notebook_tables
from fixtures.comparing.rows import at_most, equal
from fixtures.comparing.similarity import similarity_matrix
from fixtures.showing import shown_path
from fixtures.texts import corpus

SENTENCES = list(corpus.shown_sentences().values())


@pytest.mark.gates_under("same")
def test_similarity_matrix_is_that_of_the_baseline(observation, task, stored_table, claims):
    matrix = similarity_matrix(observation.vectors(SENTENCES, task))
    kind, table = notebook_tables.similarity_table(task, matrix)
    claims.hold(stored_table(notebook_tables.similarity_name(task), kind, table))


@pytest.mark.gates_under("same")
def test_task_differences_are_those_of_the_baseline(notebook_matrices, all_tasks, stored_table, claims):
    kind, table = notebook_tables.differences_table(notebook_matrices)
    claims.hold(stored_table(notebook_tables.DIFFERENCES, kind, table))


@pytest.mark.gates_under("same")
def test_every_stored_file_belongs_to_a_task(device, stray_files, all_tasks, settings, claims):
    where = f"in {shown_path(settings.baseline_folder)}"
    claims.hold(equal("files of the baseline that no eval reads (delete them)", stray_files, [], worst=[where]))


def test_similarity_matrix_is_symmetric_with_ones_on_its_diagonal(observation, task, claims):
    matrix = similarity_matrix(observation.vectors(SENTENCES, task))
    claims.hold(
        at_most("largest |diagonal - 1|", np.abs(np.diag(matrix) - 1).max(), 1e-6),
        at_most("largest asymmetry", np.abs(matrix - matrix.T).max(), 1e-12),
    )


@pytest.fixture
def all_tasks(system):
    if system.target.only_tasks:
        pytest.skip("needs all of the model's tasks; --tasks leaves some out")
