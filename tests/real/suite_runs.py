"""Runs of the suite by its command line, and what they say: read from JUnit's XML."""

import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from fixtures.comparing.cases import NOTE
from fixtures.comparing.rows import DRIFT, NOT_APPLICABLE, Row, read_rows
from tests.real.carried import NotAsExpectedError

ROOT = Path(__file__).resolve().parents[2]
LONGEST_WAIT = 1800  # seconds

PASSED, FAILED, KNOWN, SKIPPED = "passed", "failed", "known", "not applicable"


@dataclass(frozen=True)
class Eval:
    """What became of an eval.

    Attributes:
        name: its file and name, with parameters.
        became: one of the module's words.
        rows: what it measured.
        message: the first line of pytest's own on it; empty where it passed.
    """

    name: str
    became: str
    rows: tuple[Row, ...] = ()
    message: str = ""

    @property
    def reason(self) -> str:
        """Why it isn't applicable."""
        return next((row.reason for row in self.rows if row.verdict == NOT_APPLICABLE), self.message)

    @property
    def figures(self) -> list[str]:
        """What it measured that doesn't hold, a line each; pytest's line where nothing was measured."""
        return [row.message() for row in self.rows if row.fails] or [self.message]


@dataclass(frozen=True)
class SuiteRun:
    """A finished run.

    Attributes:
        evals: those that it collected.
        cpu_seconds: how long it kept processors busy, with what it started.
        seconds: how long it took.
        exit_code: pytest's.
        printed: all that it printed.
    """

    evals: tuple[Eval, ...]
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    exit_code: int = 0
    printed: str = ""

    def count(self, became: str) -> int:
        """Return of how many evals that became."""
        return sum(one.became == became for one in self.evals)

    @property
    def reasons(self) -> Counter[str]:
        """Why evals weren't applicable -> how many."""
        return Counter(one.reason for one in self.evals if one.became == SKIPPED)

    @property
    def drift(self) -> list[Row]:
        """The verdict on each task."""
        return [row for one in self.evals for row in one.rows if row.name == DRIFT]


def run(options: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> SuiteRun:
    """Run pytest on evals in a process of its own; it leaves ``junit.xml`` and ``log`` in a folder.

    Args:
        options: what follows "pytest".
        folder: made if it isn't there.
        variables: of the environment, beside those of this process.

    Raises:
        NotAsExpectedError: the run came to no end of its own: a usage error, or a crash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report, log = folder / "junit.xml", folder / "log"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={report}", *options]
    ours = {"HF_HUB_OFFLINE": "1", "PYTEST_ADDOPTS": "", **(variables or {})}
    began, busy = time.monotonic(), _busy()
    with log.open("w", encoding="utf-8") as file:
        code = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | ours,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_WAIT,
            check=False,
        ).returncode
    printed = log.read_text(encoding="utf-8")
    if code not in (0, 1) or not report.is_file():
        said = [line for line in printed.splitlines() if line.strip()]
        raise NotAsExpectedError(
            f"exit code {code} of pytest {' '.join(options)}: {said[-1] if said else ''}; see {log}"
        )
    evals = read_evals(report.read_text(encoding="utf-8"))
    return SuiteRun(evals, _busy() - busy, time.monotonic() - began, code, printed)


def read_evals(report: str) -> tuple[Eval, ...]:
    """Return the evals of a run from the text of its JUnit XML."""
    return tuple(map(_eval, ElementTree.fromstring(report).iter("testcase")))


def _eval(case: ElementTree.Element) -> Eval:
    became, message = PASSED, ""
    for kind in ("skipped", "failure", "error"):
        found = case.find(kind)
        if found is not None:
            expected = found.get("type") == "pytest.xfail"
            became = KNOWN if expected else SKIPPED if kind == "skipped" else FAILED
            message = (found.get("message") or found.text or "").strip().partition("\n")[0]
    rows = read_rows([(one.get("name"), one.get("value")) for one in case.iter("property")])
    name = f"{case.get('classname').rpartition('.')[2]}.py::{case.get('name')}"
    return Eval(name, became, tuple(rows), message)


def sentences(row: Row) -> list[str]:
    """Return what a verdict says, sentence by sentence."""
    return [case.label for case in row.evidence if case.kind == NOTE]


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
