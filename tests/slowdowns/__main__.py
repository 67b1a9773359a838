"""How often is the verdict on speed wrong? Many series of blocks of one model beside itself, in one process.

Nothing is slower in the null series; in the others the long texts are, by a wait in proportion to what each call took.
Beside the verdict stand two habits on the same seconds: a threshold on the medians, and one on the least of each side,
as pytest-benchmark compares two records by ``min:5%``. ``--page`` writes the table into docs/throughput.md too.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from fixtures.comparing.counterparts import Counterpart
from fixtures.run.settings import BLOCKS
from fixtures.runtimes.encoder import Encoder
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.speed.paired_timing import rows_to_time, timed_blocks
from fixtures.speed.slowdown import CANT_TELL, NOT_SLOWER, SLOWER, Block, judge
from tests.places import ROOT
from tests.real.table import line, with_tables

ALLOWED = 0.05
SLOWED = "long"
TASK = "text-matching"
SERIES = {0.0: 60, 0.1: 20, 0.2: 20}
"""How much slower the long texts are -> how many series."""
PAGE = ROOT / "docs" / "throughput.md"
BEGIN = "<!-- what tests.slowdowns prints -->"


class Slower:
    """A system that takes longer over texts of one regime, by a share of the time that each call took."""

    def __init__(self, encoder: Encoder, texts: Sequence[str], share: float) -> None:
        self._encoder, self._texts, self._share = encoder, set(texts), share

    def encode(self, texts: Sequence[str], task: str) -> np.ndarray:
        """Encode, then wait if these are the texts."""
        begin = time.perf_counter()
        vectors = self._encoder.encode(texts, task)
        if self._share and self._texts.issuperset(texts):
            self._encoder.wait()
            end = time.perf_counter() + self._share * (time.perf_counter() - begin)
            while time.perf_counter() < end:
                pass
        return vectors

    def wait(self) -> None:
        """Wait for the device."""
        self._encoder.wait()


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
            blocks = timed_blocks(rows, encoder, Slower(encoder, slowed.texts, share), BLOCKS)
            found[share].update(_said(blocks))
            print(f"{share:.0%} slower: series {number + 1} of {count}: {dict(found[share])}", flush=True)
    tables = "\n".join(_table(found, counts))
    print(f"\n{tables}")
    if options.page:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables, BEGIN), encoding="utf-8")
    return 0


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
    before = figure([seconds for block in blocks for seconds in (block.old, block.again)])
    return bool(figure([block.new for block in blocks]) > (1 + ALLOWED) * before)


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
