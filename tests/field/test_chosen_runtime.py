"""Which runtime opens a model: the one that its small files say, and --runtime over it."""

import json
import re
import sys

import pytest

from tests.checkpoints import write_json
from tests.field.callable_runs import refusal

ROW = '''
"""A runtime of folders and Hub models whose config.json says "lengths", with an option of its own."""
import os
from dataclasses import dataclass

import numpy as np

from fixtures.models.hub import HUB_ID
from fixtures.models.small_files import small_files
from fixtures.models.spec import Input, ModelSpec
from fixtures.runtimes import registry
from fixtures.runtimes.encoder import Encoder
from fixtures.runtimes.options import RunOptions


@dataclass(frozen=True)
class Turns(RunOptions):
    turns: int = 1

    def header(self, where):
        return [f"turned {self.turns} times", *where]


class Lengths(Encoder):
    device, notes = "own", []

    def __init__(self, spec, turns):
        self.spec, self.turns = spec, turns

    def encode(self, texts, task, **vary):
        angles = self.turns * np.array([len(text) for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def claims(target):
    files = small_files(target)
    return files is not None and files.config.get("model_type") == "lengths"


def describe(target):
    tasks = {"embedding": Input()}
    return ModelSpec(target.name, "lengths", tasks, source="here", precision="float32", baseline_name="lengths")


def pytest_addoption(parser):
    parser.addoption("--turns", type=int)


registry.register(
    registry.Runtime(
        name="lengths",
        takes="a folder, or a Hub id",
        names=lambda name: os.path.isdir(name) or HUB_ID.fullmatch(name),
        claims=claims,
        baseline_name=lambda name: "lengths",
        describe=describe,
        fetch=lambda spec, target: spec,
        open=lambda spec, target, device, options: Lengths(spec, options.turns),
        devices=lambda: ["own"],
        options=Turns,
        packages=("numpy", "packaging"),
    )
)
'''
ASKED = ["evals/test_contract.py", "-k", "order"]


@pytest.fixture
def run(project):
    """Run evals with the row of another runtime."""
    (project.path / "row.py").write_text(ROW)

    def run(*arguments: str) -> pytest.RunResult:
        return project.run(sys.executable, "-m", "pytest", "-p", "row", "-p", "no:cacheprovider", *arguments)

    return run


@pytest.fixture
def folder(project):
    """A model's folder by the type that its config.json says."""

    def folder(model_type: str):
        project.mkdir("model")
        write_json(project.path / "model" / "config.json", {"model_type": model_type})
        return "model"

    return folder


def report(project) -> dict:
    return json.loads((project.path / "out" / "report.json").read_text(encoding="utf-8"))["run"]


@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_folder_is_opened_by_the_runtime_whose_row_claims_its_files(run, folder, project, parallel):
    result = run(*ASKED, f"--model={folder('lengths')}", "--report=out", *parallel)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["model: model, opened by the lengths runtime; *", "versions: numpy *, packaging *"])
    result.stdout.no_fnmatch_line("runtime: *")
    said = report(project)
    assert (said["runtime"], said["model"]["runtime"], set(said["versions"])) == (
        "lengths",
        "lengths",
        {"numpy", "packaging"},
    )


def test_folder_that_no_row_claims_is_refused_by_jina_v3_and_opened_by_the_runtime_that_is_named(run, folder, project):
    model = folder("bert")
    refused = refusal(run(*ASKED, f"--model={model}"))
    assert (
        refused == f"--model: {model}: no model.safetensors and no model.safetensors.index.json: not a model checkpoint"
    )
    options = [f"--model={model}", "--runtime=lengths", "--turns=3"]
    result = run("evals/test_contract.py", "evals/test_drift.py", "-k", "order or embeddings", "--report=out", *options)
    result.stdout.fnmatch_lines(
        ["runtime: lengths, as --runtime says", "run: float32, turned 3 times, devices: own, *"]
    )
    (command,) = [line for line in result.outlines if line.startswith("Record one with: ")]
    assert "--model=model --runtime=lengths --device=own --turns=3 " in command
    assert report(project)["runtime"] == "lengths"


def test_model_of_the_hub_is_claimed_by_what_the_cache_has_of_it(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    options = [*ASKED, "--model=some-org/some-model"]
    assert "isn't in the Hub cache and can't be downloaded" in refusal(run(*options))
    cached = tmp_path / "models--some-org--some-model"
    for missing in (cached / "snapshots" / ("a" * 40), cached / "refs"):
        missing.mkdir(parents=True)
    write_json(cached / "snapshots" / ("a" * 40) / "config.json", {"model_type": "lengths"})
    (cached / "refs" / "main").write_text("a" * 40)
    assert run(*options).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--runtime=lenghts"],
            "--runtime: unknown runtime 'lenghts'; allowed: lengths, python, jina-v3, sentence-transformers, onnx; did",
        ),
        (
            ["--runtime=ggml"],
            "--runtime: unknown runtime 'ggml'; allowed: lengths, python, jina-v3, sentence-transformers, onnx",
        ),
        (
            ["--runtime=python"],
            "--model: the python runtime opens no model of the name 'mini'; allowed: python:package",
        ),
        (["--turns=2"], "--turns: the jina-v3 runtime takes no such option; leave it out"),
    ],
    ids=["mistyped", "unknown", "of other names", "option of another"],
)
def test_runtime_or_option_that_does_not_fit_the_model_is_one_line(run, options, line):
    assert re.match(re.escape(line), refusal(run(*ASKED, "--model=mini", *options)))
