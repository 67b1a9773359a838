"""What tests read of a run is there: a refusal is one line and nothing else, and variables reach a run as asked for."""

import pytest

from tests.runs import closing_lines, failed, lines, notes, refusal, run_apart, section, verdicts

REFUSED = "ERROR: --model: unknown model 'minni'"
EXIT = "!!!!!!!! _pytest.outcomes.Exit: mini: no tokenizer !!!!!!!!"
PRINTED = """
=================================== FAILURES ===================================
_____ test_share[cpu-de] _____
share: measured 0.5, needs >= 0.8
==================================== evals =====================================
loaded    mini on cpu: once
note      recorded quickly

=========================== short test summary info ============================
XFAIL evals/test_a.py::test_known[cpu] - weak
FAILED evals/test_a.py::test_share[cpu-de] - share: measured 0.5
""".splitlines()


def result(out=(), err=(), code=pytest.ExitCode.USAGE_ERROR):
    return pytest.RunResult(code, list(out), list(err), duration=0)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (result(err=[REFUSED, ""]), "--model: unknown model 'minni'"),
        (result(out=["loading", EXIT]), "mini: no tokenizer"),
    ],
    ids=["before the first eval", "by an eval"],
)
def test_refusal_is_its_line_without_what_pytest_adds(run, line):
    assert refusal(run) == line


@pytest.mark.parametrize(
    "run",
    [
        result(err=[REFUSED], code=pytest.ExitCode.TESTS_FAILED),
        result(),
        result(err=[REFUSED, "and another line"]),
        result(out=[EXIT], err=[REFUSED]),
        result(out=["Traceback (most recent call last):"], err=[REFUSED]),
        result(err=[REFUSED], out=["INTERNALERROR> "]),
        result(out=["FAILED evals/test_a.py::test_b", EXIT]),
    ],
    ids=["another code", "no line", "two lines", "said twice", "traceback", "internal error", "a failed eval"],
)
def test_what_is_more_or_less_than_one_line_is_no_refusal(run):
    with pytest.raises((AssertionError, ValueError)):
        refusal(run)


def test_parts_of_what_a_run_prints_are_found():
    run = result(out=PRINTED, code=pytest.ExitCode.TESTS_FAILED)
    assert section(run, "FAILURES").splitlines()[1:] == ["share: measured 0.5, needs >= 0.8"]
    assert closing_lines(run) == ["loaded    mini on cpu: once", "note      recorded quickly"]
    assert notes(run) == ["recorded quickly"] and lines(run, "loaded") == ["loaded    mini on cpu: once"]
    assert failed(run) == ["test_share[cpu-de]"] and verdicts(run) == {"test_known": "XFAIL", "test_share": "FAILED"}


def test_run_apart_has_the_variables_that_are_given_and_lacks_those_taken_away(tmp_path, monkeypatch):
    monkeypatch.setenv("TAKEN_AWAY", "1")
    script = "import os, sys; print(os.environ['GIVEN'], 'TAKEN_AWAY' in os.environ, os.getcwd(), sys.stdin.read())"
    run = run_apart(python=("-c", script), start=tmp_path, GIVEN="yes", TAKEN_AWAY=None)
    assert run.ret == 0 and run.outlines == [f"yes False {tmp_path} "]
