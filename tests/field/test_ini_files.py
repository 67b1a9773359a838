"""Whichever ini file and root folder pytest finds: the same verdicts, baseline, figures and exit code."""

from fnmatch import fnmatch

import pytest

from tests.places import put
from tests.runs import figures_in, lines, printed, refusal, run_apart, verdicts

LENIENT = """
[pytest]
xfail_strict = false
junit_family = xunit2
truncation_limit_lines = 1
filterwarnings = ignore
addopts = --tb=long -rN
"""
FOREIGN = "raise SystemExit('a foreign module was imported')"
OWN = "evals/test_own.py"
STRAY = "evals/test_similarity.py::test_every_stored_file_belongs_to_a_task"


@pytest.fixture
def home(home, monkeypatch):
    """The user's folder, with other people's settings and modules; they stand in the suite's."""
    for name in ("pytest.ini", "elsewhere/other.ini", "foreign/fixtures/__init__.py", "foreign/conftest.py"):
        home.says({name: LENIENT if name.endswith("ini") else FOREIGN})
    monkeypatch.chdir(home.suite)
    return home


@pytest.mark.parametrize(
    ("start", "arguments"),
    [
        ("suite", [OWN, STRAY, "--model=../model"]),
        ("suite", [OWN, STRAY, "--model", "../model"]),
        ("suite", [OWN, STRAY, "--model", "HOME/model"]),
        ("suite", ["--model=../model", OWN, STRAY, "-c", "../elsewhere/other.ini"]),
        ("suite", [OWN, STRAY, "--model=../model", "--rootdir=/"]),
        ("suite", [OWN, STRAY, "--model=../model", "--import-mode=importlib"]),
        (".", [f"suite/{OWN}", f"suite/{STRAY}", "--model", "model"]),
        ("suite/evals", [OWN.partition("/")[2], STRAY.partition("/")[2], "--model", "../../model"]),
        ("foreign", [f"HOME/suite/{OWN}", f"HOME/suite/{STRAY}", "--model=HOME/model"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[2:]),
)
def test_verdicts_baseline_figures_and_exit_code_are_the_same(home, start, arguments):
    arguments = [argument.replace("HOME", str(home.folder)) for argument in arguments]
    report = home.folder / "report.xml"
    options = ["-rfExs", f"--junit-xml={report}", "--device=cpu"]
    result = run_apart(*arguments, *options, start=home.folder / start)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "failed": 3, "xfailed": 1}
    assert verdicts(result) == {
        "test_every_stored_file_belongs_to_a_task": "FAILED",
        "test_strong": "FAILED",
        "test_warns": "FAILED",
        "test_weak": "XFAIL",
    }
    result.stdout.fnmatch_lines(["*files of the baseline that no eval reads (delete them): found ?'stray.txt'?*"])
    found = {name.partition("[")[0]: found for name, found in figures_in(report).items()}
    assert found["test_weak"] == {"share": 0.5} and found["test_passes"] == {"number": 7}
    assert "record_property" not in result.stdout.str()  # of which pytest warns under xunit2
    assert sorted(path.name for path in home.stored.iterdir()) == ["known-failures.txt", "stray.txt"]


@pytest.mark.parametrize("options", [[], ["-c", "../elsewhere/other.ini"]], ids=["its own", "another"])
def test_unknown_marker_ends_the_run_under_any_ini_file(home, options):
    typo = "import pytest\n@pytest.mark.requires_task('x')\ndef test_typo(device): pass\n"
    put(home.suite, {"evals/test_typo.py": typo})
    result = run_apart("evals/test_typo.py", *options, model="../model")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*Unknown pytest.mark.requires_task*"])


@pytest.mark.parametrize(
    ("options", "addopts", "rounds"),
    [
        ([], "", 3),
        (["-c", "../elsewhere/empty.ini"], "", 3),
        (["--benchmark-min-rounds=5"], "", 5),  # pytest-benchmark's own default, but said
        ([], "--benchmark-min-rounds=4", 4),
        (["-c", "../elsewhere/rounds.ini"], "", 6),
    ],
)
def test_rounds_are_what_the_user_says_or_else_the_suite(home, options, addopts, rounds):
    timed = "import time\ndef test_timed(device, benchmark): benchmark(time.sleep, 0.06)\n"
    rounds_in_ini = "[pytest]\naddopts = --benchmark-min-rounds=6\n"
    home.says({"elsewhere/empty.ini": "[pytest]\n", "elsewhere/rounds.ini": rounds_in_ini})
    put(home.suite, {"evals/test_timed.py": timed})
    result = run_apart("evals/test_timed.py", *options, model="../model", PYTEST_ADDOPTS=addopts)
    (header,) = lines(result, "Name (time in ")
    assert header.split()[4:] == ["Median", "IQR", "Rounds"]
    (row,) = lines(result, "test_timed[cpu] ")
    assert row.split()[-1] == str(rounds)


@pytest.mark.parametrize(
    ("options", "style"), [([], "short"), (["--tb=line"], "line"), (["-c", "../elsewhere/empty.ini"], "short")]
)
def test_traceback_is_short_unless_the_user_says_otherwise(home, options, style):
    put(home.suite, {"evals/test_broken.py": "def test_broken(device):\n    1 / 0\n"})
    home.says({"elsewhere/empty.ini": "[pytest]\n"})
    text = str(run_apart("evals/test_broken.py", *options, model="../model").stdout)
    assert ("in test_broken\n    1 / 0" in text) == (style == "short") and "def test_broken(" not in text


@pytest.mark.parametrize("plugin", ["xdist", "cacheprovider", "junitxml", "terminal"])
def test_plugin_that_is_left_out_changes_no_verdict(home, plugin):
    result = run_apart(OWN, "-p", f"no:{plugin}", model="../model")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in printed(result)
    if plugin != "terminal":
        assert verdicts(result) == {"test_strong": "FAILED", "test_warns": "FAILED", "test_weak": "XFAIL"}


def test_throughput_is_skipped_without_pytest_benchmark(home):
    chosen = ["evals/test_throughput.py", OWN, "-k", "throughput or passes", "--tasks=separation"]
    result = run_apart(*chosen, "-p", "no:benchmark", model="../model")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 1, "skipped": 4, "deselected": 3}
    result.stdout.fnmatch_lines(["skipped   4: needs pytest-benchmark, which isn't loaded (-p no:benchmark)"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-p", "no:syrupy"], "-p no:syrupy: the stored tables are compared by syrupy's plugin, which isn't loaded*"),
        (["-c", "evals/inner.ini"], "pytest left out the conftest.py of the folder above evals/: *"),
        (["--confcutdir=evals", "--model=mini"], "pytest left out the conftest.py of the folder above evals/: *"),
    ],
)
def test_run_without_what_it_rests_on_is_refused_in_one_line(home, options, said):
    put(home.suite, {"evals/inner.ini": "[pytest]\n"})
    assert fnmatch(refusal(run_apart(OWN, *options, "--device=cpu")), said)


@pytest.mark.parametrize("file", ["conftest.py", "tests/conftest.py"])
def test_model_folder_whose_code_pytest_ran_is_refused(home, file):
    put(home.model, {file: "def pytest_runtest_call(item): item.runtest = lambda: None\n"})
    line = refusal(run_apart(OWN, "--model", "../model", "--device=cpu"))
    assert line.startswith(f"--model: pytest took the folder for tests and ran its {file}, ")
    assert run_apart(OWN, model="../model").ret == pytest.ExitCode.TESTS_FAILED
