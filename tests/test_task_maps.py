"""What a task map may say, and what becomes of it in a spec."""

import json
import re
from dataclasses import replace

import pytest

from fixtures.errors import CheckpointError, TaskMapError
from fixtures.models.spec import Input, ModelSpec, Role, Target
from fixtures.models.task_maps import TaskMap, read_task_map
from fixtures.reports import terminal
from fixtures.runtimes import registry
from fixtures.runtimes.registry import JINA_V3, PYTHON

WHOLE = """
runtime = "python"
pooling = "cls"

[tasks]
again = { same_as = "query" }
query = { prompt = "query: " }
passage = { prompt = "passage: " }

[roles]
query = "query"
document = "passage"
similarity = "again"

[unsupported]
clustering = "trained for retrieval alone"
classification = "trained for retrieval alone"
"""
ALONE = "trained for retrieval alone"


@pytest.fixture
def read(tmp_path):
    def read(content: str) -> TaskMap:
        (tmp_path / "map.toml").write_text(content, encoding="utf-8")
        return read_task_map(tmp_path / "map.toml")

    return read


def spec_of(task_map: TaskMap, *only_tasks: str) -> ModelSpec:
    return registry.describe(PYTHON, Target("python:module:encode", only_tasks=only_tasks, task_map=task_map))


def test_runtime_pooling_equal_tasks_and_roles_it_is_not_for_are_read(read):
    stated = read(WHOLE)
    assert (stated.runtime, stated.pooling) == ("python", "cls")
    assert stated.tasks["again"] == Input("query: ", task="query")
    assert stated.unsupported == {Role.CLUSTERING: ALONE, Role.CLASSIFICATION: ALONE}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('pooling = "max"\n', "pooling is 'max'; allowed: mean, cls, last"),
        ('pooling = "CLS"\n', "pooling is 'CLS'; allowed: mean, cls, last; did you mean 'cls'?"),
        ("pooling = 1\n", "pooling is 1, needs a text"),
        ("runtime = true\n", "runtime is True, needs a text"),
        ('[tasks]\na = {}\nb = { same_as = "c" }\n', "task 'b' is the same as 'c', which is no task; name one of: a"),
        ('[tasks]\na = { same_as = "a" }\n', "task 'a' is the same as 'a', itself; name one of: none"),
        (
            '[tasks]\na = {}\nb = { same_as = "a" }\nc = { same_as = "b" }\n',
            "task 'c' is the same as 'b', which is itself the same as another; name one of: a",
        ),
        ("[tasks]\na = {}\nb = { same_as = 1 }\n", "task 'b' is the same as 1, which is no task; name one of: a"),
        (
            '[tasks]\na = {}\nb = { same_as = "a", prompt = "x" }\n',
            "task 'b' is {'same_as': 'a', 'prompt': 'x'}, needs same_as alone: what else it has is the other task's",
        ),
        ('[unsupported]\nreading = "no"\n', "unknown role 'reading'; the roles are: query, document, "),
        ("[unsupported]\nquery = true\n", "unsupported role query is 'True', needs the reason: a text of 1 to 200 "),
        ('[unsupported]\nquery = " "\n', "unsupported role query is ' ', needs the reason: a text of 1 to 200 "),
        ('[unsupported]\nquery = "\\u001b[2J"\n', r"unsupported role query is '\x1b[2J', needs the reason: "),
        (f'[unsupported]\nquery = "{"x" * 201}"\n', "unsupported role query is 'xxx"),
        (
            '[tasks]\na = {}\n[roles]\nquery = "a"\n[unsupported]\nquery = "no"\n',
            "role query is in [roles] and in [unsupported]; take it out of one",
        ),
        ('unsupported = ["query"]\n', "unsupported is ['query'], needs "),
    ],
)
def test_entry_that_cannot_be_is_one_line(read, tmp_path, content, says):
    with pytest.raises(TaskMapError, match=f"^{re.escape(f'{tmp_path}/map.toml: {says}')}") as raised:
        read(content)
    assert "\n" not in str(raised.value)


