"""Baselines in a folder of the user's own, from wherever the user stands."""

import os
import shutil

import pytest

from fixtures.baselines.stored_files import KNOWN_FAILURES
from fixtures.run.store_option import VARIABLE
from tests.conftest import ROOT
from tests.field.recording.conftest import DRIFT, PARTS, Recordings, contents
from tests.field.recording.test_command import printed, run_as_printed
from tests.field.said_by_runs import notes, refusal

SETTINGS = '[project]\nname = "service"\nversion = "1"\n\n[tool.jina-v3-evals]\nsnapshots = "baselines"\n'


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A repository beside the suite's, in which the user stands."""
    folder = tmp_path / "service"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def suites(fresh: Recordings, name: str = DRIFT) -> str:
    """An eval of the suite's as it is typed where the user stands."""
    return os.path.relpath(fresh.project.path / name)


def test_recording_lands_where_it_was_asked_for_and_nowhere_else(fresh, service):
    asked = [suites(fresh), "--snapshots=baselines"]
    result = fresh.record(*asked)
    assert result.ret == pytest.ExitCode.OK
    assert "recorded anchors in baselines/own, with bounds from a new null set" in notes(result)
    assert set(contents(service / "baselines" / "own")) == PARTS
    assert not fresh.snapshots.exists()
    again = fresh.compare(*asked)
    assert again.ret == pytest.ExitCode.OK
    assert fresh.compare(suites(fresh)).ret == pytest.ExitCode.TESTS_FAILED  # the suite's own folder has none


def test_failure_names_paths_and_a_command_that_can_be_pasted_there(recorded, service):
    shutil.move(recorded.snapshots, service / "baselines")
    recorded.move_model()
    result = recorded.compare(suites(recorded), "--snapshots=baselines")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*, against baselines/own"])
    command = printed(result)
    assert f"pytest {suites(recorded)} " in command and " --snapshots=baselines " in command
    accepted = run_as_printed(recorded.project, command)
    assert "accepted into baselines/own, with bounds from a new null set:" in notes(accepted)
    assert recorded.compare(suites(recorded), "--snapshots=baselines").ret == pytest.ExitCode.OK
    assert not recorded.snapshots.exists()


