"""A service's settings for tests of its own leave out none of the suite's evals; a run that judges none fails."""

import pytest

from tests.field.conftest import EVAL, EVALS, INI, ON_THE_MODEL, OURS
from tests.runs import collected, lines, notes, report_in, run, run_apart

FAILED = "failed: none of the suite's evals was judged: "


def found_in(pytester, *typed):
    """The evals that are collected, and how many tests of the service."""
    ids = collected(run(pytester, *typed, "--collect-only", "-q", *ON_THE_MODEL))
    return [one for one in ids if one.startswith(EVALS)], len([one for one in ids if one.startswith("tests/")])


TOML = "[tool.pytest]\nmarkers = ['unit']\n"
OTHERS = {
    "python_files": {"pytest.ini": f"{INI}python_files = *_check.py"},
    "python_files that have some": {"pytest.ini": f"{INI}python_files = test_u*.py test_s*.py"},
    "python_functions": {"pytest.ini": f"{INI}python_functions = check_* *helper*"},
    "python_functions that have all": {"pytest.ini": f"{INI}python_functions = *"},
    "norecursedirs": {"pytest.ini": f"{INI}norecursedirs = suite evals"},
    "--ignore-glob": {"pyproject.toml": f'{TOML}addopts = ["--ignore-glob=*suite*"]'},
    "--ignore": {"pyproject.toml": f'{TOML}addopts = ["--ignore=suite/evals/test_drift.py"]'},
    "collect_ignore": {"conftest.py": f"collect_ignore = ['{OURS}', '{EVALS}/test_drift.py']"},
    "collect_ignore_glob": {"conftest.py": "collect_ignore_glob = ['suite/**', '*']"},
    "pytest_ignore_collect": {
        "conftest.py": "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_ignore_collect(): return True"
    },
}


@pytest.fixture
def evals_alone(pytester, service):
    service.says({"pytest.ini": INI})
    found, units = found_in(pytester, "suite", "tests")
    assert units == 1 and len(found) > 100
    (service.folder / "pytest.ini").unlink()
    return found


@pytest.mark.parametrize("files", OTHERS.values(), ids=OTHERS)
def test_evals_are_collected_whatever_settings_a_services_tests_have(pytester, service, evals_alone, files):
    service.says({"pytest.ini": INI} | files if "pyproject.toml" not in files else files)
    found, _ = found_in(pytester, "suite", "tests")
    assert found == evals_alone


def test_services_own_evals_follow_its_settings(service):
    """And the suite's are judged, by workers too."""
    service.says({"pytest.ini": f"{INI}python_files = *_check.py\npython_functions = check_*"})
    service.says({"tests/own_check.py": f"{EVAL}\ndef check_it(device): pass\n"})
    result = run_apart(OURS, "tests", "-n1", "--dist=loadgroup", "-rA", *ON_THE_MODEL)
    result.assert_outcomes(passed=2, skipped=2)
    assert lines(result, "PASSED") == [
        f"PASSED {OURS}::test_judged[cpu]",
        "PASSED tests/own_check.py::check_it[cpu]",
    ]


def test_parameters_of_a_services_own_tests_stay_its_own(service):
    """A test of theirs may give values to names that the suite repeats its evals for."""
    both = "@pytest.mark.parametrize('device, task', [('phone', 'call')])\ndef test_both(device, task): pass\n"
    one = "@pytest.mark.parametrize(argnames=['lost'], argvalues=[['keys']])\ndef test_one(lost): pass\n"
    service.says({"pytest.ini": INI, "tests/test_own.py": f"import pytest\n{both}{one}"})
    result = run_apart(OURS, "tests/test_own.py", "-rA", *ON_THE_MODEL)
    assert [one for one in lines(result, "PASSED") if "test_own" in one] == [
        "PASSED tests/test_own.py::test_both[phone-call]",
        "PASSED tests/test_own.py::test_one[keys]",
    ]


def test_what_the_command_leaves_out_is_left_out(pytester, service):
    service.says({"pytest.ini": INI})
    typed = [f"--ignore={EVALS}/test_drift.py", "--ignore-glob=*test_[ct]*"]
    found, _ = found_in(pytester, EVALS, "tests", *typed)
    files = {one.partition("::")[0].rpartition("/")[2] for one in found}
    assert files == {
        *("test_behavior.py", "test_jina_v3.py", "test_ours.py", "test_published.py", "test_quality.py"),
        "test_similarity.py",
    }


