"""What ``docs/architecture.md`` says to add is added, as it stands there, to a copy of the suite: in one place each."""

import json
import re
import shutil

import pytest

from tests.checkpoints import change_json
from tests.places import ROOT, put
from tests.runs import report_in, run_apart, run_callable

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


def run_with(copy, *arguments: str, add: str = "") -> pytest.RunResult:
    """Run pytest with an example as a plugin."""
    put(copy.path, {"added.py": EXAMPLES[add]} if add else {})
    return run_apart(*(["-p", "added"] if add else []), *arguments)


def test_every_addition_takes_fewer_than_twenty_lines_but_a_runtime_which_is_a_module():
    assert set(EXAMPLES) == {"statistic", "behaviour", "language", "device", "fault", "model", "runtime"}
    lines = {name: len([line for line in text.splitlines() if line.strip()]) for name, text in EXAMPLES.items()}
    assert {name for name, count in lines.items() if count >= 20} == {"runtime"} and lines["runtime"] < 40


def test_statistic_is_measured_and_an_old_baseline_does_not_judge_it(copy):
    result = run_with(copy, "evals/test_drift.py", "--report=out", "--batch-tokens=128", add="statistic")
    assert result.ret == pytest.ExitCode.OK
    said = "note      not judged in float32 against snapshots/mini: matrix median (recorded before it existed)"
    result.stdout.fnmatch_lines([said])
    rows = report_in(copy.path / "out")["rows"]
    added = [row for row in rows if row["name"] == "matrix median"]
    assert len(added) == 5 and all(row["verdict"] == "not judged" and 0 < row["new"] < 1e-6 for row in added)


def test_behaviour_is_held_where_its_role_is_served_and_skipped_elsewhere(copy):
    put(copy.path, {"evals/test_added.py": EXAMPLES["behaviour"]})
    run_with(copy, "evals/test_added.py").assert_outcomes(passed=1)
    other = run_callable(copy, "encode", "evals/test_added.py", task_map=EXAMPLES["model"])
    other.assert_outcomes(skipped=1)
    other.stdout.fnmatch_lines(
        [
            'skipped   1: not applicable: no task serves the role similarity; a task map can say similarity = "TASK" '
            "under [[]roles], TASK being one of query, passage"
        ]
    )


def test_language_is_a_file(copy):
    ((first, parts),) = json.loads(EXAMPLES["language"]).items()
    topic = copy.path / "fixtures" / "texts" / "data" / "evidence" / first.rpartition("-")[0]
    items = json.loads((topic / "en.json").read_text(encoding="utf-8"))
    written = {item: {part: f"{text} {item}" for part, text in parts.items()} for item in items} | {first: parts}
    (topic / "pt.json").write_text(json.dumps(written), encoding="utf-8")
    result = run_with(
        copy, "evals/test_behavior.py", "-k", "translation_is_nearer and text-matching", "--collect-only", "-q"
    )
    assert [line.rpartition("-")[2] for line in result.outlines if "[" in line] == [
        *("en]", "ar]", "de]", "es]", "fr]", "pt]", "zh]")
    ]
    run_with(copy, "evals/test_behavior.py", "-k", "nearer_than_any and text-matching and pt", "--report=out")
    rows = report_in(copy.path / "out")["rows"]
    assert any((row["name"], row["language"]) == ("translations of pt nearest", "pt") for row in rows)


def test_device_is_a_row(copy):
    assert run_with(copy, "--collect-only", "-q", "--device=npu:1", "evals/test_drift.py", add="device").ret == 0
    refused = run_with(copy, "--device=gpu", "evals", add="device")
    assert "available: cpu, npu:0, npu:1 (or auto, all)" in refused.stderr.str()


def test_fault_is_a_row_whose_signature_is_recorded(copy, own_checkpoint):
    options = ["evals/test_drift.py", f"--model={own_checkpoint}", "--device=cpu"]
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=16)
    assert run_with(copy, *options, "--snapshot-update", add="fault").ret == pytest.ExitCode.OK
    from safetensors.numpy import load_file

    assert "separation|texts reversed" in load_file(copy.path / "snapshots" / "own" / "signatures.safetensors")


def test_model_is_a_task_map(copy):
    result = run_callable(copy, "encode", "evals/test_contract.py", "-k", "unit_norm", task_map=EXAMPLES["model"])
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["model: *; tasks: query, passage"])


def test_runtime_is_a_module_and_a_row(copy):
    result = run_with(
        copy, "evals/test_contract.py", "-k", "unit_norm or order or neighbours", "--model=lengths", add="runtime"
    )
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=3, deselected=result.parseoutcomes()["deselected"])
