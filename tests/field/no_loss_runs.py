"""Runs that ask whether a system got worse: of callables that know the evidence texts, in three languages."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.callables import knowing
from tests.places import ROOT, copy_suite, put
from tests.resealing import reseal
from tests.runs import closing_lines, report_in, run, run_apart

QUALITY, DRIFT = "evals/test_quality.py", "evals/test_drift.py"
LANGUAGES = ["ar", "de", "en"]
OLD, NEW = (f"python:{knowing.__name__}:{name}" for name in ("old", "new"))
NAME = f"{knowing.__name__}.old"
OWN_NAME = f"{knowing.__name__}.new"
AGAINST = f"--against={OLD},task-map=old.toml"
NO_LOSS = "--expect=no-loss"
HALF_SURE = ("retrieval:0-4", "--margin=0.03")
"""``NEW_WRONG`` and the margin: 2 in 100 are lost, in four items, which is neither sure nor within the margin."""
NOTHING_GATES = "failed: --expect no-loss, and no measure of quality gates: "
EVALS = {
    "retrieval": "test_questions_find_what_answers_them",
    "similarity": "test_paraphrases_are_told_from_near_misses",
    "clustering": "test_texts_of_a_topic_lie_together",
    "classification": "test_topics_of_held_out_items_are_named",
    "worst language": "test_no_language_got_worse",
}
"""Measure -> the eval that judges it."""


def recorded_store(folder: Path, *options: str) -> Path:
    """Record ``old`` in a copy of the suite, and return the folder of baselines."""
    copy_suite(folder)
    (folder / "tests").symlink_to(ROOT / "tests")
    put(folder, {"map.toml": knowing.task_map(LANGUAGES)})
    options = (f"--model={OLD}", "--task-map=map.toml", "--snapshot-update", "--quick-recording", *options)
    result = run_apart(DRIFT, *options, start=folder, HF_HUB_OFFLINE="1")
    assert result.ret == pytest.ExitCode.OK
    return folder / "snapshots"


def in_place(project: pytest.Pytester, store: Path) -> Path:
    """Copy a folder of baselines into a project, with both task maps; return the baseline's folder."""
    shutil.copytree(store, project.path / "snapshots")
    mapped(project, knowing.task_map(LANGUAGES), knowing.task_map(LANGUAGES))
    return project.path / "snapshots" / NAME


def mapped(project: pytest.Pytester, new: str, old: str | None = None) -> None:
    """Give ``new`` this task map, and ``old`` that one."""
    put(project.path, {"new.toml": new, **({"old.toml": old} if old else {})})


def options(*more: str) -> list[str]:
    """The options of a run of ``new``, beside the evals: against the stored baseline unless ``more`` says otherwise."""
    old = [] if any(one.startswith("--against") for one in more) else [f"--baseline={NAME}", "--no-control"]
    return [f"--model={NEW}", "--task-map=new.toml", "--report=out", *old, *more]


def upgraded(project: pytest.Pytester, *more: str, evals: tuple[str, ...] = (QUALITY,)) -> pytest.RunResult:
    """Run in this process: is ``new`` worse than ``old``?"""
    return run(project, *evals, *options(NO_LOSS, *more))


def apart(project: pytest.Pytester, *more: str, evals: tuple[str, ...] = (QUALITY,), **variables) -> pytest.RunResult:
    """The same in a process of its own."""
    if not (project.path / "tests").exists():
        (project.path / "tests").symlink_to(ROOT / "tests")
    return run_apart(*evals, *options(NO_LOSS, *more), **{"HF_HUB_OFFLINE": "1", **variables})


def verdicts(project: pytest.Pytester) -> dict[str, dict[str, Any]]:
    """Measure -> its row in ``report.json``, of the rows that carry verdicts."""
    rows = [row for row in report_in(project.path / "out")["rows"] if row["name"] == "quality"]
    found = {row["detail"]["measure"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def verdict_line(result: pytest.RunResult) -> str:
    """The verdict on the one device, which has to be the first of the closing lines."""
    line, *others = closing_lines(result)
    assert line.startswith("verdict   on own: ") and not any(one.startswith("verdict ") for one in others)
    return line.removeprefix("verdict   on own: ")


def without_quality(folder: Path) -> None:
    """Make a baseline one of a version that stored no quality."""
    (folder / "quality.json").unlink()
    reseal_without(folder, "quality.json")


def reseal_without(folder: Path, name: str) -> None:
    """Seal a baseline anew that lost a file, as if it had never had it."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"][name]
    path.write_text(json.dumps(manifest))
    reseal(folder)


def variables(monkeypatch: pytest.MonkeyPatch, **said: str) -> None:
    """Say what ``old`` and ``new`` answer wrong."""
    for name in ("OLD_WRONG", "NEW_WRONG", "NAN", "MOVED", "OTHER_QUESTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)


def plugins_beside() -> Iterator[str]:
    """The folder of plugins that other people have beside the suite; none where no variable names it."""
    folder = os.environ.get("PLUGINS_BESIDE", "")
    if folder and Path(folder).is_dir():
        yield folder
