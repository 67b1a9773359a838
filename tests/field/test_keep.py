"""--keep: what both sides answered lies in folders, from which the same rows come again without a model."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from fixtures.baselines.reference import reference_in
from fixtures.comparing.rows import Row
from fixtures.run.compared_folders import compared
from fixtures.run.option_values import parse_texts
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.field.conftest import mixed_up
from tests.field.test_against import COMPARED, DRIFT, WORKERS, swap_adapters
from tests.places import ROOT, contents, put
from tests.runs import (
    closing_lines,
    finished,
    lines,
    notes,
    printed,
    refusal,
    rows_in,
    run,
    run_apart,
    run_callable,
    section,
)

COMPARES = ("embeddings", "served_is", "matrix_is_that", "differences_are")
"""What the names of evals that leave rows on two sides hold."""
OWN_TEXT = "Nobody but its owner knows of the heron at the third lock."


def of_the_run(report: Path) -> list[Row]:
    """The rows of a run on its two sides, by JUnit's XML."""
    found = rows_in(report).items()
    return [row for name, rows in found if any(part in name for part in COMPARES) for row in rows]


def again(old: str = "kept/old", new: str = "kept/new", own: str | None = None) -> list[Row]:
    """The rows of two folders."""
    sides = [reference_in(Path(side)) for side in (old, new)]
    found = compared(*sides, parse_texts(own) if own else None, ROOT)
    return [Row.load(row.dump()) for row in found.rows]


def figures(rows: list[Row]) -> list[tuple]:
    """What a reader knows rows by, in an order of its own."""
    found = [
        (row.name, row.task, row.device, row.role, row.new, row.relation, row.bound, row.source, row.verdict, row.n)
        for row in rows
        if row.verdict != "not applicable"
    ]
    return sorted(found, key=repr)


def command(*arguments: str, **options) -> pytest.RunResult:
    """Run the command in a process of its own, where the test stands."""
    return finished([sys.executable, "-m", "fixtures", "compare", *arguments], **options)


# --- the same rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drifts", [False, True], ids=["green", "red"])
def test_run_against_a_system_has_the_same_rows_again(project, old, new, drifts):
    if drifts:
        swap_adapters(new)
    result = run(project, *COMPARED, "--against=old", "--keep=kept", "--junitxml=report.xml", model=new)
    assert result.ret == int(drifts)
    assert figures(again()) == figures(of_the_run(project.path / "report.xml"))
    told = command("kept/old", "kept/new")
    assert told.ret == int(drifts)
    closing = [line.replace("old on cpu", "kept/old") for line in closing_lines(result)]
    for kind in ("differs", "drift", "vectors", "compared"):
        assert lines(told, f"{kind} ") == [line for line in closing if line.startswith(f"{kind} ")]
    if drifts:
        failure = section(result, "FAILURES").partition("\nseparation on cpu: drift: ")[2].partition("\n  to see it")[0]
        assert failure.replace("old on cpu", "kept/old") in str(told.stdout)


def test_run_against_a_stored_baseline_has_the_same_rows_again(project, tmp_path):
    model = mixed_up(tmp_path / "mixed-up")
    options = [f"--snapshots={ROOT / 'snapshots'}", "--baseline=mini", "--no-control", "--junitxml=report.xml"]
    result = run_apart(*COMPARED, *options, "--keep=kept", "-k", "separation or differences or served", model=model)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = figures(of_the_run(project.path / "report.xml"))
    found = figures(again())
    assert {*told} <= {*found} and len(
        {row[1] for row in found if row[0] == "drift"}
    ) == 5  # all is there, all the same
    assert [row for row in found if row[1] in (None, "separation")] == told
    assert {row[7] for row in found if row[0] == "matrix max"} == {"measured, 55 runs"}
    assert contents(project.path / "kept" / "old") == {
        name: content for name, content in contents(ROOT / "snapshots" / "mini").items() if name != "known-failures.txt"
    }
    assert command("kept/old", "kept/new").ret == pytest.ExitCode.TESTS_FAILED


