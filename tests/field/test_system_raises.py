"""A system that stops answering is reported apart from one that got worse; one that refuses a text apart from both."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.comparing.rows import at_least
from fixtures.errors import EncodeError
from fixtures.observing.observation import observe
from fixtures.run.origins import came_from_the_system
from tests.encoders.failing import Raises
from tests.places import ROOT, put
from tests.runs import closing_lines, report_in, run_callable

MAP = """
precision = "float32"

[tasks]
query = { prompt = "query: " }
"""
WORSE = """
from fixtures.comparing.rows import at_least

def test_worse(device, claims):
    claims.hold(at_least("share", 0.5, 0.8), at_least("gap", 0.0, 0.1))

def test_unknown_task(encoder, claims):
    encoder.encode(["a"], "no task of it")
"""
ODD = ["evals/test_contract.py", "-k", "odd_input"]
EMPTY = "test_contract.py::test_odd_input_is_handled[empty]"


def raised_by(function: str, message: str) -> str:
    """What is said of an exception of one of the callables, with the line that raises it."""
    lines = (ROOT / "tests" / "callables" / "__init__.py").read_text("utf-8").splitlines()
    number = next(at for at, line in enumerate(lines, start=1) if message in line)
    return f"python:tests.callables:{function}: raised under query: {message} (tests/callables/__init__.py:{number})"


REFUSED = raised_by("refuses_empty", "input must not be empty")
NEEDS = f"answer to the text: found an error ({REFUSED}), needs a vector"
UNKNOWN = "encode: unknown task 'no task of it'; this model has: query"
DOWN = raised_by("goes_down", "connection refused")


def ask(project, function: str, *arguments: str, known: str = "") -> pytest.RunResult:
    """Run the evals on one of the callables, with known failures if given."""
    listed = f"snapshots/tests.callables.{function}/known-failures.txt"
    put(project.path, {"evals/test_worse.py": WORSE, listed: known})
    return run_callable(project, function, "--report=out", *arguments, task_map=MAP)


def in_a_thread():
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(Raises().encode, ["a"], "embedding").result()


def in_one_line():
    try:
        Raises().tokenize(["a"], "embedding")
    except EncodeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.mark.parametrize(
    ("call", "system"),
    [
        (lambda: Raises().encode(["a"], "embedding"), True),
        (in_a_thread, True),
        (lambda: observe(Raises()).vectors(["a"], "embedding"), True),
        (lambda: Raises().encode(["a"], "no task of it"), False),
        (in_one_line, False),
        (lambda: at_least("share", "no figure", 0.5), False),
    ],
)
def test_error_is_the_systems_wherever_it_was_asked(call, system):
    with pytest.raises((Exception, pytest.fail.Exception)) as raised:
        call()
    assert came_from_the_system(raised.value) is system


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_closing_lines_say_first_in_how_many_evals_the_system_raised(project, workers):
    result = ask(project, "goes_down", "evals", "-k", "odd_input or worse or unknown_task", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert closing_lines(result)[:3] == [
        f"raised    the system, in 7 evals, which are not judged: {DOWN}",
        "failed    1 eval, whose claims don't hold: share; gap",
        f"broken    1 eval, in which nothing could be measured: {UNKNOWN}",
    ]
    found = report_in(project.path / "out")
    assert found["run"]["failing_evals"] == {"raised": 7, "doesn't hold": 1, "broken": 1}
    raised = [row for row in found["rows"] if row["raised"]]
    assert {(row["verdict"], row["reason"]) for row in raised} == {("broken", DOWN)}
    assert len(raised) == 7 and all("odd_input" in row["eval"] for row in raised)


def test_green_run_says_nothing_of_failures(project):
    result = ask(project, "encode", *ODD)
    assert result.ret == pytest.ExitCode.OK and closing_lines(result)[0].startswith("loaded ")
    assert set(report_in(project.path / "out")["run"]["failing_evals"].values()) == {0}


def test_text_that_a_service_refuses_is_a_claim_that_can_be_listed(project):
    result = ask(project, "refuses_empty", *ODD)
    result.assert_outcomes(passed=8, failed=1, deselected=result.parseoutcomes()["deselected"])
    assert f"own: {NEEDS}" in result.outlines
    assert closing_lines(result)[0] == "failed    1 eval, whose claims don't hold: answer to the text"
    (row,) = [row for row in report_in(project.path / "out")["rows"] if row["gates"] and row["verdict"] != "holds"]
    assert (row["verdict"], row["raised"]) == ("doesn't hold", False)
    listed = ask(project, "refuses_empty", *ODD, known=f"{EMPTY} # not by this service\n")
    assert listed.ret == pytest.ExitCode.OK
    assert f"XFAIL evals/{EMPTY.replace('[', '[own-')} - {NEEDS} # not by this service" in listed.outlines


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("goes_down", DOWN),
        ("returns_less_for_empty", "returned shape (0, 64) for 1 texts under query"),
        ("cancelled_for_empty", ""),
    ],
)
def test_what_is_no_refusal_of_a_text_fails_though_it_is_listed(project, function, says):
    line = EMPTY.replace("empty", "emoji") if function == "goes_down" else EMPTY
    ask(project, function, *ODD, known=f"{line} # not by this service\n")
    found = {row["eval"]: row for row in report_in(project.path / "out")["rows"] if row["verdict"] == "broken"}
    row = found[f"evals/{line.replace('[', '[own-')}"]
    assert row["gates"] and says in row["reason"]
