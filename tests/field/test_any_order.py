"""One command, one result: in whatever order its arguments are typed, from wherever."""

import pytest

from tests.conftest import ROOT
from tests.field.conftest import EVALS, INI, ON_THE_MODEL, OURS
from tests.pages import in_workflow
from tests.runs import lines, refusal, report_in, run, run_apart

WORKFLOW = ROOT / "examples" / "own-repository" / ".github" / "workflows" / "embedding-evals.yml"
DOCTEST = """
def parcels():
    \"\"\"
    >>> parcels()
    1
    \"\"\"
    return 1
"""
CALLABLE = """
import numpy as np

def encode(texts, task):
    angles = np.array([len(text) for text in texts], dtype=np.float32)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
"""
IMPORTS = "from ours import encode\n\ndef test_imports(device): encode(['a'], 'embedding')\n"
JUDGED = """
from fixtures.comparing.rows import at_least

def test_own_claim(device, claims): claims.hold(at_least("share", 0.5, 0.8))
"""
PYPROJECT = "[project]\nname = 'service'\nversion = '1'\n"


# --- doctests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "added"), [([EVALS, "tests"], True), (["tests", EVALS], False)], ids=str)
def test_doctests_of_a_service_are_run_beside_the_evals_and_nothing_of_the_suite_is_one(service, asked, added):
    service.says({"pytest.ini": INI + ("addopts = --doctest-modules\n" if added else "")})
    service.says({"tests/conftest.py": DOCTEST, "tests/test_unit.py": f"{DOCTEST}\ndef test_unit(): pass\n"})
    typed = [*asked, "-k", "parcels or test_unit or judged", *([] if added else ["--doctest-modules"])]
    result = run_apart(*typed, "-rA", *ON_THE_MODEL)
    assert {line.split()[1] for line in lines(result, "PASSED")} == {
        f"{OURS}::test_judged[cpu]",
        "tests/conftest.py::conftest.parcels",
        "tests/test_unit.py::test_unit",
        "tests/test_unit.py::test_unit.parcels",
    }
    assert result.ret == pytest.ExitCode.OK


