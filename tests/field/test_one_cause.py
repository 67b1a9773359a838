"""A fault of every text is reported by the eval that looks for it, not by each odd input; no claim is impossible."""

import re

import pytest

from tests.runs import failed, rows_in, run_callable


def run_altered(project, task: str, *arguments: str) -> pytest.RunResult:
    task_map = f'precision = "float32"\nmax_length = 1000\n[tasks]\n{task} = {{}}\n'
    evals = ["evals/test_contract.py", "--junit-xml=report.xml"]
    return run_callable(project, "tests.callables.altered:altered", *evals, *arguments, task_map=task_map)


def test_norms_of_all_texts_fail_one_eval(project):
    result = run_altered(project, "longer", "-k", "odd_input or unit_norm")
    assert failed(result) == ["test_embeddings_are_finite_float32_of_unit_norm[own-longer]"]
    rows = rows_in(project.path / "report.xml")["test_odd_input_is_handled[own-emoji]"]
    (norm,) = [row for row in rows if row.name == "|norm - 1|"]
    assert (norm.verdict, norm.gates, norm.reason) == ("not judged", False, "a plain sentence does no better")
    assert all(row.verdict == "holds" for row in rows if row is not norm)


def test_norm_of_an_odd_text_alone_fails_its_eval(project):
    result = run_altered(project, "longer_odd_ones", "-k", "odd_input or unit_norm")
    assert failed(result) == ["test_odd_input_is_handled[own-emoji]"]


def test_noise_that_no_ending_rises_above_is_what_fails(project):
    result = run_altered(project, "by_size_of_call", "-k", "short_limit")
    said = [line for line in result.outlines if " needs " in line]
    noise = r".*: cosine distance of the same text beside another one: measured \S+, needs <= 0\.6667 .+"
    assert len(said) == 3 and all(re.fullmatch(noise, line) for line in said)
