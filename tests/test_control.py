"""The control's line and record, which drift asks for it, how the bundled model is to compute: nothing is opened."""

import json
import shutil
from types import SimpleNamespace

import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.comparing import rows
from fixtures.comparing.diagnosis import Finding, not_comparable
from fixtures.comparing.drift import (
    DRIFTED,
    IDENTICAL,
    NOT_COMPARABLE,
    OTHER_DIMENSION,
    ROTATED,
    TOKENIZER,
    WITHIN,
    Verdict,
)
from fixtures.comparing.rows import BROKEN, DRIFT, FAILS, HOLDS, KNOWN, Row
from fixtures.models.spec import ModelSpec, Target
from fixtures.reports.control import BLAMED, CLEARED, ITSELF, NOT_RUN, Control, Exercised, Moved, judged, moved_by
from fixtures.reports.run_report import RunReport
from fixtures.run import control
from fixtures.run.run_state import OLD, REPORT, SETTINGS, SYSTEM
from fixtures.runtimes import registry
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from fixtures.runtimes.jina_v3.options import TorchOptions
from fixtures.runtimes.system import System
from tests.checkpoints import ADAPTER_FILE
from tests.places import ROOT

TORCH = ("torch", "transformers", "peft", "tokenizers", "numpy")
OURS = Exercised(TORCH, TORCH)
MINI = Baseline(ROOT / "snapshots" / "mini")


# --- the line -----------------------------------------------------------------------------------------------------


def ran(outcome: str, furthest: Moved, *differences: str, precision: str = "float32", of: Exercised = OURS) -> Control:
    return Control("cpu", outcome, precision, furthest, differences, exercised=of)


WITHIN_41 = Moved("separation", WITHIN, "vector rms", 0.41)
LINES = {
    "cleared": (
        ran(CLEARED, WITHIN_41),
        "the bundled model is where its baseline puts it on cpu (within tolerance in float32; most of a bound used: "
        "41.0%): torch, transformers, peft, tokenizers, numpy and this machine are as they were for it, look at the "
        "model",
    ),
    "identical, though versions differ": (
        ran(CLEARED, Moved("separation", IDENTICAL), "versions: torch 2.12.0 -> 2.13.0"),
        "the bundled model is where its baseline puts it on cpu (identical in float32; since its recording: versions: "
        "torch 2.12.0 -> 2.13.0): torch, transformers, peft, tokenizers, numpy and this machine are as they were for "
        "it, look at the model",
    ),
    "cleared, for a graph": (
        ran(CLEARED, WITHIN_41, of=Exercised(TORCH, ["tokenizers", "numpy"], "onnxruntime")),
        "the bundled model is where its baseline puts it on cpu (within tolerance in float32; most of a bound used: "
        "41.0%): torch, transformers, peft, tokenizers, numpy and this machine are as they were for it; it exercises "
        "no onnxruntime: look there, or at the model",
    ),
    "blamed": (
        ran(
            BLAMED,
            Moved("text-matching", DRIFTED, "matrix max", 12),
            "device: cpu (One) -> cpu (Other)",
            "versions: torch 2.12.0 -> 2.13.0",
            precision="bfloat16",
        ),
        "the bundled model has drifted too on cpu (text-matching: matrix max 12x its bound in bfloat16; since its "
        "recording: device: cpu (One) -> cpu (Other); versions: torch 2.12.0 -> 2.13.0): look at the libraries, their "
        "settings or the machine before the model",
    ),
    "blamed, for a graph": (
        ran(BLAMED, Moved("a", ROTATED, "vector max", 3), of=Exercised(TORCH, ["tokenizers", "numpy"], "onnxruntime")),
        "the bundled model has drifted too on cpu (a: same geometry, rotated in float32; nothing that both sides state "
        "differs from its recording): look at the machine and at what both models use (tokenizers, numpy) before the "
        "model; it exercises no onnxruntime",
    ),
    "not finite": (
        ran(BLAMED, Moved("a", DRIFTED, "matrix max", float("inf"))),
        "the bundled model has drifted too on cpu (a: not finite in float32; nothing that both sides state differs "
        "from its recording): look at the libraries, their settings or the machine before the model",
    ),
    "itself": (
        ran(ITSELF, Moved("a", TOKENIZER, "matrix max", 0.5), "versions: tokenizers 1 -> 2"),
        "the bundled model itself drifted on cpu (a: tokenizer changed in float32; since its recording: versions: "
        "tokenizers 1 -> 2): look at the libraries, their settings or the machine",
    ),
    "not run": (Control("cuda:0", NOT_RUN, reason="no kernel image"), "not run on cuda:0: no kernel image"),
}


