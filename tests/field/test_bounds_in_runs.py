"""Bounds as a run meets them: in another dtype, stored by an older version of the suite, or damaged."""

import json
import shutil

import pytest

from fixtures.comparing.rows import NOT_JUDGED
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from tests.resealing import reseal
from tests.runs import figures_in, rows_named, run, section

DRIFT = ["evals/test_drift.py", "--tasks=separation"]
SHORT_LIMIT = ["evals/test_contract.py", "-k", "short_limit", "--tasks=separation"]


@pytest.fixture
def stored(project, baseline_of_format_1):
    """The bundled model's baseline as an older version recorded it, in a copy that a test may change."""
    return shutil.copytree(baseline_of_format_1, project.path / "snapshots" / "mini")


def change_tolerance(folder, change):
    """Change what tolerance.json says of float32, and seal the baseline again as if it had been recorded so."""
    content = json.loads((folder / "tolerance.json").read_text(encoding="utf-8"))
    change(content["float32"])
    (folder / "tolerance.json").write_text(json.dumps(content), encoding="utf-8")
    reseal(folder)


def figures(path):
    return {name: figure for found in figures_in(path).values() for name, figure in found.items()}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_another_ending_of_a_long_text_moves_a_vector_in_half_precision(project, dtype):
    result = run(project, *SHORT_LIMIT, f"--dtype={dtype}", "--junitxml=report.xml", model="mini")
    result.assert_outcomes(passed=3, deselected=result.parseoutcomes()["deselected"])
    found = figures(project.path / "report.xml")
    assert 0 <= float(found["cosine distance of the same text beside another one"]) < 1e-4


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_model_that_cuts_silently_fails_at_the_limits_beyond_its_cut(project, native_checkpoint, monkeypatch, dtype):
    forward = TorchEncoder.forward
    monkeypatch.setattr(
        TorchEncoder, "forward", lambda self, ids, side: forward(self, [row[:100] for row in ids], side)
    )
    result = run(project, *SHORT_LIMIT, f"--dtype={dtype}", model=native_checkpoint)
    result.assert_outcomes(passed=1, failed=1, skipped=1, deselected=result.parseoutcomes()["deselected"])
    assert "cosine distance made by another ending: measured 0, needs >= 1e-06" in section(result, "FAILURES")


def test_stored_bound_that_nothing_could_break_is_clamped(project, stored):
    change_tolerance(stored, lambda entry: entry["bounds"].update({"norm max": 1e9}))
    assert run(project, *DRIFT, "--junitxml=report.xml", model="mini").ret == pytest.ExitCode.OK
    norms = rows_named(project.path / "report.xml", "norm max")
    assert norms and all(row.new > 0 and row.bound == 6e-7 for row in norms)  # the floor
    assert norms[0].source == "floor, as few runs moved it"


def test_statistic_that_an_old_baseline_lacks_is_measured_and_said_not_to_be_judged(project, stored):
    change_tolerance(stored, lambda entry: [entry[part].pop("norm max") for part in ("bounds", "largest_seen")])
    result = run(project, *DRIFT, "--junitxml=report.xml", model="mini")
    assert result.ret == pytest.ExitCode.OK
    said = "note      not judged in float32 against snapshots/mini: norm max (recorded before it existed)"
    assert result.outlines.count(said) == 1
    norms = rows_named(project.path / "report.xml", "norm max")
    assert norms and all(row.verdict == NOT_JUDGED and row.new > 0 for row in norms)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda entry: entry.pop("bounds"), "bounds is None"),
        (lambda entry: entry.pop("runs"), "number of runs"),
        (lambda entry: entry.update(bounds=[1, 2]), "[1, 2]"),
        (lambda entry: entry["bounds"].update({"norm max": "wide"}), "'wide'"),
        (lambda entry: entry["largest_seen"].update({"norm max": None}), "is None"),
        (lambda entry: entry["bounds"].update({"norm max": float("nan")}), "nan"),
        (lambda entry: entry["largest_seen"].update({"norm max": -1.0}), "-1"),
    ],
)
def test_bounds_that_cannot_be_read_are_one_line(project, stored, change, problem):
    change_tolerance(stored, change)
    result = run(project, *DRIFT, "-k", "embeddings", model="mini")
    result.assert_outcomes(failed=1, deselected=6)
    said = [line for line in section(result, "FAILURES").splitlines() if "tolerance.json: " in line]
    assert len(said) == 1 and "its entry for float32 can't be read" in said[0] and problem in said[0]
    assert "Traceback" not in result.stdout.str()
