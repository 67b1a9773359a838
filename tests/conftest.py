"""Checkpoints to test the suite on, and copies of the suite for runs inside a run."""

import shutil
from pathlib import Path

import pytest

from tests.checkpoints import write_native_checkpoint

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def native_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint in the published layout. Read only."""
    return write_native_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture
def own_checkpoint(native_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint in a copy that a test may damage."""
    return shutil.copytree(native_checkpoint, tmp_path / "own")
