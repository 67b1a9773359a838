"""A real accelerator: whole runs of the bundled model on it, and what can be shown nowhere else.

Nothing here runs without one. ``ACCELERATOR=cpu`` runs these tests on the processor, to try the tests.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fixtures.comparing import rows
from fixtures.hardware import devices
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.long_texts import long_text
from tests.places import ROOT, copy_suite
from tests.runs import printed, report_in, run_apart

DEVICE = os.environ.get("ACCELERATOR") or devices.available_devices()[0]
MINI = ROOT / "fixtures" / "checkpoints" / "mini"

if DEVICE == "cpu" and "ACCELERATOR" not in os.environ:
    pytest.skip("needs an accelerator; this machine shows torch none", allow_module_level=True)

needs_cuda = pytest.mark.skipif(not DEVICE.startswith("cuda"), reason=f"is about CUDA; this accelerator is {DEVICE}")


class Suite:
    """A copy of the suite, so that what a run stores lands in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "suite"
        self.report = folder / "report"
        copy_suite(self.folder, "snapshots")

    def run(self, *options: str, evals: str = "evals", **environment: str) -> pytest.RunResult:
        """Run evals in a process of its own."""
        variables = {"OMP_NUM_THREADS": None, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"} | environment
        arguments = [evals, *options, f"--report={self.report}", "-p", "no:cacheprovider"]
        return run_apart(*arguments, start=self.folder, **variables)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of that name in the last run's report."""
        return [row for row in report_in(self.report)["rows"] if row["name"] == name]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_bundled_model_is_what_was_recorded_on_a_processor(suite, dtype):
    result = suite.run(f"--device={DEVICE}", f"--dtype={dtype}", "--benchmark-disable")
    assert result.ret == 0
    assert f"on {DEVICE} (" in printed(result)
    assert suite.rows("drift")
    assert all(row["verdict"] == rows.HOLDS for row in suite.rows("drift"))


def test_it_and_the_processor_are_judged_side_by_side(suite):
    result = suite.run(f"--device={DEVICE},cpu", "--benchmark-disable", evals="evals/test_drift.py")
    assert result.ret == 0
    assert {row["device"] for row in suite.rows("drift")} == {DEVICE, "cpu"}


def test_a_changed_adapter_is_seen_on_it(suite, tmp_path):
    model = Path(shutil.copytree(MINI, tmp_path / "copy"))
    adapter, other = (model / name / "adapter_model.safetensors" for name in ("separation", "classification"))
    shutil.copy(other, adapter)
    options = [f"--model={model}", "--baseline=mini", f"--device={DEVICE}"]
    result = suite.run(*options, evals="evals/test_drift.py")
    assert result.ret == 1
    assert {row["task"] for row in suite.rows("drift") if row["verdict"] == rows.FAILS} == {"separation"}


@needs_cuda
def test_float32_that_tensor_cores_round_is_seen(suite):
    """TF32 keeps 10 bits of a float32 product's inputs; torch takes this variable for it."""
    options = [f"--device={DEVICE}"]
    result = suite.run(*options, evals="evals/test_drift.py", TORCH_ALLOW_TF32_CUBLAS_OVERRIDE="1")
    assert result.ret == 1


def test_what_is_recorded_on_it_holds_there_and_on_a_processor(suite, tmp_path):
    model = Path(shutil.copytree(MINI, tmp_path / "own-model"))
    chosen = [f"--model={model}", "--benchmark-disable"]
    # Behaviours are left out: mini's known failures are listed in mini's folder, not in this one.
    result = suite.run(*chosen, f"--device={DEVICE}", "--snapshot-update", "-k=test_drift or test_similarity")
    assert result.ret == 0
    for dtype in ("float32", "bfloat16"):
        result = suite.run(*chosen, f"--device={DEVICE},cpu", f"--dtype={dtype}", evals="evals/test_drift.py")
        assert result.ret == 0


def test_throughput_says_what_it_was_measured_on(suite, tmp_path):
    record = tmp_path / "record.json"
    options = [f"--device={DEVICE}", "--benchmark-tokens=100000", f"--benchmark-json={record}"]
    result = suite.run(*options, evals="evals/test_throughput.py")
    assert result.ret == 0
    measured = json.loads(record.read_text(encoding="utf-8"))
    assert devices.describe(DEVICE) in json.dumps(measured["machine_info"])
    assert all(entry["stats"]["mean"] > 0 for entry in measured["benchmarks"])


@needs_cuda
def test_batches_shrink_where_its_memory_ends():
    encoder = TorchEncoder(load_model(inspect_checkpoint(MINI, only_tasks=["separation"]), device=DEVICE))
    texts = [long_text(1000 + length) for length in range(64)]
    expected = encoder.encode(texts, "separation")
    reserved = torch.cuda.memory_reserved(DEVICE)
    whole = torch.cuda.get_device_properties(DEVICE).total_memory
    crowded = TorchEncoder(encoder.loaded, batch_tokens=4_000_000)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((reserved + 2**28) / whole, DEVICE)
    try:
        obtained = crowded.encode(texts, "separation")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, DEVICE)
    print(crowded.notes)
    assert crowded.notes
    assert all(note.startswith(f"out of memory on {DEVICE}: batches halved to ") for note in crowded.notes)
    np.testing.assert_allclose(obtained, expected, rtol=0, atol=1e-5)


def test_its_product_and_its_peak_of_memory_are_told():
    encoder = TorchEncoder(load_model(inspect_checkpoint(MINI, only_tasks=["separation"]), device=DEVICE))
    encoder.encode(["Hello"], "separation")
    print(devices.describe(DEVICE), devices.peak_memory_bytes(DEVICE))
    assert devices.describe(DEVICE)
    assert DEVICE == "cpu" or devices.peak_memory_bytes(DEVICE) > 10 * 2**20
