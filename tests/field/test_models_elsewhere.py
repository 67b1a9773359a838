"""Models that the suite doesn't know by name, from another repository and behind a link that moves on meanwhile."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from tests.checkpoints import change_json, change_tensors, write_native_checkpoint
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.field.own_repository import EVALS, example_in_git, suite_in_git
from tests.field.recording.conftest import move
from tests.places import put
from tests.runs import printed, refusal, run_apart

DRIFT = "evals/test_drift.py"
PARALLEL = ("-n2", "--dist=loadgroup")
SHORT = 16
"""Tokens after which the models cut texts: they are recorded in seconds."""
MAP = f'pooling = "mean"\nmax_length = {SHORT}\nlanguages = ["en"]\n'


def _move_transformer(folder: Path) -> None:
    def grow(tensors):
        tensors["encoder.layer.1.output.dense.weight"] *= 1.5

    change_tensors(folder / "model.safetensors", grow)


def _move_graph(folder: Path) -> None:
    (file,) = folder.glob("*.onnx")
    model = onnx.load(file)
    (weight,) = (one for one in model.graph.initializer if one.name == "dense")
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 3, weight.name))
    onnx.save(model, file)


def _pool_the_first_token(folder: Path) -> None:
    change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")


@dataclass(frozen=True)
class Kind:
    """A way in which a model lies somewhere.

    Attributes:
        write: writes its folder.
        move: changes its weights.
        weights: the name of the file that ``move`` changes.
        file: what ``--model`` names inside the folder; empty for the folder.
        task_map: whether it takes one.
    """

    write: Callable[[Path], Path]
    move: Callable[[Path], None]
    weights: str
    file: str = ""
    task_map: bool = False

    def typed(self, folder: Path | str) -> str:
        """What ``--model`` is given for a folder."""
        return (Path(folder) / self.file).as_posix()

    def options(self) -> list[str]:
        return ["--task-map=map.toml"] if self.task_map else []


KINDS = {
    "sentence-transformers": Kind(
        lambda folder: write_sentence_transformers(folder, max_length=SHORT),
        _move_transformer,
        "model.safetensors",
    ),
    "onnx-folder": Kind(
        lambda folder: write_onnx_folder(folder, max_length=SHORT),
        _move_graph,
        "model.onnx",
    ),
    "onnx-file": Kind(
        lambda folder: write_onnx_folder(folder, modules=False, graph="own.onnx"),
        _move_graph,
        "own.onnx",
        file="own.onnx",
        task_map=True,
    ),
}
MORE_KINDS = {"jina-v3": Kind(lambda folder: write_native_checkpoint(folder), move, "model.safetensors")}
"""Those that other files record and compare."""


# --- another repository -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A repository that pins the suite, with a model of each kind and without a baseline of theirs."""
    folder = tmp_path_factory.mktemp("own")
    service = example_in_git(folder / "service", suite_in_git(folder), baseline=False)
    for name, kind in KINDS.items():
        kind.write(service.folder / "models" / name)
    put(service.folder, {"map.toml": MAP})
    service.git("add map.toml")
    service.git("commit --quiet --message map")
    return service


@pytest.mark.parametrize("store", ["baselines", "quality/baselines"], ids=["its pyproject.toml's", "an option's"])
@pytest.mark.parametrize("name", KINDS)
def test_model_is_recorded_and_compared_from_a_repository_that_pins_the_suite(service, tmp_path, name, store):
    kind, own = KINDS[name], f"{name}-own" if KINDS[name].file else name
    kept = shutil.copytree(service.folder / "models" / name, tmp_path / "kept")
    options = [f"--model={kind.typed(f'models/{name}')}", *kind.options(), "--device=cpu"]
    options += [f"--snapshots={store}"] if store != "baselines" else []
    compare = " ".join(["pytest", f"{EVALS}/test_drift.py", *options])
    recorded = service.run(" ".join([compare, "--snapshot-update", "--quick-recording", *PARALLEL]))
    assert recorded.ret == pytest.ExitCode.OK
    assert f"recorded anchors in {store}/{own}, with bounds from a new null set" in printed(recorded)
    assert service.status()[1] == ""  # nothing was written where the suite lies
    for more in ((), PARALLEL):
        assert service.run(" ".join([compare, *more])).ret == pytest.ExitCode.OK
    kind.move(service.folder / "models" / name)
    failed = service.run(" ".join([compare, *PARALLEL]))
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
    assert f"embedding on cpu: drift: drifted in float32, against {store}/{own}" in failed.outlines
    shutil.rmtree(service.folder / "models" / name)
    shutil.copytree(kept, service.folder / "models" / name)