@pytest.mark.parametrize("name", LINES)
def test_line_says_what_was_found_and_what_to_look_at(name):
    found, line = LINES[name]
    assert found.line == f"control: {line}"


def test_line_shortens_what_differs_and_the_record_has_it_whole():
    listed = [f"versions: {'torch 2.12.0 -> 2.13.0, ' * 20}"]
    found = ran(CLEARED, WITHIN_41, *listed)
    assert len(found.line) < 600 and "…" in found.line
    assert found.entries()["differences"] == listed


def test_record_is_plain_values():
    entries = json.loads(json.dumps(ran(BLAMED, Moved("a", DRIFTED, "matrix max", 12.5)).entries()))
    assert entries == {
        "device": "cpu",
        "outcome": "blamed",
        "precision": "float32",
        "task": "a",
        "verdict": "drifted",
        "statistic": "matrix max",
        "share": 12.5,
        "differences": [],
        "reason": "",
    }
    assert Control("cpu", NOT_RUN, reason="gone").entries()["task"] is None


# --- the outcome --------------------------------------------------------------------------------------------------


def finding(task: str, outcome: str, share: float = 0.0) -> Finding:
    return Finding(Verdict(outcome, {"matrix max": 1.0}, {"matrix max": share}), task)


@pytest.mark.parametrize(
    ("findings", "outcome", "furthest"),
    [
        ([finding("a", WITHIN, 0.2), finding("b", WITHIN, 0.4), finding("c", IDENTICAL)], CLEARED, "b"),
        ([finding("a", IDENTICAL), finding("b", WITHIN)], CLEARED, "b"),
        ([finding("a", WITHIN, 0.9), finding("b", DRIFTED, 7.0), finding("c", DRIFTED, 5.0)], BLAMED, "b"),
        ([finding("a", WITHIN, 0.9), finding("b", TOKENIZER, 0.1)], BLAMED, "b"),
    ],
)
def test_task_that_moved_furthest_decides(findings, outcome, furthest):
    found = judged(Control("cpu", NOT_RUN, "float32"), findings)
    assert (found.outcome, found.furthest.task) == (outcome, furthest)


def test_what_can_not_be_compared_clears_nothing():
    findings = [finding("a", WITHIN, 0.2), not_comparable("b", "only 3 of 93 texts are still there")]
    found = judged(Control("cpu", NOT_RUN, "float32"), findings)
    assert found.line == "control: not run on cpu: only 3 of 93 texts are still there"


# --- which drift asks for it --------------------------------------------------------------------------------------


def row(new: str = DRIFTED, verdict: str = FAILS, device: str = "cpu", name: str = DRIFT) -> Row:
    return Row(name, new, verdict=verdict, gates=True, device=device, task="a", detail={"statistic": "s", "share": 2.0})


@pytest.fixture
def asked(monkeypatch):
    """End a run's session with some rows; return the devices that the control was asked about."""

    def end(*judged_rows: Row, exitstatus=pytest.ExitCode.TESTS_FAILED, old=None, **settings) -> list[str]:
        found = []

        def on(device, drifted, *_):
            found.append(device)
            return Control(device, NOT_RUN, reason=settings.get("reason", "stub"))

        monkeypatch.setattr(control, "_on", on)
        chosen = SimpleNamespace(**{"control": True, "updating": False, **settings})
        stash = {SETTINGS: chosen, OLD: old, SYSTEM: None, REPORT: (report := RunReport())}
        config = SimpleNamespace(stash=stash, getoption=lambda *_: "no")
        control.run(SimpleNamespace(config=config, exitstatus=exitstatus), judged_rows)
        assert [one["device"] for one in report.control] == found and len(report.notes) == len(found)
        return found

    return end


@pytest.mark.parametrize("outcome", [DRIFTED, ROTATED, TOKENIZER])
def test_what_a_machine_can_bring_about_asks_for_it(asked, outcome):
    assert asked(row(outcome), row(outcome)) == ["cpu"]


def test_embeddings_that_are_not_finite_ask_for_it(asked):
    assert asked(row(verdict=BROKEN)) == ["cpu"]


@pytest.mark.parametrize(
    "judged_row",
    [
        row(WITHIN, HOLDS),
        row(NOT_COMPARABLE, BROKEN),
        row(OTHER_DIMENSION),
        row(verdict=KNOWN),
        row(name="table"),
        rows.broken(DRIFT, "raised"),
    ],
    ids=["holds", "not comparable", "another dimension", "known", "table", "raised"],
)
def test_what_no_machine_brings_about_does_not(asked, judged_row):
    assert asked(judged_row) == []


