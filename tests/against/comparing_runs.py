"""One run of the suite for each pair, and what it says: read from ``report.json`` and from the terminal."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fixtures.comparing.cases import NOTE
from fixtures.comparing.drift_rows import CUT_TEXTS
from fixtures.comparing.lost import LOST
from fixtures.comparing.rows import DRIFT, TABLE, Row
from fixtures.comparing.statistics import STATISTICS
from fixtures.reports.json_report import FILE
from fixtures.reports.terminal import compared_task
from tests.against.pairs import Pair
from tests.against.sides import typed
from tests.real.saying import unsaid
from tests.real.suite_runs import ROOT, run
from tests.real.work_folder import WorkFolder, file_name
from tests.runs import closing_lines

DIFFERS = "differs: "
"""How the sentence on what differs begins."""


@dataclass(frozen=True)
class Said:
    """What a run said of a pair.

    Attributes:
        exit_code: pytest's.
        rows: all of ``report.json``.
        closing: the terminal's closing lines.
        seconds: how long the run kept processors busy.
        read_back: in words, what ``python -m fixtures compare OLD NEW`` says of what ``--keep`` kept; empty where it
            kept nothing.
    """

    exit_code: int
    rows: tuple[Row, ...] = ()
    closing: tuple[str, ...] = ()
    seconds: float = 0.0
    read_back: str = ""

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
    def differs(self) -> str:
        """What differs between the two, in words; empty where nothing is known to."""
        return next(("; ".join(row.detail["differs"]) for row in self.drift if row.detail.get("differs")), "")

    @property
    def sentences(self) -> list[str]:
        """What is said of the task that moved most, and of texts that only one side cuts, sentence by sentence."""
        worst = [row for row in self.drift if row.fails][:1]
        found = [case.label for row in worst for case in row.evidence if case.kind == NOTE]
        found = [sentence for sentence in found if not sentence.startswith(DIFFERS)]
        return list(dict.fromkeys([*found, *(row.reason for row in self.named(CUT_TEXTS) if row.reason)]))

    @property
    def lines(self) -> list[str]:
        """All that a pair can be held to."""
        found = [f"exit code {self.exit_code}"]
        found += [f"drift of {compared_task(row)}: {row.new}" for row in self.drift]
        found += [f"lost: {row.detail['served']}" for row in self.named(LOST) if row.fails]
        found += [f"tables: {self.tables}", f"{DIFFERS}{self.differs}", f"read back: {self.read_back}"]
        return [*found, *self.sentences, *self.closing]


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
    """Return what follows "pytest", but for its report, and variables of the environment."""
    options, variables = pair.new.as_new(work)
    return [*pair.evals, f"--against={pair.old.as_old(work)}", *pair.options, *options], variables


def compared(pair: Pair, work: WorkFolder) -> OfPair:
    """Run the suite on a pair in a process of its own, and read back what it kept, where it was to keep anything."""
    folder = work.path / "runs" / file_name(f"{pair.old.name} {pair.new.name}")
    options, variables = command_of(pair, work)
    kept = folder / "kept"
    shutil.rmtree(folder, ignore_errors=True)
    keep = [f"--keep={typed(str(kept))}"] if pair.kept else []
    ran = run([*options, f"--report={typed(str(folder))}", *keep], folder, variables)
    found = said(ran.exit_code, ran.printed, folder, ran.cpu_seconds)
    return of_pair(pair, replace(found, read_back=_read_back(kept, found)) if keep else found)


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
    return Said(exit_code, tuple(Row(**row) for row in content["rows"]), tuple(closing_lines(terminal)), seconds)


def of_pair(pair: Pair, found: Said) -> OfPair:
    """Return a pair with what was said of it, and whether that is what should be."""
    return OfPair(pair, found, unsaid(pair.says, found.lines))


def _read_back(kept: Path, ran: Said) -> str:
    """Compare again from what was kept, without a model; say whether the figures and the exit code are the run's."""
    command = [sys.executable, "-m", "fixtures", "compare", *(typed(str(kept / side)) for side in ("old", "new"))]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    printed = re.findall(rf"^  ({'|'.join(STATISTICS)}) +([\d.e+-]+) ", again.stdout, re.MULTILINE)
    return told_again(printed, again.returncode, ran)


def told_again(printed: Iterable[tuple[str, str]], exit_code: int, ran: Said) -> str:
    """Return in words whether a comparison printed the figures of a run, and ended as it did.

    Args:
        printed: statistic and figure, in the order of the lines.
        exit_code: of the comparison.
        ran: what the run said.
    """
    figures = [(row.name, f"{row.new:.1e}") for row in ran.rows if row.name in STATISTICS and row.new is not None]
    same = figures == list(printed) and figures
    told = f"the same {len(figures)} figures" if same else f"other figures: {list(printed)}, not {figures}"
    return f"{told}, exit code {exit_code}"