def test_bounds_are_those_of_the_old_systems_own_baseline_whatever_is_recorded_since(project, tmp_path):
    snapshots = shutil.copytree(ROOT / "snapshots", tmp_path / "snapshots")
    options = ["--against=mini,dtype=bfloat16", "--keep=kept", "--junitxml=report.xml", *WORKERS]
    result = run_apart(*COMPARED, f"--snapshots={snapshots}", *options, model="mini")
    assert result.ret == pytest.ExitCode.OK
    shutil.rmtree(snapshots)
    found = figures(again())
    assert found == figures(of_the_run(project.path / "report.xml"))
    of = {row[7].partition(", of ")[2] for row in found if row[0] == "matrix max"}
    assert len(of) == 1 and of.pop().endswith("snapshots/mini")
    assert printed(result).count("observing mini,dtype=bfloat16 on cpu: separation: ") == 2
    assert printed(result).count("note      kept: ") == 1
    later = [row for row in figures(again("kept/new", "kept/new")) if row[0] == "matrix max"]
    assert {row[7].partition(";")[0] for row in later} == {"floor of float32"}  # a new side has no bounds of its own
    told = command("kept/old", "kept/new")
    assert (
        told.ret == pytest.ExitCode.OK
        and "differs   on cpu, from kept/old: dtype: bfloat16 -> float32" in told.outlines
    )
    assert "old       kept/old: mini,dtype=bfloat16,device=cpu,threads=1, in bfloat16" in told.outlines


BESIDE = """
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("st", device="cpu")

def encode(texts, task):
    return model.encode(texts, batch_size=16)
"""


def test_sentence_transformers_beside_a_callable_of_a_few_lines(project):
    write_sentence_transformers(project.path / "st")
    put(project.path, {"beside.py": BESIDE, "st.toml": "[tasks]\nembedding = {}\n"})
    options = ["--against=st,task-map=st.toml", "--keep=kept", "--junitxml=report.xml"]
    task_map = 'precision = "float32"\nlayers = 2\nmax_length = 128\n[tasks]\nembedding = {}\n'
    result = run_callable(project, "beside:encode", *COMPARED, *options, task_map=task_map)
    found = again()
    assert figures(found) == figures(of_the_run(project.path / "report.xml"))
    # Random weights put texts so close together that rounding alone turns their order round, here and there.
    assert {row.name for row in found if row.verdict == "doesn't hold"} <= {"order inversions", "drift"}
    assert command("kept/old", "kept/new").ret == result.ret


def test_texts_of_ones_own_are_kept_as_hashes_and_asked_for(project, old, new):
    put(project.path, {"own.jsonl": json.dumps({"id": "heron", "text": OWN_TEXT}) + "\n"})
    options = ["--against=old", "--texts=own.jsonl", "--keep=kept", "--junitxml=report.xml"]
    result = run(project, *COMPARED, *options, model=new)
    assert result.ret == pytest.ExitCode.OK
    assert figures(again(own="own.jsonl")) == figures(of_the_run(project.path / "report.xml"))
    assert any(
        line.endswith("python -m fixtures compare kept/old kept/new --texts=own.jsonl") for line in notes(result)
    )
    told = command("kept/old", "kept/new")
    assert "note      kept/new was asked 1 texts of yours (own:heron): give them with --texts FILE" in told.outlines
    for content in contents(project.path / "kept").values():
        assert b"heron at the third" not in content
    for side in ("old", "new"):
        tokens = json.loads((project.path / "kept" / side / "observation.json").read_text())["tokens"]
        assert set(tokens["own:heron"]) == {"count", "sha256"}


def test_what_tasks_leave_out_is_not_judged_again_either(project, old, new):
    run(project, *COMPARED, "--against=old", "--keep=kept", "--tasks=separation", "--junitxml=report.xml", model=new)
    assert figures(again()) == figures(of_the_run(project.path / "report.xml"))
    told = command("kept/old", "kept/new")
    assert told.ret == pytest.ExitCode.OK
    assert "not judged: --tasks leaves tasks of the model out" in printed(told)


@pytest.mark.parametrize("workers", [[], WORKERS], ids=["serial", "workers"])
def test_several_devices_have_a_new_side_each(project, old, new, monkeypatch, workers):
    monkeypatch.setenv("LIVING_MODELS", str(project.path / "living.txt"))
    options = ["-p", "tests.two_devices", "--device=all", "--against=old", "--keep=kept", f"--model={new}"]
    result = run_apart(DRIFT, *options, *workers, PYTHONPATH=str(ROOT))
    assert result.ret == pytest.ExitCode.OK
    assert sorted(path.name for path in (project.path / "kept").iterdir()) == ["new-cpu", "new-cpu-0", "old"]
    (told,) = [note for note in notes(result) if note.startswith("kept: ")]
    assert re.findall(r"compare (\S+ [^\s;]+)", told) == ["kept/old kept/new-cpu-0", "kept/old kept/new-cpu"]
    assert {row.device for row in again(new="kept/new-cpu-0")} == {"cpu:0"}


@pytest.mark.parametrize("plugin", ["-n2", "--dist=load"], ids=["any worker", "serial"])
def test_workers_that_share_a_device_keep_it_once(project, old, new, plugin):
    result = run_apart(*COMPARED, "--against=old", "--keep=kept", plugin, model=new)
    assert result.ret == pytest.ExitCode.OK
    assert sorted(path.name for path in (project.path / "kept").iterdir()) == ["new", "old"]
    assert printed(result).count("note      kept: ") == 1


