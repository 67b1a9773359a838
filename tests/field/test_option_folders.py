"""A folder that an option names brings neither settings nor code into a run, though pytest may take it for tests."""

import shutil

import pytest

from tests.judged_folders import CORPUS, QRELS, QUERIES, lines
from tests.places import put
from tests.runs import refusal, run_apart, verdicts

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


def put_queries(folder):
    """A folder for --data, beside whatever lies in it."""
    put(folder, {"queries.jsonl": lines(QUERIES), "corpus.jsonl": lines(CORPUS), "qrels/test.tsv": QRELS})


@pytest.mark.parametrize("file", SETTINGS)
def test_ini_file_of_a_models_folder_ends_the_run(home, file):
    put(home.model, {file: SETTINGS[file], "evil.py": EVIL})
    assert refusal(run_apart("--model", "model", OWN, "--device=cpu")) == (
        f"--model model: pytest took that for a folder of tests, and its settings from model/{file}; join option and "
        "value by '=': --model=model"
    )
    assert not (home.folder / "written.log").exists()


def test_order_and_workers_change_nothing_and_joined_the_folder_is_a_model(home):
    put(home.model, {"pytest.ini": INI, "evil.py": EVIL})
    (home.suite / "pyproject.toml").unlink()  # else pytest finds that before the model's
    line = refusal(run_apart(OWN, "--model", "model", "-n1", "--device=cpu"))
    assert line.startswith("--model model: pytest took that for a folder of tests, and its settings from model/pytest.")
    result = run_apart("--model=model", OWN, "--device=cpu")
    assert verdicts(result) == JUDGED and result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("option", "value", "where"),
    [
        ("--report", "given", "given"),
        ("--snapshots", "given", "given"),
        ("--snapshots", "given/stored", "given"),
        ("--task-map", "given/map.toml", "given"),
        ("--texts", "given/texts.jsonl", "given"),
        ("--data", "given/asked", "given"),
        ("--data", "given/asked", "given/asked"),
        ("--model", "given/embedder", "given"),
    ],
)
def test_ini_file_that_any_option_leads_to_ends_the_run(home, option, value, where):
    put(home.folder / where, {"pytest.ini": INI, "evil.py": EVIL, "map.toml": "", "texts.jsonl": ""})
    for name in ("stored", "embedder"):
        (home.folder / "given" / name).mkdir()
    put_queries(home.folder / "given" / "asked")
    model = [] if option == "--model" else ["--model=model"]
    assert refusal(run_apart(option, value, OWN, *model, "--device=cpu")) == (
        f"{option} {value}: pytest took that for a folder of tests, and its settings from {where}/pytest.ini; join "
        f"option and value by '=': {option}={value}"
    )


def test_queries_of_ones_own_are_read_where_option_and_folder_stand_apart(home):
    put_queries(home.folder / "asked")
    result = run_apart("--data", "asked", OWN, "--model=model", "--device=cpu")
    assert verdicts(result) == JUDGED and result.ret == pytest.ExitCode.TESTS_FAILED
    put(home.folder / "asked", {"pytest.ini": INI, "evil.py": EVIL, "conftest.py": EVIL, "test_theirs.py": EVIL})
    assert verdicts(run_apart("--data=asked", OWN, "--model=model", "--device=cpu")) == JUDGED
    assert not (home.folder / "written.log").exists()


def test_ini_file_ends_the_run_also_where_the_user_stands_in_the_models_folder(home):
    put(home.model, {"pytest.ini": INI, "evil.py": EVIL})
    typed = ["--model", ".", f"../{OWN}"]
    line = refusal(run_apart(*typed, "--device=cpu", start=home.model))
    assert line.startswith("--model .: pytest took that for ")


def test_root_folder_alone_ends_nothing(home):
    put(home.model, {"setup.py": "", "setup.cfg": "", "pyproject.toml": "[project]\nname = 'model'\n"})
    (home.suite / "pyproject.toml").unlink()
    result = run_apart("--model", "model", OWN, "--device=cpu")
    assert verdicts(result) == JUDGED
    assert f"rootdir: {home.model}" in result.outlines


def test_settings_and_hooks_of_ones_own_repository_are_used_where_the_model_is_its_folder(home):
    repository = home.model
    put(repository, {"pytest.ini": "[pytest]\nmarkers = ours\n", "conftest.py": "", "evals/conftest.py": ""})
    put(repository, {"evals/test_ours.py": "import pytest\n\n@pytest.mark.ours\ndef test_ours(device): pass\n"})
    for typed in (["--model=.", f"../{OWN}", "evals"], ["--model=.", "evals", f"../{OWN}"]):
        result = run_apart(*typed, "-rA", "-c", "pytest.ini", "--device=cpu", start=repository)
        assert verdicts(result) == JUDGED
        result.stdout.fnmatch_lines(["PASSED evals/test_ours.py::test_ours?cpu?"])


@pytest.mark.parametrize(
    ("option", "value", "file", "ran"),
    [
        ("--snapshots", "given", "given/conftest.py", "its conftest.py"),
        ("--report", "given", "given/tests/conftest.py", "its tests/conftest.py"),
        ("--data", "asked", "asked/conftest.py", "its conftest.py"),
        ("--tasks", "separation", "separation/conftest.py", "its conftest.py"),
        ("--model", "given/embedder", "given/conftest.py", "given/conftest.py"),
    ],
)
def test_conftest_that_an_option_leads_to_ends_the_run(home, option, value, file, ran):
    shutil.copytree(home.model, home.folder / "given" / "embedder")
    put_queries(home.folder / "asked")
    home.says({file: EVIL})
    model = [] if option == "--model" else ["--model=model"]
    line = refusal(run_apart(OWN, option, value, *model, "--device=cpu"))
    assert line.startswith(f"{option}: pytest took the folder for tests and ran {ran}, which this run has no use for: ")
    assert line.endswith(f"join option and value by '=': {option}={value}")
    assert run_apart(OWN, f"{option}={value}", *model, "--device=cpu").ret == pytest.ExitCode.TESTS_FAILED
