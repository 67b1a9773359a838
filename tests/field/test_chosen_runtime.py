"""Which runtime opens a model: the one that its small files say, and --runtime over it."""

import re

import pytest

from tests.checkpoints import write_json
from tests.places import put
from tests.runs import lines, refusal, report_in, run_apart

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


def run_beside(project, *arguments: str) -> pytest.RunResult:
    """Run evals with the row of another runtime."""
    put(project.path, {"row.py": ROW})
    return run_apart("-p", "row", *arguments)


@pytest.fixture
def folder(project):
    """A model's folder by the type that its config.json says."""

    def folder(model_type: str):
        project.mkdir("model")
        write_json(project.path / "model" / "config.json", {"model_type": model_type})
        return "model"

    return folder


@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_folder_is_opened_by_the_runtime_whose_row_claims_its_files(project, folder, parallel):
    result = run_beside(project, *ASKED, f"--model={folder('lengths')}", "--report=out", *parallel)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["model: model, opened by the lengths runtime; *", "versions: numpy *, packaging *"])
    result.stdout.no_fnmatch_line("runtime: *")
    said = report_in(project.path / "out")["run"]
    assert (said["runtime"], said["model"]["runtime"], set(said["versions"])) == (
        "lengths",
        "lengths",
        {"numpy", "packaging"},
    )


def test_folder_that_no_row_claims_is_refused_by_jina_v3_and_opened_by_the_runtime_that_is_named(project, folder):
    model = folder("bert")
    refused = refusal(run_beside(project, *ASKED, f"--model={model}"))
    assert (
        refused == f"--model: {model}: no model.safetensors and no model.safetensors.index.json: not a model checkpoint"
    )
    evals = ["evals/test_contract.py", "evals/test_drift.py", "-k", "order or embeddings"]
    options = [f"--model={model}", "--runtime=lengths", "--turns=3", "--report=out"]
    result = run_beside(project, *evals, *options)
    result.stdout.fnmatch_lines(
        ["runtime: lengths, as --runtime says", "run: float32, turned 3 times, devices: own, *"]
    )
    (command,) = lines(result, "Record one with: ")
    assert "--model=model --runtime=lengths --device=own --turns=3 " in command
    assert report_in(project.path / "out")["run"]["runtime"] == "lengths"


@pytest.mark.parametrize("where", ["map.toml", "snapshots/model/task-map.toml"], ids=["named", "beside its baseline"])
@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_runtime_that_the_task_map_names_opens_a_folder_that_no_row_claims(folder, project, where, parallel):
    put(project.path, {where: 'runtime = "lengths"\n'})
    named = [f"--task-map={where}"] if where == "map.toml" else []
    result = run_beside(project, *ASKED, f"--model={folder('bert')}", "--turns=3", "--report=out", *named, *parallel)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "model: model, opened by the lengths runtime; *",
            f"task map: {where.rpartition('/')[2]}, *",
            "run: float32, turned 3 times, devices: own, *",
        ]
    )
    result.stdout.no_fnmatch_line("runtime: *")
    assert report_in(project.path / "out")["run"]["runtime"] == "lengths"


def test_model_of_the_hub_is_claimed_by_what_the_cache_has_of_it(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    options = [*ASKED, "--model=some-org/some-model"]
    assert "isn't in the Hub cache and can't be downloaded" in refusal(run_beside(project, *options))
    cached = tmp_path / "models--some-org--some-model"
    for missing in (cached / "snapshots" / ("a" * 40), cached / "refs"):
        missing.mkdir(parents=True)
    write_json(cached / "snapshots" / ("a" * 40) / "config.json", {"model_type": "lengths"})
    (cached / "refs" / "main").write_text("a" * 40)
    assert run_beside(project, *options).ret == pytest.ExitCode.OK


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
def test_runtime_or_option_that_does_not_fit_the_model_is_one_line(project, options, line):
    assert re.match(re.escape(line), refusal(run_beside(project, *ASKED, "--model=mini", *options)))
