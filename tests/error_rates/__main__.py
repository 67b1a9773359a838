"""Measure how often the verdict of ``--expect no-loss`` is wrong, and print that in Markdown.

Quality of real systems is observed once, which takes twenty minutes; the answers are kept. Then old and new are
exchanged at random, or a loss of known size is made, a thousand times over, and each time the verdict is asked. Exit
code 1 where null runs fail, or don't pass, more often than they may; 2 where a model can't be had.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fixtures.texts.evidence import evidence_set
from tests.error_rates import scenarios, table
from tests.error_rates.rates import Scenario, Tally, tally
from tests.error_rates.systems import Observations
from tests.places import ROOT
from tests.real.carried import NotAsExpectedError
from tests.real.packed_e5 import NotPackedError
from tests.real.table import with_tables

WORK = ROOT / ".tox" / "error-rates-work"
PAGE = ROOT / "docs" / "no-loss-proof.md"
SEED = 34
RUNS = 1_000
"""Draws of each row."""

Section = Callable[[Observations, int], tuple[Iterator[str], list[str]]]
"""Observations and how many draws -> the lines of a table, and what isn't as it has to be."""


def _drawn(
    scenarios_of: Callable[[Observations], Iterator[Scenario]], table_of: Callable[[Sequence[Tally]], Iterator[str]]
) -> Section:
    def section(observed: Observations, runs: int) -> tuple[Iterator[str], list[str]]:
        found = [_tallied(scenario, runs) for scenario in scenarios_of(observed)]
        return table_of(found), [missing for one in found for missing in one.missing]

    return section


def _topics(observed: Observations, runs: int) -> tuple[Iterator[str], list[str]]:
    return table.of_topics([*scenarios.pairs_by_role(observed)]), []


DRAWN = {
    "null": (scenarios.null, table.of_null),
    "shares": (scenarios.shares, table.of_losses),
    "languages": (scenarios.languages, table.of_losses),
    "layers": (scenarios.layers, table.of_losses),
    "changes": (scenarios.changes, table.of_losses),
    "simulated": (scenarios.simulated, table.of_losses),
}
SECTIONS: dict[str, Section] = {"topics": _topics, **{name: _drawn(*of) for name, of in DRAWN.items()}}


def begin(section: str) -> str:
    """Return the mark before a section's table on the page."""
    return f"<!-- what tests.error_rates prints: {section} -->"


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.error_rates", description=__doc__)
    parser.add_argument("--only", metavar="TABLE", action="append", choices=SECTIONS, help=", ".join(SECTIONS))
    parser.add_argument("--draws", type=int, metavar="N", default=RUNS, help=f"of each row; {RUNS:,} by default")
    parser.add_argument("--work", type=Path, metavar="FOLDER", default=WORK, help="where models and answers are kept")
    parser.add_argument("--page", action="store_true", help=f"write the tables into docs/{PAGE.name} too")
    options = parser.parse_args()
    observed = Observations(evidence_set(), options.work.resolve())
    red = []
    try:
        for name, section in SECTIONS.items():
            if options.only and name not in options.only:
                continue
            lines, missing = section(observed, options.draws)
            printed = "\n".join(lines) + "\n"
            print(f"\n{printed}", flush=True)
            red += missing
            if options.page:
                page = with_tables(PAGE.read_text(encoding="utf-8"), printed, begin(name))
                PAGE.write_text(page, encoding="utf-8")
    except (NotAsExpectedError, NotPackedError) as error:
        print(f"tests.error_rates: {error}", file=sys.stderr)
        return 2
    print(*red, sep="\n")
    return 1 if red else 0


def _tallied(scenario: Scenario, runs: int) -> Tally:
    begun = time.process_time()
    found = tally(scenario, runs, SEED)
    print(f"{scenario.name}: {dict(found.counts)}, {time.process_time() - begun:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
