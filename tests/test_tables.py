"""Stored tables, through whole runs of a small eval that reads its figures from a file: no model is needed."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics.pairwise  # noqa: F401  pytester forgets what is first imported inside a run

from fixtures.baselines.baseline import digest
from fixtures.baselines.tables import DamagedTable, TableKind, read_table, write_table
from fixtures.comparing.rows import read_rows
from fixtures.hardware import devices
from fixtures.showing import shorten
from tests.checkpoints import TASKS

LABELS = ("a", "b", "c", "d", "e")
TEXTS = {
    label: f"Text {label} is about the number {at} and goes on for a while after it." for at, label in enumerate(LABELS)
}
TOLERANCE = 2e-4
"""The assumed one for float32: a baseline of this eval holds no measured bounds."""

EVAL = f"""
import json

import pandas as pd

from fixtures.baselines.tables import TableKind


def test_table(device, task, stored_table, claims, pytestconfig):
    obtained = json.loads((pytestconfig.rootpath / "obtained.json").read_text())
    content = obtained.get(device + " " + task) or obtained.get(device) or obtained["any"]
    kind = TableKind(title="table of " + task, entries="numbers", subject=task, texts={TEXTS!r})
    table = pd.DataFrame(content["values"], index=content["labels"], columns=content["labels"])
    claims.hold(stored_table("similarity/" + task, kind, table))
"""


def matrix(seed: int = 0, size: int = len(LABELS)) -> np.ndarray:
    half = np.random.default_rng(seed).uniform(0.2, 0.9, size=(size, size))
    full = np.triu(half, 1)
    return full + full.T + np.eye(size)


def shifted(*shifts: tuple[int, int, float], seed: int = 0) -> np.ndarray:
    values = matrix(seed)
    for row, column, shift in shifts:
        values[row, column] += shift
        values[column, row] += shift
    return values


class Tables:
    """A project with that eval, what it obtains, and its stored files."""

    def __init__(self, project: pytest.Pytester, model: Path) -> None:
        self.project, self.model = project, model
        self.folder = project.path / "snapshots" / model.name
        for eval_file in (project.path / "evals").iterdir():
            eval_file.unlink()
        (project.path / "evals" / "test_fake.py").write_text(EVAL)
        self.obtained: dict[str, dict] = {}
        self.obtain(matrix())

    def obtain(self, values: np.ndarray, *, where: str = "any", labels=LABELS) -> None:
        self.obtained[where] = {"values": values.tolist(), "labels": list(labels)}
        (self.project.path / "obtained.json").write_text(json.dumps(self.obtained))

    def run(self, *arguments: str, device: str = "cpu") -> pytest.RunResult:
        options = [f"--model={self.model}", f"--device={device}"]
        return self.project.runpytest_inprocess("evals", *options, *arguments)

    def record(self, folder: Path | None = None) -> None:
        """Store what "any" obtains as tables without anchors, as published ones are stored."""
        folder, files = folder or self.folder, {}
        for task in TASKS:
            kind = TableKind(title=f"table of {task}", entries="numbers", subject=task)
            labels = self.obtained["any"]["labels"]
            text = write_table(kind, pd.DataFrame(self.obtained["any"]["values"], index=labels, columns=labels))
            (folder / "similarity").mkdir(parents=True, exist_ok=True)
            (folder / "similarity" / f"{task}.txt").write_text(text)
            files[f"similarity/{task}.txt"] = digest(text.encode())
        (folder / "manifest.json").write_text(json.dumps({"format": 1, "files": files}))

    def command(self) -> str:
        """What records this model's baseline."""
        return f"pytest evals/test_drift.py --model={self.model} --device=cpu --snapshot-update"

    def file(self, of: str = "separation") -> Path:
        return self.folder / "similarity" / f"{of}.txt"

    def files(self) -> dict[str, bytes]:
        stored = self.project.path / "snapshots"
        return {str(path.relative_to(stored)): path.read_bytes() for path in stored.rglob("*") if path.is_file()}


@pytest.fixture
def tables(project, native_checkpoint, monkeypatch):
    monkeypatch.delenv("CI", raising=False)  # pytest shortens messages less there
    return Tables(project, native_checkpoint)


