"""Is it the machine? Whole runs on a model that drifted, the bundled model beside it: cleared, blamed, left out."""

import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from fixtures.runtimes.jina_v3 import loading
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from tests.checkpoints import ADAPTER_FILE
from tests.places import ROOT, put
from tests.resealing import reseal
from tests.runs import notes, report_in, run, run_apart, run_callable

DRIFT = ("evals/test_drift.py", "-k", "embeddings")
ONE_TASK = ("--tasks=separation", "--device=cpu", "--report=out")
CLEARED = "control: the bundled model is where its baseline puts it on cpu ("
BLAMED = "control: the bundled model has drifted too on cpu ("

OTHERWISE = """
import torch

usual = torch.nn.functional.layer_norm
torch.nn.functional.layer_norm = lambda given, shape, weight, bias, eps: usual(given, shape, weight, bias, 1e-2)
"""
"""A plugin that has libraries compute otherwise than where baselines were recorded."""
TELLING = """
import os

from fixtures.runtimes.jina_v3 import loading

usual = loading.load_model


def load_model(checkpoint, **options):
    with open(os.environ["LOADED"], "a") as file:
        file.write(f"{os.getpid()} {checkpoint.root.name}\\n")
    return usual(checkpoint, **options)


loading.load_model = load_model
"""
"""A plugin that writes which process loads which model to the file that LOADED names."""


@pytest.fixture(scope="module")
def mixed_up(tmp_path_factory) -> Path:
    """The bundled model with one adapter's weights in place of another's."""
    folder = shutil.copytree(BUNDLED_FOLDER, tmp_path_factory.mktemp("models") / "mixed-up")
    shutil.copy(folder / "retrieval_passage" / ADAPTER_FILE, folder / "separation")
    return folder


@pytest.fixture
def here(project) -> pytest.Pytester:
    """The suite with the bundled model's baseline."""
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    return project


@pytest.fixture
def events(monkeypatch) -> list[str]:
    """Which models are opened, and closed, in this process, in order."""
    found: list[str] = []
    load, close = loading.load_model, TorchEncoder.close

    def load_model(checkpoint, **options):
        found.append(f"open {checkpoint.root.name}")
        return load(checkpoint, **options)

    def closed(encoder):
        found.append(f"close {encoder.loaded.checkpoint.root.name}")
        close(encoder)

    monkeypatch.setattr(loading, "load_model", load_model)
    monkeypatch.setattr(TorchEncoder, "close", closed)
    return found


@pytest.fixture
def computes_otherwise(monkeypatch):
    """A machine, or a library, that computes otherwise than where the baselines were recorded."""
    usual = torch.nn.functional.layer_norm

    def layer_norm(given, shape, weight, bias, eps):
        return usual(given, shape, weight, bias, 1e-2)

    monkeypatch.setattr(torch.nn.functional, "layer_norm", layer_norm)


def control_in(result: pytest.RunResult) -> list[str]:
    return [note for note in notes(result) if note.startswith("control: ")]


def compared(project, model, *options: str) -> pytest.RunResult:
    return run(project, *DRIFT, f"--model={model}", "--baseline=mini", *ONE_TASK, *options)


# --- what it says -------------------------------------------------------------------------------------------------


def test_healthy_machine_is_cleared_by_a_model_that_is_opened_when_the_runs_own_is_closed(here, mixed_up, events):
    result = compared(here, mixed_up)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = control_in(result)
    used = ("within tolerance in float32; most of a bound used: ", "identical in float32")  # on another processor, here
    assert line.startswith(tuple(f"{CLEARED}{one}" for one in used))
    assert line.endswith("and this machine are as they were for it, look at the model")
    assert events == ["open mixed-up", "close mixed-up", "open mini", "close mini"]
    (entry,) = report_in(here.path / "out")["run"]["control"]
    assert (entry["device"], entry["outcome"], entry["precision"], entry["reason"]) == ("cpu", "cleared", "float32", "")
    assert 0 <= entry["share"] < 1 and line in report_in(here.path / "out")["run"]["notes"]


