"""Folders that runs start from, and their files."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHES = {"__pycache__", ".pytest_cache"}  # what Python and pytest write of their own accord


def put(folder: Path, files: dict[str, str]) -> None:
    """Write files by their paths in the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder by their paths in it, but for the caches of Python and pytest."""
    paths = {path: path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {inside.as_posix(): path.read_bytes() for path, inside in paths.items() if not CACHES & {*inside.parts}}


def copy_suite(folder: Path, *more: str) -> None:
    """Copy the suite's evals, and more of its folders, so that what a run stores lands beside the copy.

    ``fixtures/`` is the real one.
    """
    folder.mkdir(exist_ok=True)
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("evals", *more):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "fixtures").symlink_to(ROOT / "fixtures")


class Home:
    """A user's folder, without git: the suite lies in it, and a model beside the suite."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.suite = folder, folder / "suite"
        copy_suite(self.suite)
        self.model = Path(shutil.copytree(model, folder / "model"))
        self.stored = self.suite / "snapshots" / "model"

    def says(self, files: dict[str, str]) -> None:
        """Write files by their paths in the folder."""
        put(self.folder, files)
