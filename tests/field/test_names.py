"""Names: of tasks, which become files on any system, and those that a user typed wrong, with the one that was meant."""

import pytest

from tests.checkpoints import change_json
from tests.places import put
from tests.runs import refusal, run

COLLECT = ("evals/test_contract.py", "--collect-only", "-q")
CALLABLE = "python:tests.callables:encode"


def quoted(*tasks: str) -> str:
    return "".join(f'"{task}" = {{}}\n' for task in tasks)


# --- tasks ------------------------------------------------------------------------------------------------------------

NO_FILES = {
    "question mark": "what?",
    "star": "a*b",
    "smaller": "a<b",
    "greater": "a>b",
    "device": "aux",
    "device in capitals": "COM1",
    "device with an ending": "nul.v2",
    "dot at its end": "query.",
    "letters apart from their marks": "cafe\u0301",
    "conflict": "<<<<<<<",
}


@pytest.mark.parametrize("name", NO_FILES.values(), ids=NO_FILES)
def test_task_that_some_system_cannot_call_a_file_is_refused(project, name):
    put(project.path, {"map.toml": f"[tasks]\n{quoted('passage', name)}"})
    said = refusal(run(project, *COLLECT, f"--model={CALLABLE}", f"--task-map={project.path}/map.toml"))
    assert f"map.toml: '{name}' can't be the name of a task, which files and folders are called after, on " in said


@pytest.mark.parametrize("tasks", [("query", "Query"), ("straße.a", "STRASSE.A")])
def test_tasks_that_some_system_takes_for_one_file_are_refused(project, tasks):
    put(project.path, {"map.toml": f"[tasks]\n{quoted('passage', *tasks)}"})
    said = refusal(run(project, *COLLECT, f"--model={CALLABLE}", f"--task-map={project.path}/map.toml"))
    assert f"map.toml: the tasks '{tasks[0]}' and '{tasks[1]}' differ in case alone, so that Windows and macOS " in said


def test_tasks_of_a_checkpoint_are_held_to_the_same(project, own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions={"separation": "", "Separation": ""})
    said = refusal(run(project, *COLLECT, f"--model={own_checkpoint}"))
    assert "own: the tasks 'separation' and 'Separation' differ in case alone, " in said


def test_names_that_every_system_takes_are_taken(project):
    tasks = ["retrieval.query", "auxiliary", "console", "com", "com10.x", "früh", "検索", "a&b=c+d,e~f'g(h)[i]"]
    put(project.path, {"map.toml": f"[tasks]\n{quoted(*tasks)}"})
    result = run(project, *COLLECT, f"--model={CALLABLE}", f"--task-map={project.path}/map.toml")
    assert result.ret == pytest.ExitCode.OK


# --- what was meant ---------------------------------------------------------------------------------------------------

MODEL, MAP = "--model=models/embedder", "--task-map=map.toml"
TYPED_WRONG = {
    "a bundled model": (["--model=mimi"], None, "mini"),
    "a folder": (["--model=./models/embeder"], None, "./models/embedder"),
    "a folder in the form of a Hub id": (["--model=models/embeder"], None, "models/embedder"),
    "a Hub id": (["--model=jinaai/jina-embedings-v3"], None, "jinaai/jina-embeddings-v3"),
    "a dtype": ([MODEL, "--dtype=bfloat_16"], None, "bfloat16"),
    "an attention": ([MODEL, "--attn-implementation=flash-attention-2"], None, "flash_attention_2"),
    "a baseline": ([MODEL, "--baseline=embeder"], None, "embedder"),
    "a task": ([MODEL, "--tasks=seperation"], None, "separation"),
    "a task of a callable": ([f"--model={CALLABLE}", MAP, "--tasks=querry"], "[tasks]\nquery = {}\n", "query"),
    "a bundled map": ([MODEL, "--task-map=jina-v"], None, "jina-v3"),
    "a map": ([MODEL, "--task-map=mapp.toml"], "", "map.toml"),
    "an entry of a map": ([MODEL, MAP], "langauges = []\n", "languages"),
    "a role": ([MODEL, MAP], "[roles]\nqurey = 'separation'\n", "query"),
    "a role's task": ([MODEL, MAP], "[tasks]\nquery = {}\n[roles]\nquery = 'quary'\n", "query"),
    "a role's task in the files": ([MODEL, MAP], "[roles]\nsimilarity = 'text_matching'\n", "text-matching"),
    "a precision": ([f"--model={CALLABLE}", MAP], "precision = 'Float32'\n", "float32"),
}


@pytest.fixture
def at_home(project, native_checkpoint, tmp_path, monkeypatch):
    """Where the user stands: with a model and a baseline of its name, and without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (project.path / "models").mkdir()
    (project.path / "models" / "embedder").symlink_to(native_checkpoint)
    (project.path / "snapshots" / "embedder").mkdir(parents=True)
    return project


@pytest.mark.parametrize(("typed", "task_map", "meant"), TYPED_WRONG.values(), ids=TYPED_WRONG)
def test_name_that_was_typed_wrong_is_said_with_the_nearest(at_home, typed, task_map, meant):
    project = at_home
    if task_map is not None:
        put(project.path, {"map.toml": task_map})
    typed = [one.replace("=map.toml", f"={project.path}/map.toml") for one in typed]
    assert refusal(run(project, *COLLECT, *typed)).endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize("typed", ["--baseline=embedder-501", "--baseline=other", "--dtype=float64", "--dtype=int8"])
def test_another_number_is_no_typing_error(project, native_checkpoint, typed):
    (project.path / "snapshots" / "embedder-500").mkdir(parents=True)
    assert "did you mean" not in refusal(run(project, *COLLECT, f"--model={native_checkpoint}", typed))


@pytest.mark.parametrize("option", ["--batch-tokens", "--benchmark-tokens"])
@pytest.mark.parametrize("value", ["9" * 5000, "1" + "0" * 12, "0" * 5000 + "1"], ids=["digits", "large", "zeros"])
def test_number_that_nothing_can_hold_is_said_in_short(project, option, value):
    said = refusal(run(project, *COLLECT, f"{option}={value}"))
    assert said.startswith(f"{option}: '{value[:10]}") and len(said) < 200
