"""What ``docs/architecture.md`` says to add is added, as it stands there, to a copy of the suite: in one place each."""

import json
import re
import shutil
import sys

import pytest

from tests.checkpoints import change_json
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- (\w+) -->\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def copy(project):
    """A project whose ``fixtures/`` is a copy too; its bundled model is the real one."""
    (project.path / "fixtures").unlink()
    shutil.copytree(
        ROOT / "fixtures", project.path / "fixtures", ignore=shutil.ignore_patterns("checkpoints", "__pyc*")
    )
    (project.path / "fixtures" / "checkpoints").symlink_to(ROOT / "fixtures" / "checkpoints")
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    return project


def run(project, *arguments: str, add: str = "") -> pytest.RunResult:
    """Run pytest with an example as a plugin."""
    options = []
    if add:
        (project.path / "added.py").write_text(EXAMPLES[add])
        options = ["-p", "added"]
    return project.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *arguments)


def test_every_addition_takes_fewer_than_twenty_lines_but_a_runtime_which_is_a_module():
    assert set(EXAMPLES) == {"statistic", "behaviour", "language", "device", "fault", "model", "runtime"}
    lines = {name: len([line for line in text.splitlines() if line.strip()]) for name, text in EXAMPLES.items()}
    assert {name for name, count in lines.items() if count >= 20} == {"runtime"} and lines["runtime"] < 40


def test_statistic_is_measured_and_an_old_baseline_does_not_judge_it(copy):
    result = run(copy, "evals/test_drift.py", "--report=out", "--batch-tokens=128", add="statistic")
    assert result.ret == pytest.ExitCode.OK
    said = "note      not judged in float32 against snapshots/mini: matrix median (recorded before it existed)"
    result.stdout.fnmatch_lines([said])
    rows = json.loads((copy.path / "out" / "report.json").read_text())["rows"]
    added = [row for row in rows if row["name"] == "matrix median"]
    assert len(added) == 5 and all(row["verdict"] == "not judged" and 0 < row["new"] < 1e-6 for row in added)


def test_behaviour_is_held_where_its_role_is_served_and_skipped_elsewhere(copy):
    (copy.path / "evals" / "test_added.py").write_text(EXAMPLES["behaviour"])
    run(copy, "evals/test_added.py").assert_outcomes(passed=1)
    (copy.path / "tests").symlink_to(ROOT / "tests")
    (copy.path / "map.toml").write_text(EXAMPLES["model"])
    other = run(copy, "evals/test_added.py", "--model=python:tests.callables:encode", "--task-map=map.toml")
    other.assert_outcomes(skipped=1)
    other.stdout.fnmatch_lines(
        [
            'skipped   1: not applicable: no task serves the role similarity; a task map can say similarity = "TASK" '
            "under [[]roles], TASK being one of query, passage"
        ]
    )


def test_language_is_rows_in_a_file(copy):
    added = json.loads(EXAMPLES["language"])
    path = copy.path / "fixtures" / "texts" / "data" / "meanings.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["languages"].append(added["languages"])
    for number, meaning in enumerate(content["meanings"]):
        meaning["texts"]["pt"] = meaning["paraphrases"]["pt"] = f"{added['texts']} {number}"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run(
        copy, "evals/test_behavior.py", "-k", "translation_is_nearer and text-matching", "--collect-only", "-q"
    )
    assert [line.rpartition("-")[2] for line in result.outlines if "[" in line] == [
        *("en]", "es]", "fr]", "de]", "zh]", "ar]", "pt]")
    ]
    run(copy, "evals/test_behavior.py", "-k", "nearer_than and text-matching and pt", "--report=out")
    rows = json.loads((copy.path / "out" / "report.json").read_text())["rows"]
    assert any((row["name"], row["language"]) == ("translations of pt nearest", "pt") for row in rows)


def test_device_is_a_row(copy):
    assert run(copy, "--collect-only", "-q", "--device=npu:1", "evals/test_drift.py", add="device").ret == 0
    refused = run(copy, "--device=gpu", "evals", add="device")
    assert "available: cpu, npu:0, npu:1 (or auto, all)" in refused.stderr.str()


def test_fault_is_a_row_whose_signature_is_recorded(copy, own_checkpoint):
    options = ["evals/test_drift.py", f"--model={own_checkpoint}", "--device=cpu"]
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=16)
    assert run(copy, *options, "--snapshot-update", add="fault").ret == pytest.ExitCode.OK
    from safetensors.numpy import load_file

    assert "separation|texts reversed" in load_file(copy.path / "snapshots" / "own" / "signatures.safetensors")


def test_model_is_a_task_map(copy):
    (copy.path / "tests").symlink_to(ROOT / "tests")
    (copy.path / "map.toml").write_text(EXAMPLES["model"])
    result = run(
        copy,
        "evals/test_contract.py",
        "-k",
        "unit_norm",
        "--model=python:tests.callables:encode",
        "--task-map=map.toml",
    )
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["model: *; tasks: query, passage"])


def test_runtime_is_a_module_and_a_row(copy):
    result = run(
        copy, "evals/test_contract.py", "-k", "unit_norm or order or neighbours", "--model=lengths", add="runtime"
    )
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=3, deselected=result.parseoutcomes()["deselected"])
