"""Recordings that take seconds, though they are whole: of a tiny model that cuts texts early."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import change_json, change_tensors, write_native_checkpoint
from tests.places import contents
from tests.resealing import reseal
from tests.runs import run

TASK = "separation"
TABLE = f"similarity/{TASK}.txt"
DRIFT = "evals/test_drift.py"
WHOLE = [DRIFT, "-k", "whole"]
"""Selects the eval that reads every file of a baseline and needs no model."""
PARTS = {"manifest.json", "tokens.json", "anchors.safetensors", "signatures.safetensors"}
PARTS |= {"tolerance.json", "quality.json", "ledger.jsonl", "task-differences.txt", TABLE}


class Recordings:
    """Runs of the evals on a model, and the files of its baseline."""

    def __init__(self, project: pytest.Pytester, model: Path) -> None:
        self.project, self.model = project, model
        self.snapshots = project.path / "snapshots"
        self.folder = self.snapshots / model.name

    def arguments(self, *evals: str) -> list[str]:
        return [*evals, f"--model={self.model}", f"--tasks={TASK}", "--device=cpu"]

    def compare(self, *arguments: str) -> pytest.RunResult:
        return run(self.project, *self.arguments(*(arguments or [DRIFT])))

    def record(self, *arguments: str) -> pytest.RunResult:
        return self.compare(*(arguments or [DRIFT]), "--snapshot-update")

    def files(self) -> dict[str, bytes]:
        return contents(self.folder)

    def manifest(self) -> dict:
        return json.loads((self.folder / "manifest.json").read_text())

    def move_model(self) -> None:
        """Have the model answer something else from now on."""
        move(self.model)

    def keep_tables_only(self) -> None:
        """Leave what earlier versions of the suite recorded when tables alone were selected."""
        files = {name: (self.folder / name).read_bytes() for name in (TABLE, "task-differences.txt")}
        shutil.rmtree(self.folder)
        (self.folder / "similarity").mkdir(parents=True)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        (self.folder / "manifest.json").write_text(json.dumps({"format": 1, "files": hashes}))


def move(model: Path) -> None:
    """Change a model's weights so that it answers something else."""

    def grow(tensors):
        tensors["layers.1.mlp.fc2.weight"] *= 1.5

    change_tensors(model / "model.safetensors", grow)


@pytest.fixture(scope="session")
def short_model(tmp_path_factory) -> Path:
    folder = write_native_checkpoint(tmp_path_factory.mktemp("short") / "own", prefixes={TASK: ""}, tasks=[])
    change_json(folder / "tokenizer_config.json", model_max_length=16)
    return folder


@pytest.fixture
def fresh(project, short_model, tmp_path) -> Recordings:
    """A model of one's own without a baseline."""
    return Recordings(project, Path(shutil.copytree(short_model, tmp_path / "own")))


@pytest.fixture(scope="session")
def kept_baseline(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("kept") / "baseline"


@pytest.fixture
def recorded(fresh, kept_baseline) -> Recordings:
    """The model of ``fresh`` with its baseline, which the first test to ask for it records."""
    if not kept_baseline.exists():
        assert fresh.record().ret == pytest.ExitCode.OK
        shutil.copytree(fresh.folder, kept_baseline)
        shutil.rmtree(fresh.snapshots)
    shutil.copytree(kept_baseline, fresh.folder)
    reseal(fresh.folder, lambda manifest: manifest["source"].update(given=fresh.model.as_posix()))
    return fresh


@pytest.fixture
def other_baseline(recorded, kept_baseline) -> dict[str, bytes]:
    """The files of another whole baseline of the model."""
    files = contents(kept_baseline)
    manifest = json.loads(files["manifest.json"])
    return {**files, "manifest.json": json.dumps(manifest, indent=3).encode()}
