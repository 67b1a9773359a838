"""Old against new in one run: what it says, what it refuses, and that strangers may stand anywhere."""

import json
import re
import shutil

import pytest

from tests.checkpoints import ADAPTER_FILE, change_json, change_tensors, write_native_checkpoint
from tests.field.conftest import TWO_TASKS as TASKS
from tests.field.test_option_folders import EVIL, INI
from tests.places import ROOT, put
from tests.runs import (
    closing_lines,
    failed,
    lines,
    notes,
    printed,
    refusal,
    rows_in,
    rows_named,
    run,
    run_apart,
    run_callable,
    section,
)

DRIFT = "evals/test_drift.py"
COMPARED = [DRIFT, "evals/test_similarity.py"]
WORKERS = ["-n2", "--dist=loadgroup"]


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    found = (line.removeprefix("drift").strip().partition(" on cpu: ") for line in lines(result, "drift "))
    return {task: outcome.partition(" (")[0] for task, _, outcome in found}


def swap_adapters(folder):
    first, second = (folder / task / ADAPTER_FILE for task in TASKS)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


@pytest.mark.parametrize("workers", [[], WORKERS], ids=["serial", "workers"])
def test_same_weights_are_identical_and_the_old_system_is_observed_once(old, new, temporary, workers):
    result = run_apart(*COMPARED, "--against=old", "--report=out", *workers, model=new)
    assert result.ret == pytest.ExitCode.OK
    assert outcomes(result) == dict.fromkeys(sorted(TASKS), "identical")
    told = "".join(result.outlines)
    assert told.count("observing old on cpu: separation: ") == 2  # its texts, and what faults do to some
    assert [line.split(" (")[0] for line in lines(result, "loaded ")] == [
        f"loaded    {new} on cpu",
        "loaded    old on cpu, the old system",
    ]
    assert lines(result, "vectors ") == ["vectors   on cpu: interchangeable with those of old on cpu"]
    assert lines(result, "compared ")[0].startswith("compared  3 tables on cpu with old on cpu: 3 within tolerance")
    assert "against: old on cpu, observed in this run (native layout, weights sha256 " in printed(result)
    assert json.loads((new.parent / "out" / "report.json").read_text())["run"]["old"]["called"] == "old on cpu"
    assert list(temporary.iterdir()) == []


def test_adapters_that_changed_places_are_named(project, old, new):
    swap_adapters(new)
    result = run(project, *COMPARED, "--against=old", model=new)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(result) == dict.fromkeys(sorted(TASKS), "drifted")
    told = section(result, "FAILURES")
    assert "looks like: separation answers with the classification adapter" in told
    assert re.search(r"^  differs: model: old -> .*; weights: ", told, re.MULTILINE)
    assert "If the change is wanted: nothing is recorded with --against; a line in " in told
    assert lines(result, "vectors ") == ["vectors   on cpu: not interchangeable with those of old on cpu: re-index"]


def test_causes_are_named_by_what_the_old_system_answered_while_it_was_open(project, of_two_tasks, tmp_path):
    folder = write_native_checkpoint(tmp_path / "prompted", prefixes={"separation": "about: "}, tasks=["separation"])
    change_json(folder / "tokenizer_config.json", model_max_length=64)
    changed = shutil.copytree(folder, tmp_path / "changed")
    change_json(changed / "config.json", task_instructions={"separation": ""})
    result = run(project, DRIFT, f"--against={folder}", model=changed)
    told = section(result, "FAILURES")
    assert "prefix missing on separation" in told.partition("looks like: ")[2].partition("\n")[0]
    assert 'prompt of separation: "about: " -> none' in told
    assert "explained by that: the only difference: prompt of separation" in told


# --- lost -------------------------------------------------------------------------------------------------------------


def take_a_task_away(folder):
    change_json(folder / "config.json", task_instructions={"separation": ""})
    shutil.rmtree(folder / "classification")


