"""What `tox run -e against` is made of: the pairs that need no package, on small models, and what is read of a run."""

import re
import sys
from dataclasses import replace

import pytest

from fixtures.comparing import rows
from fixtures.comparing.drift import DRIFTED, IDENTICAL, WITHIN
from fixtures.comparing.drift_rows import CUT_TEXTS
from fixtures.comparing.lost import LOST
from fixtures.comparing.rows import DRIFT, TABLE, Row
from fixtures.reports.json_report import write_report
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from tests.against import __main__ as command
from tests.against.comparing_runs import OfPair, Said, command_of, of_pair, said, told_again
from tests.against.pairs import PAIRS, Pair
from tests.against.sides import RANDOM, TRAINED, TRAINED_TASK, Side, write_random
from tests.against.table import drift, markdown
from tests.against.trained import write_trained_further
from tests.checkpoints import Size
from tests.places import ROOT
from tests.real import systems
from tests.real.carried import NotAsExpectedError
from tests.real.systems import MINI
from tests.real.table import END
from tests.real.work_folder import WorkFolder
from tests.runs import printed, run

OF_NO_PACKAGE = {MINI.name, RANDOM.name, TRAINED.name}
AS_BUNDLED = ("one adapter trained further", "dimension", "dtype")
"""Pairs that say something of the bundled model's own tasks, sizes or rounding: of random weights many texts lie about
equally near, and bfloat16 changes their order by chance (5 of the small model's 93, where its bound is 4.65)."""


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def small_systems(tmp_path_factory):
    """Name of a system -> the folder of a smaller one in its place."""
    work = tmp_path_factory.mktemp("against")
    small = write_random(work / "small", Size(vocabulary=54_000, hidden=64, layers=2, heads=4, inner=128))
    deep = write_random(work / "24-layers", Size(vocabulary=54_000, hidden=32, layers=24, heads=2, inner=64))
    further = write_trained_further(BUNDLED_FOLDER, work / "mini-further", TRAINED_TASK, steps=2)
    return {MINI.name: small, RANDOM.name: deep, TRAINED.name: further}


