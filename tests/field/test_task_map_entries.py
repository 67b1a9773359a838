"""What a task map says beyond prompts, through whole runs: the runtime, equal tasks, roles that the model isn't for."""

import json

import pytest

from fixtures.models.spec import Target
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from fixtures.runtimes.system import System
from tests.places import put
from tests.runs import MAP, refusal, report_in, rows_in, run_callable

ALONE = "made to compare texts, not to find them"
OTHER = MAP.replace("same = {}", 'same = { same_as = "query" }').replace('\nquery = "query"\n', "\n", 1)
NOT_FOR = f'{OTHER}\n[unsupported]\nquery = "{ALONE}"\n'
ASKED = ["evals/test_behavior.py", "-k", "question"]


def test_role_that_the_model_is_not_for_is_not_applicable_with_the_reason(project):
    result = run_callable(project, "encode", *ASKED, "--junit-xml=report.xml", "--report=out", task_map=NOT_FOR)
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
    model = report_in(project.path / "out")["run"]["model"]
    assert model["unsupported"] == {"query": ALONE} and model["same_as"] == {"same": "query"}


def test_parallel_workers_know_what_the_map_says(project):
    result = run_callable(project, "encode", *ASKED, "-n", "2", "--dist", "loadgroup", task_map=NOT_FOR)
    result.stdout.fnmatch_lines([f"skipped   *: not applicable: {ALONE}"])


def test_runtime_of_a_map_opens_the_model_unless_an_option_names_another(project):
    names = f'runtime = "jina-v3"\n{MAP}'
    said = refusal(run_callable(project, "encode", "evals/test_contract.py", task_map=names))
    assert said.startswith("--model: the jina-v3 runtime opens no model of the name 'python:tests.callables:encode'")
    result = run_callable(
        project, "encode", "evals/test_contract.py", "-k", "unit_norm", "--runtime=python", task_map=names
    )
    assert result.ret == pytest.ExitCode.OK


def test_runtime_that_is_none_is_one_line(project):
    named = 'runtime = "pythn"\n'
    assert refusal(run_callable(project, "encode", "evals/test_contract.py", task_map=named)) == (
        "map.toml: unknown runtime 'pythn'; allowed: python, jina-v3, sentence-transformers, onnx; did you mean "
        "'python'?"
    )


def test_manifest_and_report_say_which_map_was_taken_and_no_path(project):
    beside = project.path / "snapshots" / "tests.callables.encode" / "task-map.toml"
    put(project.path, {"snapshots/tests.callables.encode/task-map.toml": NOT_FOR, "map.toml": MAP})
    recording = ["evals/test_drift.py", "--snapshot-update", "--quick-recording", "--report=out"]
    recorded = run_callable(project, "encode", *recording, task_map=None)
    assert recorded.ret == pytest.ExitCode.OK, recorded.stdout.str()
    recorded.stdout.fnmatch_lines(["task map: task-map.toml, beside its baseline"])
    manifest = json.loads((beside.parent / "manifest.json").read_text())["spec"]
    report = report_in(project.path / "out")["run"]["model"]
    for said in (manifest, report):
        assert said["task_map_from"] == "task-map.toml, beside its baseline"
        assert said["unsupported"] == {"query": ALONE} and said["same_as"] == {"same": "query"}
    assert run_callable(project, "encode", "evals/test_drift.py", task_map=None).ret == pytest.ExitCode.OK
    outside = run_callable(
        project,
        "encode",
        "evals/test_contract.py",
        "-k",
        "unit_norm",
        f"--task-map={project.path}/map.toml",
        task_map=None,
    )
    outside.stdout.fnmatch_lines(["task map: map.toml, --task-map"])


@pytest.mark.parametrize(
    ("stated", "named"),
    [(None, False), (TaskMap(named=False), False), (TaskMap(), True)],
    ids=["none", "the bundled one of its Hub id", "one that is named"],
)
def test_map_is_a_user_s_choice_only_where_it_was_named_or_lies_beside_the_baseline(stated, named):
    assert System(Target("m", task_map=stated), registry.PYTHON).has_named_map is named
