"""A system that stops answering is reported apart from one that got worse; one that refuses a text apart from both."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.comparing.rows import at_least
from fixtures.errors import EncodeError
from fixtures.observing.observation import observe
from fixtures.run.origins import came_from_the_system
from tests.conftest import ROOT
from tests.encoders.failing import Raises
from tests.field.said_by_runs import closing_lines

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


@pytest.fixture
def run(project):
    """Run the evals on one of the callables, with known failures if given."""
    (project.path / "tests").symlink_to(ROOT / "tests")
    (project.path / "map.toml").write_text(MAP)
    (project.path / "evals" / "test_worse.py").write_text(WORSE)

    def run(function: str, *arguments: str, known: str = "") -> pytest.RunResult:
        folder = project.path / "snapshots" / f"tests.callables.{function}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "known-failures.txt").write_text(known)
        model = [f"--model=python:tests.callables:{function}", "--task-map=map.toml", "--report=out"]
        return project.run(sys.executable, "-m", "pytest", *model, "-p", "no:cacheprovider", *arguments)

    return run


def in_a_thread():
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(Raises().encode, ["a"], "embedding").result()


def in_one_line():
    try:
        Raises().tokenize(["a"], "embedding")
    except EncodeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.mark.parametrize(
    ("ask", "system"),
    [
        (lambda: Raises().encode(["a"], "embedding"), True),
        (in_a_thread, True),
        (lambda: observe(Raises()).vectors(["a"], "embedding"), True),
        (lambda: Raises().encode(["a"], "no task of it"), False),
        (in_one_line, False),
        (lambda: at_least("share", "no figure", 0.5), False),
    ],
)
def test_error_is_the_systems_wherever_it_was_asked(ask, system):
    with pytest.raises((Exception, pytest.fail.Exception)) as raised:
        ask()
    assert came_from_the_system(raised.value) is system


def report(project) -> dict:
    return json.loads((project.path / "out" / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_closing_lines_say_first_in_how_many_evals_the_system_raised(run, project, workers):
    result = run("goes_down", "evals", "-k", "odd_input or worse or unknown_task", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert closing_lines(result)[:3] == [
        f"raised    the system, in 7 evals, which are not judged: {DOWN}",
        "failed    1 eval, whose claims don't hold: share; gap",
        f"broken    1 eval, in which nothing could be measured: {UNKNOWN}",
    ]
    found = report(project)
    assert found["run"]["failing_evals"] == {"raised": 7, "doesn't hold": 1, "broken": 1}
    raised = [row for row in found["rows"] if row["raised"]]
    assert {(row["verdict"], row["reason"]) for row in raised} == {("broken", DOWN)}
    assert len(raised) == 7 and all("odd_input" in row["eval"] for row in raised)


def test_green_run_says_nothing_of_failures(run, project):
    result = run("encode", *ODD)
    assert result.ret == pytest.ExitCode.OK and closing_lines(result)[0].startswith("loaded ")
    assert set(report(project)["run"]["failing_evals"].values()) == {0}


def test_text_that_a_service_refuses_is_a_claim_that_can_be_listed(run, project):
    result = run("refuses_empty", *ODD)
    result.assert_outcomes(passed=8, failed=1, deselected=result.parseoutcomes()["deselected"])
    assert f"own: {NEEDS}" in result.outlines
    assert closing_lines(result)[0] == "failed    1 eval, whose claims don't hold: answer to the text"
    (row,) = [row for row in report(project)["rows"] if row["gates"] and row["verdict"] != "holds"]
    assert (row["verdict"], row["raised"]) == ("doesn't hold", False)
    listed = run("refuses_empty", *ODD, known=f"{EMPTY} # not by this service\n")
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
def test_what_is_no_refusal_of_a_text_fails_though_it_is_listed(run, project, function, says):
    line = EMPTY.replace("empty", "emoji") if function == "goes_down" else EMPTY
    run(function, *ODD, known=f"{line} # not by this service\n")
    found = {row["eval"]: row for row in report(project)["rows"] if row["verdict"] == "broken"}
    row = found[f"evals/{line.replace('[', '[own-')}"]
    assert row["gates"] and says in row["reason"]
