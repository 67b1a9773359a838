"""``--report FOLDER``: all rows of a run in one file, alike in every way to run, and whole or not there."""

import json
import sys

import pytest

from fixtures.reports import json_report
from tests.places import put
from tests.runs import refusal, report_in, run_apart

EVALS = """
import numpy as np
import pytest

from fixtures.comparing.cases import farthest
from fixtures.comparing.rows import at_least, at_most, measured

def test_holds(device, claims):
    claims.hold(at_least("share", 0.9, 0.8, source="chosen"), measured("figure", float("inf")))

def test_fails(device, claims):
    worst = farthest(["near", "far"], np.array([0.25, 0.5]))
    claims.hold(at_most("distance", 0.5, 0.1, worst=[*worst, "a remark"]), at_least("other", 1.0, 0.0))

def test_known(device, claims):
    claims.hold(at_least("share", 0.5, 0.8))

def test_skipped(device):
    pytest.skip("not here")

def test_broken(device, claims):
    raise ValueError("torn")
"""
KNOWN = "test_rows.py::test_known # weak\n"


@pytest.fixture
def run(project, native_checkpoint):
    put(project.path, {"evals/test_rows.py": EVALS, "snapshots/tiny/known-failures.txt": KNOWN})

    def run(*arguments: str, report: str = "out/reports") -> pytest.RunResult:
        return run_apart("evals/test_rows.py", f"--report={report}", *arguments, model=native_checkpoint)

    return run


def read(project) -> dict:
    return report_in(project.path / "out" / "reports")


def test_report_holds_every_row_with_its_verdict(run, project, native_checkpoint):
    result = run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"note      report: {project.path}/out/reports/report.json"])
    report = read(project)
    assert report["version"] == json_report.VERSION
    assert report["run"]["exit_code"] == 1 and report["run"]["model"]["name"] == str(native_checkpoint)
    assert report["run"]["precision"] == "float32" and report["run"]["versions"]["torch"]
    told = [(row["eval"].partition("::")[2], row["name"], row["verdict"], row["gates"]) for row in report["rows"]]
    assert told == [
        ("test_holds[cpu]", "share", "holds", True),
        ("test_holds[cpu]", "figure", "measured", False),
        ("test_fails[cpu]", "distance", "doesn't hold", True),
        ("test_fails[cpu]", "other", "holds", True),
        ("test_known[cpu]", "share", "known", True),
        ("test_skipped[cpu]", "eval", "not applicable", False),
        ("test_broken[cpu]", "eval", "broken", True),
    ]
    distance = report["rows"][2]
    assert (distance["new"], distance["relation"], distance["bound"], distance["device"]) == (0.5, "<=", 0.1, "cpu")
    far, near, remark = distance["evidence"]
    assert far == {"kind": "distance", "label": "", "figures": {"distance": 0.5}, "texts": {"text": "far"}, "item": ""}
    assert near["texts"] == {"text": "near"} and (remark["kind"], remark["label"]) == ("note", "a remark")
    assert report["rows"][0]["source"] == "chosen"
    assert report["rows"][1]["new"] == "inf" and report["rows"][4]["reason"] == "weak"


def test_rows_are_the_same_in_parallel(run, project):
    run()
    alone = read(project)["rows"]
    run("-n2")
    assert sorted(map(str, read(project)["rows"])) == sorted(map(str, alone))


CRASHES = """
import os

def test_crashes(device, claims):
    os._exit(3)
"""


@pytest.mark.parametrize("folder", ["evals", "ours"])
def test_eval_whose_worker_crashes_and_file_that_cannot_be_collected_are_broken_rows(run, project, folder):
    put(project.path, {f"{folder}/test_crash.py": CRASHES})
    run(f"{folder}/test_crash.py", "-n1", "--max-worker-restart=0")
    broken = {row["eval"].partition("::")[2]: row for row in read(project)["rows"] if row["verdict"] == "broken"}
    assert broken["test_crashes[cpu]"]["reason"].startswith("worker 'gw0' crashed while running ")
    (project.path / folder / "test_torn.py").write_text("import nothing_of_this_name")
    run(f"{folder}/test_torn.py", "--continue-on-collection-errors")
    assert f"{folder}/test_torn.py" in [row["eval"] for row in read(project)["rows"] if row["verdict"] == "broken"]


