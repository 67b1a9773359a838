"""A callable that serves several models, chosen by a variable, names its model: their baselines stay apart."""

import shutil

import pytest

from tests import callables  # noqa: F401  pytester forgets what is first imported inside a run
from tests.conftest import ROOT
from tests.field.recording.conftest import DRIFT, contents
from tests.field.recording.test_command import printed
from tests.field.said_by_runs import notes

CALLABLE = "python:tests.callables.several:encode"
OWN = "tests.callables.several.encode"
RECORD = ["--snapshot-update", "--quick-recording"]
FIRST, SECOND = f"{CALLABLE} (org/first)", f"{CALLABLE} (org/second)"
HINT = (
    "snapshots/first/task-map.toml is the task map of another model and isn't taken: where its tasks, prompts and "
    "languages are those of python:tests.callables:encode too, give --task-map=snapshots/first/task-map.toml"
)


@pytest.fixture
def run(project, monkeypatch):
    """Run the drift evals on the callable as one of its models, which its attribute or its task map names."""
    (project.path / "tests").symlink_to(ROOT / "tests")

    def run(served: str, *arguments: str, said: str = "", map_says: str = "") -> pytest.RunResult:
        monkeypatch.setenv("SERVED", served)
        monkeypatch.setenv("SAID", said)
        stated = f'model = "{map_says}"\n' if map_says else ""
        task_map = project.path / f"map-of-{map_says.replace('/', '-')}.toml"  # what it holds is kept for a process
        task_map.write_text(f'precision = "float32"\n{stated}')
        options = [DRIFT, f"--model={CALLABLE}", f"--task-map={task_map}", "-p", "no:cacheprovider", *arguments]
        return project.runpytest_subprocess(*options) if "-n1" in arguments else project.runpytest_inprocess(*options)

    return run


@pytest.mark.parametrize(
    ("way", "workers"), [("said", ["-n1", "--dist=loadgroup"]), ("map_says", [])], ids=["attribute", "task map"]
)
def test_second_model_of_a_callable_is_recorded_over_nothing(run, project, way, workers):
    assert run("first", *RECORD, **{way: "org/first"}).ret == pytest.ExitCode.OK
    folder = project.path / "snapshots" / OWN
    before = contents(folder)
    moved = run("second", **{way: "org/second"})
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    line = f"baseline: snapshots/{OWN}, recorded from {FIRST}; the model is {SECOND}"
    assert line in [*moved.outlines, *notes(moved)]
    assert " --baseline=encode-org--second " in printed(moved)
    refused = run("second", *RECORD, *workers, **{way: "org/second"})
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    said = (
        f"snapshots/{OWN} was recorded from {FIRST}, this is {SECOND}: give --baseline encode-org--second to record it "
        f"beside that one, or --baseline {OWN} in its place"
    )
    assert said in str(refused.stdout) + str(refused.stderr) and contents(folder) == before
    assert run("second", *RECORD, f"--baseline={OWN}", **{way: "org/second"}).ret == pytest.ExitCode.OK
    same = run("second", **{way: "org/second"})
    assert same.ret == pytest.ExitCode.OK and not [note for note in notes(same) if note.startswith("baseline: ")]


@pytest.mark.parametrize(
    ("says", "line"),
    [
        ({"said": "a", "map_says": "b"}, "its evals_model is 'a', in its task map model is 'b'; run it as that model"),
        ({"said": "7"}, "the model that it says it is, 7, needs to be a text of 1 to 200 visible characters"),
    ],
)
def test_what_it_says_has_to_be_a_name_and_one(run, says, line):
    result = run("first", **says)
    assert result.ret == pytest.ExitCode.USAGE_ERROR and f"{CALLABLE}: {line}" in str(result.stdout)


def test_map_that_lies_beside_the_named_baseline_is_said_not_to_be_taken(project):
    """A second callable is another model: what the first one's map says may be wrong of it."""
    beside = project.path / "snapshots" / "first"
    beside.mkdir(parents=True)
    (beside / "task-map.toml").write_text('languages = ["en"]\n')
    options = ["--model=python:tests.callables:encode", "evals/test_contract.py", "-k", "unit_norm", "--baseline=first"]
    assert HINT in notes(project.runpytest_inprocess(*options))
    taken = project.runpytest_inprocess(*options, "--task-map=snapshots/first/task-map.toml")
    shutil.copytree(beside, project.path / "snapshots" / "tests.callables.encode")
    for result in (taken, project.runpytest_inprocess(*options)):
        assert "not asked: languages other than en (its task map says)" in result.outlines
        assert not [note for note in notes(result) if "isn't taken" in note]
