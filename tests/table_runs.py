"""Runs of a small eval that reads its figures from a file, and the tables that they are compared with."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fixtures.baselines.manifest import digest
from fixtures.baselines.tables import TableKind, write_table
from tests.checkpoints import TASKS
from tests.places import contents
from tests.runs import run

LABELS = ("a", "b", "c", "d", "e")
TEXTS = {
    label: f"Text {label} is about the number {at} and goes on for a while after it." for at, label in enumerate(LABELS)
}

EVAL = f"""
import json

import pandas as pd

from fixtures.baselines.tables import TableKind


def test_table(device, task, stored_table, claims, pytestconfig):
    obtained = json.loads((pytestconfig.rootpath / "obtained.json").read_text())
    content = obtained.get(device + " " + task) or obtained.get(device) or obtained["any"]
    kind = TableKind(title="table of " + task, entries="numbers", subject=task, texts={TEXTS!r})
    table = pd.DataFrame(content["values"], index=content["labels"], columns=content["labels"])
    claims.hold(stored_table("similarity/" + task, kind, table))
"""


def matrix(seed: int = 0, size: int = len(LABELS)) -> np.ndarray:
    half = np.random.default_rng(seed).uniform(0.2, 0.9, size=(size, size))
    full = np.triu(half, 1)
    return full + full.T + np.eye(size)


def shifted(*shifts: tuple[int, int, float], seed: int = 0) -> np.ndarray:
    values = matrix(seed)
    for row, column, shift in shifts:
        values[row, column] += shift
        values[column, row] += shift
    return values


class Tables:
    """A project with the small eval, the figures that it obtains, and its stored files."""

    def __init__(self, project: pytest.Pytester, model: Path) -> None:
        self.project, self.model = project, model
        self.folder = project.path / "snapshots" / model.name
        for eval_file in (project.path / "evals").iterdir():
            eval_file.unlink()
        (project.path / "evals" / "test_fake.py").write_text(EVAL)
        self.obtained: dict[str, dict] = {}
        self.obtain(matrix())

    def obtain(self, values: np.ndarray, *, where: str = "any", labels=LABELS) -> None:
        self.obtained[where] = {"values": values.tolist(), "labels": list(labels)}
        (self.project.path / "obtained.json").write_text(json.dumps(self.obtained))

    def run(self, *arguments: str, device: str = "cpu") -> pytest.RunResult:
        options = [f"--model={self.model}", f"--device={device}"]
        return run(self.project, "evals", *options, *arguments)

    def record(self, folder: Path | None = None) -> None:
        """Store what "any" obtains as tables without anchors, as published ones are stored."""
        folder, files = folder or self.folder, {}
        for task in TASKS:
            kind = TableKind(title=f"table of {task}", entries="numbers", subject=task)
            labels = self.obtained["any"]["labels"]
            text = write_table(kind, pd.DataFrame(self.obtained["any"]["values"], index=labels, columns=labels))
            (folder / "similarity").mkdir(parents=True, exist_ok=True)
            (folder / "similarity" / f"{task}.txt").write_text(text)
            files[f"similarity/{task}.txt"] = digest(text.encode())
        (folder / "manifest.json").write_text(json.dumps({"format": 1, "files": files}))

    def reseal(self) -> None:
        reseal_tables(self.folder)

    def command(self) -> str:
        """The command that records this model's baseline."""
        return f"pytest evals/test_drift.py --model={self.model} --device=cpu --snapshot-update"

    def file(self, of: str = "separation") -> Path:
        return self.folder / "similarity" / f"{of}.txt"

    def files(self) -> dict[str, bytes]:
        return contents(self.project.path / "snapshots")


def reseal_tables(folder: Path) -> None:
    """Have the manifest list the tables as they lie there, as if they had been recorded so."""
    files = {path.relative_to(folder).as_posix(): path for path in (folder / "similarity").glob("*.txt")}
    listed = {name: digest(path.read_bytes()) for name, path in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "files": listed}))


def said(result: pytest.RunResult, of: str = "separation") -> list[str]:
    """The lines of one task's failure, without pytest's own and the one with the figure."""
    text = result.stdout.str().partition(f"test_table[cpu-{of}] _")[2]
    block = re.split(r"\n(?:_{3,}|=+|-{5,})", text)[0]
    return [line.strip() for line in block.splitlines() if line.startswith("  ")]
