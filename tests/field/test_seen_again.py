"""The lines in which a failed row ends show in Python, without a run, what the row says."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.field.conftest import mixed_up
from tests.field.test_against import DRIFT, swap_adapters
from tests.field.test_keep import OWN_TEXT
from tests.places import ROOT, put
from tests.runs import finished, notes, printed, run_apart, run_callable


def pasted(result: pytest.RunResult, *, folder: Path) -> list[float]:
    """What the first failure's lines print, run where the run was started."""
    told = result.outlines[next(at for at, line in enumerate(result.outlines) if "see it again" in line) + 1 :][:3]
    assert told[0].startswith(("from fixtures.again import ", "import sys; "))
    ran = finished([sys.executable, "-c", "\n".join(told)], cwd=folder)
    assert ran.ret == 0
    return [float(figure) for figure in str(ran.stdout).split()]


def worst(result: pytest.RunResult) -> tuple[float, float, int]:
    """The figures before and now of a failure's first pair, and how many decimals it shows."""
    found = re.search(r"^ +(-?\d\.(\d+)) -> (-?\d\.\d+) \(", str(result.stdout), re.MULTILINE)
    return float(found[1]), float(found[3]), len(found[2])


def test_lines_of_a_failure_against_a_system_print_what_its_row_says(project, old, new):
    swap_adapters(new)
    result = run_apart(DRIFT, "--against=old,attn-implementation=eager", "--dtype=bfloat16", "-x", model=new)
    assert f"answers('{new},device=cpu,dtype=bfloat16,threads=1', 'separation')" in printed(result)
    assert "answers('old,attn-implementation=eager,device=cpu,threads=1', 'separation')" in printed(result)
    before, now, decimals = worst(result)
    assert [round(figure, decimals) for figure in pasted(result, folder=project.path)] == [before, now]


def test_lines_of_a_failure_against_a_baseline_print_both_figures(project, tmp_path):
    model = mixed_up(tmp_path / "mixed-up")
    options = [f"--snapshots={ROOT / 'snapshots'}", "--baseline=mini", "--no-control", "-k", "separation"]
    result = run_apart(DRIFT, *options, model=model)
    before, now, decimals = worst(result)
    assert [round(figure, decimals) for figure in pasted(result, folder=project.path)] == [before, now]


def test_lines_run_from_where_the_user_stands(home, of_two_tasks):
    for name in ("old", "new"):
        shutil.copytree(of_two_tasks, home.folder / name)
    swap_adapters(home.folder / "new")
    result = run_apart("suite/evals/test_drift.py", "--against=old", "--keep=kept", "-x", model="new")
    assert (
        "import sys; sys.path.insert(0, 'suite'); from fixtures.again import answers, text; del sys.path[0]"
        in printed(result)
    )
    before, now, decimals = worst(result)
    assert [round(figure, decimals) for figure in pasted(result, folder=home.folder)] == [before, now]
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
    result = run_callable(project, "forgets:encode", DRIFT, against, "--texts=own.jsonl", "-k", "query")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "text('own:heron', 'own.jsonl')" in printed(result)
    assert "answers('python:forgets:encode,task-map=map.toml,device=own', 'query', 'own.jsonl')" in printed(result)
    before, now, decimals = worst(result)
    assert [round(figure, decimals) for figure in pasted(result, folder=project.path)] == [before, now]
