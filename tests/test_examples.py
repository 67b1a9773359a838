"""The example workflow is one that GitHub would take, and its commands are ones that this suite knows."""

import re
import shlex
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
FILE = ROOT / "examples" / "github-actions.yml"
STEP_KEYS = {"name", "uses", "with", "run", "env", "if", "id", "shell", "working-directory"}


@pytest.fixture(scope="module")
def workflow():
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(FILE.read_text()).items()}


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_workflow_has_the_keys_that_github_requires(workflow):
    assert set(workflow) == {"name", "on", "permissions", "concurrency", "env", "jobs"}
    assert set(workflow["on"]) == {"pull_request", "workflow_dispatch"}
    for job in workflow["jobs"].values():
        assert {"runs-on", "steps"} <= set(job)
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"])


def test_each_step_does_one_thing(workflow):
    for step in steps(workflow):
        assert set(step) <= STEP_KEYS
        assert ("uses" in step) != ("run" in step)


def test_actions_are_pinned_to_a_version(workflow):
    for step in steps(workflow):
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "actions/checkout@v4"))


def test_every_expression_names_something_that_exists(workflow):
    known = {*(f"env.{name}" for name in workflow["env"]), "github.ref", "github.workspace", "secrets.HF_TOKEN"}
    known |= {f"inputs.{name}" for name in workflow["on"]["workflow_dispatch"]["inputs"]}
    for expression in re.findall(r"\$\{\{(.*?)\}\}", FILE.read_text()):
        assert {name.strip() for name in expression.split("||")} <= known


def test_every_option_of_its_commands_exists(workflow, pytestconfig):
    commands = [shlex.split(step["run"]) for step in steps(workflow) if "tox run" in step.get("run", "")]
    assert len(commands) == 2
    options = {option for group in pytestconfig._parser._groups for spec in group.options for option in spec.names()}
    options |= {option for spec in pytestconfig._parser._anonymous.options for option in spec.names()}
    for command in commands:
        assert command[:4] == ["tox", "run", "-e", "evals"]
        asked = {word.partition("=")[0] for word in command[4:] if word.startswith("--") and word != "--"}
        assert asked <= options


def test_recorded_failures_are_kept_whatever_happens(workflow):
    (upload,) = [step for step in steps(workflow) if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
