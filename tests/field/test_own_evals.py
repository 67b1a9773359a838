"""A service's own evals are evals like the suite's, and its unit tests are left alone."""

import json
import re

import pytest

from tests.conftest import ROOT
from tests.field.own_repository import EVALS, EXAMPLE, MODEL, SUITE, clone_of, example_in_git, suite_in_git

OWN = f"pytest {EVALS} evals --model {MODEL} --device cpu -k right_answer"
KNOWN = "baselines/embedder/known-failures.txt"
PAGE = (ROOT / "docs" / "own-repository.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example, with the bundled model."""
    folder = tmp_path_factory.mktemp("own")
    service = example_in_git(folder / "service", suite_in_git(folder))
    service.put_model(ROOT / "fixtures" / "checkpoints" / "mini")
    return service


@pytest.fixture
def service(example, tmp_path):
    """A clone of it that a test may change."""
    service = clone_of(example, tmp_path / "clone")
    service.put_model(example.folder / MODEL)
    return service


def change(service, name, old, new):
    file = service.folder / name
    content = file.read_text()
    assert old in content
    file.write_text(content.replace(old, new))


def write(service, name, content):
    (service.folder / name).parent.mkdir(exist_ok=True)
    (service.folder / name).write_text(content)


# --- they are reported like the suite's -------------------------------------------------------------------------------


def test_committed_baseline_is_that_of_the_models_folder(example):
    result = example.run(f"pytest {EVALS}/test_drift.py {EVALS}/test_similarity.py --model {MODEL} --device cpu")
    assert result.returncode == 0, result.stdout
    assert "\nbaseline: baselines/embedder\n" in result.stdout
    assert "compared  6 tables on cpu with baselines/embedder: 6 within tolerance" in result.stdout
    assert example.status() == ("", "")


def test_own_eval_passes_and_a_listed_one_is_expected(example):
    result = example.run(f"{OWN} --report out")
    assert result.returncode == 0, result.stdout
    assert "1 passed, " in result.stdout and ", 1 xfailed" in result.stdout
    (listed,) = [line for line in result.stdout.splitlines() if line.startswith("XFAIL ")]
    assert listed.startswith("XFAIL evals/test_support_answers.py::test_right_answer_ranks_first[cpu-de] - ")
    assert "measured 0.75, needs >= 1 (off by 0.25) # 6 of 8: " in listed
    assert "encoded   32 distinct texts and tasks on cpu, each once" in result.stdout
    assert "no eval is" not in result.stdout
    rows = json.loads((example.folder / "out" / "report.json").read_text())["rows"]
    assert [(row["eval"].partition("::")[0], row["language"], row["verdict"]) for row in rows] == [
        ("evals/test_support_answers.py", language, verdict)
        for language, verdict in [("en", "measured"), ("en", "holds"), ("de", "measured"), ("de", "known")]
    ]


def test_own_eval_fails_readably(service):
    change(service, "service/answers.py", "follow your parcel", "follow your delivery")
    result = service.run(OWN)
    assert result.returncode == 1
    (told,) = re.findall("^```text\n(.*?)^```", PAGE, re.M | re.DOTALL)
    assert told in result.stdout
    assert "FAILED evals/test_support_answers.py::test_right_answer_ranks_first[cpu-en]" in result.stdout


def test_eval_that_the_page_shows_is_the_examples():
    (shown,) = re.findall("^```python\n(.*?)^```", PAGE, re.M | re.DOTALL)
    assert (EXAMPLE / "evals" / "test_support_answers.py").read_text(encoding="utf-8").endswith(shown)


def test_line_of_an_own_eval_is_wrong_only_where_own_evals_were_asked_for(service):
    line = "test_suport_answers.py::test_right_answer_ranks_first[de] # typed wrong"
    (service.folder / KNOWN).write_text(f"{line}\n")
    told = "baselines/embedder lists a known failure that matches no eval: test_suport_answers.py::"
    assert told in service.run(f"{OWN} --collect-only").stdout
    assert "no eval is" not in service.run(f"{OWN} --collect-only".replace(" evals ", " ")).stdout


# --- tests that aren't evals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("testpaths", ['testpaths = ["tests"]\n', ""])
def test_bare_pytest_runs_the_unit_tests_and_nothing_else(service, testpaths):
    change(service, "pyproject.toml", 'testpaths = ["tests"]\n', testpaths)
    result = service.run("pytest -rA")
    assert result.returncode == 0, result.stdout
    assert {line.partition("::")[0] for line in re.findall("^PASSED (.*)", result.stdout, re.M)} == {
        "tests/test_search.py"
    }
    assert "2 passed in" in result.stdout and "warning" not in result.stdout


# --- packages of the same names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [["evals/__init__.py", "tests/__init__.py", "recipe/__init__.py"], []])
def test_names_of_the_suites_other_folders_are_free(service, made):
    for name in made:
        write(service, name, "")
    for folder in ("evals", "tests"):
        write(
            service, f"{folder}/test_{folder}_import.py", "from recipe.ours import WORD\n\n\ndef test_it():\n    pass\n"
        )
        change(service, f"{folder}/test_{folder}_import.py", "\n\n\n", "\nfrom tests.ours import WORD\n\n\n")
    for folder in ("recipe", "tests"):
        write(service, f"{folder}/ours.py", "WORD = 1\n")
    assert "3 passed" in service.run("pytest").stdout
    result = service.run(f"pytest {EVALS} evals tests --model {MODEL} -k test_it")
    assert result.returncode == 0 and "2 passed, " in result.stdout, result.stdout


def test_file_of_the_name_of_one_of_the_suites_is_one_line(service):
    write(service, "evals/test_drift.py", "")
    said = "have one name, by which pytest imports files and known failures are listed; rename yours"
    assert refusal(service.run(OWN)) == f"{EVALS}/test_drift.py and evals/test_drift.py {said}"
    other_order = OWN.replace(f"{EVALS} evals", f"evals {EVALS}")
    assert refusal(service.run(other_order)) == f"evals/test_drift.py and {EVALS}/test_drift.py {said}"


def refusal(result):
    """The one line of a run that pytest ended."""
    assert result.returncode == pytest.ExitCode.USAGE_ERROR and "Traceback" not in result.stdout, result.stdout
    (line,) = re.findall("^ERROR: (.*)", result.stdout, re.M)
    return line


def test_package_named_fixtures_that_no_eval_imports_is_nothing_to_evals(service):
    write(service, "fixtures/__init__.py", "")
    assert service.run(f"{OWN} --collect-only").returncode == 0


@pytest.mark.parametrize("workers", ["", " -n 1"])
def test_package_named_fixtures_that_an_own_eval_imports_is_one_line(service, workers):
    write(service, "fixtures/__init__.py", "")
    write(service, "fixtures/texts_of_ours.py", "TEXTS = []\n")
    write(service, "evals/test_ours.py", "from fixtures.texts_of_ours import TEXTS\n")
    assert refusal(service.run(OWN + workers)) == (
        "evals/test_ours.py imports fixtures.texts_of_ours, and two packages are named so: fixtures and the suite's, "
        f"{SUITE}/fixtures, which a run of evals imports; rename yours"
    )


def test_package_named_fixtures_that_was_imported_first_is_one_line(service):
    write(service, "fixtures/__init__.py", "")
    write(service, "conftest.py", "import fixtures\n")
    assert refusal(service.run(OWN)) == (
        "two packages are named fixtures: fixtures, which a conftest.py or a plugin imported before the evals began, "
        f"and the suite's, {SUITE}/fixtures; rename yours, or have it imported by nothing that a run of evals loads"
    )
    assert "2 passed" in service.run("pytest").stdout