@pytest.mark.parametrize("said_by", ["option", "variable", "pyproject", "pyproject above"])
def test_each_way_to_say_it_is_stronger_than_the_next(recorded, service, monkeypatch, said_by):
    shutil.move(recorded.snapshots, service / "baselines")
    options = ["--snapshots=baselines"] if said_by == "option" else []
    if said_by in ("option", "variable"):
        monkeypatch.setenv(VARIABLE, "baselines" if said_by == "variable" else "elsewhere")
    own = SETTINGS if said_by.startswith("pyproject") else SETTINGS.replace("baselines", "elsewhere")
    (service / "pyproject.toml").write_text(own)
    if said_by == "pyproject above":
        (service / "deploy").mkdir()
        monkeypatch.chdir(service / "deploy")
    assert recorded.compare(suites(recorded), *options).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "pytests", [["--rootdir=ELSEWHERE"], ["-c", "ELSEWHERE/other.ini"], ["-p", "no:cacheprovider"]]
)
def test_pytests_root_folder_and_ini_file_decide_nothing(recorded, service, tmp_path, pytests):
    shutil.move(recorded.snapshots, service / "baselines")
    (service / "pyproject.toml").write_text(SETTINGS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.ini").write_text("[pytest]\n")
    (elsewhere / "pyproject.toml").write_text(SETTINGS.replace("baselines", "none"))
    options = [option.replace("ELSEWHERE", str(elsewhere)) for option in pytests]
    assert recorded.compare(suites(recorded), *options).ret == pytest.ExitCode.OK


def test_nearest_pyproject_decides_also_where_it_says_nothing(recorded, service, monkeypatch):
    """As in a clone of the suite inside the service: what is run there is the suite's own business."""
    (service / "pyproject.toml").write_text(SETTINGS)
    inside = service / "vendored"
    inside.mkdir()
    (inside / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(inside)
    assert recorded.compare(suites(recorded)).ret == pytest.ExitCode.OK


def test_bundled_baseline_and_what_is_known_of_it_are_found_beside_ones_own(fresh, service):
    shutil.copytree(ROOT / "snapshots" / "mini", fresh.snapshots / "mini")
    (service / "baselines").mkdir()
    whole = [suites(fresh), "-k", "whole", "--device=cpu", "--snapshots=baselines"]
    result = fresh.project.runpytest_inprocess(*whole)
    result.assert_outcomes(passed=1, deselected=5)
    (fresh.snapshots / "mini" / KNOWN_FAILURES).write_text("test_drift.py::test_baseline_is_hole # typed wrong\n")
    result = fresh.project.runpytest_inprocess(*whole)
    (note,) = [note for note in notes(result) if "known failure" in note]
    assert note.startswith(f"{os.path.relpath(fresh.snapshots / 'mini')} lists a known failure that no eval is: ")
    named = fresh.project.runpytest_inprocess(*whole, "--baseline=none")
    assert refusal(named) == (
        "--baseline: unknown baseline 'none'; baselines has: mini (record a new one with --snapshot-update)"
    )


NAMED = {
    "option": "--snapshots",
    "variable": VARIABLE,
    "pyproject": "pyproject.toml: snapshots of [tool.jina-v3-evals]",
}


@pytest.mark.parametrize("said_by", NAMED)
def test_named_folder_that_is_not_there_is_no_reason_to_compare_with_the_bundled_baseline(
    project, service, monkeypatch, said_by
):
    """It is a typing error, or lost in a clone; whoever only looks around may name one that is to come."""
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    options = ["--snapshots=baselines"] if said_by == "option" else []
    if said_by == "variable":
        monkeypatch.setenv(VARIABLE, "baselines")
    if said_by == "pyproject":
        (service / "pyproject.toml").write_text(SETTINGS)
    whole = [os.path.relpath(project.path / DRIFT), "-k", "whole", "--device=cpu", *options]
    assert refusal(project.runpytest_inprocess(*whole)) == (
        f"{NAMED[said_by]}: 'baselines' isn't there, so there is nothing to compare with; give the folder that "
        "baselines lie in, or record into a new one with --snapshot-update"
    )
    assert project.runpytest_inprocess(*whole, "--collect-only").ret == pytest.ExitCode.OK
    (service / "baselines").mkdir()
    assert project.runpytest_inprocess(*whole).ret == pytest.ExitCode.OK


def test_ones_own_list_of_known_failures_counts_and_is_named_as_typed(recorded, service):
    shutil.move(recorded.snapshots, service / "baselines")
    (service / "baselines" / "own" / KNOWN_FAILURES).write_text("test_drift.py::test_baseline_is_hole # typed wrong\n")
    result = recorded.compare(suites(recorded), "--snapshots=baselines")
    (note,) = [note for note in notes(result) if "known failure" in note]
    assert note.startswith("baselines/own lists a known failure that no eval is: test_drift.py::test_baseline_is_hole ")


BAD = {
    "a file": ("FILE", None, "--snapshots: 'FILE' is no folder"),
    "nothing": ("", None, "--snapshots: '' is no folder"),
    "below a file": ("FILE/x", None, "--snapshots: 'FILE/x' is no folder"),
    "too long": ("x" * 5000, None, "--snapshots: 'xxx"),
    "no TOML": (None, "[tool", "pyproject.toml: unreadable ("),
    "no table": (None, "[tool]\njina-v3-evals = 1\n", "pyproject.toml: [tool.jina-v3-evals] is no table"),
    "unknown": (
        None,
        "[tool.jina-v3-evals]\nsnapshot = 'b'\n",
        "pyproject.toml: unknown entry 'snapshot' of [tool.jina-v3-evals]; it has one, snapshots",
    ),
    "a number": (
        None,
        "[tool.jina-v3-evals]\nsnapshots = 1\n",
        "pyproject.toml: snapshots of [tool.jina-v3-evals] is 1",
    ),
    "a file, there": (
        None,
        "[tool.jina-v3-evals]\nsnapshots = 'FILE'\n",
        "pyproject.toml: snapshots of [tool.jina-v3-evals]: 'FILE' is no folder",
    ),
}


@pytest.mark.parametrize(("option", "content", "said"), BAD.values(), ids=BAD)
def test_what_is_no_folder_is_one_line(fresh, service, option, content, said):
    (service / "FILE").write_text("")
    if content is not None:
        (service / "pyproject.toml").write_text(content)
    options = [] if option is None else [f"--snapshots={option}"]
    assert refusal(fresh.compare(suites(fresh), *options, "--rootdir=..")).startswith(said)


def test_variable_that_is_no_folder_is_one_line_and_an_empty_one_is_none(fresh, service, monkeypatch):
    (service / "FILE").write_text("")
    monkeypatch.setenv(VARIABLE, "FILE")
    assert refusal(fresh.compare(suites(fresh))).startswith(f"{VARIABLE}: 'FILE' is no folder; ")
    monkeypatch.setenv(VARIABLE, "")
    assert fresh.compare(suites(fresh), "--collect-only").ret == pytest.ExitCode.OK