def said(result: pytest.RunResult, of: str = "separation") -> list[str]:
    """The lines of one task's failure, without pytest's own and the one with the figure."""
    text = result.stdout.str().partition(f"test_table[cpu-{of}] _")[2]
    block = re.split(r"\n(?:_{3,}|=+|-{5,})", text)[0]
    return [line.strip() for line in block.splitlines() if line.startswith("  ")]


# --- the file ---------------------------------------------------------------------------------------------------


def test_table_is_text_that_reads_well():
    table = pd.DataFrame([[1, 0.25], [0.25, 1]], index=["one", "two"], columns=["one", "two"])
    kind = TableKind(title="table of ones", entries="numbers", subject="")
    expected = """\
table of ones
numbers

            one         two
one 1.000000000 0.250000000
two 0.250000000 1.000000000
"""
    assert write_table(kind, table) == expected


@pytest.mark.parametrize("seed", range(5))
def test_written_table_reads_back_to_half_a_unit_of_its_last_digit(seed):
    table = pd.DataFrame(matrix(seed) - 0.5, index=LABELS, columns=LABELS)
    kind = TableKind(title="title", entries="numbers", subject="")
    back = read_table(write_table(kind, table))
    assert list(back.index) == list(back.columns) == list(LABELS)
    assert np.abs(back - table).to_numpy().max() <= 5.01e-10
    assert write_table(kind, back) == write_table(kind, table)


@pytest.mark.parametrize("size", [7, 60])
def test_wide_table_stays_on_one_line_per_row(size):
    labels = [f"label-{at}" for at in range(size)]
    text = write_table(TableKind("title", "numbers", ""), pd.DataFrame(matrix(size=size), labels, labels))
    assert len(text.splitlines()) == 4 + size
    assert read_table(text).shape == (size, size)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no table below its title"),
        ("title\nentries\n", "no table below its title"),
        ("title\nentries\n\n  a b\n", "no table below its title"),
        ("title\n\n  a b\na 1 2\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\nb 1 2\na 2 1\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\na 1 2\nb 2\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\na 1 2\nb 2 x\n", "could not convert string to float: 'x'"),
        ("title\n\n  a b\na 1 2\nb 2 nan\n", "it holds values that are not finite"),
        ("title\n\n  a b\na 1 -inf\nb 2 1\n", "it holds values that are not finite"),
        ("title\n\n  a b\na 1 2\n<<<<<<< HEAD\nb 2 1\n", "its rows and columns don't have the same labels"),
    ],
)
def test_text_that_is_no_table_is_told_apart(text, problem):
    with pytest.raises(DamagedTable, match=re.escape(problem)):
        read_table(text)


def test_shortened_text_is_one_line_and_says_that_it_goes_on():
    assert shorten("a\n b\tc") == "a b c"
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"


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


# --- values that are no numbers ---------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda content: b"", "no table below its title"),
        (lambda content: content[:40], "no table below its title"),
        (lambda content: content[:-30], "its rows and columns don't have the same labels"),
        (lambda content: content[:-40] + b"\xff\xfe\x00", None),
        (lambda content: content.replace(b"1.000000000", b"1.00\xff000000"), "could not convert string to float: "),
        (lambda content: content.replace(b"0.", b"O.", 1), "could not convert string to float: "),
        (lambda content: b"\x00" * 500, "no table below its title"),
    ],
)
def test_damaged_file_is_told_and_left_alone(tables, damage, problem):
    tables.record()
    tables.file().write_bytes(damage(tables.file().read_bytes()))
    stored = tables.files()
    result = tables.run("-k", "separation")
    lines = said(result)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
    assert lines[0].startswith(f"snapshots/tiny/similarity/separation.txt is damaged: {problem or ''}")
    assert lines[1:] == [f"Restore it from version control, or record it anew with: {tables.command()}"]
    assert tables.files() == stored


def test_folder_in_place_of_a_file_is_told(tables):
    tables.record()
    tables.file().unlink()
    tables.file().mkdir()
    result = tables.run("-k", "separation")
    lines = said(result)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
    assert lines[0].startswith("snapshots/tiny/similarity/separation.txt is damaged: ")


def test_folder_in_place_of_a_file_does_not_stop_later_runs(tables):
    tables.record()
    tables.file().unlink()
    tables.file().mkdir()
    refused = tables.run("--snapshot-update", "-k", "separation")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR and "a folder where a file belongs" in refused.stderr.str()
    assert tables.run("-k", "classification").ret == pytest.ExitCode.OK


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
