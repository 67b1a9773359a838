"""Stored tables, through whole runs of a small eval that reads its figures from a file: no model is needed."""

from xml.etree import ElementTree

import numpy as np
import pytest
import sklearn.metrics.pairwise  # noqa: F401  pytester forgets what is first imported inside a run

from fixtures.baselines.tables import read_table
from fixtures.comparing.rows import read_rows
from fixtures.hardware import devices
from fixtures.showing import shorten
from tests.table_runs import LABELS, TEXTS, Tables, matrix, said, shifted

TOLERANCE = 2e-4
"""The assumed one for float32: a baseline of this eval holds no measured bounds."""


@pytest.fixture
def tables(project, native_checkpoint, monkeypatch):
    monkeypatch.delenv("CI", raising=False)  # pytest shortens messages less there
    return Tables(project, native_checkpoint)


# --- comparing ------------------------------------------------------------------------------------------------


def test_first_run_fails_and_says_how_to_record(tables):
    result = tables.run("-k", "separation")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            f"{tables.model} has no baseline in snapshots/tiny: there is nothing to compare with.",
            f"Record one with: {tables.command()}",
            "compared  nothing with a baseline",
        ]
    )
    assert tables.files() == {}


def test_without_a_baseline_one_eval_fails_and_the_others_say_that_there_is_none(tables):
    result = tables.run()
    result.assert_outcomes(failed=1, skipped=4)
    result.stdout.fnmatch_lines(["skipped   4: snapshots/tiny doesn't exist: there is nothing to compare with"])


def test_table_that_the_baseline_lacks_is_told(tables):
    tables.record()
    tables.file().unlink()
    tables.reseal()
    result = tables.run("-k", "separation")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert said(result) == [
        f"{tables.model} on cpu in float32 has no baseline for separation: "
        "nothing to compare snapshots/tiny/similarity/separation.txt with.",
        f"Record one with: {tables.command()}",
    ]
    result.stdout.fnmatch_lines(["compared  1 tables on cpu with snapshots/tiny: 1 no baseline"])


def test_run_that_obtains_what_is_stored_passes_and_writes_nothing(tables):
    tables.record()
    stored = tables.files()
    assert np.abs(read_table(tables.file().read_text()) - matrix()).to_numpy().max() <= 5.01e-10
    compared = tables.run()
    assert compared.ret == pytest.ExitCode.OK and tables.files() == stored
    compared.stdout.fnmatch_lines(
        ["compared  5 tables on cpu with snapshots/tiny: 5 within tolerance; most of a tolerance used: 0.0%"]
    )