DROPS = """
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name == "test_unit"]
"""
MAKES_NONE = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector): return None if collector.path.name == "test_unit.py" else []
"""
SKIPPED = "all 2 that ran were skipped, 2 of them for this reason: not asked of this model"
LEFT_OUT = "all 3 that were collected were left out by "


@pytest.mark.parametrize(
    ("files", "typed", "why"),
    [
        ({"pytest.ini": f"{INI}addopts = -m unit"}, [OURS, "tests"], f"{LEFT_OUT}-m unit, from the addopts *-m ''*"),
        (
            {"pytest.ini": f"{INI}addopts = -m unit"},
            ["-c", "pytest.ini", OURS],
            f"{LEFT_OUT}-m unit, from the addopts *",
        ),
        ({"pytest.ini": f"{INI}addopts = -k unit"}, [OURS, "tests"], f"{LEFT_OUT}-k unit, from the addopts *-k ''*"),
        ({"pytest.ini": f"{INI}addopts = -m unit"}, [OURS, "tests", f"--deselect={OURS}::test_skipped"], LEFT_OUT),
        ({"pytest.ini": f"{INI}addopts = --deselect {EVALS}"}, [OURS, "tests"], f"{LEFT_OUT}--deselect {EVALS}, *"),
        ({"pytest.ini": f"{INI}addopts = --collect-only"}, [OURS, "tests"], "3 were to run, and none did"),
        ({"conftest.py": DROPS}, [OURS, "tests"], f"{LEFT_OUT}a conftest.py or a plugin of yours"),
        ({"conftest.py": MAKES_NONE}, [OURS, "tests"], "none was collected, so that a conftest.py or a plugin *"),
        ({}, [f"{OURS}::test_skipped", "tests"], SKIPPED),
        ({}, [OURS, "tests", "--deselect", f"{OURS}::test_judged"], SKIPPED),
        ({}, [OURS, "tests", "--setup-only"], "3 were to run, and none did"),
    ],
    ids=str,
)
def test_run_that_judges_no_eval_fails_with_the_reason(pytester, service, files, typed, why):
    service.says({"pytest.ini": INI} | files)
    result = run(pytester, *typed, *ON_THE_MODEL)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"note      {FAILED}{why}" + ("*" if why == LEFT_OUT else "")])
    assert [note.startswith(FAILED) for note in notes(result)].count(True) == 1


@pytest.mark.parametrize(
    ("files", "typed", "code"),
    [
        ({"pytest.ini": f"{INI}addopts = -m unit"}, [OURS, "tests", "-m", ""], 0),
        ({}, [OURS, "tests", "-k", "unit"], 0),
        ({}, [OURS, "tests", "-m", "unit"], 0),
        ({}, [OURS, "tests", "--deselect", OURS], 0),
        ({}, [EVALS, "tests", "--ignore-glob=*suite*"], 0),
        ({}, [OURS, "tests", "-k", "nothing"], 5),
        ({}, [OURS, "--collect-only"], 0),
        ({}, [OURS, "-k", "skipped"], 0),
        ({}, ["suite/conftest.py", "tests"], 0),
        ({}, [f"{OURS}::test_skipped", f"{OURS}::test_judged"], 0),
    ],
    ids=str,
)
def test_run_that_was_asked_for_less_or_judged_one_passes(pytester, service, files, typed, code):
    service.says({"pytest.ini": INI} | files)
    result = run(pytester, *typed, *ON_THE_MODEL)
    assert result.ret == code
    assert FAILED not in result.stdout.str()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["-m", "unit"], None),
        ([], f"{LEFT_OUT}-m unit, *"),
        (["-m", "", "--deselect", f"{OURS}::test_judged"], SKIPPED),
    ],
    ids=str,
)
def test_run_in_parallel_is_held_to_the_same(service, typed, why):
    service.says({"pytest.ini": f"{INI}addopts = -m unit"})
    result = run_apart(OURS, "tests", "-n2", "--dist=loadgroup", "--report=out", *typed, *ON_THE_MODEL)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if why else pytest.ExitCode.OK)
    if why:
        result.stdout.fnmatch_lines([f"note      {FAILED}{why}"])
        assert report_in(service.folder / "out")["run"]["exit_code"] == 1
