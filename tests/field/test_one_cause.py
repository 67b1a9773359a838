"""A fault of every text is reported by the eval that looks for it, not by each odd input; no claim is impossible."""

import re
import sys

import pytest

from tests.conftest import ROOT
from tests.rows_in_runs import rows_in


@pytest.fixture
def run(project):
    (project.path / "tests").symlink_to(ROOT / "tests")

    def run(task: str, *arguments: str) -> pytest.RunResult:
        (project.path / "map.toml").write_text(f'precision = "float32"\nmax_length = 1000\n[tasks]\n{task} = {{}}\n')
        options = ["--model=python:tests.callables.altered:altered", "--task-map=map.toml", "--junit-xml=report.xml"]
        evals = ["evals/test_contract.py", "-p", "no:cacheprovider"]
        return project.run(sys.executable, "-m", "pytest", *evals, *options, *arguments)

    return run


def failed(result: pytest.RunResult) -> list[str]:
    return re.findall(r"^FAILED evals/test_contract.py::(\w+\[\S+\])", result.stdout.str(), re.MULTILINE)


def test_norms_of_all_texts_fail_one_eval(run, project):
    result = run("longer", "-k", "odd_input or unit_norm")
    assert failed(result) == ["test_embeddings_are_finite_float32_of_unit_norm[own-longer]"]
    rows = rows_in(project.path / "report.xml")["test_odd_input_is_handled[own-emoji]"]
    (norm,) = [row for row in rows if row.name == "|norm - 1|"]
    assert (norm.verdict, norm.gates, norm.reason) == ("not judged", False, "a plain sentence does no better")
    assert all(row.verdict == "holds" for row in rows if row is not norm)


def test_norm_of_an_odd_text_alone_fails_its_eval(run):
    assert failed(run("longer_odd_ones", "-k", "odd_input or unit_norm")) == ["test_odd_input_is_handled[own-emoji]"]


def test_noise_that_no_ending_rises_above_is_what_fails(run):
    result = run("by_size_of_call", "-k", "short_limit")
    said = [line for line in result.outlines if " needs " in line]
    noise = r".*: cosine distance of the same text beside another one: measured \S+, needs <= 0\.6667 .+"
    assert len(said) == 3 and all(re.fullmatch(noise, line) for line in said)