# --- what a service's code is imported from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "start", "typed"),
    [
        ("pytest.ini", ".", ["suite/evals/test_similarity.py", "--model=python:ours:encode"]),
        ("pyproject.toml", ".", ["suite/evals/test_similarity.py", "--model=python:ours:encode", "-n1"]),
        ("pyproject.toml", "tests", ["../suite/evals/test_similarity.py", "--model", "python:ours:encode"]),
        ("pytest.ini", ".", [OURS, "tests", "--model", "ELSEWHERE"]),
        ("pyproject.toml", ".", [OURS, "tests", "--model", "ELSEWHERE", "-n1"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_pythonpath_of_a_service_holds_in_every_order(service, native_checkpoint, monkeypatch, file, start, typed):
    toml = f"{PYPROJECT}[tool.pytest]\npythonpath = ['src', '.']\n"
    service.says({file: "[pytest]\npythonpath = src .\n" if file.endswith("ini") else toml})
    service.says({"src/ours.py": CALLABLE, "tests/test_unit.py": IMPORTS})
    monkeypatch.chdir(service.folder / start)
    typed = [one.replace("ELSEWHERE", str(native_checkpoint)) for one in typed]
    result = run_apart(*typed, "-k", "symmetric or imports or judged")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["passed"] == 1 + ("tests" in typed)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "typed"),
    [
        (".", [OURS, "tests"]),
        (".", ["tests", OURS]),
        (".", [OURS, "tests", "--rootdir=model"]),
        (".", ["-c", "elsewhere/other.ini", "tests", OURS]),
        ("tests", [f"../{OURS}", "test_own.py"]),
        (".", [OURS, "tests", "-n1", "--dist=loadgroup"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_rows_and_known_failures_name_evals_alike(service, monkeypatch, start, typed):
    service.says({"pyproject.toml": PYPROJECT, "elsewhere/other.ini": INI, "tests/test_own.py": JUDGED})
    service.says({"tests/test_unit.py": "def test_unit(): pass\n", "tests/test_damaged.py": "import no_such_module\n"})
    service.says({"suite/snapshots/model/known-failures.txt": "tests/test_own.py::test_own_claim # weak\n"})
    monkeypatch.chdir(service.folder / start)
    typed = [*typed, "--continue-on-collection-errors", f"--report={service.folder / 'out'}"]
    result = run_apart(*typed, model=service.model)
    assert result.ret == (pytest.ExitCode.OK if start == "tests" else pytest.ExitCode.TESTS_FAILED)
    rows = report_in(service.folder / "out")["rows"]
    assert {(row["eval"], row["verdict"]) for row in rows if row["verdict"] != "broken"} == {
        ("evals/test_ours.py::test_judged[cpu]", "holds"),
        ("evals/test_ours.py::test_skipped[cpu-1]", "not applicable"),
        ("evals/test_ours.py::test_skipped[cpu-2]", "not applicable"),
        ("tests/test_own.py::test_own_claim[cpu]", "known"),
    }
    assert {row["eval"] for row in rows if row["verdict"] == "broken"} == (
        set() if start == "tests" else {"tests/test_damaged.py"}
    )


@pytest.mark.parametrize("asked", [[OURS], [OURS, "tests"], ["tests", OURS], [OURS, "tests", "--rootdir=model"]])
@pytest.mark.parametrize("named", [OURS, "suite", f"{OURS}::test_skipped", "evals/test_ours.py::test_skipped[cpu-1]"])
def test_deselect_finds_what_it_names_in_every_order(pytester, service, asked, named):
    service.says({"pytest.ini": INI})
    result = run(pytester, *asked, "--deselect", named, "--collect-only", "-q", *ON_THE_MODEL)
    left = {"test_judged[cpu]", "test_skipped[cpu-1]", "test_skipped[cpu-2]"}
    expected = {test for test in left if "::" in named and not test.startswith(named.partition("::")[2])}
    found = {line.partition("::")[2] for line in result.outlines if "::" in line}
    assert found - {"test_unit"} == expected
    assert ("test_unit" in found) == ("tests" in asked)


def test_command_of_the_examples_workflow_is_one_for_a_callable_too(service):
    service.says({"pytest.ini": "[pytest]\npythonpath = src\n", "src/ours.py": CALLABLE})
    (command,) = [one for one in in_workflow(WORKFLOW.read_text()) if one.startswith("pytest vendor")]
    for shown, here in [
        ("vendor/jina-v3-evals", "suite"),
        ("evals evals", "evals"),
        ("models/embedder", "python:ours:encode"),
    ]:
        assert shown in command
        command = command.replace(shown, here)
    result = run_apart(*command.split()[1:], "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert "suite/evals/test_contract.py" in result.stdout.str() or "evals/test_contract.py" in result.stdout.str()
    assert "test_throughput" not in result.stdout.str()


# --- how a run ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", ["-x", "--maxfail=1"])
def test_run_that_stops_after_a_failure_failed_in_parallel_too(service, stops):
    service.says({"pytest.ini": INI, "tests/test_own.py": JUDGED})
    typed = [OURS, "tests", stops, "--report=out", *ON_THE_MODEL]
    alone, parallel = run_apart(*typed), run_apart(*typed, "-n2", "--dist=loadgroup")
    assert alone.ret == parallel.ret == pytest.ExitCode.TESTS_FAILED
    for result in (alone, parallel):
        result.stdout.fnmatch_lines(["!*! stopping after 1 failures !*!"])
    assert report_in(service.folder / "out")["run"]["exit_code"] == 1


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "in parallel"])
def test_no_empty_folder_is_left_where_the_user_stands(service, workers):
    service.says({"pytest.ini": INI})
    assert run_apart(OURS, *workers, "-p", "no:cacheprovider", *ON_THE_MODEL).ret == pytest.ExitCode.OK
    assert not (service.folder / ".benchmarks").exists()


def test_run_without_pytests_skipping_is_refused_in_one_line(pytester, service):
    assert refusal(run(pytester, OURS, "-p", "no:skipping", *ON_THE_MODEL)) == (
        "-p no:skipping: what can't be asked of a model is skipped by pytest's plugin, which isn't loaded; "
        "leave that out"
    )