@pytest.mark.parametrize(
    "pair",
    [pair for pair in PAIRS if {pair.old.system.name, pair.new.system.name} <= OF_NO_PACKAGE],
    ids=lambda pair: pair.name,
)
def test_pair_says_what_the_page_says(pair, small_systems, project, tmp_path, monkeypatch):
    def smaller(side: Side) -> Side:
        if side.system == MINI and pair.name in AS_BUNDLED:
            return side
        folder = str(small_systems[side.system.name])
        return replace(side, system=replace(side.system, prepare=lambda work: folder))

    smaller_pair = replace(pair, old=smaller(pair.old), new=smaller(pair.new))
    options, variables = command_of(smaller_pair, WorkFolder(tmp_path / "work"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = run(project, *options, f"--report={tmp_path / 'report'}")
    assert of_pair(smaller_pair, said(result.ret, printed(result), tmp_path / "report")).missing == []


def test_training_further_moves_one_adapter_and_nothing_else(small_systems):
    changed = [
        path.relative_to(BUNDLED_FOLDER).as_posix()
        for path in BUNDLED_FOLDER.rglob("*")
        if path.is_file()
        and path.read_bytes() != (small_systems[TRAINED.name] / path.relative_to(BUNDLED_FOLDER)).read_bytes()
    ]
    assert changed == [f"{TRAINED_TASK}/adapter_model.safetensors"]


# --- how a pair is typed ----------------------------------------------------------------------------------------------


def test_settings_stand_behind_the_old_side_and_are_options_of_the_new_one(tmp_path):
    work = WorkFolder(tmp_path)
    side = Side(MINI, {"dtype": "bfloat16", "threads": "1"})
    assert side.name == side.as_old(work) == "mini,dtype=bfloat16,threads=1"
    assert side.as_new(work) == (["--model=mini", "--device=cpu", "--dtype=bfloat16"], {"OMP_NUM_THREADS": "1"})


def test_map_of_a_system_is_a_file_of_the_work_folder_and_a_callable_has_no_device(tmp_path):
    system = systems.System("a b", "python", "", lambda work: "python:a:b", "x = 1\ny = 2\n", own_device=True)
    file = tmp_path / "maps" / "a-b.toml"
    assert Side(system).as_new(WorkFolder(tmp_path))[0] == ["--model=python:a:b", f"--task-map={file}"]
    assert file.read_text(encoding="utf-8") == system.task_map
    assert Side(system, {"device": "own"}).as_old(WorkFolder(tmp_path)) == f"python:a:b,task-map={file},device=own"


def test_paths_in_the_project_are_typed_from_there(tmp_path):
    inside = systems.System("a", "jina-v3", "", lambda work: str(ROOT / ".tox" / "a"))
    assert Side(inside).as_old(WorkFolder(tmp_path)) == ".tox/a"


# --- what is read of a run --------------------------------------------------------------------------------------------

FIGURE = Row("vector max", 2.5e-7, relation="<=", bound=1e-6, verdict=rows.HOLDS)
SAME = Row(DRIFT, WITHIN, verdict=rows.HOLDS, gates=True, task="a", device="cpu", detail={"statistic": "", "share": 0})
MOVED = Row(
    DRIFT,
    DRIFTED,
    verdict=rows.FAILS,
    gates=True,
    task="b",
    device="cpu",
    evidence=("differs: weights", "cosine to the baseline: lowest | 0.9", "record it"),
    detail={"statistic": "matrix rms", "share": 3.0, "differs": ["weights", "threads"]},
)
CUT = Row(CUT_TEXTS, reason="cut at 128 tokens, was 256", verdict=rows.NOT_JUDGED)
GONE = Row(LOST, False, verdict=rows.FAILS, gates=True, detail={"served": "role:query"})
TABLES = [Row(TABLE, 0.1, detail={"outcome": outcome}) for outcome in ("moved", "within tolerance", "moved")]
PRINTED = "=== evals ===\ndrift     a\nnote      report: /somewhere\n\n=== 1 failed ===\n"


@pytest.fixture
def ran(tmp_path):
    """What is read of a run in which a task moved."""
    write_report(tmp_path, {}, [FIGURE, SAME, MOVED, CUT, CUT, GONE, *TABLES])
    return said(1, PRINTED, tmp_path, 12.3)


def test_run_is_read_from_its_report_and_its_closing_lines(ran):
    assert ran.lines == [
        "exit code 1",
        f"drift of b: {DRIFTED}",
        f"drift of a: {WITHIN}",
        "lost: role:query",
        "tables: 2 moved, 1 within tolerance",
        "differs: weights; threads",
        "read back: ",
        "cosine to the baseline: lowest | 0.9",
        "record it",
        "cut at 128 tokens, was 256",
        "drift     a",
        "note      report: /somewhere",
    ]


def test_table_says_of_a_pair_what_its_run_said(ran):
    pair = Pair("a change", Side(MINI), Side(MINI, {"dim": "128"}), ("^exit code 0$", "!cut"), shown=True)
    found = of_pair(pair, replace(ran, read_back="the same 8 figures, exit code 1"))
    assert found.missing == ["doesn't say '^exit code 0$'", "says 'cut'"]
    assert markdown([found]).splitlines()[2:] == [
        f"| a change | mini -> mini,dim=128 | 1 | b: {DRIFTED} (300.0% of matrix rms); a: {WITHIN} "
        "| 2 moved, 1 within tolerance | differs: weights; threads<br>cosine to the baseline: lowest \\| 0.9"
        "<br>cut at 128 tokens, was 256<br>read back from `--keep`: the same 8 figures, exit code 1 | 12 |",
        "",
        "a change, mini -> mini,dim=128:",
        "",
        "```text",
        "drift     a",
        "```",
    ]


def test_verdicts_of_one_outcome_are_told_together():
    nothing = replace(SAME, new=IDENTICAL)
    assert drift([nothing, replace(nothing, task="b")]) == IDENTICAL
    assert (
        drift([MOVED, nothing, replace(nothing, task="c")]) == f"b: {DRIFTED} (300.0% of matrix rms); a, c: {IDENTICAL}"
    )


@pytest.mark.parametrize(
    ("again", "told"),
    [
        ([("vector max", "2.5e-07")], "the same 1 figures, exit code 0"),
        ([], "other figures: [], not [('vector max', '2.5e-07')], exit code 0"),
    ],
)
def test_what_is_read_back_has_the_figures_of_the_run(ran, again, told):
    assert told_again(again, 0, ran) == told


# --- the command and its page -----------------------------------------------------------------------------------------


@pytest.fixture
def run_command(monkeypatch, tmp_path):
    """Run the command on what its runs say, or raise; the page is a copy."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{command.BEGIN}\n\nold\n{END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(command, "PAGE", page)

    def run(says, *options):
        def compared(pair, work):
            if isinstance(says, Exception):
                raise says
            return OfPair(pair, Said(0), says)

        monkeypatch.setattr(command, "compared", compared)
        monkeypatch.setattr(sys, "argv", ["tests.against", f"--work={tmp_path / 'work'}", *options])
        return command.main(), page.read_text(encoding="utf-8")

    return run


def test_command_fails_where_a_pair_does_not_say_what_it_should(run_command, capsys):
    assert run_command([])[0] == 0
    assert run_command(["doesn't say 'x'"], "--only=dtype")[0] == 1
    assert "\ndtype: doesn't say 'x'; it says: exit code 0" in capsys.readouterr().out


def test_command_writes_its_table_into_the_page_where_it_is_asked_to(run_command):
    assert "\nold\n" in run_command([], "--only=dtype")[1]
    page = run_command([], "--only=dtype", "--page")[1]
    assert page.startswith(f"before\n{command.BEGIN}\n\n| pair |") and page.endswith(f"\n{END}\nafter\n")


def test_model_that_can_not_be_had_is_one_line(run_command, capsys):
    assert run_command(NotAsExpectedError("some-weights==1.0 isn't installed"))[0] == 2
    assert capsys.readouterr().err == "tests.against: some-weights==1.0 isn't installed\n"


def test_page_has_every_pair():
    page = command.PAGE.read_text(encoding="utf-8")
    table = page.partition(command.BEGIN)[2].partition(END)[0]
    for pair in PAIRS:
        names = re.escape(f"| {pair.name} | {pair.old.name} -> {pair.new.name} | ")
        (code,) = re.findall(rf"^{names}(\d) \|", table, re.MULTILINE)
        assert f"^exit code {code}$" in pair.says
        assert (f"\n{pair.name}, {pair.old.name} -> {pair.new.name}:\n" in table) == pair.shown
