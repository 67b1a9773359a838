"""What a task map says beyond prompts, through whole runs: the runtime, equal tasks, roles that the model isn't for."""

import json

import pytest

from tests.field.callable_runs import MAP, refusal
from tests.rows_in_runs import rows_in

ALONE = "made to compare texts, not to find them"
OTHER = MAP.replace("same = {}", 'same = { same_as = "query" }').replace('\nquery = "query"\n', "\n", 1)
NOT_FOR = f'{OTHER}\n[unsupported]\nquery = "{ALONE}"\n'
ASKED = ["evals/test_behavior.py", "-k", "question"]


def test_role_that_the_model_is_not_for_is_not_applicable_with_the_reason(run_callable, project):
    (project.path / "map.toml").write_text(NOT_FOR)
    result = run_callable("encode", *ASKED, "--junit-xml=report.xml", "--report=out")
    reasons = {row.reason for rows in rows_in(project.path / "report.xml").values() for row in rows}
    assert reasons == {f"not applicable: {ALONE}"}
    result.stdout.fnmatch_lines(
        [
            "model: *; tasks: query, passage",
            "tasks: same same as query",
            f"not asked: the role query (not applicable: {ALONE})",
            "not asked: the roles classification, clustering (no task of the model is named for them; --task-map can)",
            f"skipped   *: not applicable: {ALONE}",
        ]
    )
    model = json.loads((project.path / "out" / "report.json").read_text())["run"]["model"]
    assert model["unsupported"] == {"query": ALONE} and model["same_as"] == {"same": "query"}


def test_parallel_workers_know_what_the_map_says(run_callable, project):
    (project.path / "map.toml").write_text(NOT_FOR)
    result = run_callable("encode", *ASKED, "-n", "2", "--dist", "loadgroup")
    result.stdout.fnmatch_lines([f"skipped   *: not applicable: {ALONE}"])


def test_runtime_of_a_map_opens_the_model_unless_an_option_names_another(run_callable, project):
    (project.path / "map.toml").write_text(f'runtime = "jina-v3"\n{MAP}')
    said = refusal(run_callable("encode", "evals/test_contract.py"))
    assert said.startswith("--model: the jina-v3 runtime opens no model of the name 'python:tests.callables:encode'")
    result = run_callable("encode", "evals/test_contract.py", "-k", "unit_norm", "--runtime=python")
    assert result.ret == pytest.ExitCode.OK


def test_runtime_that_is_none_is_one_line(run_callable, project):
    (project.path / "map.toml").write_text('runtime = "pythn"\n')
    assert refusal(run_callable("encode", "evals/test_contract.py")) == (
        "task map: unknown runtime 'pythn'; allowed: python, jina-v3, sentence-transformers, onnx; did you mean "
        "'python'?"
    )
