"""--expect no-loss: what gates, what a run without a verdict on quality says, what is refused, what is kept."""

import json

import pytest

from fixtures.run import compare_command
from tests.callables import knowing
from tests.field.no_loss_runs import (
    AGAINST,
    DRIFT,
    EVALS,
    HALF_SURE,
    LANGUAGES,
    NAME,
    NEW,
    NO_LOSS,
    NOTHING_GATES,
    OWN_NAME,
    QUALITY,
    mapped,
    options,
    upgraded,
    variables,
    verdict_line,
    verdicts,
    without_quality,
)
from tests.places import contents, put
from tests.runs import lines, notes, printed, refusal, report_in, run

OK, FAILED, CANT_TELL = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, 6
BOTH = (DRIFT, QUALITY)
KNOWN_FAILURES = f"snapshots/{OWN_NAME}/known-failures.txt"


# --- what gates -------------------------------------------------------------------------------------------------------


def test_drift_gates_under_same_alone_and_quality_under_no_loss_alone(project, stored, monkeypatch):
    variables(monkeypatch, MOVED="1")
    moved = upgraded(project, evals=(*BOTH, "evals/test_similarity.py"))
    assert moved.ret == OK and lines(moved, "drift ")[0] != "drift     search on own: identical"
    assert verdict_line(moved).endswith("four of four measures; stored vectors must be re-indexed")
    assert run(project, *BOTH, *options()).ret == FAILED
    variables(monkeypatch, NEW_WRONG="retrieval:0-40")
    lost = run(project, *BOTH, *options())
    assert lost.ret == OK and not lines(lost, "verdict ")
    row = verdicts(project)["retrieval"]
    assert (row["verdict"], row["gates"]) == ("doesn't hold", False)


def test_list_of_known_failures_is_about_what_gates(project, stored, monkeypatch):
    drift = [f"test_drift.py::test_embeddings_are_those_of_the_baseline[{task}] # moved\n" for task in knowing.TASKS]
    quality = f"test_quality.py::{EVALS['clustering']} # weak\n"
    put(project.path, {KNOWN_FAILURES: "".join(drift)})
    assert upgraded(project, evals=BOTH).ret == OK
    put(project.path, {KNOWN_FAILURES: quality})
    assert run(project, *BOTH, *options()).ret == OK


# --- nothing gates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evals", "more"),
    [
        (BOTH, ["-k", "embeddings"]),
        (BOTH, [f"--deselect={QUALITY}"]),
        (("evals",), [f"--ignore={QUALITY}", "-k", "embeddings"]),
        ((DRIFT,), []),
    ],
    ids=["k", "deselect", "ignore", "drift alone"],
)
def test_run_without_an_eval_of_quality_fails(project, stored, evals, more):
    result = upgraded(project, *more, evals=evals)
    assert result.ret == FAILED
    assert f"{NOTHING_GATES}no eval of test_quality.py has run; leave it in" in notes(result)
    assert run(project, *evals, *options(*more)).ret == OK


def test_evals_of_ones_own_alone_are_no_answer_unless_an_ini_file_asks(project, stored, monkeypatch):
    own = "def test_own(device, claims): claims.hold(measured('one', 1))\n"
    put(project.path, {"more/test_own.py": f"from fixtures.comparing.rows import measured\n\n{own}"})
    assert run(project, "more", *options()).ret == OK
    result = run(project, "more", *options(NO_LOSS))
    assert result.ret == FAILED
    assert f"{NOTHING_GATES}no eval of test_quality.py has run; leave it in" in notes(result)
    monkeypatch.setenv("PYTEST_ADDOPTS", NO_LOSS)
    assert run(project, "more", *options()).ret == OK


def test_baseline_from_before_quality_was_stored_gates_nothing_and_drift_is_judged(project, stored, monkeypatch):
    without_quality(stored)
    before = contents(stored)
    result = upgraded(project, evals=BOTH)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert f"snapshots/{NAME}: recorded before quality was stored: record again to include it" in note
    assert lines(result, "drift ")[0] == "drift     search on own: identical"
    assert run(project, *BOTH, *options()).ret == OK
    assert contents(stored) == before


@pytest.mark.parametrize(
    ("task_map", "said"),
    [
        (knowing.task_map(LANGUAGES).partition("[roles]")[0], "no task serves the role"),
        (knowing.task_map(["sv"]), "the texts have none of the model's languages (sv)"),
    ],
    ids=["no roles", "no texts"],
)
def test_two_sides_that_nothing_can_be_asked_of_gate_nothing(project, stored, task_map, said):
    mapped(project, task_map, task_map)
    result = upgraded(project, AGAINST, evals=BOTH)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert said in note


def test_measure_that_is_not_judged_is_named(project, stored):
    result = upgraded(project, "-k", "questions")
    assert result.ret == OK
    assert verdict_line(result) == (
        "not worse by more than 0.05 in one of one measures; not judged: similarity, clustering, classification, "
        "worst language"
    )


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            ["--margin=0.1"],
            "--margin without --expect no-loss: nothing is judged by it; add that, or leave it out",
        ),
        (
            ["--inconclusive=pass"],
            "--inconclusive without --expect no-loss: nothing is judged by it; add that, or leave it out",
        ),
        *(
            ([NO_LOSS, f"--margin={value}"], f"--margin: '{value}' is no number above 0 and below 1")
            for value in ("0", "1", "-0.1", "nan", "inf", "half")
        ),
        *(
            ([f"--threshold={value}"], f"--threshold: '{value}' is no number from -1 to 1, a cosine similarity")
            for value in ("2", "nan", "high")
        ),
        ([NO_LOSS, "--inconclusive=fail"], "--inconclusive: unknown value 'fail'; allowed: exit, pass"),
        (["--expect=better"], "--expect: unknown value 'better'; allowed: same, no-loss"),
        (
            [NO_LOSS, "--snapshot-update"],
            "--expect no-loss with --snapshot-update: a recording accepts what it finds; run once without recording, "
            "then record",
        ),
    ],
    ids=lambda said: " ".join(said) if isinstance(said, list) else "",
)
def test_options_that_cannot_be_meant_are_one_line_and_nothing_is_written(project, said, line):
    before = contents(project.path)
    assert refusal(run(project, QUALITY, f"--model={NEW}", *said)) == line
    assert contents(project.path) == before


