"""A folder that an option names brings neither settings nor code into a run, though pytest may take it for tests."""

import shutil

import pytest

from tests.field.said_by_runs import refusal
from tests.field.suite_runs import Suite, verdicts

OWN = "suite/evals/test_own.py"
JUDGED = {"test_strong": "FAILED", "test_warns": "FAILED", "test_weak": "XFAIL"}
ADDOPTS = "-p evil --log-file=written.log"
INI = f"[pytest]\npythonpath = .\naddopts = {ADDOPTS}\n"
SETTINGS = {
    "pytest.ini": INI,
    ".pytest.ini": INI,
    "tox.ini": INI,
    "setup.cfg": INI.replace("[pytest]", "[tool:pytest]"),
    "pyproject.toml": f'[tool.pytest.ini_options]\npythonpath = ["."]\naddopts = "{ADDOPTS}"\n',
    "pytest.toml": f"[pytest]\npythonpath = ['.']\naddopts = {ADDOPTS.split()}\n",
}
EVIL = "def pytest_runtest_call(item): item.runtest = lambda: None\n"


@pytest.fixture
def suite(pytester, native_checkpoint, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Suite(pytester, native_checkpoint)


def put(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)


def run(suite, monkeypatch, *arguments):
    return suite.run(monkeypatch, *arguments, start=suite.home)


@pytest.mark.parametrize("file", SETTINGS)
def test_ini_file_of_a_models_folder_ends_the_run(suite, monkeypatch, file):
    put(suite.model, **{file: SETTINGS[file], "evil.py": EVIL})
    assert refusal(run(suite, monkeypatch, "--model", "model", OWN)) == (
        f"--model model: pytest took that for a folder of tests, and its settings from model/{file}; join option and "
        "value by '=': --model=model"
    )
    assert not (suite.home / "written.log").exists()


def test_order_and_workers_change_nothing_and_joined_the_folder_is_a_model(suite, monkeypatch):
    put(suite.model, **{"pytest.ini": INI, "evil.py": EVIL})
    (suite.folder / "pyproject.toml").unlink()  # else pytest finds that before the model's
    line = refusal(run(suite, monkeypatch, OWN, "--model", "model", "-n1"))
    assert line.startswith("--model model: pytest took that for a folder of tests, and its settings from model/pytest.")
    result = run(suite, monkeypatch, "--model=model", OWN)
    assert verdicts(result) == JUDGED and result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("option", "value", "where"),
    [
        ("--report", "given", "given"),
        ("--snapshots", "given", "given"),
        ("--snapshots", "given/stored", "given"),
        ("--task-map", "given/map.toml", "given"),
        ("--texts", "given/texts.jsonl", "given"),
        ("--model", "given/embedder", "given"),
    ],
)
def test_ini_file_that_any_option_leads_to_ends_the_run(suite, monkeypatch, option, value, where):
    put(suite.home / where, **{"pytest.ini": INI, "evil.py": EVIL, "map.toml": "", "texts.jsonl": ""})
    put(suite.home / "given" / "stored")
    put(suite.home / "given" / "embedder")
    model = [] if option == "--model" else ["--model=model"]
    assert refusal(run(suite, monkeypatch, option, value, OWN, *model)) == (
        f"{option} {value}: pytest took that for a folder of tests, and its settings from {where}/pytest.ini; join "
        f"option and value by '=': {option}={value}"
    )


def test_ini_file_ends_the_run_also_where_the_user_stands_in_the_models_folder(suite, monkeypatch):
    put(suite.model, **{"pytest.ini": INI, "evil.py": EVIL})
    typed = ["--model", ".", f"../{OWN}"]
    assert refusal(suite.run(monkeypatch, *typed, start=suite.model)).startswith("--model .: pytest took that for ")


def test_root_folder_alone_ends_nothing(suite, monkeypatch):
    put(suite.model, **{"setup.py": "", "setup.cfg": "", "pyproject.toml": "[project]\nname = 'model'\n"})
    (suite.folder / "pyproject.toml").unlink()
    result = run(suite, monkeypatch, "--model", "model", OWN)
    assert verdicts(result) == JUDGED
    assert f"rootdir: {suite.model}" in result.outlines


def test_settings_and_hooks_of_ones_own_repository_are_used_where_the_model_is_its_folder(suite, monkeypatch):
    repository = suite.model
    put(repository, **{"pytest.ini": "[pytest]\nmarkers = ours\n", "conftest.py": "", "evals/conftest.py": ""})
    put(repository, **{"evals/test_ours.py": "import pytest\n\n@pytest.mark.ours\ndef test_ours(device): pass\n"})
    for typed in (["--model=.", f"../{OWN}", "evals"], ["--model=.", "evals", f"../{OWN}"]):
        result = suite.run(monkeypatch, *typed, "-rA", "-c", "pytest.ini", start=repository)
        assert verdicts(result) == JUDGED
        result.stdout.fnmatch_lines(["PASSED evals/test_ours.py::test_ours?cpu?"])


@pytest.mark.parametrize(
    ("option", "value", "file", "ran"),
    [
        ("--snapshots", "given", "given/conftest.py", "its conftest.py"),
        ("--report", "given", "given/tests/conftest.py", "its tests/conftest.py"),
        ("--tasks", "separation", "separation/conftest.py", "its conftest.py"),
        ("--model", "given/embedder", "given/conftest.py", "given/conftest.py"),
    ],
)
def test_conftest_that_an_option_leads_to_ends_the_run(suite, monkeypatch, option, value, file, ran):
    shutil.copytree(suite.model, suite.home / "given" / "embedder")
    put(suite.home, **{file: EVIL}) if "tests" not in file else put(suite.home / "given", **{"tests/conftest.py": EVIL})
    model = [] if option == "--model" else ["--model=model"]
    line = refusal(run(suite, monkeypatch, OWN, option, value, *model))
    assert line.startswith(f"{option}: pytest took the folder for tests and ran {ran}, which this run has no use for: ")
    assert line.endswith(f"join option and value by '=': {option}={value}")
    assert run(suite, monkeypatch, OWN, f"{option}={value}", *model).ret == pytest.ExitCode.TESTS_FAILED
