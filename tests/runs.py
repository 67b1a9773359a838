"""Runs of the suite inside its tests: how they are started, what they say, and what they leave.

A run starts where the test stands, which is the folder of ``project`` unless the test went elsewhere. ``run`` starts it
in this process, which is quick and sees what the test replaced; ``run_apart`` in one of its own, as a user's is;
``run_callable`` is the second, on a Python callable. All return pytest's ``RunResult``, which the functions below read.
Folders to start from, and their files, are in ``tests/places.py``.
"""

import ctypes
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fixtures.comparing.rows import Row, read_rows
from tests.places import ROOT, put

MAP = """
precision = "float32"
languages = ["en", "de"]

[tasks]
query = { prompt = "query: " }
passage = { prompt = "passage: " }
same = {}

[roles]
query = "query"
document = "passage"
similarity = "same"
"""
"""The task map of a callable, where a test gives no other."""
LONGEST_WAIT = 1800  # seconds


# --- starting ---------------------------------------------------------------------------------------------------------


def run(
    project: pytest.Pytester, *arguments: str, model: str | Path | None = None, no_reraise_ctrlc: bool = False
) -> pytest.RunResult:
    """Run pytest in this process; with ``model``, on that one and the processor."""
    return project.runpytest_inprocess(*arguments, *_on(model), no_reraise_ctrlc=no_reraise_ctrlc)


def run_apart(
    *arguments: str,
    model: str | Path | None = None,
    python: Sequence[str] = ("-m", "pytest"),
    start: Path | None = None,
    unprivileged: bool = False,
    **variables: str | None,
) -> pytest.RunResult:
    """Run pytest in a process of its own; with ``model``, on that one and the processor.

    ``python`` are the arguments that start it, ``start`` is the folder, if not the one where the test stands.
    ``unprivileged``: permissions count also for root. ``variables`` are set; a variable that is None is taken away.
    """
    environment = {name: value for name, value in (os.environ | variables).items() if value is not None}
    command = [sys.executable, *python, *arguments, *_on(model)]
    return finished(command, cwd=start, env=environment, preexec_fn=give_up_privileges if unprivileged else None)


def run_callable(
    project: pytest.Pytester, function: str, *arguments: str, task_map: str | None = MAP
) -> pytest.RunResult:
    """Run pytest, in a process of its own, on one of ``tests.callables``, or on ``module:function`` of another module.

    ``task_map`` is what ``map.toml`` says; without one the callable has no map.
    """
    if not (project.path / "tests").exists():
        (project.path / "tests").symlink_to(ROOT / "tests")
    options = [f"--model=python:{function if ':' in function else f'tests.callables:{function}'}"]
    if task_map is not None:
        put(project.path, {"map.toml": task_map})
        options.append("--task-map=map.toml")
    return run_apart(*options, *arguments)


def run_as_printed(project: pytest.Pytester, command: str) -> pytest.RunResult:
    """Run a command that a run printed, in this process."""
    program, *arguments = shlex.split(command)
    assert program == "pytest"
    return run(project, *arguments)


def finished(command: str | list[str], **options: Any) -> pytest.RunResult:
    """Run any command to its end; what it prints is shown with a failure of the test. ``options``: of subprocess."""
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_WAIT,
        check=False,
        **options,
    )
    print(ran.stdout)
    print(ran.stderr, file=sys.stderr)
    return pytest.RunResult(ran.returncode, ran.stdout.splitlines(), ran.stderr.splitlines(), duration=0)


def give_up_privileges() -> None:
    """Have permissions count for root too: drop the capabilities that override them, for the next program."""
    drop_capability, override_permissions, search_anywhere = 24, 1, 2  # linux/prctl.h, linux/capability.h
    if os.getuid() == 0:
        for capability in (override_permissions, search_anywhere):
            if ctypes.CDLL(None).prctl(drop_capability, capability, 0, 0, 0):
                raise OSError("can't give up privileges")


