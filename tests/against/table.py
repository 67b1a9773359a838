"""The tables of the page, in Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence

from fixtures.comparing.drift import IDENTICAL
from fixtures.comparing.rows import Row
from fixtures.showing import shown_share
from tests.against.comparing_runs import DIFFERS, OfPair
from tests.real.table import line, plain

_TOLD = re.compile(r"explained|cosine|moved|looks like|norms|token|vectors are|nearest|cut at")
"""Sentences that the table has: the others, on figures and advice, stand in every failure alike."""
_WHERE = "note      report: "
"""The closing line that names a folder of the machine."""


def markdown(found: Sequence[OfPair]) -> str:
    """Return the table, then the closing lines of some pairs."""
    shown = [_closing(one) for one in found if one.pair.shown]
    return "\n".join([*_pairs(found), *(text for lines in shown for text in ("", *lines))]) + "\n"


def _pairs(found: Iterable[OfPair]) -> Iterator[str]:
    heads = ("pair", "old -> new", "exit code", "drift", "tables", "what it says", "CPU s")
    yield line(heads)
    yield line(["---"] * len(heads))
    for one in found:
        said = [f"{DIFFERS}{one.said.differs}", *filter(_TOLD.match, one.said.sentences)]
        said += [f"read back from `--keep`: {one.said.read_back}"] if one.said.read_back else []
        names = f"{one.pair.old.name} -> {one.pair.new.name}"
        cells = [one.pair.name, names, one.said.exit_code, drift(one.said.drift), one.said.tables or "none compared"]
        yield line([*cells, plain("<br>".join(said)), f"{one.said.seconds:.0f}"])


def drift(verdicts: Sequence[Row]) -> str:
    """Return the verdicts on some tasks, those with the same one together; with the most of a bound that was used."""
    by_outcome: dict[str, list[Row]] = {}
    for row in verdicts:
        by_outcome.setdefault(str(row.new), []).append(row)
    told = []
    for outcome, rows in by_outcome.items():
        tasks = f"{', '.join(str(row.task) for row in rows)}: " if len(by_outcome) > 1 else ""
        most = max(rows, key=lambda row: float(row.detail.get("share", 0)))
        used = f" ({shown_share(float(most.detail['share']))} of {most.detail['statistic']})"
        told.append(f"{tasks}{outcome}{used if outcome != IDENTICAL and most.detail.get('statistic') else ''}")
    return "; ".join(told)


def _closing(one: OfPair) -> list[str]:
    """The closing lines of a run, but for the one that names a folder."""
    lines = [text for text in one.said.closing if not text.startswith(_WHERE)]
    return [f"{one.pair.name}, {one.pair.old.name} -> {one.pair.new.name}:", "", "```text", *lines, "```"]
