"""Compare pairs of systems, old against new in one command each, and print what the suite says of them in Markdown.

Each pair is a whole run of drift and tables with ``--against``, in a process of its own; with ``--expect no-loss`` of
quality and drift. Exit code 1 where one doesn't say what it has to say, 2 where a model can't be had.
"""

import argparse
import sys
from pathlib import Path

from fixtures.run.option_values import NO_LOSS, SAME
from tests.against.comparing_runs import OfPair, compared
from tests.against.pairs import PAIRS
from tests.against.table import markdown
from tests.against.upgrades import UPGRADES
from tests.real.carried import NotAsExpectedError
from tests.real.packed_e5 import NotPackedError
from tests.real.suite_runs import ROOT
from tests.real.table import with_tables
from tests.real.work_folder import WorkFolder

WORK = ROOT / ".tox" / "against-pairs"
PAGE = ROOT / "docs" / "against-pairs.md"
UPGRADES_PAGE = ROOT / "docs" / "upgrades.md"
BEGIN = "<!-- what tests.against prints -->"


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.against", description=__doc__)
    names = list(dict.fromkeys(pair.name for pair in (*PAIRS, *UPGRADES)))
    parser.add_argument("--only", metavar="PAIR", action="append", choices=names, help=f"one of: {'; '.join(names)}")
    parser.add_argument("--work", type=Path, metavar="FOLDER", default=WORK, help="for models, reports and logs")
    parser.add_argument("--page", action="store_true", help="write the table into its page of docs/ too")
    parser.add_argument(
        "--expect", choices=(SAME, NO_LOSS), default=SAME, help="the question: did it move, or did it get worse?"
    )
    options = parser.parse_args()
    work = WorkFolder(options.work.resolve())
    found: list[OfPair] = []
    try:
        for pair in PAIRS if options.expect == SAME else UPGRADES:
            if not options.only or pair.name in options.only:
                found.append(compared(pair, work))
                print(f"{pair.name}: {'; '.join(found[-1].said.lines[:2])}, {found[-1].said.seconds:.0f} s", flush=True)
    except (NotAsExpectedError, NotPackedError) as error:
        print(f"tests.against: {error}", file=sys.stderr)
        return 2
    tables = markdown(found)
    red = [f"{one.pair.name}: {line}; it says: {'; '.join(one.said.lines)}" for one in found for line in one.missing]
    print(f"\n{tables}", *red, sep="\n")
    if options.page:
        page = PAGE if options.expect == SAME else UPGRADES_PAGE
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables, BEGIN), encoding="utf-8")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
