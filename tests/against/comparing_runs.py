"""One run of the suite for each pair, and what it says: read from ``report.json`` and from the terminal."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fixtures.comparing.cases import NOTE
from fixtures.comparing.drift_rows import CUT_TEXTS
from fixtures.comparing.lost import LOST
from fixtures.comparing.rows import DRIFT, TABLE, Row
from fixtures.reports.json_report import FILE
from tests.against.pairs import Pair
from tests.against.sides import typed
from tests.real.saying import unsaid
from tests.real.suite_runs import run
from tests.real.work_folder import WorkFolder, file_name
from tests.runs import closing_lines

COMPARED = ("evals/test_drift.py", "evals/test_similarity.py")


@dataclass(frozen=True)
class Said:
    """What a run said of a pair.

    Attributes:
        exit_code: pytest's.
        rows: all of ``report.json``.
        closing: the terminal's closing lines.
        seconds: how long the run kept processors busy.
    """

    exit_code: int
    rows: tuple[Row, ...] = ()
    closing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def drift(self) -> list[Row]:
        """The verdict on each task, the worst first."""
        return sorted(self.named(DRIFT), key=lambda row: (not row.fails, -float(row.detail.get("share", 0))))

    def named(self, name: str) -> list[Row]:
        """Return the rows of that name."""
        return [row for row in self.rows if row.name == name]

    @property
    def tables(self) -> str:
        """What became of the similarity tables, in words; empty where none was compared."""
        outcomes = Counter(row.detail["outcome"] for row in self.named(TABLE))
        return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))

    @property
    def sentences(self) -> list[str]:
        """What is said of the task that moved most, and of texts that only one side cuts, sentence by sentence."""
        worst = [row for row in self.drift if row.fails][:1]
        found = [case.label for row in worst for case in row.evidence if case.kind == NOTE]
        return found + [row.reason for row in self.named(CUT_TEXTS) if row.reason]

    @property
    def lines(self) -> list[str]:
        """All that a pair can be held to."""
        found = [f"exit code {self.exit_code}"]
        found += [f"drift of {row.task}: {row.new}" for row in self.drift]
        found += [f"lost: {row.detail['served']}" for row in self.named(LOST) if row.fails]
        return [*found, *([f"tables: {self.tables}"] if self.tables else []), *self.sentences, *self.closing]


@dataclass(frozen=True)
class OfPair:
    """A pair with what was said of it.

    Attributes:
        pair: the pair.
        said: what the run said.
        missing: what it should say and doesn't, or says and shouldn't.
    """

    pair: Pair
    said: Said
    missing: list[str] = field(default_factory=list)


def command_of(pair: Pair, work: WorkFolder) -> tuple[list[str], dict[str, str]]:
    """Return what follows "pytest", without a report, and variables of the environment."""
    options, variables = pair.new.as_new(work)
    return [*COMPARED, f"--against={pair.old.as_old(work)}", *options], variables


def compared(pair: Pair, work: WorkFolder) -> OfPair:
    """Run the suite on a pair in a process of its own."""
    folder = work.path / "runs" / file_name(f"{pair.old.name} {pair.new.name}")
    options, variables = command_of(pair, work)
    ran = run([*options, f"--report={typed(str(folder))}"], folder, variables)
    return of_pair(pair, said(ran.exit_code, ran.printed, folder, ran.cpu_seconds))


def said(exit_code: int, printed: str, report: Path, seconds: float = 0.0) -> Said:
    """Return what a run said, by its exit code, by all that it printed and by its report.

    Args:
        exit_code: pytest's.
        printed: on the terminal.
        report: the folder of ``report.json``.
        seconds: how long it kept processors busy.
    """
    content = json.loads((report / FILE).read_text(encoding="utf-8"))
    terminal = pytest.RunResult(exit_code, printed.splitlines(), [], duration=0)
    return Said(exit_code, tuple(_row(entry) for entry in content["rows"]), tuple(closing_lines(terminal)), seconds)


def of_pair(pair: Pair, said: Said) -> OfPair:
    """Return a pair with what was said of it, and whether that is what should be."""
    return OfPair(pair, said, unsaid(pair.says, said.lines))


def _row(entry: dict[str, Any]) -> Row:
    return Row(**entry)
