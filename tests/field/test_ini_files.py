"""Whichever ini file and root folder pytest finds: the same verdicts, baseline, figures and exit code."""

import pytest

from tests.field.suite_runs import Suite, verdicts
from tests.rows_in_runs import figures_in

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
def suite(pytester, native_checkpoint, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    suite = Suite(pytester, native_checkpoint)
    for name in ("pytest.ini", "elsewhere/other.ini", "foreign/fixtures/__init__.py", "foreign/conftest.py"):
        file = suite.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(LENIENT if name.endswith("ini") else FOREIGN)
    return suite


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
def test_verdicts_baseline_figures_and_exit_code_are_the_same(suite, monkeypatch, start, arguments):
    arguments = [argument.replace("HOME", str(suite.home)) for argument in arguments]
    report = suite.home / "report.xml"
    result = suite.run(monkeypatch, *arguments, "-rfExs", f"--junit-xml={report}", start=suite.home / start)
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
    assert sorted(path.name for path in suite.stored.iterdir()) == ["known-failures.txt", "stray.txt"]


@pytest.mark.parametrize("options", [[], ["-c", "../elsewhere/other.ini"]], ids=["its own", "another"])
def test_unknown_marker_ends_the_run_under_any_ini_file(suite, monkeypatch, options):
    (suite.folder / "evals" / "test_typo.py").write_text(
        "import pytest\n@pytest.mark.requires_task('x')\ndef test_typo(device): pass\n"
    )
    result = suite.run(monkeypatch, "evals/test_typo.py", "--model=../model", *options)
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
def test_rounds_are_what_the_user_says_or_else_the_suite(suite, monkeypatch, options, addopts, rounds):
    (suite.folder / "evals" / "test_timed.py").write_text(
        "import time\ndef test_timed(device, benchmark): benchmark(time.sleep, 0.06)\n"
    )
    (suite.home / "elsewhere" / "empty.ini").write_text("[pytest]\n")
    (suite.home / "elsewhere" / "rounds.ini").write_text("[pytest]\naddopts = --benchmark-min-rounds=6\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", addopts)
    result = suite.run(monkeypatch, "evals/test_timed.py", "--model=../model", *options)
    (header,) = [line for line in result.outlines if line.startswith("Name (time in ")]
    assert header.split()[4:] == ["Median", "IQR", "Rounds"]
    (row,) = [line for line in result.outlines if line.startswith("test_timed[cpu] ")]
    assert row.split()[-1] == str(rounds)


@pytest.mark.parametrize(
    ("options", "style"), [([], "short"), (["--tb=line"], "line"), (["-c", "../elsewhere/empty.ini"], "short")]
)
def test_traceback_is_short_unless_the_user_says_otherwise(suite, monkeypatch, options, style):
    (suite.folder / "evals" / "test_broken.py").write_text("def test_broken(device):\n    1 / 0\n")
    (suite.home / "elsewhere" / "empty.ini").write_text("[pytest]\n")
    text = suite.run(monkeypatch, "evals/test_broken.py", "--model=../model", *options).stdout.str()
    assert ("in test_broken\n    1 / 0" in text) == (style == "short") and "def test_broken(" not in text


@pytest.mark.parametrize("plugin", ["xdist", "cacheprovider", "junitxml", "terminal"])
def test_plugin_that_is_left_out_changes_no_verdict(suite, monkeypatch, plugin):
    result = suite.run(monkeypatch, OWN, "--model=../model", "-p", f"no:{plugin}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    if plugin != "terminal":
        assert verdicts(result) == {"test_strong": "FAILED", "test_warns": "FAILED", "test_weak": "XFAIL"}


def test_throughput_is_skipped_without_pytest_benchmark(suite, monkeypatch):
    options = ["--model=../model", "--tasks=separation", "-p", "no:benchmark"]
    result = suite.run(
        monkeypatch, "evals/test_throughput.py", "evals/test_own.py", "-k", "throughput or passes", *options
    )
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
def test_run_without_what_it_rests_on_is_refused_in_one_line(suite, monkeypatch, options, said):
    (suite.folder / "evals" / "inner.ini").write_text("[pytest]\n")
    result = suite.run(monkeypatch, OWN, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if line]) == 1
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


@pytest.mark.parametrize("file", ["conftest.py", "tests/conftest.py"])
def test_model_folder_whose_code_pytest_ran_is_refused(suite, monkeypatch, file):
    (suite.model / file).parent.mkdir(exist_ok=True)
    (suite.model / file).write_text("def pytest_runtest_call(item): item.runtest = lambda: None\n")
    result = suite.run(monkeypatch, OWN, "--model", "../model")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith(f"ERROR: --model: pytest took the folder for tests and ran its {file}, ")
    assert suite.run(monkeypatch, OWN, "--model=../model").ret == pytest.ExitCode.TESTS_FAILED
