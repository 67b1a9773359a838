"""Accelerators without an accelerator: which are found, what is called on them, and what happens when memory runs out.

torch's own backends are replaced by recorders, drivers by objects with their entry points; placement of tensors is seen
on torch's ``meta`` device, and two devices in one run are two names of the processor.
"""

import ctypes
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fixtures.errors import CheckpointError, EncodeError
from fixtures.hardware import devices
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from tests.checkpoints import write_native_checkpoint
from tests.places import ROOT
from tests.runs import run_apart

TEXTS = ["Follow the white rabbit."] * 3 + ["Hello"] * 4 + ["the query"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_native_checkpoint(folder)
    return inspect_checkpoint(folder, only_tasks=["separation"])


# --- which devices are there --------------------------------------------------------------------------------------


def write_count(reference, count: int) -> int:
    reference._obj.value = count
    return 0


def fake_driver(count: int):
    """A driver library that shows so many devices, in the words of CUDA, HIP and Level Zero."""

    def level_zero_drivers(reference, handles):
        if handles is None:
            return write_count(reference, 1)
        return 0

    return SimpleNamespace(
        cuInit=lambda flags: 0,
        cuDeviceGetCount=lambda reference: write_count(reference, count),
        hipGetDeviceCount=lambda reference: write_count(reference, count),
        zeInit=lambda flags: 0,
        zeDriverGet=level_zero_drivers,
        zeDeviceGet=lambda driver, reference, handles: write_count(reference, count),
    )


@pytest.fixture
def machine(monkeypatch):
    """Pretend a torch build, a driver with so many devices (None: no driver), and a platform."""

    def pretend(build=None, driver=None, platform=("Linux", "x86_64")):
        def open_library(name):
            if driver is None:
                raise OSError(f"{name}: cannot open shared object file")
            return fake_driver(driver)

        monkeypatch.setattr(devices, "torch_build", lambda: build or {})
        monkeypatch.setattr(ctypes, "CDLL", open_library)
        monkeypatch.setattr(devices.platform, "system", lambda: platform[0])
        monkeypatch.setattr(devices.platform, "machine", lambda: platform[1])
        return devices.available_devices()

    return pretend


@pytest.mark.parametrize(
    ("build", "driver", "platform", "found"),
    [
        ({"cuda": "12.8"}, 2, ("Linux", "x86_64"), ["cuda:0", "cuda:1", "cpu"]),
        ({"cuda": "12.8"}, None, ("Linux", "x86_64"), ["cpu"]),
        ({"cuda": "12.8"}, 0, ("Linux", "x86_64"), ["cpu"]),
        ({"hip": "6.4"}, 1, ("Linux", "x86_64"), ["cuda:0", "cpu"]),
        ({"xpu": "20250201"}, 3, ("Linux", "x86_64"), ["xpu:0", "xpu:1", "xpu:2", "cpu"]),
        ({"cuda": None, "hip": None, "xpu": None}, 4, ("Linux", "x86_64"), ["cpu"]),
        ({}, None, ("Darwin", "arm64"), ["mps", "cpu"]),
        ({}, None, ("Darwin", "x86_64"), ["cpu"]),
    ],
)
def test_devices_are_those_of_build_and_driver(machine, build, driver, platform, found):
    assert machine(build, driver, platform) == found


@pytest.mark.parametrize(
    ("requested", "resolved"),
    [
        (["auto"], ["cuda:0"]),
        (["cuda"], ["cuda:0"]),
        (["cuda:1"], ["cuda:1"]),
        (["all"], ["cuda:0", "cuda:1", "xpu:0", "cpu"]),
        (["xpu", "cpu", "xpu:0"], ["xpu:0", "cpu"]),
    ],
)
def test_names_stand_for_devices(requested, resolved):
    assert devices.resolve_devices(requested, ["cuda:0", "cuda:1", "xpu:0", "cpu"]) == resolved


@pytest.mark.parametrize(
    ("name", "said"), [("cuda:7", "not available here"), ("mps", "not available here"), ("tpu", "unknown")]
)
def test_device_that_is_not_there_lists_those_that_are(name, said):
    with pytest.raises(ValueError, match=f"device '{name}' is {said}; available: cuda:0, cpu"):
        devices.resolve_devices([name], ["cuda:0", "cpu"])


# --- what is called on them ---------------------------------------------------------------------------------------


class Recorder:
    """Takes the place of torch.cuda, torch.xpu or torch.mps and remembers what was called with what."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, name):
        answers = {"get_device_name": "Fake 9000", "max_memory_allocated": 7, "driver_allocated_memory": 8}

        def call(*arguments):
            self.calls.append((name, *arguments))
            return answers.get(name)

        return call


@pytest.fixture
def backends(monkeypatch):
    recorders = {name: Recorder() for name in ("cuda", "xpu", "mps")}
    for name, recorder in recorders.items():
        monkeypatch.setattr(torch, name, recorder)
    return recorders


@pytest.mark.parametrize(
    ("where", "calls"),
    [
        ("cuda:1", [("synchronize", "cuda:1")]),
        ("xpu:0", [("synchronize", "xpu:0")]),
        ("mps", [("synchronize",)]),
    ],
)
def test_synchronize_waits_for_its_own_device(backends, where, calls):
    devices.synchronize(where)
    assert {name: recorder.calls for name, recorder in backends.items() if recorder.calls} == {
        where.split(":")[0]: calls
    }


@pytest.mark.parametrize("where", ["cuda:1", "xpu:0", "mps"])
def test_release_empties_the_cache_of_its_own_device(backends, where):
    devices.release_memory(where)
    assert backends[where.split(":")[0]].calls == [("empty_cache",)]
    assert sum(len(recorder.calls) for recorder in backends.values()) == 1


@pytest.mark.parametrize(("where", "product"), [("cuda:1", "Fake 9000"), ("xpu:0", "Fake 9000")])
def test_device_is_described_by_its_driver(backends, where, product):
    assert devices.describe(where) == product
    assert backends[where.split(":")[0]].calls == [("get_device_name", where)]


@pytest.mark.parametrize(("where", "peak"), [("cuda:1", 7), ("xpu:0", 7), ("mps", 8), ("cpu", None)])
def test_peak_memory_is_what_the_backend_counts(backends, where, peak):
    assert devices.peak_memory_bytes(where) == peak


def test_nothing_is_called_for_the_processor(backends):
    devices.synchronize("cpu")
    devices.release_memory("cpu")
    assert devices.describe("cpu")
    assert not any(recorder.calls for recorder in backends.values())


# --- a model on them ----------------------------------------------------------------------------------------------


def test_device_that_torch_cannot_use_is_one_line(checkpoint):
    if torch.cuda.is_available():
        pytest.skip("needs a machine where torch can't use cuda")
    with pytest.raises(CheckpointError, match="device 'cuda:0' can't hold ") as caught:
        load_model(checkpoint, device="cuda:0")
    assert "\n" not in str(caught.value)


def test_inputs_go_where_the_model_is(checkpoint):
    encoder = TorchEncoder(load_model(checkpoint, device="meta"))
    given = []

    def forward(**inputs):
        given.extend(inputs.values())
        return SimpleNamespace(last_hidden_state=torch.zeros(*inputs["input_ids"].shape, 32, device="meta"))

    encoder.loaded.model.forward = forward
    pooled = encoder._pooled([[0, 5, 2], [0, 2]], "separation", 100, "right")
    tensors = [*given, pooled, *encoder.loaded.model.parameters(), *encoder.loaded.model.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert [tuple(tensor.shape) for tensor in given] == [(2, 3), (2, 3)]


OUT_OF_MEMORY = {
    "cuda and xpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 18.13 GiB)"),
}


def limit_memory(encoder: TorchEncoder, rows: int, error: RuntimeError) -> list[weakref.ref]:
    """Let the model hold so many rows only; returns references to what it had made when it ran out."""
    forward, made = encoder.loaded.model.forward, []

    def limited(input_ids, attention_mask):
        if len(input_ids) > rows:
            partial = torch.zeros(10)
            made.append(weakref.ref(partial))
            raise type(error)(*error.args)
        return forward(input_ids=input_ids, attention_mask=attention_mask)

    encoder.loaded.model.forward = limited
    return made


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_batches_are_halved_when_memory_runs_out(checkpoint, error, monkeypatch):
    encoder = TorchEncoder(load_model(checkpoint), batch_tokens=1000)
    expected = encoder.encode(TEXTS, "separation")
    made = limit_memory(encoder, 2, error)
    living = []
    monkeypatch.setattr(
        "fixtures.runtimes.torch_encoder.release_memory",
        lambda device: living.append(sum(ref() is not None for ref in made)),
    )
    np.testing.assert_allclose(encoder.encode(TEXTS, "separation"), expected, rtol=0, atol=2e-7)
    assert encoder.notes == [
        "out of memory on cpu: batches halved to 500 tokens",
        "out of memory on cpu: batches halved to 250 tokens",
    ]
    assert encoder.batch_tokens == 250
    assert living == [0, 0]
    assert encoder.texts_encoded == 2 * len(TEXTS)


def test_one_text_that_does_not_fit_is_one_line(checkpoint):
    encoder = TorchEncoder(load_model(checkpoint))
    limit_memory(encoder, 0, OUT_OF_MEMORY["mps"])
    with pytest.raises(EncodeError, match="out of memory on cpu with one text of 8 tokens; use a smaller --dtype"):
        encoder.encode(["Hello"], "separation")


def test_other_errors_of_the_model_are_not_mistaken_for_it(checkpoint):
    encoder = TorchEncoder(load_model(checkpoint))
    limit_memory(encoder, 0, RuntimeError("device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side assert triggered"):
        encoder.encode(["Hello"], "separation")


def test_unloading_frees_the_model(checkpoint, monkeypatch):
    encoder = TorchEncoder(load_model(checkpoint))
    model = weakref.ref(encoder.loaded.model)
    encoder.close()
    assert model() is None


def test_each_model_is_freed_before_the_next_one_loads(checkpoint, tmp_path):
    plugins = ["-p", "tests.two_devices", "-p", "no:cacheprovider"]
    chosen = ["evals", f"--model={checkpoint.folder}", "--device=all", "-k", "norm and separation"]
    variables = {"LIVING_MODELS": str(tmp_path / "living"), "PYTHONPATH": str(ROOT)}
    finished = run_apart(*plugins, *chosen, start=ROOT, **variables)
    assert finished.ret == pytest.ExitCode.OK
    assert (tmp_path / "living").read_text().split() == ["0", "0"]
    assert "on cpu:0 (" in str(finished.stdout)
    assert str(finished.stdout).count(": once") == 2
