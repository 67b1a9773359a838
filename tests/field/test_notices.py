"""What plugins, libraries and the machine have to say ends no run; what the suite's own code is warned of does."""

import json
import os
import sys
import warnings
from pathlib import Path

import pytest

from tests.places import put
from tests.runs import failed, notes, printed, run, run_apart

PASSES = ["evals/test_own.py", "-k", "passes", "--model=../model", "--device=cpu"]
SPEED = ["evals/test_throughput.py", "--tasks=separation", "-k", "short", "--benchmark-tokens=20"]

WARNED = """
import warnings
import numpy as np

def test_runtime(device):
    np.float32(3e38) * np.float32(10)

def test_deprecated(device):
    warnings.warn("renamed", DeprecationWarning)

def test_below(device):
    warnings.warn_explicit("said by the suite", UserWarning, "stored.py", 1, module="fixtures.run.baseline_fixtures")

def test_empty_mean(device):
    np.mean(np.array([]))

def test_another_library(device):
    warnings.warn_explicit("said by another", UserWarning, "other.py", 1, module="other.library")
"""


@pytest.fixture
def home(home, monkeypatch):
    """The user's folder; they stand in the suite's."""
    monkeypatch.chdir(home.suite)
    return home


@pytest.fixture
def read_only(home):
    """The suite in a read-only checkout."""
    if sys.platform != "linux" and os.geteuid() == 0:
        pytest.skip("root can't be kept from writing here")
    folders = [home.suite, *(path for path in home.suite.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    yield home.suite
    for folder in folders:
        folder.chmod(0o755)


def passes(result: pytest.RunResult, *warned: str) -> bool:
    """Whether the run passed and ended with a summary, and what it was warned of is to be read in it."""
    text = printed(result)
    assert result.ret == pytest.ExitCode.OK
    assert "INTERNALERROR" not in text and "Traceback" not in result.stderr.str()
    return result.parseoutcomes()["passed"] == 1 and all(one in text for one in warned)


# --- what ends no run -------------------------------------------------------------------------------------------------


def test_checkout_that_cannot_be_written_to(read_only):
    result = run_apart(*PASSES, unprivileged=True, PYTHONDONTWRITEBYTECODE="1")
    assert passes(result, "PytestCacheWarning: could not create cache path", "Permission denied")
    assert not (read_only / ".pytest_cache").exists()


def test_cache_folder_that_is_a_file(home):
    (home.suite / ".pytest_cache").write_text("")
    assert passes(run_apart(*PASSES), "PytestCacheWarning: could not create cache path")


def test_process_that_imported_transformers_before(home):
    script = "import sys, transformers, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    assert passes(run_apart(*PASSES, python=("-c", script)))


def test_python_without_asserts(home):
    assert passes(run_apart(*PASSES, python=("-O", "-m", "pytest")), "assertions not in test modules")


def test_option_for_pycharm_elsewhere(home):
    result = run_apart(*PASSES, "--snapshot-patch-pycharm-diff")
    assert passes(result, "Failed to patch PyCharm's diff tools")


def test_first_comparison_with_nothing_stored(home):
    assert passes(run_apart(*PASSES, "--benchmark-compare"), "Can't compare. No benchmark files")


def test_save_with_nothing_measured(home):
    assert passes(run_apart(*PASSES, "--benchmark-save=none"), "Not saving anything")


def test_parallel_run_says_once_that_nothing_is_timed(home):
    result = run_apart(*PASSES, "-n1", "--dist=loadgroup", "--benchmark-compare")
    assert passes(result) and "automatically disabled" not in printed(result)


# --- what ends one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["-W", "ignore"], ["--import-mode=importlib"]], ids=" ".join)
def test_warning_of_the_suites_own_code_fails_its_eval_unless_the_user_says_otherwise(home, options):
    put(home.suite, {"evals/test_warned.py": WARNED})
    result = run_apart("evals/test_warned.py", *options, model="../model")
    expected = ["test_below", "test_deprecated", "test_empty_mean", "test_runtime"]
    assert sorted(name.removesuffix("[cpu]") for name in failed(result)) == ([] if "-W" in options else expected)


# --- records of throughput --------------------------------------------------------------------------------------------


@pytest.fixture
def timed(project, native_checkpoint):
    """Run a throughput eval, and return what is noted or warned of about the comparison."""

    def timed(*options: str) -> list[str]:
        with warnings.catch_warnings(record=True) as warned:
            result = run(project, *SPEED, *options, model=native_checkpoint)
        assert result.ret == pytest.ExitCode.OK
        return notes(result) + [str(entry.message).partition(".")[0] for entry in warned]

    return timed


def stored(project: pytest.Pytester) -> Path:
    (file,) = (project.path / ".benchmarks").rglob("*_one.json")
    return file


def change_record(file: Path, change) -> None:
    record = json.loads(file.read_text())
    change(record["machine_info"])
    file.write_text(json.dumps(record))


def test_comparison_on_one_machine_says_nothing(project, timed):
    assert timed("--benchmark-save=one") == []
    change_record(stored(project), lambda info: info["cpu"].update(hz_actual=[1, 0], hz_actual_friendly="1.0 Hz"))
    assert timed("--benchmark-compare") == []
    assert json.loads(stored(project).read_text())["machine_info"]["evals"]["devices"]["cpu"] != "cpu"


def test_comparison_of_runs_that_differ_is_a_note(project, timed):
    timed("--benchmark-save=one")
    change_record(stored(project), lambda info: info["evals"]["versions"].update(transformers="5.0"))
    (line,) = timed("--benchmark-compare", "--dtype=bfloat16")
    assert line.startswith("throughput is compared with a record of another ")
    assert "dtype (float32, now bfloat16)" in line and "transformers (5.0, now " in line and line.count(", now ") == 2


def test_comparison_with_another_machine_is_a_note(project, timed):
    timed("--benchmark-save=one")
    change_record(stored(project), lambda info: info.update(node="elsewhere"))
    (line,) = timed("--benchmark-compare")
    assert line.startswith("throughput is compared with a record of another node (elsewhere, now ")