# --- a link that moves on -----------------------------------------------------------------------------------------

LED_NOWHERE = {
    "model.safetensors": "current/config.json: unreadable (No such file",
    "model.onnx": "current: no such file; give the path of an ONNX file",
    "own.onnx": "current/own.onnx: no such file; give the path of an ONNX file",
}
"""The file that decides -> what is said where it is gone."""
MOVES_ON = """
import os


def pytest_collection_finish(session):
    os.symlink("releases/second", "moved")
    os.replace("moved", "current")
"""
"""A plugin by which the link leads elsewhere once the model was described, and before it is opened."""


class Releases:
    """Two releases of a model, and the link to the first; commands start where it lies."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.first, self.second = (folder / "releases" / name for name in ("first", "second"))
        kind.write(self.first)
        shutil.copytree(self.first, self.second)
        self.link = folder / "current"
        self.link.symlink_to("releases/first")
        put(folder, {"map.toml": MAP, "moves_on.py": MOVES_ON})

    def move_on(self) -> None:
        self.link.unlink()
        self.link.symlink_to("releases/second")

    def run(self, *arguments: str) -> pytest.RunResult:
        options = [f"--model={self.kind.typed('current')}", *self.kind.options(), "--device=cpu"]
        return run_apart("-p", "no:cacheprovider", *options, *arguments, start=self.folder)


@pytest.fixture
def releases(project, name):
    return Releases((KINDS | MORE_KINDS)[name], project.path)


@pytest.mark.parametrize("name", KINDS)
def test_baseline_is_the_links_and_the_release_that_follows_is_compared_with_it(releases):
    kind = releases.kind
    assert releases.run(DRIFT, "--snapshot-update", "--quick-recording", *PARALLEL).ret == pytest.ExitCode.OK
    releases.move_on()
    assert releases.run(DRIFT).ret == pytest.ExitCode.OK
    kind.move(releases.second)
    failed = releases.run(DRIFT, *PARALLEL)
    assert failed.ret == pytest.ExitCode.TESTS_FAILED and "drift: drifted in float32" in printed(failed)
    accepted = releases.run(DRIFT, "--snapshot-update", "--quick-recording")
    assert accepted.ret == pytest.ExitCode.OK and "accepted into snapshots/current" in printed(accepted)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, "weights") for name in (*KINDS, "jina-v3")),
        ("sentence-transformers", "pooling"),
        ("onnx-folder", "pooling"),
    ],
)
@pytest.mark.parametrize("more", [(), PARALLEL, ("--snapshot-update", "--quick-recording")], ids=" ".join)
def test_link_that_moves_on_before_the_model_is_opened_ends_the_run_in_one_line(releases, how, more):
    """The header described another model than would be evaluated, and a baseline would say that it is that one's."""
    (releases.kind.move if how == "weights" else _pool_the_first_token)(releases.second)
    result = releases.run(DRIFT, "-p", "moves_on", *more)
    name = "1_Pooling/config.json" if how == "pooling" else releases.kind.weights
    line = f"{releases.kind.typed('current')}: {name} changed since the model was described; run again"
    if PARALLEL[0] not in more:
        assert refusal(result) == line
    assert result.ret == pytest.ExitCode.USAGE_ERROR and line in printed(result)
    assert "Traceback" not in printed(result) and "INTERNALERROR" not in printed(result)
    assert not (releases.folder / "snapshots" / "current").exists()


@pytest.mark.parametrize("name", KINDS)
def test_link_to_an_equal_release_is_none_that_matters(releases):
    assert releases.run("evals/test_contract.py", "-k", "order", "-p", "moves_on").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", KINDS)
def test_link_that_leads_nowhere_once_the_model_was_described_is_one_line(releases):
    put(releases.folder, {"moves_on.py": MOVES_ON.replace("releases/second", "releases/gone")})
    assert refusal(releases.run(DRIFT, "-p", "moves_on")).startswith(
        LED_NOWHERE[releases.kind.file or releases.kind.weights]
    )