def _on(model: str | Path | None) -> list[str]:
    return [] if model is None else [f"--model={model}", "--device=cpu"]


# --- what a run says --------------------------------------------------------------------------------------------------


def printed(result: pytest.RunResult) -> str:
    """Return all that it printed."""
    return f"{result.stdout}\n{result.stderr}"


def lines(result: pytest.RunResult, start: str) -> list[str]:
    """Those of its lines that begin so."""
    return [line for line in result.outlines if line.startswith(start)]


def notes(result: pytest.RunResult) -> list[str]:
    """The notes of its summary."""
    return [line.removeprefix("note").strip() for line in lines(result, "note ")]


def refusal(result: pytest.RunResult) -> str:
    """The one line of a run that ended in a usage error, whether that was found before the first eval or by one."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert not re.search("Traceback|INTERNALERROR|^FAILED ", printed(result), re.MULTILINE)
    (line,) = [line for line in [*result.errlines, *(one for one in result.outlines if "Exit: " in one)] if line]
    return re.sub(r"^!* ?(ERROR: |_pytest\.outcomes\.Exit: )| !+$", "", line)


def section(result: pytest.RunResult, title: str) -> str:
    """The text of one of its sections, such as FAILURES."""
    return re.split(rf"\n=+ {title} =+\n", str(result.stdout), maxsplit=1)[1].partition("\n=")[0]


def closing_lines(result: pytest.RunResult) -> list[str]:
    """The lines of the section with which it ends, before pytest's own."""
    start = next(at for at, line in enumerate(result.outlines) if re.fullmatch("=+ evals =+", line))
    end = next(at for at, line in enumerate(result.outlines) if at > start and re.match("[=-]{3}", line))
    return [line for line in result.outlines[start + 1 : end] if line]


def collected(result: pytest.RunResult) -> list[str]:
    """The evals that a run with ``--collect-only -q`` lists."""
    assert result.ret == pytest.ExitCode.OK
    return [line for line in result.outlines if "::" in line]


def failed(result: pytest.RunResult) -> list[str]:
    """The evals that failed, by their names with parameters, in order."""
    return re.findall(r"^FAILED \S+::(\S+)", str(result.stdout), re.MULTILINE)


def verdicts(result: pytest.RunResult) -> dict[str, str]:
    """What became of the evals that didn't pass, by name, whatever folder pytest writes before it."""
    found = [re.match(r"(FAILED|ERROR|XFAIL|SKIPPED)\s.*::(\w+)\[", line) for line in result.outlines]
    return {one[2]: one[1] for one in found if one}


def printed_command(result: pytest.RunResult) -> str:
    """The command with which it says to record, which is the same in every place of the output."""
    advice = r"(?:Record one|If the change is wanted|record .*own baseline|record it anew)(?: with)?: (.*)$"
    (command,) = {found[1] for found in (re.search(advice, line) for line in result.outlines) if found}
    return command


# --- what a run leaves ------------------------------------------------------------------------------------------------


def rows_in(report: Path) -> dict[str, list[Row]]:
    """Return the rows in JUnit's XML: each eval's, by its name with parameters; of one that ran again the last ones."""
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {
        case.get("name"): read_rows([(one.get("name"), one.get("value")) for one in case.iter("property")])
        for case in cases
    }


def rows_named(report: Path, name: str) -> list[Row]:
    """Return the rows of that name in JUnit's XML."""
    return [row for found in rows_in(report).values() for row in found if row.name == name]


def figures_in(report: Path) -> dict[str, dict[str, object]]:
    """Return each eval's figures in JUnit's XML: what was measured -> the figure."""
    return {name: {row.name: row.new for row in rows} for name, rows in rows_in(report).items()}


def report_in(folder: Path) -> dict[str, Any]:
    """Return what ``report.json`` of the option ``--report`` says."""
    return json.loads((folder / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