@pytest.mark.parametrize(("shift", "passes"), [(0.999, True), (-0.999, True), (1.001, False), (-1.001, False)])
def test_table_may_differ_by_the_tolerance_and_no_more(tables, shift, passes):
    tables.record()
    stored = tables.files()
    tables.obtain(shifted((1, 3, shift * TOLERANCE)))
    result = tables.run()
    assert (result.ret == pytest.ExitCode.OK) == passes
    assert tables.files() == stored
    outcome = "within tolerance" if passes else "moved"
    result.stdout.fnmatch_lines(
        [f"compared  5 tables on cpu *: 5 {outcome}; most of a tolerance used: {abs(shift):.1%}"]
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_tolerance_follows_the_dtype(tables, dtype):
    tables.record()
    tables.obtain(shifted((1, 3, 4e-3)))
    assert tables.run().ret == pytest.ExitCode.TESTS_FAILED
    assert tables.run(f"--dtype={dtype}").ret == pytest.ExitCode.OK


def test_figures_of_a_comparison_reach_junit(tables):
    tables.record()
    tables.obtain(shifted((1, 3, 0.5 * TOLERANCE)))
    tables.run("--junitxml=report.xml", "-k", "separation")
    report = (tables.project.path / "report.xml").read_text()
    properties = [(one.get("name"), one.get("value")) for one in ElementTree.fromstring(report).iter("property")]
    (row,) = read_rows(properties)
    assert row.detail["table"] == "similarity/separation" and row.new == pytest.approx(0.5 * TOLERANCE, rel=1e-4)
    assert row.share == pytest.approx(0.5, rel=1e-4)


# --- what a failure says ----------------------------------------------------------------------------------------


def test_failure_shows_count_tolerance_worst_pairs_with_texts_and_how_to_accept(tables):
    tables.record()
    shifts = [(0, 1, 0.01), (0, 2, -0.05), (1, 2, 0.02), (3, 4, 0.0005), (2, 4, 0.03), (0, 4, 0.001), (1, 4, 1e-6)]
    values = shifted(*shifts)
    tables.obtain(values)
    lines = said(tables.run("-k", "separation"))
    assert lines[0] == (
        "separation on " + f"{tables.model} on cpu in float32: 12 of 25 entries differ by more than 2.0e-04 "
        "(assumed for float32 across kernels: this baseline holds no measured bounds)"
    )
    assert lines[1].startswith("largest 5.0e-02 (250x tolerance), root mean square ")
    assert lines[1].endswith("; against snapshots/tiny/similarity/separation.txt")
    worst = sorted(shifts, key=lambda shift: -abs(shift[2]))[:5]
    expected = [
        f"{matrix()[row, column]:.4f} -> {values[row, column]:.4f} ({shift:+.4f})  "
        f'"{shorten(TEXTS[LABELS[row]])}" | "{shorten(TEXTS[LABELS[column]])}"'
        for row, column, shift in worst
    ]
    assert lines[2:7] == expected
    assert lines[7:] == [f"If the change is wanted: {tables.command()}"]


def test_root_mean_square_and_mean_are_over_pairs(tables):
    tables.record()
    tables.obtain(shifted((0, 1, 0.03), (0, 2, -0.01)))
    line = said(tables.run("-k", "separation"))[1]
    assert "root mean square 1.0e-02, mean +2.0e-03;" in line


def test_change_on_the_diagonal_alone_is_found(tables):
    tables.record()
    values = matrix()
    values[2, 2] = 1.5
    tables.obtain(values)
    lines = said(tables.run("-k", "separation"))
    assert "1 of 25 entries differ" in lines[0] and lines[1].startswith("largest 5.0e-01")
    text = shorten(TEXTS["c"])
    assert lines[2:-1] == [f'1.0000 -> 1.5000 (+0.5000)  "{text}" | "{text}"']


# --- values other than numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_obtained_value_that_is_not_finite_never_matches(tables, value):
    tables.record()
    tables.obtain(shifted((1, 3, value)))
    result = tables.run("-k", "separation")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert said(result) == [
        f"separation on {tables.model} on cpu in float32: the obtained table can't be compared: "
        "it holds values that are not finite."
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_stored_value_that_is_not_finite_matches_nothing_not_even_itself(tables, value):
    tables.record()
    text = tables.file().read_text()
    tables.file().write_text(text.replace(f"{matrix()[1, 3]:.9f}", f"{value:>11}"))
    tables.reseal()
    tables.obtain(shifted((1, 3, float(value))))
    lines = said(tables.run("-k", "separation"))
    assert lines[0] == "snapshots/tiny/similarity/separation.txt is damaged: it holds values that are not finite."


# --- other shapes and damage ------------------------------------------------------------------------------------


def test_other_labels_are_a_difference_that_can_be_accepted(tables):
    tables.record()
    tables.obtain(matrix(size=4), labels=LABELS[:4])
    lines = said(tables.run("-k", "separation"))
    assert lines[0:] == [
        "snapshots/tiny/similarity/separation.txt is over [a, b, c, d, e], this run over [a, b, c, d].",
        f"If that is wanted: {tables.command()}",
    ]
    tables.record()
    assert tables.run().ret == pytest.ExitCode.OK


def test_same_labels_in_another_order_are_a_difference(tables):
    tables.record()
    tables.obtain(matrix(), labels=LABELS[::-1])
    assert "is over [a, b, c, d, e], this run over [e, d, c, b, a]." in said(tables.run("-k", "separation"))[0]


def test_folder_in_place_of_a_file_is_told(tables):
    tables.record()
    tables.file().unlink()
    tables.file().mkdir()
    result = tables.run("-k", "separation")
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines(["snapshots/tiny/similarity/separation.txt: a folder where a file belongs; *"])


def test_folder_in_place_of_a_file_does_not_stop_later_runs(tables):
    tables.record()
    tables.file().unlink()
    tables.file().mkdir()
    refused = tables.run("--snapshot-update", "-k", "separation")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR and "a folder where a file belongs" in refused.stderr.str()
    later = tables.run("-k", "classification")  # of another file: whoever compares checks the whole folder
    assert later.ret == pytest.ExitCode.TESTS_FAILED and "a folder where a file belongs" in later.stdout.str()


# --- which baseline ---------------------------------------------------------------------------------------------


def test_baseline_option_names_the_folder(tables):
    tables.record(tables.project.path / "snapshots" / "elsewhere")
    assert tables.run().ret == pytest.ExitCode.TESTS_FAILED
    result = tables.run("--baseline=elsewhere")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["compared  5 tables on cpu with snapshots/elsewhere: 5 within tolerance*"])


# --- two devices ------------------------------------------------------------------------------------------------


@pytest.fixture
def two_devices(monkeypatch):
    monkeypatch.setattr(devices, "available_devices", lambda: ["cuda:0", "cpu"])


def test_one_reference_serves_both_devices(tables, two_devices):
    tables.record()
    result = tables.run(device="all")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"compared  5 tables on {name} with *: 5 within*" for name in ("cuda:0", "cpu")])


def test_device_that_moved_does_not_fail_the_other(tables, two_devices):
    tables.record()
    tables.obtain(matrix(1), where="cuda:0 separation")
    result = tables.run(device="all")
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["FAILED evals/test_fake.py::test_table?cuda:0-separation?*"])