def test_task_that_is_the_same_as_another_is_that_ones_column(read):
    spec = spec_of(read(WHOLE))
    assert list(spec.tasks) == ["query", "passage"] and spec.same_as == {"again": "query"}
    assert spec.roles == {Role.QUERY: "query", Role.DOCUMENT: "passage", Role.SIMILARITY: "query"}
    assert terminal.one_column(spec) == [
        "tasks: again same as query",
        "roles: similarity same as query (task query)",
    ]


def test_task_that_is_the_same_as_another_is_asked_for_by_that_ones_name(read):
    with pytest.raises(
        CheckpointError, match=r"^--tasks: 'again' is the same as 'query', as the task map says; name that$"
    ):
        spec_of(read(WHOLE), "again")
    spec = spec_of(read(WHOLE), "query")
    assert (
        list(spec.tasks) == ["query"]
        and not spec.same_as
        and spec.roles == {Role.QUERY: "query", Role.SIMILARITY: "query"}
    )


def test_tasks_with_equal_inputs_are_one_whatever_says_so():
    equal = {"embedding": Input(), "clustering": Input(), "query": Input("query: ")}
    spec = ModelSpec("any", "any", equal, {Role.CLUSTERING: "clustering", Role.QUERY: "query"})
    once = spec.with_equal_tasks_once()
    assert list(once.tasks) == ["embedding", "query"] and once.same_as == {"clustering": "embedding"}
    assert once.roles == {Role.CLUSTERING: "embedding", Role.QUERY: "query"}
    assert once.with_equal_tasks_once() == once


def test_adapters_with_one_prompt_are_no_equal_tasks():
    spec = ModelSpec("any", "any", {"a": Input("", "a"), "b": Input("", "b")})
    assert spec.with_equal_tasks_once() == spec


def test_roles_that_a_map_says_it_is_not_for_have_that_reason(read):
    spec = spec_of(read(WHOLE))
    assert spec.unsupported == {Role.CLUSTERING: ALONE, Role.CLASSIFICATION: ALONE}
    said = [line for line in terminal.not_asked(spec) if "role" in line]
    assert said == [f"the roles clustering, classification (not applicable: {ALONE})"]


def test_map_overrules_the_roles_that_a_runtime_finds_by_itself(own_checkpoint):
    target = Target(str(own_checkpoint), task_map=TaskMap(unsupported={Role.CLUSTERING: ALONE}))
    spec = registry.describe(JINA_V3, target)
    assert Role.CLUSTERING not in spec.roles and Role.QUERY in spec.roles
    assert "separation" in spec.tasks


def test_workers_get_what_a_map_says(read):
    spec = spec_of(read(WHOLE))
    handed = ModelSpec.load(spec.dump())
    assert handed == spec and all(isinstance(role, Role) for role in handed.unsupported)
    assert all(type(role) is str for role in spec.dump()["unsupported"])
    stated = replace(read(WHOLE), name="map.toml", found="--task-map", hub_ids=("org/name",))
    loaded = TaskMap.load(json.loads(json.dumps(stated.dump())))
    assert vars(loaded) == vars(stated) and all(isinstance(role, Role) for role in loaded.unsupported)


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        (
            TaskMap(pooling="cls"),
            "--task-map: pooling is 'cls'; here the model's own code, which takes the mean, decides",
        ),
        (
            TaskMap(layers=12),
            "--task-map: layers is 12; here config.json decides it",
        ),
        (
            TaskMap(tasks={"separation": Input(), "other": Input(task="separation")}),
            "--task-map: tasks is 'other is the same as separation'; here each task's own adapter decides",
        ),
    ],
    ids=["pooling", "layers", "same_as"],
)
def test_jina_v3_takes_no_other_pooling_and_no_equal_tasks(own_checkpoint, stated, says):
    with pytest.raises(CheckpointError, match=re.escape(says)):
        JINA_V3.describe(Target(str(own_checkpoint), task_map=stated))


def test_mean_is_what_jina_v3_takes(own_checkpoint):
    target = Target(str(own_checkpoint), task_map=TaskMap(pooling="mean"))
    without = JINA_V3.describe(replace(target, task_map=None))
    assert JINA_V3.describe(target) == without


def test_depth_of_a_callable_is_what_its_map_states(read):
    assert PYTHON.describe(Target("python:a.b:c", task_map=read("layers = 12"))).layers == 12
    assert PYTHON.describe(Target("python:a.b:c")).layers is None
