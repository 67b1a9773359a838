"""Checkpoints to test the suite on, and copies of the suite for runs inside a run."""

import importlib
import os
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import PUBLISHED, change_json, write_native_checkpoint
from tests.places import ROOT, copy_suite

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("tests.runs", "tests.field.loading_runs", "tests.field.no_loss_runs")

# A tiny model gains nothing from a second thread, and on a busy machine waits for it.
os.environ["OMP_NUM_THREADS"] = "1"


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
def baseline_of_format_1() -> Path:
    """The folder of a baseline that version 0.3 recorded, of the bundled model. Read only."""
    return ROOT / "tests" / "data" / "baselines" / "format-1" / "mini"


@pytest.fixture(scope="session")
def _libraries_of_runs() -> None:
    """Pytester forgets what is first imported inside a run, and torch can't be imported twice."""
    for library in ("huggingface_hub", "pandas", "peft", "scipy.stats", "sklearn.metrics.pairwise", "torch"):
        importlib.import_module(library)
    from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model  # noqa: F401  imported when first named


@pytest.fixture
def pytester(_libraries_of_runs: None, pytester: pytest.Pytester) -> pytest.Pytester:
    return pytester


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of the suite, so that what a run writes lands in a temporary folder; ``fixtures/`` is the real one."""
    copy_suite(pytester.path)
    monkeypatch.delenv("TOX_ENV_NAME", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytester
