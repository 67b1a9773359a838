"""Baselines in a folder of the user's own, from wherever the user stands."""

import os
import shutil
from pathlib import Path

import pytest

from fixtures.baselines.stored_files import KNOWN_FAILURES
from fixtures.run.store_option import VARIABLE
from tests.field.making_bad_inputs import LARGER, huge
from tests.field.recording.conftest import DRIFT, PARTS, TABLE, Recordings, move
from tests.places import ROOT, contents
from tests.resealing import reseal
from tests.runs import notes, printed_command, refusal, run, run_as_printed

SETTINGS = '[project]\nname = "service"\nversion = "1"\n\n[tool.jina-v3-evals]\nsnapshots = "baselines"\n'


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A repository beside the suite's, in which the user stands."""
    folder = tmp_path / "service"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def suites(fresh: Recordings, name: str = DRIFT) -> str:
    """An eval of the suite's as it is typed where the user stands."""
    return os.path.relpath(fresh.project.path / name)


def test_recording_lands_where_it_was_asked_for_and_nowhere_else(fresh, service):
    asked = [suites(fresh), "--snapshots=baselines"]
    result = fresh.record(*asked)
    assert result.ret == pytest.ExitCode.OK
    assert "recorded anchors in baselines/own, with bounds from a new null set" in notes(result)
    assert set(contents(service / "baselines" / "own")) == PARTS
    assert not fresh.snapshots.exists()
    again = fresh.compare(*asked)
    assert again.ret == pytest.ExitCode.OK
    assert fresh.compare(suites(fresh)).ret == pytest.ExitCode.TESTS_FAILED  # the suite's own folder has none


def test_failure_names_paths_and_a_command_that_can_be_pasted_there(recorded, service):
    shutil.move(recorded.snapshots, service / "baselines")
    recorded.move_model()
    result = recorded.compare(suites(recorded), "--snapshots=baselines")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*, against baselines/own"])
    command = printed_command(result)
    assert f"pytest {suites(recorded)} " in command and " --snapshots=baselines " in command
    accepted = run_as_printed(recorded.project, command)
    assert "accepted into baselines/own, with bounds from a new null set:" in notes(accepted)
    assert recorded.compare(suites(recorded), "--snapshots=baselines").ret == pytest.ExitCode.OK
    assert not recorded.snapshots.exists()