@pytest.mark.parametrize(
    "run",
    [
        {"control": False},
        {"updating": True},
        {"old": "observed in this run"},
        {"exitstatus": pytest.ExitCode.INTERRUPTED},
        {"exitstatus": pytest.ExitCode.USAGE_ERROR},
    ],
    ids=["--no-control", "--snapshot-update", "--against", "Ctrl-C", "usage error"],
)
def test_run_that_asks_another_question_or_was_broken_off_does_without(asked, run):
    assert asked(row(), **run) == []


def test_each_device_that_drifted_is_asked_once_and_the_processor_stands_for_an_unknown_one(asked, monkeypatch):
    monkeypatch.setattr(control, "_runtime", lambda: SimpleNamespace(devices=lambda: ["cuda:0", "cuda:1", "cpu"]))
    assert asked(row(device="cuda:1"), row(WITHIN, HOLDS, "cuda:0"), row(device="own"), row(device="cpu")) == [
        "cuda:1",
        "cpu",
    ]


def test_interruption_is_the_last_thing_that_is_asked(asked, monkeypatch):
    monkeypatch.setattr(control, "_runtime", lambda: SimpleNamespace(devices=lambda: ["cuda:0", "cpu"]))
    assert asked(row(device="cuda:0"), row(device="cpu"), reason="interrupted") == ["cuda:0"]


def test_row_of_a_drift_says_how_far_it_moved():
    assert moved_by([row()]) == [Moved("a", DRIFTED, "s", 2.0)]


# --- how the bundled model is to compute ---------------------------------------------------------------------------


def described(runtime=registry.JINA_V3, options=None, precision: str | None = None) -> tuple[Control, System]:
    spec = ModelSpec("own", runtime.name, {}, precision=precision)
    system = System(Target("own"), runtime, options or runtime.options(), "cpu", spec)
    return control._described("cpu", system, MINI)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_bundled_model_computes_as_the_runs_own_of_its_runtime_does(dtype):
    options = TorchOptions(dtype=dtype, attn_implementation="eager", batch_tokens=512)
    found, bundled = described(options=options)
    assert (bundled.options, found.precision, bundled.device) == (options, dtype, "cpu")


@pytest.mark.parametrize(
    ("runtime", "precision", "dtype"),
    [
        (registry.ONNX, "int8", "float32"),
        (registry.ONNX, "float16", "float16"),
        (registry.PYTHON, None, "float32"),
        (registry.PYTHON, "bfloat16", "bfloat16"),
    ],
)
def test_it_computes_in_the_runs_precision_where_its_baseline_has_bounds_for_that(runtime, precision, dtype):
    found, bundled = described(runtime, precision=precision)
    assert (bundled.options, found.precision) == (TorchOptions(dtype=dtype), dtype)


@pytest.mark.parametrize(
    ("runtime", "shared", "beyond"),
    [
        (registry.JINA_V3, TORCH, ""),
        (registry.SENTENCE_TRANSFORMERS, ("torch", "transformers", "tokenizers", "numpy"), "sentence-transformers"),
        (registry.ONNX, ("tokenizers", "numpy"), "onnxruntime"),
        (registry.PYTHON, ("numpy",), "library or server of the callable's own"),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_what_it_does_not_exercise_of_a_runtime_is_named(runtime, shared, beyond):
    found, _ = described(runtime)
    assert (found.exercised.packages, tuple(found.exercised.shared), found.exercised.beyond) == (TORCH, shared, beyond)


# --- whether the run's own model is the bundled one -----------------------------------------------------------------


def spec_of(model, **target) -> ModelSpec:
    asked = Target(str(model), **target)
    return System(asked, registry.JINA_V3).described().spec


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    return shutil.copytree(BUNDLED_FOLDER, tmp_path_factory.mktemp("copies") / "embedder")


def test_copy_of_the_bundled_model_is_the_bundled_model_whatever_it_is_called(copied):
    bundled = spec_of("mini")
    assert control._is_part_of(spec_of(copied), bundled)
    assert control._is_part_of(spec_of(copied, only_tasks=("separation",)), bundled)
    assert control._is_part_of(MINI.recorded().spec, bundled)


def test_model_with_other_weights_is_not(copied, tmp_path):
    other = shutil.copytree(copied, tmp_path / "mini")
    shutil.copy(other / "retrieval_passage" / ADAPTER_FILE, other / "separation")
    assert not control._is_part_of(spec_of(other), spec_of("mini"))
    assert control._is_part_of(spec_of(other, only_tasks=("text-matching",)), spec_of("mini"))


def test_model_whose_files_nobody_knows_is_not():
    assert not control._is_part_of(ModelSpec("own", "jina-v3", {}), spec_of("mini"))
