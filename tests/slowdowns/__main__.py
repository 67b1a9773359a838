"""How often is the verdict on speed wrong? Many series of blocks of one model beside itself, in one process.

Nothing is slower in the null series; in the others the long texts are, by a wait in proportion to what each call took.
Beside the verdict stand two habits on the same seconds: a threshold on the medians, and one on the least of each side,
as pytest-benchmark compares two records by ``min:5%``. Six more series go through the command line. ``--page`` writes
the tables into docs/throughput.md too.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from fixtures.comparing.counterparts import Counterpart
from fixtures.run.settings import BLOCKS
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.speed.paired_timing import rows_to_time, timed_blocks
from fixtures.speed.slowdown import CANT_TELL, NOT_SLOWER, SLOWER, Block, judge
from tests.places import ROOT
from tests.real.table import line, with_tables
from tests.slowdowns.served import SHARE, TOKENS
from tests.slowdowns.waiting import SLOWED, Waiting

ALLOWED = 0.05
TASK = "text-matching"
SERIES = {0.0: 60, 0.1: 20, 0.2: 20}
"""How much slower the long texts are -> how many series."""
BY_COMMAND = (0.0, 0.0, 0.1, 0.1, 0.2, 0.2)
"""How much slower the long texts are in each series of the command line."""
MAP = 'precision = "float32"\n\n[tasks]\n"text-matching" = {}\n\n[roles]\nsimilarity = "text-matching"\n'
PAGE = ROOT / "docs" / "throughput.md"
BEGIN = "<!-- what tests.slowdowns prints -->"
BY_COMMAND_BEGIN = "<!-- what tests.slowdowns prints of the command line -->"


def main() -> int:
    """Time all series, and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.slowdowns", description=__doc__)
    parser.add_argument("--tokens", type=int, default=40, help="about how many a task is asked in a call")
    parser.add_argument("--series", type=int, help="so many of each size, in place of 60, 20 and 20")
    parser.add_argument("--page", action="store_true", help="write the table into docs/throughput.md too")
    options = parser.parse_args()
    encoder = TorchEncoder(load_model(inspect_checkpoint(BUNDLED_FOLDER)))
    rows = rows_to_time([Counterpart(TASK, TASK)], options.tokens, None)
    (slowed,) = (row for row in rows if row.regime == SLOWED)
    found: dict[float, Counter[str]] = {}
    counts = {share: options.series or count for share, count in SERIES.items()}
    for share, count in counts.items():
        found[share] = Counter()
        for number in range(count):
            blocks = timed_blocks(rows, encoder, Waiting(encoder, slowed.texts, share), BLOCKS)
            found[share].update(_said(blocks))
            print(f"{share:.0%} slower: series {number + 1} of {count}: {dict(found[share])}", flush=True)
    tables = {BEGIN: _table(found, counts), BY_COMMAND_BEGIN: _by_command(options.tokens)}
    for begin, rows_of_table in tables.items():
        table = "\n".join(rows_of_table)  # the runs of the second one begin here, once the first one is told
        print(f"\n{table}", flush=True)
        if options.page:
            PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), table, begin), encoding="utf-8")
    return 0


def _by_command(tokens: int) -> Iterator[str]:
    """A row for each run of the eval: its exit code, and what it says of the long texts."""
    yield from (line(("long texts slower by", "exit code", "said of the long texts")), line(["---"] * 3))
    with tempfile.TemporaryDirectory() as folder:
        task_map = os.path.join(folder, "map.toml")
        with open(task_map, "w", encoding="utf-8") as file:
            file.write(MAP)
        served = "python:tests.slowdowns.served:"
        command = [
            *(sys.executable, "-m", "pytest", "evals/test_slowdown.py", "-p", "no:cacheprovider"),
            *(f"--model={served}slowed", f"--task-map={task_map}", f"--against={served}as_it_is,task-map={task_map}"),
            *(f"--benchmark-tokens={tokens}", f"--max-slowdown={ALLOWED:.0%}"),
        ]
        for share in BY_COMMAND:
            environment = {**os.environ, SHARE: str(share), TOKENS: str(tokens), "PYTHONPATH": str(ROOT)}
            ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            said = re.search(rf"^speed +{SLOWED}: (.*)$", ran.stdout, re.MULTILINE)
            if said is None:
                raise SystemExit(f"the run says nothing of the {SLOWED} texts:\n{ran.stdout}{ran.stderr}")
            yield line((f"{share:.0%}", str(ran.returncode), said[1]))


def _said(blocks: dict[str, list[Block]]) -> Iterator[str]:
    """What each way to judge says of a series; a run fails where a regime does."""
    verdicts = judge(blocks, ALLOWED)
    outcomes = {verdict.outcome for verdict in verdicts.values()}
    yield "paired: fails" if SLOWER in outcomes else f"paired: {CANT_TELL if CANT_TELL in outcomes else NOT_SLOWER}"
    for habit, figure in (("medians", np.median), ("least", np.min)):
        slower = [_slower(figure, one) for one in blocks.values()]
        yield f"{habit}: fails" if any(slower) else f"{habit}: passes"
    wrong = [name for name, verdict in verdicts.items() if verdict.outcome == SLOWER and name != SLOWED]
    if wrong:
        yield "paired: fails where nothing is slower"


def _slower(figure: Any, blocks: Sequence[Block]) -> bool:
    before = figure([seconds for block in blocks for seconds in block.old])
    now = figure([seconds for block in blocks for seconds in block.new])
    return bool(now > (1 + ALLOWED) * before)


def _table(found: dict[float, Counter[str]], counts: dict[float, int]) -> Iterator[str]:
    heads = ("long texts slower by", "series", "paired: fails", "paired: can't tell", "medians: fails", "least: fails")
    yield line(heads)
    yield line(["---"] * len(heads))
    for share, said in found.items():
        series = counts[share]
        cells = [f"{share:.0%}", str(series)]
        cells += [
            _rate(said[name], series)
            for name in ("paired: fails", f"paired: {CANT_TELL}", "medians: fails", "least: fails")
        ]
        yield line(cells)


def _rate(count: int, series: int) -> str:
    ends = stats.binomtest(count, series).proportion_ci(0.95)
    return f"{count} ({ends.low:.0%} to {ends.high:.0%})"


if __name__ == "__main__":
    sys.exit(main())
