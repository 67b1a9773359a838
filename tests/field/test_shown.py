"""What others wrote reaches the terminal and the files of results escaped and shortened, wherever it comes from."""

import re
import shutil
from xml.etree import ElementTree

import pytest

from tests.checkpoints import change_json
from tests.places import ROOT, put
from tests.resealing import reseal
from tests.runs import refusal, report_in, run, run_callable

NASTY = "\x1b[2J\u202e\r\n\x00\x9b\u2028\ud800" + "x" * 10**6
LONGEST_SHOWN = 4000
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ud800-\udfff]")

EVALS = """
import pytest

from fixtures.comparing.rows import at_least, measured

NASTY = "\\x1b[2J\\u202e\\r\\n\\x00\\x9b\\u2028\\ud800" + "x" * 10**6

def test_claim(device, claims):
    claims.hold(at_least(NASTY, 0.5, 0.8, worst=[NASTY]))

def test_figure(device, claims):
    claims.hold(measured(NASTY, NASTY))

def test_skipped(device):
    pytest.skip(NASTY)

def test_failed(device):
    pytest.fail(NASTY, pytrace=False)

def test_library(device):
    raise ValueError(NASTY)

def test_printed(device):
    print(NASTY)
    assert False

def test_noted(device, run_report):
    run_report.notes.append(NASTY)

def test_known(device, claims):
    claims.hold(at_least("share", 0.5, 0.8))
"""


def show(project, *arguments, device="cpu") -> pytest.RunResult:
    """Run the chosen evals; nothing that they leave may hold a raw control character or an endless line."""
    report, rows = project.path / "report.xml", project.path / "out" / "report.json"
    options = [f"--device={device}", f"--junitxml={report}", f"--report={rows.parent}"]
    result = run(project, *options, *arguments, no_reraise_ctrlc=True)
    texts = [result.stdout.str(), result.stderr.str()]
    if rows.exists():
        texts.append(rows.read_text(encoding="utf-8"))
    if report.exists():
        texts.append(report.read_text(encoding="utf-8"))
        ElementTree.parse(report)
    for text in texts:
        assert not RAW.search(text)
    assert max(len(line) for text in texts[:2] for line in text.split("\n")) <= LONGEST_SHOWN
    assert "INTERNALERROR" not in texts[0]
    return result


def test_whatever_an_eval_leaves_is_shown_escaped_and_short(project, native_checkpoint):
    known = project.path / "snapshots/tiny/known-failures.txt"
    put(project.path, {"evals/test_nasty.py": EVALS, "snapshots/tiny/known-failures.txt": ""})
    reason = NASTY.replace("\n", "").replace("\ud800", "")
    known.write_text(f"test_nasty.py::test_known # {reason}\n", encoding="utf-8", newline="")
    result = show(project, f"--model={native_checkpoint}", "evals/test_nasty.py", "-rA")
    result.assert_outcomes(failed=4, passed=2, skipped=1, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert r"\x1b[2J\u202e\r" in text and r"\ud800" in text
    listed = f"share: measured 0.5, needs >= 0.8 (off by 0.3) # {reason}"
    assert f"{len(listed):,} characters in all" in text


@pytest.mark.parametrize(
    "entries",
    [
        {"task_instructions": {NASTY: ""}},
        {"task_instructions": {"separation": NASTY}, "lora_prompts": {"separation": "other"}},
        {"model_type": NASTY},
        {"num_hidden_layers": NASTY},
        {"auto_map": NASTY},
        {"truncate_dim": NASTY},
        {"matryoshka_dimensions": [NASTY]},
    ],
    ids=lambda entries: "-".join(entries),
)
def test_configuration_that_is_refused_is_shown_escaped_and_short(project, own_checkpoint, entries):
    change_json(own_checkpoint / "config.json", **entries)
    # A folder of another type is sentence-transformers' to open, which looks at it when it does.
    chosen = ["-k", "unit_norm"] if "model_type" in entries else ["--collect-only", "-q"]
    assert refusal(show(project, f"--model={own_checkpoint}", "evals/test_contract.py", *chosen))


def test_prompts_of_a_model_are_no_part_of_what_a_run_shows(project, own_checkpoint):
    change_json(own_checkpoint / "config.json", task_instructions={"separation": NASTY[:9]})
    result = show(project, f"--model={own_checkpoint}", "evals/test_contract.py", "-k", "unit_norm")
    assert result.ret == pytest.ExitCode.OK


CALLABLE = """
import warnings

import numpy as np

def encode(texts, task):
    warnings.warn("\\x1b[2J\\x9b of the callable")
    vectors = np.ones((len(texts), 4), dtype=np.float32)
    return vectors / 2

def stops(texts, task):
    if len(texts) > 2:
        raise KeyboardInterrupt("\\x1b[2J\\u202e\\u2028 of a \\x9b\\x07 user" + "x" * 10**6)
    return encode(texts, task)
"""
MAP = """
languages = ["en", "\\u202e\\u2066xx"]

[tasks]
query = { prompt = "\\u001B[2J \\u009b \\u2028 query: " }
"""


@pytest.fixture
def callable_of_a_stranger(project, monkeypatch):
    put(project.path, {"strangers.py": CALLABLE, "map.toml": MAP})
    monkeypatch.syspath_prepend(project.path)
    options = ["--task-map=map.toml", "evals/test_contract.py", "-k", "unit_norm"]
    return lambda function, *more: show(project, f"--model=python:strangers:{function}", *options, *more, device="auto")


def test_what_a_task_map_and_a_callable_say_is_shown_escaped_in_the_report(callable_of_a_stranger, project):
    assert callable_of_a_stranger("encode").ret == pytest.ExitCode.OK
    said = report_in(project.path / "out")["run"]
    assert said["model"]["tasks"]["query"]["prompt"] == r"\x1b[2J \x9b \u2028 query: "
    assert said["model"]["languages"] == ["en", r"\u202e\u2066xx"]
    assert r"the callable warns: \x1b[2J\x9b of the callable" in said["notes"]


@pytest.mark.parametrize("trace", [[], ["--full-trace"]])
def test_what_an_interruption_says_is_shown_escaped_and_short(callable_of_a_stranger, trace):
    result = callable_of_a_stranger("stops", *trace)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert r"KeyboardInterrupt: \x1b[2J\u202e\u2028 of a \x9b\x07 user" in result.stdout.str()


def test_model_named_by_control_characters_is_shown_escaped(project, native_checkpoint):
    folder = shutil.copytree(native_checkpoint, project.path / "own\x1b[2J\u202e\r")
    result = show(project, f"--model={folder}", "evals/test_drift.py", "--tasks=separation")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert r"own\x1b[2J\u202e\r has no baseline" in result.stdout.str()


def test_baseline_whose_names_are_control_characters_is_shown_escaped(project):
    folder = shutil.copytree(ROOT / "snapshots/mini", project.path / "snapshots/mini")

    def change(manifest):
        manifest["files"][NASTY[:9]] = "0"
        manifest["model"] = NASTY

    reseal(folder, change)
    result = show(project, "--model=mini", "evals/test_drift.py", "-k", "whole")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert r"snapshots/mini/\x1b[2J\u202e\r\n" in result.stdout.str()


def test_verdict_without_statistics_has_no_share_in_the_summary(project):
    shutil.copytree(ROOT / "snapshots/mini", project.path / "snapshots/mini")
    result = run_callable(project, "encode", "evals/test_drift.py", "--baseline=mini", task_map=None)
    assert "drift     embedding on own: not comparable" in result.outlines  # mini has none of its tasks and roles
