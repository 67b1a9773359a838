"""Measure how often the verdict of ``--expect no-loss`` is wrong, and print that in Markdown.

Quality of real systems is observed once, which takes a quarter of an hour; the answers are kept. Then old and new are
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
RUNS, OF_LOSSES = 1_000, 500
"""Draws of each row; of losses, whose rates are far from 0 and 1 where they matter, half as many."""

Section = tuple[Callable[[Observations], Iterator[Scenario]], Callable[[Sequence[Tally]], Iterator[str]], int]
SECTIONS: dict[str, Section] = {
    "null": (scenarios.null, table.of_null, RUNS),
    "shares": (scenarios.shares, table.of_losses, OF_LOSSES),
    "languages": (scenarios.languages, table.of_losses, OF_LOSSES),
    "layers": (scenarios.layers, table.of_losses, OF_LOSSES),
    "changes": (scenarios.changes, table.of_losses, OF_LOSSES),
    "simulated": (scenarios.simulated, table.of_losses, OF_LOSSES),
}


def begin(section: str) -> str:
    """Return the mark before a section's table on the page."""
    return f"<!-- what tests.error_rates prints: {section} -->"


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.error_rates", description=__doc__)
    parser.add_argument("--only", metavar="TABLE", action="append", choices=SECTIONS, help=", ".join(SECTIONS))
    parser.add_argument("--draws", type=int, metavar="N", help=f"of each row; {RUNS:,}, and {OF_LOSSES} of losses")
    parser.add_argument("--work", type=Path, metavar="FOLDER", default=WORK, help="where models and answers are kept")
    parser.add_argument("--page", action="store_true", help=f"write the tables into docs/{PAGE.name} too")
    options = parser.parse_args()
    observed = Observations(evidence_set(), options.work.resolve())
    red = []
    try:
        for name, (of, in_markdown, runs) in SECTIONS.items():
            if options.only and name not in options.only:
                continue
            found = [_tallied(scenario, options.draws or runs) for scenario in of(observed)]
            printed = "\n".join(in_markdown(found)) + "\n"
            print(f"\n{printed}", flush=True)
            red += [missing for one in found for missing in one.missing]
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
