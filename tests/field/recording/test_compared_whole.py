"""Whoever compares, compares with a whole baseline that is there: every file is checked first, whichever eval asks."""

import json

import pytest

from tests.field.recording.conftest import DRIFT, TABLE, TASK
from tests.runs import run

SIMILARITY = "evals/test_similarity.py"


def test_table_that_the_manifest_does_not_list_is_no_part_of_the_baseline(recorded):
    recorded.keep_tables_only()
    manifest = recorded.manifest()
    del manifest["files"][TABLE]
    (recorded.folder / "manifest.json").write_text(json.dumps(manifest))
    result = recorded.compare(SIMILARITY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"*has no baseline for {TASK}: nothing to compare snapshots/own/{TABLE} with.*"])


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_without_a_baseline_an_eval_fails_also_where_the_first_that_compares_is_skipped(
    project, native_checkpoint, workers
):
    differences = f"{SIMILARITY}::test_task_differences_are_those_of_the_baseline"
    result = run(project, differences, DRIFT, "--tasks=retrieval.query", *workers, model=native_checkpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1, skipped=3)
    result.stdout.fnmatch_lines(["*has no baseline in snapshots/*: there is nothing to compare with.*"])
