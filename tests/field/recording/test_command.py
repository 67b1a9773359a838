"""The command that a failure prints is one to paste: it records, and replaces no other model's baseline."""

import json
import shlex
import shutil

import pytest

from fixtures.hardware import devices
from tests.checkpoints import write_native_checkpoint
from tests.field.recording.conftest import DRIFT, TABLE, TASK, Recordings
from tests.places import contents, put
from tests.resealing import reseal
from tests.runs import collected, printed_command, run, run_as_printed


@pytest.fixture
def command(fresh):
    """The end of this model's command, by default."""
    return f"--model={fresh.model} --tasks={TASK} --device=cpu --snapshot-update"


# --- what it is made of -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        [DRIFT],
        [DRIFT, "-x", "-k", "embeddings", "--lf", "--maxfail=1"],
        ["evals/test_similarity.py", "-k", "matrix_is_that", "-q", "--durations=3", "--tb=line"],
        [f"{DRIFT}::test_embeddings_are_those_of_the_baseline", "--show-matrices", "--junit-xml=report.xml"],
    ],
)
def test_command_is_made_of_the_settings_not_of_what_was_typed(fresh, command, typed):
    assert printed_command(fresh.compare(*typed)) == f"pytest {DRIFT} {command}"


def test_settings_other_than_the_default_are_kept(fresh, monkeypatch):
    monkeypatch.setattr(devices, "available_devices", lambda: ["cpu:0", "cpu"])
    options = ["--device=all", "--dtype=bfloat16", "--batch-tokens=512", "--attn-implementation=eager"]
    result = run(fresh.project, DRIFT, f"--model={fresh.model}", f"--tasks={TASK}", *options)
    kept = "--device=cpu:0 --dtype=bfloat16 --attn-implementation=eager --batch-tokens=512"
    assert printed_command(result) == f"pytest {DRIFT} --model={fresh.model} --tasks={TASK} {kept} --snapshot-update"


def test_float32_baseline_is_recorded_in_float32_whatever_the_run_is_in(recorded, command):
    recorded.move_model()
    assert printed_command(recorded.compare(DRIFT, "--dtype=bfloat16")) == f"pytest {DRIFT} {command}"


def test_tasks_that_are_a_choice_are_left_out(project, tmp_path):
    prefixes = {"separation": "", "classification": ""}
    folder = write_native_checkpoint(tmp_path / "two", prefixes=prefixes, tasks=list(prefixes))
    result = run(project, DRIFT, "--tasks=separation", model=folder)
    assert printed_command(result) == f"pytest {DRIFT} --model={folder} --device=cpu --snapshot-update"


def test_path_is_the_one_to_type_from_where_the_run_was_started(fresh, command, monkeypatch):
    (fresh.project.path / "elsewhere").mkdir()
    monkeypatch.chdir(fresh.project.path / "elsewhere")
    assert printed_command(fresh.compare("../evals/test_drift.py")) == f"pytest ../{DRIFT} {command}"


def test_command_of_an_eval_that_lies_elsewhere_is_the_suites(fresh, command):
    put(fresh.project.path, {"ours/test_ours.py": "def test_ours(task, old):\n    pass"})
    assert printed_command(fresh.compare("ours")) == f"pytest {DRIFT} {command}"


@pytest.mark.parametrize("option", ["--config-file", "--rootdir"])
def test_configuration_that_was_given_is_kept(fresh, option):
    value = fresh.project.path / ("pyproject.toml" if option == "--config-file" else "")
    assert f" {option}={value} --snapshot-update" in printed_command(fresh.compare(DRIFT, f"{option}={value}"))


