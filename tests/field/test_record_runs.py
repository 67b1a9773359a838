"""Runs that make records of speed: of each kind of runtime, of a run that fails, and those that are refused."""

import re

import pytest

from fixtures.errors import CheckpointError
from fixtures.runtimes.system import System
from fixtures.speed.record import load
from tests.checkpoints import TASKS
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.places import ROOT
from tests.runs import collected, notes, printed, refusal, run, run_apart, run_callable

SHORT = ["evals/test_record.py", "--benchmark-tokens=20", "--benchmark-max-time=0.01", "-p", "no:cacheprovider"]
"""Evals that make a record of next to nothing."""


def written(folder):
    """The record that a run wrote, the only one in the folder."""
    (path,) = folder.iterdir()
    return load(path)


def test_a_record_of_a_model_on_torch_has_everything_but_a_card(project, native_checkpoint):
    result = run(project, *SHORT, "--record=records", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    found = written(project.path / "records")
    (path,) = (project.path / "records").iterdir()
    assert f"record of the speed on cpu: records/{path.name}" in notes(result)
    assert found.failed is None and found.system["task"] == "retrieval.passage"
    assert (found.system["model"], found.system["runtime"], found.dtype) == ("tiny", "jina-v3", "float32")
    assert set(found.gemm["start"]) == set(found.gemm["end"]) == {"float32", "bfloat16", "float16"}
    assert {"short", "medium", "long", "mixed"} <= set(found.regimes)
    for regime in found.regimes.values():
        assert regime.tokens > 0 and regime.distance < 1e-5 and 0 <= regime.padding_share < 1
        assert regime.tokens_per_second == pytest.approx(regime.sentences_per_second * regime.tokens / regime.texts)
        assert 0 < regime.gemm_share < 1
        assert regime.batch_tokens == max(found.sweep["curve"], key=lambda step: step[1])[0]
    assert 0 < found.latency["median"] <= found.latency["p95"] and found.latency["calls"] >= 20
    assert found.load_seconds > 0 and found.first_call_seconds > 0 and found.memory["bytes"] > 2**20
    assert found.drift is None and found.unknown["drift"] == "nothing was recorded to compare with"
    assert str(project.path) not in path.read_text() and str(native_checkpoint) not in path.read_text()


def test_a_folder_without_a_name_is_records_and_a_second_run_adds_to_it(project, native_checkpoint):
    for _ in range(2):
        chosen = [*SHORT, "-k", "latency", "--record"]
        assert run(project, *chosen, model=native_checkpoint).ret == pytest.ExitCode.OK
    assert len(list((project.path / "records").iterdir())) == 2


def test_each_device_has_a_record_of_its_own(project, native_checkpoint, monkeypatch):
    monkeypatch.setenv("LIVING_MODELS", str(project.path / "living.txt"))
    options = ["-p", "tests.two_devices", "--device=all", "--record=records", f"--model={native_checkpoint}"]
    result = run_apart(*SHORT, "-k", "latency or sweep", *options, PYTHONPATH=str(ROOT))
    assert result.ret == pytest.ExitCode.OK
    found = [load(path) for path in (project.path / "records").iterdir()]
    assert {record.system["device"] for record in found} == {"cpu:0", "cpu"}
    assert all(record.latency and record.sweep and not record.failed for record in found)
    assert (project.path / "living.txt").read_text().split() == ["0", "0"]  # a record holds no model


def test_drift_is_that_of_the_old_side(project, native_checkpoint):
    against = ["--against", f"{native_checkpoint},dtype=bfloat16", "--record=records"]
    assert run(project, *SHORT, "-k", "old_side", *against, model=native_checkpoint).ret == pytest.ExitCode.OK
    drift = written(project.path / "records").drift
    assert set(drift["tasks"]) == set(TASKS) and "bfloat16" in drift["against"]
    assert all(one["outcome"] for one in drift["tasks"].values())


def test_a_callable_has_a_record_and_says_what_it_cannot_tell(project):
    result = run_callable(project, "encode", *SHORT, "--record=records")
    assert result.ret == pytest.ExitCode.OK
    found = written(project.path / "records")
    assert found.system["device"] == "own" and found.gemm["by"].startswith("numpy ")
    short = found.regimes["short"]
    assert short.sentences_per_second > 0
    assert short.tokens is short.batch_tokens is short.padding_share is short.gemm_share is None
    told = ("tokens", "batch sweep", "share of the GEMM rate", "throttle reasons", "drift")
    assert all(found.unknown[what] for what in told)
    assert found.sweep is None and found.system["dtype"] == "float32"


def test_an_onnx_model_has_a_record_with_its_sweep(project, tmp_path):
    folder = write_onnx_folder(tmp_path / "graph")
    result = run(project, *SHORT, "--record=records", model=folder)
    assert result.ret == pytest.ExitCode.OK
    found = written(project.path / "records")
    assert found.system["runtime"] == "onnx" and found.sweep["curve"]
    assert found.regimes["short"].tokens > 0 and found.regimes["short"].padding_share is not None
    assert found.unknown["share of the GEMM rate"] == "the onnx runtime tells no FLOP per token"


def test_a_run_that_fails_keeps_its_record(project):
    result = run_callable(project, "forgets_the_order", *SHORT, "--benchmark-tokens=600", "--record=records")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = written(project.path / "records")
    assert re.match(r"(short|medium|long|mixed): .*cosine distance of the timed result", found.failed)


def test_a_system_that_cannot_be_opened_has_a_record_that_says_so(project, native_checkpoint, monkeypatch):
    def broken(*_):
        raise CheckpointError("model.safetensors: gone meanwhile")

    monkeypatch.setattr(System, "open", broken)
    result = run(project, *SHORT, "--record=records", model=native_checkpoint)
    assert "model.safetensors: gone meanwhile" in refusal(result)
    assert written(project.path / "records").failed == "opening: model.safetensors: gone meanwhile"


# --- without, and refused -----------------------------------------------------------------------------------------


def test_a_run_that_asks_for_none_has_no_eval_of_it(project, native_checkpoint):
    chosen = ["--collect-only", "-q", "--device=cpu", f"--model={native_checkpoint}"]
    assert not [name for name in collected(run(project, "evals", *chosen)) if "test_record" in name]
    assert [name for name in collected(run(project, "evals", *chosen, "--record=r")) if "test_record" in name]


def test_the_evals_by_name_say_that_no_record_is_asked_for(project, native_checkpoint):
    result = run(project, *SHORT, "-k", "latency", model=native_checkpoint)
    assert "not asked: --record" in printed(result)


def test_a_record_that_no_eval_makes_is_said(project, native_checkpoint):
    result = run(project, "evals", "-k", "unit_norm", "--tasks=separation", "--record=r", model=native_checkpoint)
    assert "--record: no record is made, as no eval of evals/test_record.py is to run" in notes(result)
    assert not (project.path / "r").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-n", "2"], "--record with -n: processes beside each other slow each other; leave one of them out"),
        (["--benchmark-skip"], "--record with --benchmark-skip: nothing would be timed; leave one of them out"),
        (["--benchmark-disable"], "--record with --benchmark-disable: nothing would be timed; leave one of them out"),
        (
            ["-p", "no:benchmark"],
            "--record with -p no:benchmark: pytest-benchmark does the timing; leave one of them out",
        ),
    ],
)
def test_what_times_nothing_is_refused(project, native_checkpoint, options, said):
    result = run_apart(*SHORT[:1], "--record=records", *options, model=native_checkpoint)
    assert refusal(result) == said


def test_folders_that_can_take_none_are_refused(project, native_checkpoint):
    (project.path / "file").write_text("")
    assert refusal(run(project, "evals", "--record=file", model=native_checkpoint)) == (
        "--record: 'file' is no folder; give one, which need not be there yet"
    )
    assert refusal(run(project, "--record", "evals", model=native_checkpoint)) == (
        "--record: evals is the folder of the evals; join the option and a folder of records by ="
    )
