"""Checkpoints to test the suite on, and copies of the suite for runs inside a run."""

import os
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import PUBLISHED, change_json, write_native_checkpoint

pytest_plugins = ["pytester"]

# A tiny model gains nothing from a second thread, and on a busy machine waits for it.
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Whatever the suite's own tests are warned of is an error; runs inside a run have the suite's policy again."""
    config.addinivalue_line("filterwarnings", "error")


@pytest.fixture(autouse=True)
def _alike_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs inside a run are no part of a parallel one, and print as on a terminal: on CI pytest shortens less."""
    workers = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
    for variable in (*workers, "CI", "BUILD_NUMBER", "EVALS_SNAPSHOTS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def native_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint: the base by the published names, said to be bfloat16; adapters as PEFT trains. Read only."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_native_checkpoint(folder, base_names=PUBLISHED, own_inputs=True)
    change_json(folder / "config.json", dtype="bfloat16")
    return folder


@pytest.fixture
def own_checkpoint(native_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint in a copy that a test may damage."""
    return shutil.copytree(native_checkpoint, tmp_path / "own")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of the suite, so that what a run writes lands in a temporary folder; ``fixtures/`` is the real one."""
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, pytester.path)
    shutil.copytree(ROOT / "evals", pytester.path / "evals", ignore=shutil.ignore_patterns("__pycache__"))
    (pytester.path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.delenv("TOX_ENV_NAME", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytester
