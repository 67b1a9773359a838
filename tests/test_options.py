"""Options are checked while they are parsed: a wrong one costs no import, writes nothing and says what is allowed."""

import ctypes
import re

import pytest

from fixtures.hardware import devices
from tests.checkpoints import TASKS, write_native_checkpoint
from tests.runs import collected, refusal, run, run_apart
from tests.test_devices import fake_driver

HEAVY = {"torch", "transformers", "peft", "sklearn", "pandas", "scipy"}


@pytest.fixture
def available(monkeypatch):
    """Replace the devices of this machine by a machine's with three accelerators."""
    found = ["cuda:0", "cuda:1", "xpu:0", "cpu"]
    monkeypatch.setattr(devices, "available_devices", lambda: found)
    return found


def refused(project, *arguments):
    """The one line of a run that ends at its options; everything else about such a run is checked here."""
    before = sorted(path for path in project.path.rglob("*") if not {"fixtures", "__pycache__"} & {*path.parts})
    line = refusal(run(project, "evals", *arguments))
    assert sorted(path for path in project.path.rglob("*") if not {"fixtures", "__pycache__"} & {*path.parts}) == before
    return line


# --- wrong values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["minni", "a/b/c", "/no/such/folder", "./gone", "org/", "", "org/na me"])
def test_unknown_model_is_refused(project, value):
    meant = "; did you mean 'mini'?" if value == "minni" else ""
    assert refused(project, f"--model={value}") == (
        f"--model: unknown model {value!r}; allowed: mini, an existing folder, or a Hub id such as "
        "jinaai/jina-embeddings-v3, jinaai/jina-embeddings-v3-hf; or an ONNX file, or a folder with one; or "
        f"python:package.module:function, a callable encode(texts, task){meant}"
    )


def test_folder_that_is_no_checkpoint_is_refused(project, tmp_path):
    assert refused(project, f"--model={project.path / 'evals'}") == (
        f"--model: {project.path / 'evals'}: no config.json, so not a model checkpoint; give the folder that has it"
    )


def test_file_in_place_of_a_folder_is_refused(project):
    assert "unknown model" in refused(project, f"--model={project.path / 'conftest.py'}")


@pytest.mark.parametrize("value", ["float64", "fp16", "", "Float32"])
def test_unknown_dtype_is_refused(project, value):
    meant = "; did you mean 'float32'?" if value == "Float32" else ""
    expected = f"--dtype: unknown value {value!r}; allowed: float32, bfloat16, float16{meant}"
    assert refused(project, f"--dtype={value}") == expected


def test_unknown_attention_implementation_is_refused(project):
    assert refused(project, "--attn-implementation=flash") == (
        "--attn-implementation: unknown value 'flash'; "
        "allowed: sdpa, eager, flash_attention_2, flash_attention_3, flex_attention"
    )


@pytest.mark.parametrize("option", ["--batch-tokens", "--benchmark-tokens", "--dim"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", "²"])
def test_number_that_is_none_is_refused(project, option, value):
    assert refused(project, f"{option}={value}") == f"{option}: {value!r} is not a whole number of at least 1"


@pytest.mark.parametrize(("option", "most"), [("--batch-tokens", 1_000_000_000), ("--benchmark-tokens", 100_000_000)])
def test_largest_number_is_taken_and_one_more_is_refused(project, native_checkpoint, option, most):
    collecting = ["evals/test_throughput.py", "--collect-only", "-q"]
    assert collected(run(project, *collecting, f"{option}={most}", model=native_checkpoint))
    assert refused(project, f"{option}={most + 1}") == (
        f"{option}: '{most + 1}' is more than {most:,}, the most that is taken"
    )


@pytest.mark.parametrize("value", ["../other", "a/b", ".hidden", ""])
def test_baseline_that_is_no_folder_name_is_refused(project, value):
    assert refused(project, f"--baseline={value}") == (
        f"--baseline: {value!r} is not a folder name; give the name of a baseline's folder"
    )


def test_unknown_baseline_is_refused_with_those_there_are(project):
    said = "(record a new one with --snapshot-update)"
    assert refused(project, "--baseline=x") == f"--baseline: unknown baseline 'x'; snapshots has: none {said}"
    for name in ("tiny", "mini"):
        (project.path / "snapshots" / name).mkdir(parents=True)
    assert refused(project, "--baseline=x") == f"--baseline: unknown baseline 'x'; snapshots has: mini, tiny {said}"


def test_revision_of_a_local_model_is_refused(project, native_checkpoint):
    assert refused(project, "--revision=v1", f"--model={native_checkpoint}") == (
        f"--revision 'v1': only Hub models have one, {str(native_checkpoint)!r} is local"
    )


def test_update_of_some_tasks_only_is_refused(project, native_checkpoint):
    options = [f"--model={native_checkpoint}", "--snapshot-update", "--tasks=separation,text-matching"]
    assert refused(project, *options) == (
        "--snapshot-update records all of a model's tasks together: leave out --tasks separation,text-matching"
    )


def test_update_by_workers_on_several_devices_is_refused(project, native_checkpoint, monkeypatch):
    monkeypatch.setattr(devices, "available_devices", lambda: ["cuda:0", "cpu"])
    options = [f"--model={native_checkpoint}", "--device=all", "--snapshot-update", "-n2", "--dist=loadgroup"]
    assert refused(project, *options).startswith("--snapshot-update with -n and several devices: ")


def test_unknown_task_is_refused_with_those_there_are(project, native_checkpoint):
    assert refused(project, f"--model={native_checkpoint}", "--tasks=separation,clustering") == (
        f"--tasks: unknown task 'clustering'; tiny has: {', '.join(TASKS)}"
    )


@pytest.mark.parametrize("option", ["--tasks", "--device"])
@pytest.mark.parametrize("value", ["", "separation,", ",", "cpu,,cpu"])
def test_empty_name_in_a_list_is_refused(project, option, value):
    assert refused(project, f"{option}={value}") == f"{option}: empty name in {value!r}; give names separated by commas"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("gpu", "device 'gpu' is unknown"),
        ("cpu:0", "device 'cpu:0' is not available here"),
        ("cuda:2", "device 'cuda:2' is not available here"),
        ("cuda:x", "device 'cuda:x' is not available here"),
        ("mps", "device 'mps' is not available here"),
        ("cpu,npu", "device 'npu' is unknown"),
        ("CPU", "device 'CPU' is unknown"),
    ],
)
def test_device_that_is_not_there_is_refused_with_those_that_are(project, available, value, problem):
    meant = "; did you mean 'cpu'?" if value == "CPU" else ""
    expected = f"--device: {problem}; available: {', '.join(available)} (or auto, all){meant}"
    assert refused(project, f"--device={value}") == expected


def test_hub_model_that_cannot_be_had_ends_the_run_in_one_line(project, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    line = refusal(run_apart("evals", "--model=some-org/some-model", "-k", "finite"))
    assert "--model: some-org/some-model isn't in the Hub cache and can't be downloaded" in line
    assert "run `hf download some-org/some-model`" in line
    assert not (project.path / "snapshots").exists()


# --- devices ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (["auto"], ["cuda:0"]),
        (["all"], ["cuda:0", "cuda:1", "xpu:0", "cpu"]),
        (["cuda"], ["cuda:0"]),
        (["cuda:1"], ["cuda:1"]),
        (["xpu"], ["xpu:0"]),
        (["cpu", "cuda"], ["cpu", "cuda:0"]),
        (["cuda", "auto", "cuda:0", "cpu", "cpu"], ["cuda:0", "cpu"]),
        (["cpu", "all"], ["cpu", "cuda:0", "cuda:1", "xpu:0"]),
    ],
)
def test_names_become_available_devices_each_once(available, requested, expected):
    assert devices.resolve_devices(requested, available) == expected


def test_cpu_is_always_there_and_last():
    assert devices.available_devices()[-1] == "cpu"
    assert devices.resolve_devices(["auto"], ["cpu"]) == ["cpu"]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ({}, ["cpu"]),
        ({"cuda": None, "hip": None}, ["cpu"]),
        ({"cuda": "13.0"}, ["cuda:0", "cuda:1", "cpu"]),
        ({"cuda": None, "hip": "7.0"}, ["cuda:0", "cpu"]),
        ({"xpu": "20250000"}, ["xpu:0", "xpu:1", "xpu:2", "cpu"]),
    ],
)
def test_accelerators_count_only_where_torch_is_built_for_them(monkeypatch, build, expected):
    monkeypatch.setattr(devices, "torch_build", lambda: build)
    counts = {"libcuda.so.1": 2, "libamdhip64.so": 1, "libze_loader.so.1": 3}
    monkeypatch.setattr(ctypes, "CDLL", lambda name: fake_driver(counts[name]))
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    assert devices.available_devices() == expected


def test_apple_silicon_has_mps(monkeypatch):
    monkeypatch.setattr(devices, "torch_build", dict)
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(devices.platform, "machine", lambda: "arm64")
    assert devices.available_devices() == ["mps", "cpu"]


# --- what a run says before it starts ---------------------------------------------------------------------------


def names(project, *arguments):
    return [one.partition("::")[2] for one in collected(run(project, "evals", "--collect-only", "-q", *arguments))]


def test_evals_run_over_the_models_tasks_and_the_chosen_devices(project, native_checkpoint, available):
    ids = names(project, f"--model={native_checkpoint}", "--device=cuda:1", "--device=cpu", "-k", "unit_norm")
    expected = [f"[{device}-{name}]" for device in ("cuda:1", "cpu") for name in TASKS]
    assert [name.removeprefix("test_embeddings_are_finite_float32_of_unit_norm") for name in ids] == expected


def test_all_tests_of_one_device_come_before_those_of_the_next(project, native_checkpoint, available):
    ids = names(project, f"--model={native_checkpoint}", "--device=all")
    places = [name.partition("[")[2].split("-")[0].rstrip("]") for name in ids]
    assert set(places) == set(available)
    assert places == sorted(places, key=available.index)


def test_tasks_narrow_the_run(project, native_checkpoint):
    chosen = ["--tasks=separation", "--tasks=text-matching,separation"]
    ids = names(project, f"--model={native_checkpoint}", "--device=cpu", *chosen, "-k", "unit_norm")
    assert [name.partition("[")[2] for name in ids] == ["cpu-separation]", "cpu-text-matching]"]


def test_header_says_what_will_run(project, native_checkpoint, available):
    chosen = ["--device=cuda", "--device=cpu", "--dtype=bfloat16", "--batch-tokens=77", "--tasks=separation"]
    result = run(project, "evals", "--collect-only", f"--model={native_checkpoint}", *chosen)
    result.stdout.re_match_lines_random(
        [
            rf"model: {re.escape(str(native_checkpoint))}, native layout, weights sha256 [0-9a-f]{{12}}; "
            "tasks: separation",
            r"run: bfloat16, sdpa, devices: cuda:0, cpu, threads: \d+, batches of 77 tokens",
            r"versions: torch [\d.]+\S*, transformers [\d.]+, peft [\d.]+, tokenizers [\d.]+, numpy [\d.]+",
        ]
    )


@pytest.mark.parametrize("revision", ["main", "v2"])
def test_header_names_the_commit_and_the_tasks_of_a_hub_model_in_the_cache(
    project, monkeypatch, tmp_path, own_checkpoint, revision
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    references = tmp_path / "models--some-org--some-model" / "refs"
    references.mkdir(parents=True)
    (references / revision).write_text("c0ffee")
    (references.parent / "snapshots").mkdir()
    own_checkpoint.rename(references.parent / "snapshots" / "c0ffee")
    options = [] if revision == "main" else [f"--revision={revision}"]
    result = run(project, "evals", "--collect-only", "--model=some-org/some-model", *options)
    result.stdout.fnmatch_lines(
        [f"model: some-org/some-model, revision {revision} (cached: c0ffee; *); tasks: {', '.join(TASKS)}"]
    )


def test_help_shows_the_options_in_one_group_each_a_sentence_with_its_default(project):
    text = run(project, "--help").stdout.str()
    group = text.partition("embedding model evals:\n")[2].partition("\n\n")[0]
    options = re.split(r"\n  (?=--)", "\n" + group)[1:]
    names = [re.match(r"--[\w-]+", option)[0] for option in options]
    expected = "model runtime task-map revision trust-remote-code device dtype attn-implementation batch-tokens "
    expected += "benchmark-tokens record tasks dim snapshots texts data quick-recording baseline against expect margin "
    expected += "inconclusive max-slowdown threshold no-control keep show-matrices report"
    assert names == [f"--{name}" for name in expected.split()]
    for option in options:
        assert re.search(r"\. Default: [^.]+.*\.$", re.sub(r"\s+", " ", option)), option


# --- what it costs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--collect-only"],
        ["--help"],
        ["--dtype=float64"],
        ["--device=none"],
        ["--model=none"],
        ["--dim=none"],
        ["--dim=33"],
        ["--collect-only", "--dim=16"],
    ],
)
def test_looking_around_imports_neither_torch_nor_transformers(project, native_checkpoint, arguments):
    script = (
        "import json, sys, pytest\n"
        "code = pytest.main(sys.argv[1:])\n"
        f"print('heavy:', sorted({HEAVY!r} & set(sys.modules)), 'code:', int(code))\n"
    )
    model = [] if "--model=none" in arguments else [f"--model={native_checkpoint}"]
    result = run_apart("evals", "-q", *model, *arguments, python=("-c", script))
    expected = 0 if arguments[0] in ("--collect-only", "--help") else 4
    assert result.outlines[-1] == f"heavy: [] code: {expected}"


def test_model_with_other_tasks_is_evaluated_under_its_own(project, tmp_path):
    prefixes = {"separation": "", "clustering": "Group: "}
    folder = write_native_checkpoint(tmp_path / "other", prefixes=prefixes, tasks=list(prefixes))
    ids = names(project, f"--model={folder}", "--device=cpu", "-k", "unit_norm")
    assert [name.partition("[")[2] for name in ids] == ["cpu-separation]", "cpu-clustering]"]
