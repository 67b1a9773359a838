"""A service's own evals are evals like the suite's, and its unit tests are left alone."""

import re

import pytest

from tests.field.own_repository import EVALS, EXAMPLE, MODEL, SUITE, clone_of, example_in_git, suite_in_git
from tests.places import ROOT, put
from tests.runs import lines, printed, refusal, report_in

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


# --- they are reported like the suite's -------------------------------------------------------------------------------


def test_committed_baseline_is_that_of_the_models_folder(example):
    result = example.run(f"pytest {EVALS}/test_drift.py {EVALS}/test_similarity.py --model {MODEL} --device cpu")
    assert result.ret == 0
    assert "\nbaseline: baselines/embedder\n" in printed(result)
    assert "compared  6 tables on cpu with baselines/embedder: 6 within tolerance" in printed(result)
    assert example.status() == ("", "")


def test_own_eval_passes_and_a_listed_one_is_expected(example):
    result = example.run(f"{OWN} --report out")
    assert result.ret == 0
    assert "1 passed, " in printed(result) and ", 1 xfailed" in printed(result)
    (listed,) = lines(result, "XFAIL ")
    assert listed.startswith("XFAIL evals/test_support_answers.py::test_right_answer_ranks_first[cpu-de] - ")
    assert "measured 0.75, needs >= 1 (off by 0.25) # 6 of 8: " in listed
    assert "encoded   32 distinct texts and tasks on cpu, each once" in printed(result)
    assert "matches no eval" not in printed(result)
    rows = report_in(example.folder / "out")["rows"]
    assert [(row["eval"].partition("::")[0], row["language"], row["verdict"]) for row in rows] == [
        ("evals/test_support_answers.py", language, verdict)
        for language, verdict in [("en", "measured"), ("en", "holds"), ("de", "measured"), ("de", "known")]
    ]


def test_own_eval_fails_readably(service):
    change(service, "service/answers.py", "follow your parcel", "follow your delivery")
    result = service.run(OWN)
    assert result.ret == 1
    (told,) = re.findall("^```text\n(.*?)^```", PAGE, re.M | re.DOTALL)
    assert told in printed(result)
    assert "FAILED evals/test_support_answers.py::test_right_answer_ranks_first[cpu-en]" in printed(result)


def test_eval_that_the_page_shows_is_the_examples():
    (shown,) = re.findall("^```python\n(.*?)^```", PAGE, re.M | re.DOTALL)
    assert (EXAMPLE / "evals" / "test_support_answers.py").read_text(encoding="utf-8").endswith(shown)


def test_line_of_an_own_eval_is_wrong_only_where_own_evals_were_asked_for(service):
    line = "test_suport_answers.py::test_right_answer_ranks_first[de] # typed wrong"
    (service.folder / KNOWN).write_text(f"{line}\n")
    told = "baselines/embedder lists a known failure that matches no eval: test_suport_answers.py::"
    assert told in printed(service.run(f"{OWN} --collect-only"))
    assert "matches no eval" not in printed(service.run(f"{OWN} --collect-only".replace(" evals ", " ")))


# --- tests that aren't evals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("testpaths", ['testpaths = ["tests"]\n', ""])
def test_bare_pytest_runs_the_unit_tests_and_nothing_else(service, testpaths):
    change(service, "pyproject.toml", 'testpaths = ["tests"]\n', testpaths)
    result = service.run("pytest -rA")
    assert result.ret == 0
    assert {line.partition("::")[0] for line in re.findall("^PASSED (.*)", printed(result), re.M)} == {
        "tests/test_search.py"
    }
    assert "2 passed in" in printed(result) and "warning" not in printed(result)


# --- packages of the same names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [["evals/__init__.py", "tests/__init__.py", "recipe/__init__.py"], []])
def test_names_of_the_suites_other_folders_are_free(service, made):
    put(service.folder, dict.fromkeys(made, ""))
    for folder in ("evals", "tests"):
        imports = "from recipe.ours import WORD\nfrom tests.ours import WORD\n\n\ndef test_it():\n    pass\n"
        put(service.folder, {f"{folder}/test_{folder}_import.py": imports})
    for folder in ("recipe", "tests"):
        put(service.folder, {f"{folder}/ours.py": "WORD = 1\n"})
    assert "3 passed" in printed(service.run("pytest"))
    result = service.run(f"pytest {EVALS} evals tests --model {MODEL} -k test_it")
    assert result.ret == 0 and "2 passed, " in printed(result)


def test_file_of_the_name_of_one_of_the_suites_is_one_line(service):
    put(service.folder, {"evals/test_drift.py": ""})
    said = "have one name, by which pytest imports files and known failures are listed; rename yours"
    assert refusal(service.run(OWN)) == f"{EVALS}/test_drift.py and evals/test_drift.py {said}"
    other_order = OWN.replace(f"{EVALS} evals", f"evals {EVALS}")
    assert refusal(service.run(other_order)) == f"evals/test_drift.py and {EVALS}/test_drift.py {said}"


def test_package_named_fixtures_that_no_eval_imports_is_nothing_to_evals(service):
    put(service.folder, {"fixtures/__init__.py": ""})
    assert service.run(f"{OWN} --collect-only").ret == 0


@pytest.mark.parametrize("workers", ["", " -n 1"])
def test_package_named_fixtures_that_an_own_eval_imports_is_one_line(service, workers):
    put(service.folder, {"fixtures/__init__.py": "", "fixtures/texts_of_ours.py": "TEXTS = []\n"})
    put(service.folder, {"evals/test_ours.py": "from fixtures.texts_of_ours import TEXTS\n"})
    assert refusal(service.run(OWN + workers)) == (
        "evals/test_ours.py imports fixtures.texts_of_ours, and two packages are named so: fixtures and the suite's, "
        f"{SUITE}/fixtures, which a run of evals imports; rename yours"
    )


def test_package_named_fixtures_that_was_imported_first_is_one_line(service):
    put(service.folder, {"fixtures/__init__.py": "", "conftest.py": "import fixtures\n"})
    assert refusal(service.run(OWN)) == (
        "two packages are named fixtures: fixtures, which a conftest.py or a plugin imported before the evals began, "
        f"and the suite's, {SUITE}/fixtures; rename yours, or have it imported by nothing that a run of evals loads"
    )
    assert "2 passed" in printed(service.run("pytest"))