def test_role_that_the_new_system_lacks_is_lost(project, old, new):
    take_a_task_away(new)
    result = run(project, DRIFT, "--against=old", "--junitxml=report.xml", model=new)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert failed(result) == ["test_what_the_old_system_served_is_served[cpu-role:classification]"]
    (row,) = [row for row in rows_named(project.path / "report.xml", "served by the new system") if row.fails]
    assert row.reason == (
        f"lost: the role classification (its task classification), which old on cpu served; no task of it serves that "
        f"role: {new} has separation"
    )
    put(project.path / "snapshots" / "new", {"known-failures.txt": f"test_drift.py::{failed(result)[0]} # given up\n"})
    assert run(project, DRIFT, "--against=old", model=new).ret == pytest.ExitCode.OK


def test_what_tasks_leave_out_is_not_lost(project, old, new):
    result = run(project, DRIFT, "--against=old", "--tasks=separation", model=new)
    assert result.ret == pytest.ExitCode.OK
    assert "skipped   1: not judged: --tasks leaves tasks of the model out" in closing_lines(result)


def test_loss_shows_also_where_all_tasks_that_are_left_are_chosen(project, old, new):
    take_a_task_away(new)
    result = run(project, DRIFT, "--against=old", "--tasks=separation", model=new)
    assert failed(result) == ["test_what_the_old_system_served_is_served[cpu-role:classification]"]


NEW_NAMES = """
dimension = 64
max_length = 16
precision = "float32"

[tasks]
group = {}
label = {}

[roles]
clustering = "group"
classification = "label"
"""


