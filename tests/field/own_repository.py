"""The example's repository as its users have it: in git, with the suite as a submodule, run from a shell."""

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.runs import finished

EXAMPLE = ROOT / "examples" / "own-repository"
SUITE = "vendor/jina-v3-evals"
EVALS = f"{SUITE}/evals"
MODEL = "models/embedder"

_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",  # submodules from a folder
    "GIT_CONFIG_VALUE_0": "always",
    "GIT_CONFIG_KEY_1": "core.compression",  # of weights: nothing gained
    "GIT_CONFIG_VALUE_1": "0",
} | {f"GIT_{role}_{part}": "test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
_OTHERS = ("PYTEST_", "TOX_", "EVALS_", "GIT_")
"""How variables begin that a run inside a test run would take for its own."""


class Repository:
    """A checkout in which commands are run as they are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str, start: str = ".") -> pytest.RunResult:
        """Run a line in a shell in which ``pytest`` is the one of this environment."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)} | _GIT
        environment["PATH"] = f"{_programs(self.folder.parent)}{os.pathsep}{os.environ['PATH']}"
        environment["HF_HUB_OFFLINE"] = "1"
        return finished(command, shell=True, cwd=self.folder / start, env=environment)

    def git(self, arguments: str, start: str = ".") -> str:
        """Run git, which has to succeed, and return what it says."""
        result = self.run(f"git {arguments}", start)
        assert result.ret == 0, result.stderr
        return str(result.stdout)

    def commit(self) -> None:
        """Commit all that isn't ignored."""
        self.git("add -A")
        self.git("commit --quiet --message change")

    def status(self) -> tuple[str, str]:
        """What git would commit here, and in the submodule."""
        return self.git("status --porcelain --ignore-submodules=none"), self.git("status --porcelain", SUITE)

    def put_model(self, checkpoint: Path) -> Path:
        """Put a checkpoint where the example expects its model; its files are shared, not copied, where they can be."""
        return Path(shutil.copytree(checkpoint, self.folder / MODEL, copy_function=_link))


def suite_in_git(folder: Path) -> Path:
    """Return a repository of the working tree as it is, without a copy of its files."""
    Repository(folder).git(f"init --quiet --bare {folder / 'suite.git'}")
    of_tree = f"--git-dir={folder / 'suite.git'} --work-tree={ROOT} -c core.bare=false"
    Repository(folder).git(f"{of_tree} add -A .", str(ROOT))
    Repository(folder).git(f"{of_tree} commit --quiet --message suite", str(ROOT))
    return folder / "suite.git"


def example_in_git(folder: Path, suite: Path, *, baseline: bool = True) -> Repository:
    """Return the example, committed with the suite as its submodule; with its baseline, or what is written by hand."""
    recorded = (
        []
        if baseline
        else [
            "manifest.json",
            "quality.json",
            "data.json",
            "*.safetensors",
            "similarity",
            "t*.txt",
            "tok*",
            "tol*",
            "ledger*",
        ]
    )
    ignored = shutil.ignore_patterns("__pycache__", ".gitmodules", ".pytest_cache", "vendor", "models", *recorded)
    repository = Repository(Path(shutil.copytree(EXAMPLE, folder, ignore=ignored)))
    repository.git("init --quiet")
    repository.git(f"submodule --quiet add {suite} {SUITE}")
    repository.commit()
    return repository


def clone_of(repository: Repository, folder: Path) -> Repository:
    """Return a fresh clone, with its submodule."""
    repository.git(f"clone --quiet --recurse-submodules {repository.folder} {folder}")
    return Repository(folder)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copyfile(source, target)


def _programs(folder: Path) -> Path:
    """A folder with this environment's pytest, which, as the installed one, leaves the working directory out."""
    program = folder / "bin" / "pytest"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m pytest "$@"\n')
        program.chmod(stat.S_IRWXU)
    return program.parent
