"""A callable that serves several models, chosen by a variable, names its model: their baselines stay apart."""

import shutil

import pytest

from tests import callables  # noqa: F401  pytester forgets what is first imported inside a run
from tests.field.recording.conftest import DRIFT
from tests.places import ROOT, contents, put
from tests.runs import notes, printed_command, refusal, run, run_apart

CALLABLE = "python:tests.callables.several:encode"
OWN = "tests.callables.several.encode"
RECORD = ["--snapshot-update", "--quick-recording"]
FIRST, SECOND = f"{CALLABLE} (org/first)", f"{CALLABLE} (org/second)"
HINT = (
    "snapshots/first/task-map.toml is the task map of another model and isn't taken: where its tasks, prompts and "
    "languages are those of python:tests.callables:encode too, give --task-map=snapshots/first/task-map.toml"
)


@pytest.fixture
def run_as(project, monkeypatch):
    """Run the drift evals on the callable as one of its models, which its attribute or its task map names."""
    (project.path / "tests").symlink_to(ROOT / "tests")

    def run_as(served: str, *arguments: str, said: str = "", map_says: str = "") -> pytest.RunResult:
        monkeypatch.setenv("SERVED", served)
        monkeypatch.setenv("SAID", said)
        stated = f'model = "{map_says}"\n' if map_says else ""
        task_map = f"map-of-{map_says.replace('/', '-')}.toml"  # what it holds is kept for a process
        put(project.path, {task_map: f'precision = "float32"\n{stated}'})
        options = [DRIFT, f"--model={CALLABLE}", f"--task-map={project.path / task_map}", *arguments]
        return run_apart(*options) if "-n1" in arguments else run(project, *options)

    return run_as


@pytest.mark.parametrize(
    ("way", "workers"), [("said", ["-n1", "--dist=loadgroup"]), ("map_says", [])], ids=["attribute", "task map"]
)
def test_second_model_of_a_callable_is_recorded_over_nothing(run_as, project, way, workers):
    assert run_as("first", *RECORD, **{way: "org/first"}).ret == pytest.ExitCode.OK
    folder = project.path / "snapshots" / OWN
    before = contents(folder)
    moved = run_as("second", **{way: "org/second"})
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    line = f"baseline: snapshots/{OWN}, recorded from {FIRST}; the model is {SECOND}"
    assert line in [*moved.outlines, *notes(moved)]
    assert " --baseline=encode-org--second " in printed_command(moved)
    assert refusal(run_as("second", *RECORD, *workers, **{way: "org/second"})) == (
        f"snapshots/{OWN} was recorded from {FIRST}, this is {SECOND}: give --baseline encode-org--second to record it "
        f"beside that one, or --baseline {OWN} in its place"
    )
    assert contents(folder) == before
    assert run_as("second", *RECORD, f"--baseline={OWN}", **{way: "org/second"}).ret == pytest.ExitCode.OK
    same = run_as("second", **{way: "org/second"})
    assert same.ret == pytest.ExitCode.OK and not [note for note in notes(same) if note.startswith("baseline: ")]


@pytest.mark.parametrize(
    ("says", "line"),
    [
        ({"said": "a", "map_says": "b"}, "its evals_model is 'a', in its task map model is 'b'; run it as that model"),
        ({"said": "7"}, "the model that it says it is, 7, needs to be a text of 1 to 200 visible characters"),
    ],
)
def test_what_it_says_has_to_be_a_name_and_one(run_as, says, line):
    assert f"{CALLABLE}: {line}" in refusal(run_as("first", **says))


def test_map_that_lies_beside_the_named_baseline_is_said_not_to_be_taken(project):
    """A second callable is another model: what the first one's map says may be wrong of it."""
    put(project.path, {"snapshots/first/task-map.toml": 'languages = ["en"]\n'})
    options = ["--model=python:tests.callables:encode", "evals/test_contract.py", "-k", "unit_norm", "--baseline=first"]
    assert HINT in notes(run(project, *options))
    taken = run(project, *options, "--task-map=snapshots/first/task-map.toml")
    stored = project.path / "snapshots"
    shutil.copytree(stored / "first", stored / "tests.callables.encode")
    for result in (taken, run(project, *options)):
        assert "not asked: languages other than en (its task map says)" in result.outlines
        assert not [note for note in notes(result) if "isn't taken" in note]
