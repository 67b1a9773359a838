"""The tables of the page, in Markdown, from what runs said."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fixtures.comparing.drift import IDENTICAL
from fixtures.comparing.rows import Row
from fixtures.showing import shown_share
from tests.real.suite_runs import FAILED, KNOWN, PASSED, SKIPPED, SuiteRun

_NEEDS = re.compile(r"needs [^:;]+(?P<mark>[:;]) (?P<why>.+)", re.DOTALL)
"""A reason that names what is lacking, and then after a semicolon the model's tasks, or after a colon why it lacks."""


END = "<!-- its end -->"
"""What stands after the tables of a page; before them stands what names the command."""


@dataclass
class OfSystem:
    """What was found out about a system.

    Attributes:
        name: how the tables call it.
        runtime: what opens it.
        model: the value of ``--model``, which reasons name.
        whole: the run of all evals, which records.
        harmless: what was changed -> the run that compares.
        least_noise: the size of noise, in floors, from which on it is drift under every task; None where the largest
            tried isn't.
        weak_bounds: statistics whose bound could not be broken or says no source.
    """

    name: str
    runtime: str
    model: str
    whole: SuiteRun
    harmless: dict[str, SuiteRun] = field(default_factory=dict)
    least_noise: int | None = None
    weak_bounds: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OfChange:
    """What a run said of a real change.

    Attributes:
        name: what was changed.
        old: the system before.
        new: the system after.
        verdict: the outcome.
        sentences: what it says.
        missing: what it should say and doesn't, or says and shouldn't.
    """

    name: str
    old: str
    new: str
    verdict: str
    sentences: Sequence[str]
    missing: Sequence[str]


def markdown(systems: Sequence[OfSystem], changes: Sequence[OfChange]) -> str:
    """Return all tables."""
    parts = [_evals(systems), _failures(systems), _reasons(systems), _harmless(systems)]
    return "\n\n".join("\n".join(lines) for lines in map(list, [*parts, _changes(changes)]) if lines) + "\n"


def with_tables(page: str, tables: str, begin: str) -> str:
    """Return a page with these tables in place of the earlier ones, between its two marks.

    Args:
        page: the text of the page.
        tables: those of today.
        begin: the mark before them; the one after them is ``END``.
    """
    before, _, rest = page.partition(f"{begin}\n")
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n\n{tables}\n{END}{after}"


def what_is_red(systems: Iterable[OfSystem], changes: Iterable[OfChange]) -> list[str]:
    """Return what isn't as it should be, a line each."""
    found = []
    for system in systems:
        found += [f"{system.name}: {line}" for line in _failing(system.whole)]
        for change, ran in system.harmless.items():
            found += [f"{system.name}, {change}: {line}" for line in _failing(ran)]
        if system.least_noise is None:
            found.append(f"{system.name}: noise of the largest size is no drift")
        found += [
            f"{system.name}: the bound on {name} can't be broken, or says no source" for name in system.weak_bounds
        ]
    for change in changes:
        found += [f"{change.name}: {change.verdict}, {'; '.join(change.sentences)}: {line}" for line in change.missing]
    return found


def _failing(ran: SuiteRun) -> list[str]:
    return [f"{one.name}: {figure}" for one in ran.evals if one.became == FAILED for figure in one.figures]


def _evals(systems: Sequence[OfSystem]) -> Iterator[str]:
    yield "| model | opened by | evals | passed | failed | known | not applicable | CPU seconds | to compare |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in systems:
        counts = [one.whole.count(became) for became in (PASSED, FAILED, KNOWN, SKIPPED)]
        compared = [ran.cpu_seconds for ran in one.harmless.values()]
        shortest = f"{min(compared):.0f}" if compared else ""
        yield line([one.name, one.runtime, len(one.whole.evals), *counts, f"{one.whole.cpu_seconds:.0f}", shortest])


def _failures(systems: Sequence[OfSystem]) -> Iterator[str]:
    for system in systems:
        for one in system.whole.evals:
            if one.became in (FAILED, KNOWN):
                yield f"- {system.name}, {one.became}: `{one.name}`: {plain('; '.join(one.figures))}"


def _reasons(systems: Sequence[OfSystem]) -> Iterator[str]:
    counted = {system.name: _reasons_of(system) for system in systems}
    reasons = list(dict.fromkeys(reason for found in counted.values() for reason in found))
    if reasons:
        yield line(["not applicable because", *counted])
        yield line(["---"] * (len(counted) + 1))
    for reason in sorted(reasons, key=lambda reason: -sum(found.get(reason, 0) for found in counted.values())):
        yield line([reason, *(found.get(reason, "") for found in counted.values())])


def _reasons_of(system: OfSystem) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for reason, count in system.whole.reasons.items():
        shown = plain(_in_short(reason.replace(system.model, "this model")))
        found[shown] = found.get(shown, 0) + count
    return found


def _in_short(reason: str) -> str:
    """A reason without what was needed, which is another thing for each eval."""
    found = _NEEDS.fullmatch(reason)
    if not found:
        return reason.removeprefix("not applicable: ")
    return f"an ability is needed: {found['why']}" if found["mark"] == ":" else "tasks of other names are needed"


def _harmless(systems: Sequence[OfSystem]) -> Iterator[str]:
    changes = list(dict.fromkeys(change for system in systems for change in system.harmless))
    if not changes:
        return
    yield line(["model", *changes, "noise is drift from"])
    yield line(["---"] * (len(changes) + 2))
    for one in systems:
        cells = [_drift(one.harmless[change].drift) if change in one.harmless else "" for change in changes]
        noise = "" if one.least_noise is None else f"{one.least_noise} floor{'s' if one.least_noise > 1 else ''} on"
        yield line([one.name, *cells, noise])


def _drift(verdicts: Sequence[Row]) -> str:
    """The verdicts of a run, one where all tasks have the same; with the most of a bound that was used."""
    told = list(dict.fromkeys(str(row.new) for row in verdicts))
    moved = [row for row in verdicts if row.new != IDENTICAL and row.detail.get("statistic")]
    if not moved:
        return ", ".join(told)
    most = max(moved, key=lambda row: float(row.detail["share"]))
    return f"{', '.join(told)}: {shown_share(float(most.detail['share']))} of {most.detail['statistic']}"


def _changes(changes: Sequence[OfChange]) -> Iterator[str]:
    if not changes:
        return
    yield "| change | verdict | what the failure says |"
    yield "|---|---|---|"
    for one in changes:
        yield line([f"{one.name}: {one.old} -> {one.new}", one.verdict, plain("<br>".join(one.sentences))])


def line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def plain(text: str) -> str:
    """A text that may stand in a cell."""
    return text.replace("|", "\\|")
