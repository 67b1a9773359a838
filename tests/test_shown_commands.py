"""What the pages show is run: each command is in one list, and a list is what `.ci/run` runs of it."""

import os
import re
import stat
import subprocess
import sys
from collections import Counter
from textwrap import dedent

import pytest

from tests.conftest import ROOT
from tests.pages import in_markdown, in_python, in_workflow, shown_commands
from tests.shown_commands import ALL, EVERY_PUSH, NEEDS, read_commands

COMMANDS = read_commands()
LISTED = [command.shown for command in COMMANDS]
PYTHON = """#!/bin/sh
echo "python $*" >> "$RAN"
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && touch "$3/bin/activate"; fi
"""
TOX = '#!/bin/sh\necho "tox $*" >> "$RAN"\n'


@pytest.fixture
def ran_by_ci(tmp_path):
    """What `.ci/run` runs with given arguments, where python and tox only note that they are called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("python", PYTHON), ("tox", TOX)):
        (programs / name).write_text(script)
        (programs / name).chmod(stat.S_IRWXU)

    def ran(*arguments):
        log = tmp_path / "ran"
        log.unlink(missing_ok=True)
        environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "RAN": str(log)}
        subprocess.run([str(ROOT / ".ci" / "run"), *arguments], env=environment, check=True)
        return log.read_text().splitlines()

    return ran


@pytest.fixture
def run_list(tmp_path):
    """Run a list of the test's own, as `.ci/run all` runs the project's."""

    def run(text):
        (tmp_path / "list.toml").write_text(text)
        script = [sys.executable, "-m", "tests.shown_commands", "--file", str(tmp_path / "list.toml")]
        return subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)

    return run


def entry(shown, *lines, where=ALL):
    return "\n".join(["[[command]]", f"shown = {shown!r}", f"list = {where!r}", *lines, ""])


def test_each_command_that_a_page_shows_is_listed():
    assert shown_commands(ROOT) - set(LISTED) == set()


def test_each_command_of_the_list_is_shown_by_a_page():
    assert set(LISTED) - shown_commands(ROOT) == set()


def test_no_command_is_listed_twice():
    assert [shown for shown, times in Counter(LISTED).items() if times > 1] == []


def test_each_command_is_in_one_of_the_three_lists():
    assert {command.list for command in COMMANDS} == {EVERY_PUSH, ALL, NEEDS}


def test_what_is_run_nowhere_has_a_reason_and_nothing_else_has_one():
    assert {command.shown for command in COMMANDS if command.reason} == {
        command.shown for command in COMMANDS if command.list == NEEDS
    }


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.shown)
def test_stand_ins_stand_for_something_and_leave_nothing_to_fill_in(command):
    assert all(part in command.shown for part in command.instead)
    if command.list != NEEDS:
        assert not re.search(r"<.*?>|\.\.\.|\$\{\{|\b[A-Z]{3,}$", command.as_run)


@pytest.mark.parametrize("arguments", [(), ("all",)])
def test_ci_runs_every_command_of_every_push(ran_by_ci, arguments):
    ran = ran_by_ci(*arguments)
    parts = {part for command in COMMANDS if command.list == EVERY_PUSH for part in command.as_run.split(" && ")}
    assert {part for part in parts if not any(f"{line} ".startswith(f"{part} ") for line in ran)} == set()


def test_ci_runs_the_list_of_all_when_asked_and_only_then(ran_by_ci):
    assert "python -m tests.shown_commands" in ran_by_ci("all")
    assert "python -m tests.shown_commands" not in ran_by_ci()


@pytest.mark.parametrize("arguments", [(), ("all",)])
def test_ci_ends_with_the_command_that_readme_begins_with(ran_by_ci, arguments):
    assert ran_by_ci(*arguments)[-2:] == ["python -m pip install tox", "tox run -e evals"]


def test_all_are_run_in_their_order_and_no_others(run_list):
    entries = (
        entry("echo one"),
        entry("echo never", where=NEEDS),
        entry("echo never", where=EVERY_PUSH),
        entry("echo two"),
    )
    result = run_list("".join(entries))
    assert re.findall(r"^(one|two|never)$", result.stdout, re.MULTILINE) == ["one", "two"]
    assert result.returncode == 0


def test_a_command_that_fails_fails_the_run_and_those_after_it_run_all_the_same(run_list):
    result = run_list(entry("exit 3") + entry("echo two"))
    assert result.returncode == 1
    assert re.search(r"exit code 3\s+exit 3$", result.stdout, re.MULTILINE)
    assert re.search(r"^two$", result.stdout, re.MULTILINE)


def test_what_prepares_a_stand_in_may_not_fail_either(run_list):
    result = run_list(entry("echo run", 'before = "false\\ntrue"'))
    assert result.returncode == 1
    assert not re.search(r"^run$", result.stdout, re.MULTILINE)


def test_stand_ins_take_their_places(run_list):
    result = run_list(entry("echo FOLDER", 'instead = { FOLDER = "here" }'))
    assert re.search(r"^here$", result.stdout, re.MULTILINE)


def test_a_command_without_its_python_is_told_and_passes(run_list):
    result = run_list(entry("exit 3", 'python = "python3.99"'))
    assert result.returncode == 0
    assert "not run: no python3.99 here  exit 3" in result.stdout


def test_commands_run_in_a_copy_that_reaches_no_hub_but_the_projects_tox_environments(run_list):
    result = run_list(
        entry('pwd; echo "$HF_HUB_OFFLINE $HF_HOME $TOX_WORK_DIR"; test -f conftest.py; touch left-behind')
    )
    copy, variables = result.stdout.splitlines()[2:4]
    assert variables == f"1 {copy}/hub {ROOT}/.tox"
    assert result.returncode == 0
    assert not (ROOT / "left-behind").exists()


@pytest.mark.parametrize(
    ("page", "commands"),
    [
        ("```console\n$ tox run -e a   # comment\n```", ["tox run -e a"]),
        ("  text\n\n      $ tox run -e a -- \\\n          --b\n", ["tox run -e a -- --b"]),
        ("```\nIf wanted: pytest evals --a\npip install b\n```", ["pytest evals --a", "pip install b"]),
        ("run `tox\nrun -e a`, or `-e b`, in `pytest`", ["tox run -e a", "-e b"]),
        ("`A=1` then `python -m a && b`", ["python -m a && b"]),
    ],
    ids=["prompt", "indented", "block", "span", "compound"],
)
def test_commands_of_a_page_are_found(page, commands):
    assert list(in_markdown(page)) == commands


def test_commands_of_docstrings_are_found_and_those_of_other_strings_are_not():
    source = 'def a():\n    """Like ``tox run -e a``.\n\n    $ pytest b\n    """\n    return "`tox run -e c`"\n'
    assert list(in_python(source)) == ["pytest b", "tox run -e a"]


def test_commands_of_a_workflow_are_found():
    text = """
    #   tox run -e a
    jobs:
      one:
        steps:
          - uses: b
          - run: >
              tox run
              -e c
          - run: |
              tox run -e d
              tox run -e e
    """
    assert list(in_workflow(dedent(text))) == ["tox run -e a", "tox run -e c", "tox run -e d", "tox run -e e"]