# --- when nothing is kept ---------------------------------------------------------------------------------------------


def test_nothing_is_written_over(project, old, new):
    put(project.path, {"kept/new/mine.txt": "mine"})
    before = contents(project.path / "kept")
    for workers in ([], WORKERS):
        result = run_apart(DRIFT, "--against=old", "--keep=kept", *workers, model=new)
        assert refusal(result) == (
            "--keep: kept/new is there already, and nothing is written over; name another folder, or remove it"
        )
        assert "observing" not in printed(result) and contents(project.path / "kept") == before


def test_folder_may_be_there(project, old, new):
    put(project.path, {"kept/mine.txt": "mine"})
    assert run(project, DRIFT, "--against=old", "--keep=kept", model=new).ret == pytest.ExitCode.OK
    assert sorted(path.name for path in (project.path / "kept").iterdir()) == ["mine.txt", "new", "old"]


def test_folder_that_can_not_be_written_is_one_line(project, old, new):
    (project.path / "there").mkdir(mode=0o555)
    result = run_apart(DRIFT, "--against=old", "--keep=there/kept", model=new, unprivileged=True)
    assert refusal(result) == "--keep: there: Permission denied; allow writing there, or name another folder"
    put(project.path, {"file": ""})
    told = refusal(run(project, DRIFT, "--keep=file/kept", model=new))
    assert told == "--keep: 'file/kept' is no folder; give one, which need not be there yet"


def test_look_around_makes_nothing(project, new):
    before = {path.name for path in project.path.iterdir()}
    result = run(project, DRIFT, "--keep=kept", "--collect-only", "-q", model=new)
    assert result.ret == pytest.ExitCode.OK and "--keep" not in printed(result)
    assert {path.name for path in project.path.iterdir()} - before <= {"__pycache__", ".pytest_cache"}


def test_run_that_records_keeps_nothing(project, new):
    told = refusal(run(project, DRIFT, "--snapshot-update", "--keep=kept", model=new))
    assert told == "--keep with --snapshot-update: a run that records has no old side; leave one of them out"


def test_run_without_an_eval_that_compares_keeps_nothing(project, new):
    result = run(project, "evals/test_contract.py", "-k", "finite", "--keep=kept", model=new)
    assert notes(result) == ["--keep: nothing is kept: no eval that compares has run"]
    assert not (project.path / "kept").exists()


def test_new_side_is_kept_where_there_is_no_old_one(project, new):
    result = run(project, DRIFT, "--keep=kept", model=new)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "kept: kept/new; there is no old side" in notes(result)
    assert [path.name for path in (project.path / "kept").iterdir()] == ["new"]


def test_run_that_ends_at_its_first_failure_keeps_both_sides(project, old, new):
    swap_adapters(new)
    for workers in ([], WORKERS):
        result = run_apart(*COMPARED, "-x", "--against=old", f"--keep=kept{len(workers)}", *workers, model=new)
        assert result.ret == pytest.ExitCode.TESTS_FAILED and len(lines(result, "FAILED ")) == 1
        assert {row.new for row in again(f"kept{len(workers)}/old", f"kept{len(workers)}/new") if row.name == "drift"}


INTERRUPTS = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item):
    if "differences" in item.name:
        raise KeyboardInterrupt
"""


def test_interrupted_run_leaves_nothing(project, old, new, temporary):
    put(project.path, {"interrupts.py": INTERRUPTS})
    before = {path.name for path in project.path.iterdir()}
    result = run_apart(*COMPARED, "-p", "interrupts", "--against=old", "--keep=kept", model=new)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert notes(result) == ["--keep: the run was broken off; nothing is kept"]
    assert {path.name for path in project.path.iterdir()} - before <= {"__pycache__", ".pytest_cache"}
    assert list(temporary.iterdir()) == []


def test_system_that_raises_when_it_is_asked_the_rest_keeps_nothing(project):
    put(
        project.path,
        {
            "raises.py": "from tests import callables\n\n"
            "def encode(texts, task):\n"
            "    if task == 'passage' and len(texts) > 2:\n        raise RuntimeError('no more')\n"
            "    return callables.encode(texts, task)\n"
        },
    )
    options = ["--against=python:tests.callables:encode,task-map=map.toml", "--keep=kept", "-k", "query or served"]
    result = run_callable(project, "raises:encode", DRIFT, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (told,) = [note for note in notes(result) if note.startswith("--keep: ")]
    assert told.startswith("--keep: nothing is kept: new: python:raises:encode: raised under passage: ")
    assert not (project.path / "kept").exists()