def test_tasks_of_other_names_are_compared_role_by_role_and_none_is_lost(project):
    old = 'precision = "float32"\n[tasks]\none = {}\n[roles]\nclustering = "one"\nclassification = "one"\n'
    put(project.path, {"old.toml": old})
    options = ["--against=python:tests.callables:encode,task-map=old.toml", "--junitxml=report.xml"]
    result = run_callable(
        project, "encode", DRIFT, *options, task_map=NEW_NAMES.replace("dimension = 64\nmax_length = 16\n", "")
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # its answers depend on the task's name
    drift = rows_named(project.path / "report.xml", "drift")
    assert {(row.task, row.role, row.detail["old_task"]) for row in drift} == {
        ("group", "clustering", "one"),
        ("label", "classification", "one"),
    }
    assert not [name for name in failed(result) if "served" in name]
    told = [line for line in lines(result, "drift ") if "group (clustering; was one) on own" in line]
    assert told


TWO_OF_NO_ROLE = 'precision = "float32"\n[tasks]\nembedding = {}\nmore = {}\n'


@pytest.mark.parametrize(
    ("options", "addopts", "why"),
    [
        (["--tasks=more"], "", " has neither more nor a role of it: there is nothing to compare with"),
        ([], "--deselect=evals/test_drift.py", ": no eval of test_drift.py has run"),
        (["--tasks=more", "--ignore=evals/test_drift.py"], "", None),
    ],
    ids=["another task", "left out by a setting", "left out by the command"],
)
def test_run_that_compares_nothing_fails_though_other_evals_hold(project, monkeypatch, options, addopts, why):
    put(project.path, {"old.toml": TWO_OF_NO_ROLE.replace("more = {}\n", "")})
    monkeypatch.setenv("PYTEST_ADDOPTS", addopts)
    old = "python:tests.callables:encode,task-map=old.toml"
    asked = ["evals/test_contract.py", DRIFT, f"--against={old}", *options]
    result = run_callable(project, "encode", *asked, task_map=TWO_OF_NO_ROLE)
    told = [line for line in notes(result) if "failed: nothing was compared with" in line]
    assert result.ret == (pytest.ExitCode.OK if why is None else pytest.ExitCode.TESTS_FAILED)
    assert [line.endswith(why or "") for line in told] == ([] if why is None else [True])


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--against=nothing,here"], "--against: unknown model 'nothing,here'; allowed: mini, an existing folder"),
        (["--against=old,dtyp=float16"], "--against: unknown setting 'dtyp'; allowed: attn-implementation, batch-tok"),
        (["--against=old,dtype=int8"], "--against: dtype: unknown value 'int8'; allowed: float32, bfloat16, float16"),
        (["--against=old,dtype="], "--against: dtype= has no value; give one, or leave it out"),
        (["--against=old,dim=0"], "--against: dim: '0' is not a whole number of at least 1"),
        (["--against=old,dim=4096"], "--against: dim"),
        (["--against=old,threads=none"], "--against: threads: 'none' is not a whole number of at least 1"),
        (["--against=old,device=cuda"], "--against: device: device 'cuda' is not available here; available: cpu"),
        (["--against=old,device=all"], "--against: device: device 'all': the old system runs on one"),
        (
            ["--against=old,dtype=float16,dtype=float32"],
            "--against: dtype stands in 'old,dtype=float16,dtype=float32' ",
        ),
        (["--against=old,runtime=tensorflow"], "--against: runtime: unknown runtime 'tensorflow'; allowed: python, "),
        (["--against=old,task-map=none"], "--against: task-map: 'none' is neither a file nor one of the bundled maps"),
        (["--against=old,revision=main"], "--against: revision 'main': only Hub models have one, "),
        (
            ["--against=old,precision=int8"],
            "--against: precision: the jina-v3 runtime computes in what it is asked for",
        ),
        (["--against=old,python=../bin/python"], "--against: python= comes with a later version; leave it out"),
        (["--against=old,at=ssh=host"], "--against: at= comes with a later version; leave it out"),
        (["--against=python:tests.callables:encode,dtype=float16"], "--against: dtype: the python runtime takes no su"),
        (["--against=python:tests.callables:encode,threads=2"], "--against: threads: the python runtime takes none"),
        (["--against=python:tests.callables:encode,dim=2"], "--against: dim: the python runtime can't cut embeddings"),
        (["--against=python:no.module:encode"], "--against: python:no.module:encode: no.module can't be imported"),
        (["--against=some-org/some-model"], "--against: "),
        (["--against=old", "--baseline=mini"], "--against with --baseline: a run has one old side"),
        (["--against=old", "--snapshot-update"], "--snapshot-update with --against: nothing is stored of a system"),
        (["--expect=better"], "--expect: unknown value 'better'; allowed: same"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_be_had_is_one_line(project, old, new, temporary, options, says):
    assert refusal(run(project, DRIFT, *options, model=new)).startswith(says)
    assert list(temporary.iterdir()) == []


def test_refusals_are_alike_with_workers(project, old, new):
    assert refusal(run_apart(DRIFT, "--against=old,device=cuda", *WORKERS, model=new)).startswith("--against: device: ")
    change_tensors(old / "model.safetensors", lambda tensors: tensors.pop("layers.1.mlp.fc2.weight"))
    for workers in ([], WORKERS):
        line = refusal(run_apart(DRIFT, "--against=old", *workers, model=new))
        assert line.startswith("--against: ") and "layers.1.mlp.fc2.weight" in line


def test_old_system_that_raises_ends_the_run_in_one_line(project):
    result = run_callable(project, "encode", DRIFT, "--against=python:tests.callables:raises,task-map=map.toml")
    assert refusal(result).startswith("--against: python:tests.callables:raises: ")


def test_old_system_that_answers_nan_is_nothing_to_compare_with(project):
    result = run_callable(
        project, "encode", DRIFT, "--against=python:tests.callables:not_finite_alone,task-map=map.toml"
    )
    assert "embeddings hold NaN or infinity" in refusal(result)


def test_nothing_is_imported_for_a_look_around(project, old, new):
    script = (
        "import sys, pytest\ncode = pytest.main(sys.argv[1:])\nprint('heavy:', 'torch' in sys.modules, int(code))\n"
    )
    for options, code in ((["--collect-only"], 0), (["--against=old,dtype=no"], 4)):
        result = run_apart(DRIFT, "-q", "--against=old", *options, model=new, python=("-c", script))
        assert f"heavy: False {code}" in result.outlines


# --- strangers --------------------------------------------------------------------------------------------------------


def test_path_that_exists_as_it_is_typed_is_a_path(project, of_two_tasks, new):
    shutil.copytree(of_two_tasks, project.path / "old,dtype=float16")
    shutil.copytree(of_two_tasks, project.path / "a,b")
    result = run(project, DRIFT, "--against=old,dtype=float16", model=new)
    assert result.ret == pytest.ExitCode.OK and "identical" in {*outcomes(result).values()}
    result = run(project, DRIFT, "--against=a,b,dtype=bfloat16", model=new)
    assert result.ret == pytest.ExitCode.OK and {*outcomes(result).values()} == {"within tolerance"}
    assert any("dtype: bfloat16 -> float32" in line for line in lines(result, "differs "))


@pytest.mark.parametrize("workers", [[], WORKERS], ids=["serial", "workers"])
def test_two_devices_are_compared_with_one_old_system(project, old, new, monkeypatch, workers):
    counted = project.path / "living.txt"
    monkeypatch.setenv("LIVING_MODELS", str(counted))
    options = ["-p", "tests.two_devices", "--device=all", "--against=old", f"--model={new}"]
    result = run_apart(DRIFT, *options, *workers, PYTHONPATH=str(ROOT))
    assert result.ret == pytest.ExitCode.OK
    assert printed(result).count("observing old on cpu:0: separation: ") == 2
    assert len(lines(result, "drift ")) == 4 and {line.rpartition(": ")[2] for line in lines(result, "drift ")} == {
        "identical"
    }
    assert {*counted.read_text().split()} == {"0"}  # never two models at once: the old one's gone before the new one's


def test_interruption_between_the_two_leaves_nothing_behind(project, old, new, temporary):
    plugin = """
        from fixtures.runtimes.system import System

        opened, times = System.open, []

        def interrupted(system, threads):
            times.append(system)
            if len(times) == 2:
                raise KeyboardInterrupt
            return opened(system, threads)

        System.open = interrupted
    """
    put(project.path, {"interrupts.py": "\n".join(line[8:] for line in plugin.splitlines())})
    result = run_apart(DRIFT, "-p", "interrupts", "--against=old", "--report=out", model=new)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert list(temporary.iterdir()) == [] and not (project.path / "out").exists()


def test_folder_that_is_named_after_a_blank_brings_no_settings(home, of_two_tasks):
    shutil.copytree(of_two_tasks, home.folder / "given")
    put(home.folder / "given", {"pytest.ini": INI, "evil.py": EVIL})
    assert refusal(run_apart("--against", "given", "suite/evals/test_own.py", "--model=model", "--device=cpu")) == (
        "--against given: pytest took that for a folder of tests, and its settings from given/pytest.ini; join option "
        "and value by '=': --against=given"
    )


def test_run_without_an_eval_that_compares_observes_nothing(project, old, new):
    result = run(project, "evals/test_contract.py", "-k", "finite", "--against=old", model=new)
    assert "observing" not in printed(result) and not lines(result, "drift ")


def test_rows_of_a_stored_and_of_an_observed_old_side_are_alike(project, old, new):
    assert run(project, DRIFT, "--snapshot-update", "--quick-recording", model=new).ret == pytest.ExitCode.OK
    swap_adapters(new)
    run(project, DRIFT, "--junitxml=stored.xml", model=new)
    run(project, DRIFT, "--against=old", "--junitxml=observed.xml", model=new)
    stored, observed = (rows_in(project.path / name) for name in ("stored.xml", "observed.xml"))
    for name, rows in observed.items():
        if "embeddings" in name:
            assert [(row.name, row.new, row.verdict) for row in rows] == [
                (row.name, row.new, row.verdict) for row in stored[name]
            ]
            assert {row.source.partition(", of ")[2] for row in rows if row.bound is not None} == {"snapshots/new"}


def test_notes_of_the_old_system_are_told_apart(project):
    bare = '[tasks]\nquery = {}\n[roles]\nquery = "query"\n'
    put(project.path, {"bare.toml": bare})
    result = run_callable(
        project, "encode", DRIFT, "--against=python:tests.callables:encode,task-map=bare.toml", task_map=bare
    )
    told = "its precision is not stated (precision in a task map): judged by the widest floors"
    assert told in notes(result) and f"--against: {told}" in notes(result)