PLAIN = """
import pytest

@pytest.fixture
def torn():
    yield
    raise ValueError("torn")

def test_plain(torn):
    pass
"""


@pytest.mark.parametrize("workers", [[], ["-n1"]])
def test_test_that_uses_no_fixture_of_the_suite_is_no_eval_wherever_it_lies(run, project, workers):
    (project.path / "evals" / "test_plain.py").write_text(PLAIN)
    result = run("evals/test_plain.py", "-k", "plain", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and read(project)["rows"] == []


def test_run_that_is_broken_off_leaves_the_older_report(run, project):
    run("-k", "holds")
    older = read(project)
    (project.path / "evals" / "test_stop.py").write_text("def test_stop(device):\n    raise KeyboardInterrupt")
    result = run("evals/test_stop.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED and read(project) == older


def test_eval_that_holds_no_row_fails(run, project):
    (project.path / "evals" / "test_silent.py").write_text("def test_silent(device, claims):\n    pass")
    result = run("evals/test_silent.py", "-k", "silent")
    result.assert_outcomes(failed=1, deselected=5)
    assert read(project)["rows"][0]["reason"].startswith("ended without a row: ")


def test_report_in_place_of_an_older_one_leaves_nothing_else(run, project):
    run()
    run("-k", "holds")
    assert [row["name"] for row in read(project)["rows"]] == ["share", "figure"]
    assert [path.name for path in (project.path / "out" / "reports").iterdir()] == ["report.json"]


def test_exit_code_of_a_green_run_is_in_its_report(run, project):
    assert run("-k", "holds").ret == pytest.ExitCode.OK and read(project)["run"]["exit_code"] == 0


def test_nothing_is_written_where_only_tests_are_collected(run, project):
    assert run("--collect-only").ret == pytest.ExitCode.OK and not (project.path / "out").exists()


@pytest.mark.parametrize("report", ["pyproject.toml", "pyproject.toml/inside", "", "x" * 5000])
def test_folder_that_can_be_none_is_refused(run, report):
    line = refusal(run(report=report))
    assert line.startswith("--report: ") and "is no folder; give one, which need not be there yet" in line


def _dangling(folder):
    (folder / "out").symlink_to("nowhere")


def _folder_in_its_place(folder):
    (folder / "out" / "reports" / "report.json").mkdir(parents=True)


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (
            _dangling,
            "--report: 'out/reports' is no folder, as a link on the way leads nowhere; give one, which need not ",
        ),
        (
            _folder_in_its_place,
            "--report: out/reports/report.json is a folder where the report belongs; remove it, or ",
        ),
    ],
)
def test_report_that_can_have_no_place_is_refused_before_anything_runs(run, project, prepare, said):
    prepare(project.path)
    result = run()
    assert refusal(result).startswith(said) and "test session starts" not in str(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="root can give up its privileges on Linux only")
def test_report_where_nobody_may_write_is_refused_before_anything_runs(project, native_checkpoint):
    (project.path / "locked").mkdir()
    (project.path / "locked").chmod(0o555)
    chosen = ["evals/test_contract.py", "-k", "unit_norm", "--report=locked/out"]
    assert refusal(run_apart(*chosen, model=native_checkpoint, unprivileged=True)) == (
        "--report: locked: Permission denied; allow writing there, or name another folder"
    )


def test_report_that_cannot_be_written_fails_the_run_in_one_line_and_keeps_the_older_one(run, project):
    run("-k", "holds")
    older = read(project)
    (project.path / "conftest_extra.py").write_text(
        "from fixtures.run import verdicts\n"
        "def full(*arguments):\n    raise OSError(28, 'No space left on device')\n"
        "verdicts.write_report = full\n"
    )
    result = run("-k", "holds", "-p", "conftest_extra")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["note      --report: *: No space left on device; nothing is written"])
    assert read(project) == older


def test_failing_write_keeps_the_older_report(tmp_path, monkeypatch):
    json_report.write_report(tmp_path, {"number": 1}, [])
    monkeypatch.setattr(json_report.os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        json_report.write_report(tmp_path, {"number": 2}, [])
    assert json.loads((tmp_path / "report.json").read_text())["run"] == {"number": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