@pytest.mark.parametrize("said_by", ["option", "variable", "pyproject", "pyproject above"])
def test_each_way_to_say_it_is_stronger_than_the_next(recorded, service, monkeypatch, said_by):
    shutil.move(recorded.snapshots, service / "baselines")
    options = ["--snapshots=baselines"] if said_by == "option" else []
    if said_by in ("option", "variable"):
        monkeypatch.setenv(VARIABLE, "baselines" if said_by == "variable" else "elsewhere")
    own = SETTINGS if said_by.startswith("pyproject") else SETTINGS.replace("baselines", "elsewhere")
    (service / "pyproject.toml").write_text(own)
    if said_by == "pyproject above":
        (service / "deploy").mkdir()
        monkeypatch.chdir(service / "deploy")
    assert recorded.compare(suites(recorded), *options).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "pytests", [["--rootdir=ELSEWHERE"], ["-c", "ELSEWHERE/other.ini"], ["-p", "no:cacheprovider"]]
)
def test_pytests_root_folder_and_ini_file_decide_nothing(recorded, service, tmp_path, pytests):
    shutil.move(recorded.snapshots, service / "baselines")
    (service / "pyproject.toml").write_text(SETTINGS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.ini").write_text("[pytest]\n")
    (elsewhere / "pyproject.toml").write_text(SETTINGS.replace("baselines", "none"))
    options = [option.replace("ELSEWHERE", str(elsewhere)) for option in pytests]
    assert recorded.compare(suites(recorded), *options).ret == pytest.ExitCode.OK


def test_nearest_pyproject_decides_also_where_it_says_nothing(recorded, service, monkeypatch):
    """As in a clone of the suite inside the service: what is run there is the suite's own business."""
    (service / "pyproject.toml").write_text(SETTINGS)
    inside = service / "vendored"
    inside.mkdir()
    (inside / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(inside)
    assert recorded.compare(suites(recorded)).ret == pytest.ExitCode.OK


def test_bundled_baseline_and_what_is_known_of_it_are_found_beside_ones_own(fresh, service):
    shutil.copytree(ROOT / "snapshots" / "mini", fresh.snapshots / "mini")
    (service / "baselines").mkdir()
    whole = [suites(fresh), "-k", "whole", "--device=cpu", "--snapshots=baselines"]
    result = run(fresh.project, *whole)
    result.assert_outcomes(passed=1, deselected=10)
    (fresh.snapshots / "mini" / KNOWN_FAILURES).write_text("test_drift.py::test_baseline_is_hole # typed wrong\n")
    result = run(fresh.project, *whole)
    (note,) = [note for note in notes(result) if "known failure" in note]
    assert note.startswith(f"{os.path.relpath(fresh.snapshots / 'mini')} lists a known failure that matches no eval: ")
    named = run(fresh.project, *whole, "--baseline=none")
    assert refusal(named) == (
        "--baseline: unknown baseline 'none'; baselines has: mini (record a new one with --snapshot-update)"
    )


NAMED = {
    "option": "--snapshots",
    "variable": VARIABLE,
    "pyproject": "pyproject.toml: snapshots of [tool.jina-v3-evals]",
}


@pytest.mark.parametrize("said_by", NAMED)
def test_named_folder_that_is_not_there_is_no_reason_to_compare_with_the_bundled_baseline(
    project, service, monkeypatch, said_by
):
    """It is a typing error, or lost in a clone; whoever only looks around may name one that is to come."""
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    options = ["--snapshots=baselines"] if said_by == "option" else []
    if said_by == "variable":
        monkeypatch.setenv(VARIABLE, "baselines")
    if said_by == "pyproject":
        (service / "pyproject.toml").write_text(SETTINGS)
    whole = [os.path.relpath(project.path / DRIFT), "-k", "whole", "--device=cpu", *options]
    assert refusal(run(project, *whole)) == (
        f"{NAMED[said_by]}: 'baselines' isn't there, so there is nothing to compare with; give the folder that "
        "baselines lie in, or record into a new one with --snapshot-update"
    )
    assert run(project, *whole, "--collect-only").ret == pytest.ExitCode.OK
    (service / "baselines").mkdir()
    assert run(project, *whole).ret == pytest.ExitCode.OK


def test_ones_own_list_of_known_failures_counts_and_is_named_as_typed(recorded, service):
    shutil.move(recorded.snapshots, service / "baselines")
    (service / "baselines" / "own" / KNOWN_FAILURES).write_text("test_drift.py::test_baseline_is_hole # typed wrong\n")
    result = recorded.compare(suites(recorded), "--snapshots=baselines")
    (note,) = [note for note in notes(result) if "known failure" in note]
    found = "baselines/own lists a known failure that matches no eval: test_drift.py::test_baseline_is_hole "
    assert note.startswith(found)


HUGE = object()
BAD = {
    "a file": ("FILE", None, "--snapshots: 'FILE' is no folder"),
    "nothing": ("", None, "--snapshots: '' is no folder"),
    "below a file": ("FILE/x", None, "--snapshots: 'FILE/x' is no folder"),
    "too long": ("x" * 5000, None, "--snapshots: 'xxx"),
    "no TOML": (None, "[tool", "pyproject.toml: unreadable ("),
    "huge": (None, HUGE, f"pyproject.toml: unreadable ({LARGER} 67,108,864 are read); mend it, or name the"),
    "no table": (None, "[tool]\njina-v3-evals = 1\n", "pyproject.toml: [tool.jina-v3-evals] is no table"),
    "unknown": (
        None,
        "[tool.jina-v3-evals]\nsnapshot = 'b'\n",
        "pyproject.toml: unknown entry 'snapshot' of [tool.jina-v3-evals]; it has one, snapshots",
    ),
    "a number": (
        None,
        "[tool.jina-v3-evals]\nsnapshots = 1\n",
        "pyproject.toml: snapshots of [tool.jina-v3-evals] is 1",
    ),
    "in capitals": (
        None,
        "[tool.Jina-V3-Evals]\nsnapshots = 'b'\n",
        "pyproject.toml: nothing reads [tool.Jina-V3-Evals]; the suite's settings are those of [tool.jina-v3-evals]",
    ),
    "another dash": (
        None,
        "[tool.jina_v3_evals]\nsnapshots = 'b'\n",
        "pyproject.toml: nothing reads [tool.jina_v3_evals]; ",
    ),
    "a letter less": (
        None,
        "[tool.jina-v3-eval]\nsnapshots = 'b'\n",
        "pyproject.toml: nothing reads [tool.jina-v3-eval]; ",
    ),
    "no tool": (None, "[jina-v3-evals]\nsnapshots = 'b'\n", "pyproject.toml: nothing reads [jina-v3-evals]; "),
    "a dot": (None, "[tool.jina.v3-evals]\nsnapshots = 'b'\n", "pyproject.toml: nothing reads [tool.jina.v3-evals]; "),
    "null character": (
        None,
        "[tool.jina-v3-evals]\nsnapshots = 'a\\u0000b'\n".replace("'", '"'),
        r"pyproject.toml: snapshots of [tool.jina-v3-evals]: 'a\x00b' is no folder; ",
    ),
    "nested": (None, f"x = {'[' * 5000 + ']' * 5000}\n", "pyproject.toml: unreadable (nested too deeply); mend it"),
    "variable": ("$HOME/b", None, "--snapshots: '$HOME/b' is no folder, and variables are not replaced here; "),
    "unknown user": ("~nobody-here/b", None, "--snapshots: '~nobody-here/b' begins with the home of an unknown user; "),
    "dangling": ("LINK/b", None, "--snapshots: 'LINK/b' is no folder, as a link on the way leads nowhere; "),
    "tab": ("a\tb", None, r"--snapshots: 'a\tb' holds invisible characters, so that no command can repeat it; "),
    "right to left": ("a\u202eb", None, r"--snapshots: 'a\u202eb' holds invisible characters"),
    "escape": (None, '[tool.jina-v3-evals]\nsnapshots = "a\\u009bb"\n', r"pyproject.toml: snapshots of [tool."),
    "a file, there": (
        None,
        "[tool.jina-v3-evals]\nsnapshots = 'FILE'\n",
        "pyproject.toml: snapshots of [tool.jina-v3-evals]: 'FILE' is no folder",
    ),
}


@pytest.mark.parametrize(("option", "content", "said"), BAD.values(), ids=BAD)
def test_what_is_no_folder_is_one_line(fresh, service, option, content, said):
    (service / "FILE").write_text("")
    (service / "LINK").symlink_to("nowhere")
    if content is HUGE:
        huge("pyproject.toml")(service)
    elif content is not None:
        (service / "pyproject.toml").write_text(content)
    options = [] if option is None else [f"--snapshots={option}"]
    for start in (fresh.compare, fresh.record):
        assert refusal(start(suites(fresh), *options, "--rootdir=..")).startswith(said)
    assert {path.name for path in service.iterdir()} <= {"FILE", "LINK", "pyproject.toml"}


def test_variable_that_is_no_folder_is_one_line_and_an_empty_one_is_none(fresh, service, monkeypatch):
    (service / "FILE").write_text("")
    monkeypatch.setenv(VARIABLE, "FILE")
    assert refusal(fresh.compare(suites(fresh))).startswith(f"{VARIABLE}: 'FILE' is no folder; ")
    monkeypatch.setenv(VARIABLE, "")
    assert fresh.compare(suites(fresh), "--collect-only").ret == pytest.ExitCode.OK


def test_other_tables_of_a_pyproject_are_no_typing_errors(recorded, service):
    others = ("jina", "jina-embeddings", "evals", "jina-v3", "v3-evals-of-others", "pytest.ini_options")
    (service / "pyproject.toml").write_text("".join(f"[tool.{name}]\nx = 1\n" for name in others) + "[project]\n")
    assert recorded.compare(suites(recorded), "-k", "whole").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("said_by", NAMED)
def test_folder_one_level_too_deep_is_named_with_the_one_above(recorded, service, monkeypatch, said_by):
    shutil.move(recorded.snapshots, service / "baselines")
    monkeypatch.setenv(VARIABLE, "baselines/own" if said_by == "variable" else "")
    (service / "pyproject.toml").write_text(SETTINGS.replace('"baselines"', '"baselines/own"'))
    options = ["--snapshots=baselines/own"] if said_by == "option" else []
    said = f"{NAMED[said_by]}: 'baselines/own' is the folder of one baseline, as it holds "
    above = "; give the one above, 'baselines': each baseline has a folder of its own in it"
    for start in (recorded.compare, recorded.record):
        assert refusal(start(suites(recorded), *options)) == f"{said}anchors.safetensors{above}"
    shutil.rmtree(service / "baselines" / "own")
    (service / "baselines" / "own").mkdir()
    (service / "baselines" / "own" / KNOWN_FAILURES).write_text("")
    assert refusal(recorded.compare(suites(recorded), *options)) == f"{said}{KNOWN_FAILURES}{above}"


@pytest.mark.parametrize("said_by", NAMED)
def test_home_is_the_users_whoever_names_it(recorded, service, monkeypatch, said_by):
    """No shell replaces it in any of these places."""
    monkeypatch.setenv("HOME", str(service / "home"))
    shutil.move(recorded.snapshots, service / "home" / "baselines")
    if said_by == "variable":
        monkeypatch.setenv(VARIABLE, "~/baselines")
    if said_by == "pyproject":
        (service / "pyproject.toml").write_text(SETTINGS.replace('"baselines"', '"~/baselines"'))
    model = Path(shutil.copytree(recorded.model, service / "home" / "own"))
    reseal(service / "home" / "baselines" / "own", lambda manifest: manifest["source"].update(given=str(model)))
    recorded.model = "~/own"
    (service / "home" / "map.toml").write_text("")
    (service / "home" / "texts.jsonl").write_text('{"id": "a", "text": "Mine."}\n')
    options = ["--snapshots=~/baselines"] if said_by == "option" else []
    others = ["--task-map=~/map.toml", "--texts=~/texts.jsonl", "--report=~/out"]
    result = recorded.compare(suites(recorded), *options, *others)
    assert result.ret == pytest.ExitCode.OK
    assert not (service / "~").exists() and (service / "home" / "out" / "report.json").is_file()
    move(model)
    command = printed_command(recorded.compare(suites(recorded), *options, *others))
    assert run_as_printed(recorded.project, f"{command} --quick-recording").ret == pytest.ExitCode.OK
    assert recorded.compare(suites(recorded), *options, *others).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("records", [False, True])
def test_link_that_leads_nowhere_in_place_of_a_baseline_is_one_line(fresh, records):
    fresh.snapshots.mkdir()
    fresh.folder.symlink_to("nowhere")
    said = "snapshots/own is a link that leads nowhere where a baseline's folder belongs; remove it"
    assert refusal(fresh.record() if records else fresh.compare()) == said


def test_permissions_of_a_baselines_files_outlive_any_umask(recorded, monkeypatch):
    modes = dict.fromkeys(PARTS, 0o644) | {TABLE: 0o664}
    for name, mode in modes.items():
        (recorded.folder / name).chmod(mode)
    recorded.move_model()
    before = os.umask(0o077)
    try:
        assert recorded.record(DRIFT, "--quick-recording", "--report=out").ret == pytest.ExitCode.OK
        report = recorded.project.path / "out" / "report.json"
        report.chmod(0o644)
        assert recorded.compare(DRIFT, "--report=out").ret == pytest.ExitCode.OK
    finally:
        os.umask(before)
    assert {name: (recorded.folder / name).stat().st_mode & 0o777 for name in PARTS} == modes
    assert report.stat().st_mode & 0o777 == 0o644


def test_model_whose_name_cannot_be_shown_has_no_command_that_would_name_another(project, short_model, tmp_path):
    model = Recordings(project, shutil.copytree(short_model, tmp_path / "my\tmodel"))
    assert printed_command(model.compare()) == (
        rf"--snapshot-update, once '{tmp_path}/my\tmodel' is renamed: its invisible characters can't be repeated here"
    )


def test_first_recording_one_level_too_deep_says_where_it_lies(fresh, service):
    result = fresh.record(suites(fresh), "--snapshots=baselines/own", "--quick-recording")
    said = "the baseline lies in baselines/own/own: --snapshots names the folder above those of baselines"
    assert result.ret == pytest.ExitCode.OK and said in notes(result)
