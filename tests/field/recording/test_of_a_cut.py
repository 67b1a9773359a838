"""A baseline of cut embeddings: which run may replace it, and the command that a failure prints."""

import shutil

import pytest

from tests.checkpoints import change_json
from tests.field.recording.conftest import DRIFT, TASK
from tests.places import contents
from tests.runs import printed_command, refusal, run_as_printed

CUT = "--dim=16"


def test_printed_command_records_the_cut_and_the_run_then_passes(fresh):
    command = printed_command(fresh.compare(DRIFT, CUT))
    kept = f"--model={fresh.model} --tasks={TASK} {CUT} --device=cpu"
    assert command == f"pytest {DRIFT} {kept} --snapshot-update"
    assert run_as_printed(fresh.project, command).ret == pytest.ExitCode.OK
    assert {one.name for one in fresh.snapshots.iterdir()} == {"own--dim16"}
    assert fresh.compare(DRIFT, "evals/test_similarity.py", CUT).ret == pytest.ExitCode.OK
    fresh.move_model()
    moved = fresh.compare(DRIFT, CUT)
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    assert printed_command(moved) == command


def test_cut_is_not_compared_in_confusion_and_its_own_recording_leaves_the_whole_one(recorded):
    before = recorded.files()
    confused = recorded.compare(DRIFT, "evals/test_similarity.py", CUT, "--baseline=own")
    assert confused.ret == pytest.ExitCode.TESTS_FAILED
    assert "  vectors are not comparable: 32 and 16 dimensions" in confused.outlines
    assert "skipped   1: snapshots/own is of whole embeddings" in confused.outlines
    assert run_as_printed(recorded.project, printed_command(confused)).ret == pytest.ExitCode.OK
    assert recorded.files() == before
    assert recorded.compare(DRIFT, CUT).ret == pytest.ExitCode.OK and recorded.compare().ret == pytest.ExitCode.OK


def test_whole_embeddings_are_not_recorded_over_a_cut_nor_one_cut_over_another(fresh):
    named = "--baseline=ours"
    assert fresh.record(DRIFT, "--quick-recording", CUT, named).ret == pytest.ExitCode.OK
    before = contents(fresh.snapshots / "ours")
    assert fresh.compare(DRIFT, CUT, named).ret == pytest.ExitCode.OK
    for dim, told, own in (([], "whole", "own"), (["--dim=8"], "cut to 8", "own--dim8")):
        assert refusal(fresh.record(DRIFT, *dim, named)) == (
            f"snapshots/ours is of embeddings that are cut to 16 components, this run's are {told}: leave out "
            f"--baseline to record {own}, or give a new name"
        )
    assert contents(fresh.snapshots / "ours") == before


def test_whole_embeddings_under_another_name_are_not_replaced_by_a_cut(recorded):
    shutil.move(recorded.folder, recorded.snapshots / "ours")
    assert refusal(recorded.record(DRIFT, CUT, "--baseline=ours")).startswith(
        "snapshots/ours is of whole embeddings, this run's are cut to 16: leave out --baseline to record own--dim16"
    )
    (recorded.snapshots / "ours" / "manifest.json").write_text("{}")
    assert refusal(recorded.record(DRIFT, CUT, "--baseline=ours")).startswith("snapshots/ours may be of whole embedd")


def test_cut_of_all_components_is_a_cut(fresh):
    change_json(fresh.model / "config.json", matryoshka_dimensions=[8, 16])
    assert fresh.record(DRIFT, "--quick-recording", "--dim=32").ret == pytest.ExitCode.OK
    whole = fresh.compare(DRIFT, "--baseline=own--dim32")
    assert whole.ret == pytest.ExitCode.OK  # the same vectors: nothing is in the way of a comparison
    assert "embeddings: cut to 32 of 32 components" in fresh.compare(DRIFT, "--dim=32").outlines