def test_machine_that_computes_otherwise_is_blamed(here, mixed_up, events, computes_otherwise):
    result = compared(here, mixed_up)
    (line,) = control_in(result)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and line.startswith(BLAMED)
    assert "x its bound in float32; " in line
    assert line.endswith("look at the libraries, their settings or the machine before the model")
    assert events.count("open mini") == 1
    (entry,) = report_in(here.path / "out")["run"]["control"]
    assert entry["outcome"] == "blamed" and entry["share"] > 1 and entry["statistic"]


def test_bundled_model_that_drifts_is_its_own_control(here, events, computes_otherwise):
    result = run(here, *DRIFT, "--model=mini", *ONE_TASK)
    (line,) = control_in(result)
    assert line.startswith("control: the bundled model itself drifted on cpu (separation: ")
    assert line.endswith("look at the libraries, their settings or the machine")
    assert events == ["open mini", "close mini"]
    (entry,) = report_in(here.path / "out")["run"]["control"]
    assert (entry["outcome"], entry["task"], entry["verdict"]) == ("itself", "separation", "drifted")


def test_answers_that_are_not_finite_have_the_machine_asked(here, mixed_up, monkeypatch):
    monkeypatch.setattr(
        torch.nn.functional, "layer_norm", lambda given, *_: torch.full_like(given, float("nan"))
    )  # a kernel that is broken
    (line,) = control_in(compared(here, mixed_up))
    assert line.startswith(BLAMED) and ": not finite in float32; " in line


def test_libraries_that_are_others_than_at_its_recording_are_told(here, mixed_up):
    shutil.copytree(here.path / "snapshots" / "mini", here.path / "snapshots" / "embedder")
    reseal(here.path / "snapshots" / "mini", lambda recorded: recorded["environment"]["versions"].update(torch="2"))
    (line,) = control_in(compared(here, mixed_up, "--baseline=embedder"))
    assert line.startswith(CLEARED) and re.search(r"; since its recording: versions: torch 2 -> [\d.]+\S*\): ", line)


# --- where it runs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plugins", "more"), [([], []), (["otherwise"], ["-x"])], ids=["healthy", "otherwise"])
def test_process_that_the_user_started_asks_it_where_workers_ran_the_evals(here, mixed_up, plugins, more):
    put(here.path, {"otherwise.py": OTHERWISE, "telling.py": TELLING})
    chosen = [option for name in ("telling", *plugins) for option in ("-p", name)]
    on_two = [*DRIFT, "--baseline=mini", *ONE_TASK, "-n2", "--dist=loadgroup", *chosen, *more]
    result = run_apart(*on_two, model=mixed_up, LOADED="loaded", PYTHONPATH=str(here.path))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = control_in(result)
    assert line.startswith(BLAMED if plugins else CLEARED)
    (worker, first), (controller, second) = (one.split() for one in (here.path / "loaded").read_text().splitlines())
    assert (first, second) == ("mixed-up", "mini") and worker != controller


def test_each_device_that_drifted_is_asked_and_no_two_models_are_open_at_once(here, mixed_up):
    (here.path / "tests").symlink_to(ROOT / "tests")
    options = ["--baseline=mini", "--tasks=separation", "--device=all", "-p", "tests.two_devices"]
    result = run_apart(*DRIFT, f"--model={mixed_up}", *options, LIVING_MODELS="living")
    lines = control_in(result)
    assert [line.partition(" (")[0].rpartition(" ")[2] for line in lines] == ["cpu:0", "cpu"]
    assert (here.path / "living").read_text().split() == ["0"] * 4


def test_suites_own_baseline_counts_wherever_the_runs_baselines_lie(here, mixed_up, tmp_path, monkeypatch):
    put(tmp_path, {"service/baselines/mini/manifest.json": "theirs, and no baseline"})
    shutil.copytree(ROOT / "snapshots" / "mini", tmp_path / "service" / "baselines" / "embedder")
    monkeypatch.chdir(tmp_path / "service")
    evals = [os.path.relpath(here.path / DRIFT[0]), *DRIFT[1:]]
    options = ["--snapshots=baselines", "--baseline=embedder", "--tasks=separation", "-x"]
    result = run(here, *evals, *options, model=mixed_up)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "against baselines/embedder" in str(result.stdout)
    (line,) = control_in(result)
    assert line.startswith(CLEARED)


