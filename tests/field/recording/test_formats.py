"""A baseline of each released format is read, and gives the verdicts that are pinned here."""

import re
import shutil
from pathlib import Path

import pytest

from tests.frozen_pairs.pairs import Change, config, noise, renumbered, swapped, without_prefix
from tests.places import ROOT
from tests.runs import rows_named, run

FORMATS = ROOT / "tests" / "data" / "baselines"
MINI = ROOT / "fixtures" / "checkpoints" / "mini"
EVALS = ["evals/test_drift.py", "evals/test_similarity.py"]

HOLDS, DRIFTED = "holds", "drifted"
TASKS = ("classification", "retrieval.passage", "retrieval.query", "separation", "text-matching")

PINNED = {
    "healthy": (None, dict.fromkeys(TASKS, HOLDS), []),
    "weights off by 1e-4": (noise(1e-4), dict.fromkeys(TASKS, DRIFTED), []),
    "two adapters swapped": (
        swapped("classification", "text_matching"),
        dict.fromkeys(TASKS, HOLDS) | {"classification": DRIFTED, "text-matching": DRIFTED},
        [
            "looks like: classification answers with the text-matching adapter",
            "looks like: text-matching answers with the classification adapter",
        ],
    ),
    "no prefix for queries": (
        without_prefix("retrieval.query"),
        dict.fromkeys(TASKS, HOLDS) | {"retrieval.query": DRIFTED},
        ["looks like: prefix missing on retrieval.query"],
    ),
    "two words renumbered": (renumbered, dict.fromkeys(TASKS, "tokenizer changed"), ["token ids differ on "]),
    "cut at 128 tokens": (
        config("tokenizer_config.json", model_max_length=128),
        dict.fromkeys(TASKS, HOLDS),
        ["texts beyond the shorter maximum length: cut at 128 tokens, was 1024: 6 of 6 texts moved, by up to "],
    ),
}


def verdicts(lines: list[str]) -> dict[str, str]:
    found = dict(re.match(r"drift     (\S+) on cpu: ([^(]+)", line).groups() for line in lines if line[:6] == "drift ")
    held = {"identical": HOLDS, "within tolerance": HOLDS}
    return {task: held.get(outcome.strip(), outcome.strip()) for task, outcome in found.items()}


@pytest.mark.parametrize("name", PINNED)
@pytest.mark.parametrize("format_of_it", sorted(path.name for path in FORMATS.glob("format-*")))
def test_baseline_of_each_format_gives_the_pinned_verdicts(project, tmp_path, format_of_it, name):
    change, expected, says = PINNED[name]
    stored = [f"--snapshots={FORMATS / format_of_it}", "--baseline=mini", "--junitxml=report.xml"]
    result = run(project, *EVALS, *stored, model=changed_copy(tmp_path, change))
    held = name == "healthy"
    assert result.ret == (pytest.ExitCode.OK if held else pytest.ExitCode.TESTS_FAILED)
    assert verdicts(result.outlines) == expected
    assert all(line in result.stdout.str() for line in says)
    tables = rows_named(project.path / "report.xml", "table")
    assert len(tables) == 6 and all(row.verdict == "holds" for row in tables) == held_by_tables(name, held)


def held_by_tables(name: str, held: bool) -> bool:
    """Whether the notebook's sentences stay where they are: they are shorter than any cut."""
    return held or name == "cut at 128 tokens"


def changed_copy(tmp_path: Path, change: Change | None) -> Path:
    folder = shutil.copytree(MINI, tmp_path / "copy")
    if change:
        change(folder)
    return folder


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("format_of_it", sorted(path.name for path in FORMATS.glob("format-*")))
def test_runs_in_other_dtypes_are_within_the_bounds_of_each_format(project, format_of_it, precision):
    options = [f"--snapshots={FORMATS / format_of_it}", f"--dtype={precision}"]
    result = run(project, *EVALS, *options, model="mini")
    assert result.ret == pytest.ExitCode.OK and verdicts(result.outlines) == dict.fromkeys(TASKS, HOLDS)


def test_formats_are_those_that_the_manifest_can_be_of():
    from fixtures.baselines.manifest import READ

    assert sorted(path.name for path in FORMATS.glob("format-*")) == [f"format-{number}" for number in READ]
