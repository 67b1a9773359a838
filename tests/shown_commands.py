"""Which of the commands that the pages show are run, where, and on what: read from ``shown_commands.toml``.

As a program it runs those of the list "all", one after the other, in a copy of the working tree and offline but for
packages, and prints how long each took and kept processors busy. Exit code 1 if one of them failed. Needs nothing but
Python, bash, git and tox.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_suffix(".toml")

EVERY_PUSH = "every push"
ALL = "all"
NEEDS = "needs hardware or network"

_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".tox", ".venv", ".benchmarks", ".pytest_cache", ".ruff_cache", "__pycache__"
)


@dataclass(frozen=True)
class ShownCommand:
    """An entry of the list.

    Attributes:
        shown: the command as the pages show it, white space as one space.
        list: where it is run: with every push, with all, or nowhere, since it needs hardware or network.
        instead: what stands in for a part of the command that only the reader can fill in, or that pages leave out.
        before: what prepares the stand-ins.
        python: an interpreter without which it isn't run.
        reason: why it is run nowhere.
    """

    shown: str
    list: str
    instead: dict[str, str] = field(default_factory=dict)
    before: str = ""
    python: str = ""
    reason: str = ""

    @property
    def as_run(self) -> str:
        """The command with what stands in for its parts."""
        command = self.shown
        for part, stand_in in self.instead.items():
            command = command.replace(part, stand_in)
        return command


def read_commands(path: Path = FILE) -> list[ShownCommand]:
    """Return the entries in their order.

    Raises:
        TypeError: an entry has a key that there isn't, or lacks one.
    """
    return [ShownCommand(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["command"]]


def main() -> int:
    """Run what the list calls "all" in a copy of the working tree."""
    parser = argparse.ArgumentParser(prog="python -m tests.shown_commands", description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE, help="the list (default: the project's)")
    chosen = [command for command in read_commands(parser.parse_args().file) if command.list == ALL]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        return _run_each(chosen, copy)


def _run_each(commands: Sequence[ShownCommand], folder: Path) -> int:
    """Run commands whatever becomes of the ones before; return 1 if any failed."""
    environment = _environment(folder)
    results = []
    for command in commands:
        print(f"\n$ {command.as_run}", flush=True)
        if command.python and not _has_interpreter(command.python):
            results.append((0.0, 0.0, f"not run: no {command.python} here", command))
            continue
        start, start_of_children = time.monotonic(), _processor_seconds()
        code = _run(command.before, folder, environment) or _run(command.as_run, folder, environment)
        took, busy = time.monotonic() - start, _processor_seconds() - start_of_children
        results.append((took, busy, f"exit code {code}" if code else "ok", command))
    print("\n  time  of processors")
    for took, busy, outcome, command in results:
        print(f"{took:5.0f} s {busy:5.0f} s  {outcome:12}  {command.shown}")
    print(f"{sum(row[0] for row in results):5.0f} s {sum(row[1] for row in results):5.0f} s  in all")
    return int(any(outcome.startswith("exit code") for _, _, outcome, _ in results))


def _processor_seconds() -> float:
    """Return how long processors have worked for the commands that are over."""
    times = os.times()
    return times.children_user + times.children_system


def _run(command: str, folder: Path, environment: dict[str, str]) -> int:
    """Run a line as a shell would, stopping at the first command that fails; return its exit code."""
    return subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, check=False).returncode


def _environment(folder: Path) -> dict[str, str]:
    """Return variables under which models are looked for in the copy only, and tox uses the project's environments."""
    written_by = {f"GIT_{role}_{part}": "ci" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    ours = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "TOX_WORK_DIR": str(ROOT / ".tox")}
    return os.environ | written_by | ours


def _has_interpreter(name: str) -> bool:
    """Tell whether it runs: a program of that name may be a shim that only prints where Python is."""
    found = shutil.which(name)
    return found is not None and subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
