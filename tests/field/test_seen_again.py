"""The lines in which a failed row ends show in Python, without a run, what the row says."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.field.conftest import mixed_up
from tests.field.test_against import DRIFT, swap_adapters
from tests.field.test_keep import OWN_TEXT
from tests.places import ROOT, put
from tests.runs import finished, notes, printed, rows_named, run_apart, run_callable

REPORT = "--junitxml=report.xml"


def pasted(result: pytest.RunResult, *, folder: Path) -> list[float]:
    """What the first failure's lines print, run where the run was started."""
    told = result.outlines[next(at for at, line in enumerate(result.outlines) if "see it again" in line) + 1 :][:3]
    assert told[0].startswith(("from fixtures.again import ", "import sys; "))
    ran = finished([sys.executable, "-c", "\n".join(told)], cwd=folder)
    assert ran.ret == 0
    return [float(figure) for figure in str(ran.stdout).split()]


def worst(report: Path) -> list[float]:
    """The figures before and now of the first pair that a failed row shows."""
    (row, *_) = [row for row in rows_named(report, "drift") if row.fails]
    case = next(case for case in row.evidence if case.kind == "change")
    return [case.figures["before"], case.figures["now"]]


def test_lines_of_a_failure_against_a_system_print_what_its_row_says(project, old, new):
    swap_adapters(new)
    result = run_apart(DRIFT, "--against=old,attn-implementation=eager", "--dtype=bfloat16", "-x", REPORT, model=new)
    assert f"answers('{new},device=cpu,dtype=bfloat16,threads=1', 'separation')" in printed(result)
    assert "answers('old,attn-implementation=eager,device=cpu,threads=1', 'separation')" in printed(result)
    assert pasted(result, folder=project.path) == pytest.approx(worst(project.path / "report.xml"), rel=0, abs=1e-12)


def test_lines_of_a_failure_against_a_baseline_print_both_figures(project, tmp_path):
    model = mixed_up(tmp_path / "mixed-up")
    options = [f"--snapshots={ROOT / 'snapshots'}", "--baseline=mini", "--no-control", "-k", "separation", REPORT]
    result = run_apart(DRIFT, *options, model=model)
    assert pasted(result, folder=project.path) == pytest.approx(worst(project.path / "report.xml"), rel=0, abs=1e-12)


def test_lines_run_from_where_the_user_stands(home, of_two_tasks):
    for name in ("old", "new"):
        shutil.copytree(of_two_tasks, home.folder / name)
    swap_adapters(home.folder / "new")
    result = run_apart("suite/evals/test_drift.py", "--against=old", "--keep=kept", "-x", REPORT, model="new")
    assert (
        "import sys; sys.path.insert(0, 'suite'); from fixtures.again import answers, text; del sys.path[0]"
        in printed(result)
    )
    assert pasted(result, folder=home.folder) == pytest.approx(worst(home.folder / "report.xml"), rel=0, abs=1e-12)
    (told,) = [note for note in notes(result) if note.startswith("kept: ")]
    as_printed = told.partition("without a model: ")[2].replace("python ", f"{sys.executable} ", 1)
    assert finished(["bash", "-ec", as_printed]).ret == pytest.ExitCode.TESTS_FAILED


def test_lines_name_a_text_of_ones_own_by_its_file(project):
    put(project.path, {"own.jsonl": json.dumps({"id": "heron", "text": OWN_TEXT * 99}) + "\n"})
    put(
        project.path,
        {
            "forgets.py": "from tests import callables\n\ndef encode(texts, task):\n"
            "    return callables.encode([text if 'heron' not in text else 'else' for text in texts], task)\n"
        },
    )
    against = "--against=python:tests.callables:encode,task-map=map.toml"
    result = run_callable(project, "forgets:encode", DRIFT, against, "--texts=own.jsonl", "-k", "query", REPORT)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "text('own:heron', 'own.jsonl')" in printed(result)
    assert "answers('python:forgets:encode,task-map=map.toml,device=own', 'query', 'own.jsonl')" in printed(result)
    assert pasted(result, folder=project.path) == pytest.approx(worst(project.path / "report.xml"), rel=0, abs=1e-12)
