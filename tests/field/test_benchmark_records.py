"""Throughput compared with a stored record (--benchmark-save, --benchmark-compare), of this machine or of another."""

import json

import pytest

from tests.field.loading_runs import ONE_TASK, run

SPEED = ("evals/test_throughput.py", ONE_TASK, "--benchmark-tokens=50", "-k", "short")


@pytest.fixture
def stored_record(project, native_checkpoint):
    """A function that stores a record and lets a test change its machine_info."""

    def store(change=lambda machine: None):
        assert run(project, native_checkpoint, *SPEED, "--benchmark-save=before").ret == pytest.ExitCode.OK
        (path,) = (project.path / ".benchmarks").rglob("*_before.json")
        record = json.loads(path.read_text())
        change(record["machine_info"])
        path.write_text(json.dumps(record))

    return store


def compared(project, native_checkpoint):
    result = run(project, native_checkpoint, *SPEED, "--benchmark-compare")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str() + result.stderr.str()
    return [line.removeprefix("note      ") for line in result.outlines if "compared with a record" in line]


def test_a_record_of_this_machine_compares_without_a_note(project, native_checkpoint, stored_record):
    stored_record()
    assert compared(project, native_checkpoint) == []


def test_a_record_of_other_libraries_compares_and_says_which(project, native_checkpoint, stored_record):
    stored_record(lambda machine: machine["evals"]["versions"].update(torch="2.8.0"))
    (note,) = compared(project, native_checkpoint)
    assert note.startswith("throughput is compared with a record of another evals.versions.torch (2.8.0, now 2.")


def test_without_a_record_the_run_measures_and_says_so(project, native_checkpoint):
    result = project.runpytest_subprocess(f"--model={native_checkpoint}", "--device=cpu", *SPEED, "--benchmark-compare")
    assert result.ret == pytest.ExitCode.OK
    result.stderr.fnmatch_lines("*Can't compare. No benchmark files*")
