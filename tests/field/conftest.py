"""Folders that several files of runs start from."""

import shutil
from pathlib import Path

import pytest

from tests.checkpoints import ADAPTER_FILE, change_json, write_native_checkpoint
from tests.field import no_loss_runs
from tests.places import ROOT, Home

TWO_TASKS = ("separation", "classification")

OWN_EVALS = """
import warnings

from fixtures.comparing.rows import at_least, measured

def test_weak(device, claims):
    claims.hold(at_least("share", 0.5, 0.8))

def test_strong(device, claims):
    claims.hold(at_least("share", 0.9, 0.8))

def test_warns(device, claims):
    warnings.warn("said by an eval", FutureWarning)

def test_passes(device, claims):
    claims.hold(measured("number", 7))
"""
KNOWN = "test_own.py::test_weak # weak\ntest_own.py::test_strong # holds\n"

EVALS = "suite/evals"
OURS = f"{EVALS}/test_ours.py"
EVAL = """
import pytest

from fixtures.comparing.rows import at_least

def helper_of_an_eval(device): pass

def test_judged(device, claims): claims.hold(at_least("share", 0.9, 0.8))

@pytest.mark.parametrize("number", [1, 2])
def test_skipped(device, claims, number): pytest.skip("not asked of this model")
"""
UNIT = """
import pytest

@pytest.mark.unit
def test_unit(): pass
"""
INI = "[pytest]\nmarkers = unit\n"
ON_THE_MODEL = ("--model=model", "--device=cpu")


@pytest.fixture
def home(pytester, native_checkpoint, monkeypatch) -> Home:
    """The suite with quick evals of its own; the model's stored baseline has a stray file."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    home = Home(pytester.path, native_checkpoint)
    home.says({f"{EVALS}/test_own.py": OWN_EVALS})
    for name, content in {"known-failures.txt": KNOWN, "stray.txt": "theirs"}.items():
        home.says({f"suite/snapshots/model/{name}": content})
    return home


@pytest.fixture
def service(pytester, native_checkpoint, monkeypatch) -> Home:
    """A service's folder: quick evals in a file of the suite's, and a unit test of the service's own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    service = Home(pytester.path, native_checkpoint)
    service.says({OURS: EVAL, "tests/test_unit.py": UNIT})
    return service


def mixed_up(folder: Path) -> Path:
    """A copy of the bundled model, one of whose adapters has another one's weights."""
    shutil.copytree(ROOT / "fixtures" / "checkpoints" / "mini", folder)
    shutil.copy(folder / "retrieval_passage" / ADAPTER_FILE, folder / "separation" / ADAPTER_FILE)
    return folder


@pytest.fixture(scope="session")
def of_two_tasks(tmp_path_factory):
    """A tiny model that cuts texts early, so that a run takes a second. Read only."""
    folder = write_native_checkpoint(
        tmp_path_factory.mktemp("two") / "own", prefixes=dict.fromkeys(TWO_TASKS, ""), tasks=[*TWO_TASKS]
    )
    change_json(folder / "tokenizer_config.json", model_max_length=16)
    return folder


@pytest.fixture
def old(project, of_two_tasks):
    """The model of two tasks, where a run with --against finds its old system."""
    return shutil.copytree(of_two_tasks, project.path / "old")


@pytest.fixture
def new(project, of_two_tasks):
    """The same as a run's own model."""
    return shutil.copytree(of_two_tasks, project.path / "new")


@pytest.fixture
def temporary(project, monkeypatch):
    """An empty folder for what runs keep for a while."""
    folder = project.path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture(scope="session")
def knowing_store(tmp_path_factory):
    """A folder of baselines with that of a callable that has all of the evidence right. Read only."""
    return no_loss_runs.recorded_store(tmp_path_factory.mktemp("recorded") / "suite")


@pytest.fixture
def stored(project, knowing_store, monkeypatch):
    """The project with that baseline; its folder."""
    no_loss_runs.variables(monkeypatch)
    return no_loss_runs.in_place(project, knowing_store)
