"""Did the numbers move? The notebook's seven sentences, their similarity matrices and how the tasks differ.

Compared with the tables stored in ``snapshots/<model>/``; ``--snapshot-update`` records a whole new baseline.
"""

import numpy as np
import pytest

from fixtures.baselines import shown_tables
from fixtures.comparing.similarity import similarity_matrix
from fixtures.run.claims import failed_claim
from fixtures.run.recording_command import not_replaceable
from fixtures.run.stored import known_files
from fixtures.texts import corpus

SENTENCES = list(corpus.shown_sentences().values())


def test_similarity_matrix_is_that_of_the_baseline(embeddings, task, stored_table):
    matrix = similarity_matrix(embeddings.vectors(SENTENCES, task))
    kind, table = shown_tables.similarity_table(task, matrix)
    _same(stored_table(shown_tables.similarity_name(task), kind), table)


def test_task_differences_are_those_of_the_baseline(shown_matrices, stored_table, all_tasks):
    kind, table = shown_tables.differences_table(shown_matrices)
    _same(stored_table(shown_tables.DIFFERENCES, kind), table)


def test_every_stored_file_belongs_to_a_task(device, baseline, checkpoint, all_tasks, claims):
    if not_replaceable(baseline, checkpoint):
        pytest.skip(f"snapshots/{baseline.name} is another model's")
    listed = baseline.manifest()["files"] if baseline.exists else ()
    expected = known_files(checkpoint.tasks) | set(listed)  # of tasks that the model no longer has, too
    found = {path.relative_to(baseline.folder).as_posix() for path in baseline.folder.rglob("*") if path.is_file()}
    orphans = sorted(name for name in found - expected if not name.startswith(".update/"))
    claims.equal(f"files of snapshots/{baseline.name} that no eval reads (delete them)", orphans, [])


def test_similarity_matrix_is_symmetric_with_ones_on_its_diagonal(embeddings, task, claims):
    matrix = similarity_matrix(embeddings.vectors(SENTENCES, task))
    claims.at_most("largest |diagonal - 1|", np.abs(np.diag(matrix) - 1).max(), 1e-6)
    claims.at_most("largest asymmetry", np.abs(matrix - matrix.T).max(), 1e-12)


@pytest.fixture
def all_tasks(settings):
    if settings.only_tasks:
        pytest.skip("needs all of the model's tasks; --tasks leaves some out")


def _same(stored, table) -> None:
    __tracebackhide__ = True
    if stored == table:
        return
    share = stored.extension.share  # None where nothing could be compared: no baseline, or a damaged one
    raise failed_claim("\n".join(stored.get_assert_diff()), [] if share is None else [share])