def test_callables_own_libraries_are_not_cleared(here):
    task_map = 'precision = "float32"\n[tasks]\neverything = {}\n'
    recording = [*DRIFT, "--snapshot-update", "--quick-recording"]
    assert run_callable(here, "encode", *recording, task_map=task_map).ret == pytest.ExitCode.OK
    altered = [*DRIFT, "--baseline=tests.callables.encode"]
    result = run_callable(here, "tests.callables.altered:altered", *altered, task_map=task_map)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = control_in(result)
    assert line.startswith(CLEARED)
    assert line.endswith("it exercises no library or server of the callable's own: look there, or at the model")


# --- when it doesn't ----------------------------------------------------------------------------------------------


def test_healthy_run_opens_nothing_more(here, events):
    result = run(here, *DRIFT, "--model=mini", *ONE_TASK)
    assert result.ret == pytest.ExitCode.OK and control_in(result) == []
    assert events == ["open mini", "close mini"]
    assert report_in(here.path / "out")["run"]["control"] == []


def test_option_leaves_it_out(here, mixed_up, events):
    result = compared(here, mixed_up, "--no-control")
    assert result.ret == pytest.ExitCode.TESTS_FAILED and control_in(result) == []
    assert events == ["open mixed-up", "close mixed-up"]


def test_known_failure_does_not_ask_for_it(here, mixed_up, events):
    listed = "test_drift.py::test_embeddings_are_those_of_the_baseline[separation] # mixed up\n"
    put(here.path, {"snapshots/mixed-up/known-failures.txt": listed})
    result = compared(here, mixed_up)
    assert result.ret == pytest.ExitCode.OK and result.parseoutcomes()["xfailed"] == 1
    assert control_in(result) == [] and "open mini" not in events


def test_old_side_that_is_observed_in_the_run_needs_none(here, native_checkpoint, own_checkpoint, events):
    shutil.copy(own_checkpoint / "retrieval_passage" / ADAPTER_FILE, own_checkpoint / "separation")
    result = run(here, *DRIFT, f"--against={native_checkpoint}", "--tasks=separation", model=own_checkpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "separation on cpu: drift: drifted" in str(result.stdout)
    assert control_in(result) == [] and events == ["open tiny", "close tiny", "open own", "close own"]


# --- what keeps it from running -----------------------------------------------------------------------------------


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


def _damaged(folder: Path) -> None:
    (folder / "tolerance.json").write_text("{}")


def _of_another_model(folder: Path) -> None:
    files = {"model.safetensors": "0" * 64}
    reseal(folder, lambda recorded: recorded["spec"]["details"]["model_files"].update(files))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_gone, "snapshots/mini isn't there; restore the suite's own"),
        (_damaged, "snapshots/mini/tolerance.json: not the content that manifest.json lists (changed by hand, or "),
        (_of_another_model, " isn't what snapshots/mini was recorded from; restore the suite's own"),
    ],
)
def test_baseline_that_can_not_be_used_is_told_in_one_line(here, mixed_up, damage, said):
    shutil.copytree(here.path / "snapshots" / "mini", here.path / "snapshots" / "embedder")
    damage(here.path / "snapshots" / "mini")
    result = compared(here, mixed_up, "--baseline=embedder")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = control_in(result)
    assert line.startswith("control: not run on cpu: ") and said in line
    (entry,) = report_in(here.path / "out")["run"]["control"]
    assert entry["outcome"] == "not run" and said in entry["reason"]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (RuntimeError("no kernel image is available\nsecond line"), "no kernel image is available"),
        (ModuleNotFoundError("No module named 'torch'"), "a library can't be imported: No module named 'torch'"),
        (KeyboardInterrupt(), "interrupted"),
    ],
    ids=["device", "library", "Ctrl-C"],
)
def test_control_that_fails_changes_nothing_of_the_run(here, mixed_up, monkeypatch, raised, said):
    load = loading.load_model

    def load_model(checkpoint, **options):
        if checkpoint.root.name == "mini":
            raise raised
        return load(checkpoint, **options)

    monkeypatch.setattr(loading, "load_model", load_model)
    result = compared(here, mixed_up)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = control_in(result)
    assert line.startswith(f"control: not run on cpu: {said}") and "second line" not in str(result.stdout)
    assert "Traceback" not in str(result.stdout)
    assert report_in(here.path / "out")["run"]["exit_code"] == 1