def test_options_of_the_environment_are_visibly_put_aside(fresh, command, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k embeddings")
    assert printed_command(fresh.compare()) == f"PYTEST_ADDOPTS= pytest {DRIFT} {command}"


def test_command_is_toxs_where_tox_runs(fresh, command, monkeypatch):
    monkeypatch.setenv("TOX_ENV_NAME", "evals")
    assert printed_command(fresh.compare()) == f"tox run -e evals -- {DRIFT} -k test_drift {command}"
    behind_the_dashes = shlex.split(printed_command(fresh.compare()))[5:]
    listed = collected(run(fresh.project, "evals", *behind_the_dashes, "--collect-only", "-q"))
    assert {one.partition("::")[0] for one in listed} == {DRIFT}


def test_name_with_a_space_is_quoted(project, short_model, tmp_path):
    model = Recordings(project, shutil.copytree(short_model, tmp_path / "my model"))
    assert shlex.split(printed_command(model.compare()))[2] == f"--model={model.model}"


# --- run as printed ---------------------------------------------------------------------------------------------------


def test_command_of_a_first_run_records_and_the_run_then_passes(fresh):
    typed = [DRIFT, "evals/test_similarity.py", "-k", "baseline", "-x"]
    assert run_as_printed(fresh.project, printed_command(fresh.compare(*typed))).ret == pytest.ExitCode.OK
    assert fresh.compare(*typed).ret == pytest.ExitCode.OK


def test_command_of_a_run_that_moved_accepts_it_and_changes_nothing_else(recorded):
    shutil.copytree(recorded.folder, recorded.snapshots / "other")
    before = contents(recorded.snapshots / "other")
    recorded.move_model()
    result = recorded.compare("evals")
    assert run_as_printed(recorded.project, printed_command(result)).ret == pytest.ExitCode.OK
    assert recorded.compare(DRIFT, "evals/test_similarity.py").ret == pytest.ExitCode.OK
    assert {path.name for path in recorded.snapshots.iterdir()} == {"own", "other"}
    assert contents(recorded.snapshots / "other") == before


def test_command_accepts_into_the_folder_that_was_recorded_from_this_model(recorded):
    shutil.move(recorded.folder, recorded.snapshots / "earlier")
    recorded.move_model()
    command = printed_command(recorded.compare(DRIFT, "--baseline=earlier"))
    assert command.endswith(" --baseline=earlier --snapshot-update")
    assert run_as_printed(recorded.project, command).ret == pytest.ExitCode.OK
    assert recorded.compare(DRIFT, "--baseline=earlier").ret == pytest.ExitCode.OK and not recorded.folder.exists()


@pytest.fixture
def candidate(recorded, tmp_path):
    """Another model than the one that the baseline was recorded from."""
    model = Recordings(recorded.project, shutil.copytree(recorded.model, tmp_path / "candidate"))
    model.move_model()
    return model


@pytest.mark.parametrize("selected", [[DRIFT], ["evals/test_similarity.py"]])
def test_baseline_of_another_model_is_named_and_not_offered_for_replacement(recorded, candidate, selected):
    before = recorded.files()
    result = candidate.compare(*selected, "--baseline=own")
    recorded_from = f"snapshots/own was recorded from {recorded.model}"
    said = f"{recorded_from} and stays as it is; record {candidate.model}'s own baseline with: "
    command = f"pytest {DRIFT} --model={candidate.model} --tasks={TASK} --device=cpu --snapshot-update"
    assert [line.removeprefix("E").strip() for line in result.outlines if " stays as it is; " in line] == [
        said + command
    ]
    assert run_as_printed(candidate.project, command).ret == pytest.ExitCode.OK
    assert candidate.compare().ret == pytest.ExitCode.OK and recorded.files() == before


def test_files_of_another_models_baseline_are_not_said_to_be_deleted(recorded, candidate):
    shutil.copy(recorded.folder / TABLE, recorded.folder / "similarity" / "clustering.txt")
    result = candidate.compare("evals/test_similarity.py", "-k", "symmetric or belongs", "--baseline=own")
    assert result.ret == pytest.ExitCode.OK and "delete them" not in result.stdout.str()


def test_tables_of_tasks_that_a_model_no_longer_has_are_not_said_to_be_deleted(project, tmp_path):
    folder = write_native_checkpoint(tmp_path / "two", prefixes={"a": "", "b": ""}, tasks=["a", "b"])
    tables = project.path / "snapshots" / "two" / "similarity"
    tables.mkdir(parents=True)
    for task in ("a", "b", "separation", "stray"):
        (tables / f"{task}.txt").write_text("a table")
    files = dict.fromkeys(f"similarity/{task}.txt" for task in ("a", "b", "separation"))
    (tables.parent / "manifest.json").write_text(json.dumps({"format": 1, "files": files}))
    reseal(tables.parent)
    result = run(project, "evals/test_similarity.py", "-k", "belongs", model=folder)
    result.stdout.fnmatch_lines(["*(delete them): found ?'similarity/stray.txt'?, needs ??"])