def test_damaged_quality_is_one_line_and_gates(project, stored):
    path = stored / "quality.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"retrieval"', '"retrieved"', 1), encoding="utf-8")
    result = upgraded(project)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert f"snapshots/{NAME}/quality.json: not the content that manifest.json lists" in note
    assert "Traceback" not in printed(result)


# --- kept -------------------------------------------------------------------------------------------------------------


def compared(capsys, *arguments: str) -> tuple[int, str, str]:
    """The exit code of the command, and what it printed and complained of."""
    capsys.readouterr()
    code = compare_command.main(["compare", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("wrong", ["", "retrieval:0-40", "clustering:0-60", HALF_SURE[0]])
def test_kept_sides_have_the_same_verdicts_and_exit_code(project, stored, monkeypatch, capsys, wrong):
    """The new side is for more languages than the old one, among whose texts neighbours are others."""
    mapped(project, knowing.task_map())
    variables(monkeypatch, NEW_WRONG=wrong)
    result = upgraded(project, HALF_SURE[1], "--keep=kept", evals=BOTH)
    code, said, _ = compared(capsys, "kept/old", "kept/new", NO_LOSS, HALF_SURE[1])
    assert code == result.ret == {"": OK, HALF_SURE[0]: CANT_TELL}.get(wrong, FAILED)
    again = said.splitlines()
    assert again[0] == f"verdict   on own: {verdict_line(result)}"
    assert [line for line in again if line.startswith("quality ")] == lines(result, "quality ")
    assert "note      quality isn't judged in es, fr, zh: kept/old was measured on no texts in them" in again
    assert any(f"kept/new {NO_LOSS} {HALF_SURE[1]}" in note for note in notes(result))
    if code == CANT_TELL:
        assert compared(capsys, "kept/old", "kept/new", NO_LOSS, HALF_SURE[1], "--inconclusive=pass")[0] == OK


def test_kept_without_quality_gates_nothing_and_says_so(project, stored, capsys):
    assert run(project, *BOTH, *options("--keep=kept")).ret == OK
    code, said, _ = compared(capsys, "kept/old", "kept/new", NO_LOSS)
    assert code == FAILED
    assert (
        "note      failed: no measure of quality gates: kept/new: its quality wasn't asked for: that takes "
        "--expect no-loss"
    ) in said.splitlines()
    assert compared(capsys, "kept/old", "kept/new")[0] == OK


DAMAGED = {
    "{}": "needs texts, quantiles and measures",
    "[]": "",
    "{": "",
    "": "",
    '{"texts": {}, "quantiles": [], "measures": {"retrieval": {}}}': "retrieval needs items, true_pairs, unrelated",
}


def test_damaged_quality_of_a_kept_side_is_one_line(project, stored, capsys):
    upgraded(project, "--keep=kept", "-k", "questions")
    for written, line in DAMAGED.items():
        for name in ("quality.json", "data.json"):
            put(project.path, {f"kept/new/{name}": written})
            code, said, complained = compared(capsys, "kept/old", "kept/new", NO_LOSS)
            assert (code, said) == (pytest.ExitCode.USAGE_ERROR, "")
            assert complained.startswith(f"ERROR: NEW: kept/new/{name}") and len(complained.splitlines()) == 1
            assert line in complained or name == "data.json"
            (project.path / "kept" / "new" / name).unlink()


@pytest.mark.parametrize(
    "said", [["--margin=0.1"], ["--inconclusive=pass"], [NO_LOSS, "--margin=2"], ["--expect=other"]]
)
def test_command_refuses_what_a_run_refuses(project, capsys, said):
    code, printed_lines, complained = compared(capsys, "kept/old", "kept/new", *said)
    assert (code, printed_lines) == (pytest.ExitCode.USAGE_ERROR, "")
    assert complained.startswith(f"ERROR: {said[-1].partition('=')[0]}") and len(complained.splitlines()) == 1


def test_thresholds_are_told_and_never_gate(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="retrieval:0-10")
    result = upgraded(project, "--threshold=0.5", "--threshold=0.9", "--threshold=0.5", "-k", "questions")
    told = lines(result, "threshold ")
    assert [line.split()[1] for line in told] == ["0.5,", "0.9,"]
    rows = [row for row in report_in(project.path / "out")["rows"] if "threshold" in row["detail"]]
    assert {row["language"] for row in rows} == {None, *LANGUAGES} and not any(row["gates"] for row in rows)
    assert {(row["old"], row["new"]) for row in rows if row["detail"]["threshold"] == 0.5} == {(1.0, 0.95)}


def test_report_is_plain_json(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="similarity:0-1")
    upgraded(project, "--threshold=1")
    json.loads((project.path / "out" / "report.json").read_text(), parse_constant=pytest.fail)
