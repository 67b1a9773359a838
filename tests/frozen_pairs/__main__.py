"""Run every pair through the command line and compare with the verdicts that are on record.

``tox run -e frozen`` takes about eight minutes on two idle cores. A line per pair says what is other than recorded: an
exit code, the outcome of an eval, or a figure. Exit code 1 where anything is.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fixtures.comparing import rows
from fixtures.run.known_failures import where_it_is
from tests.frozen_pairs.pairs import PAIRS, Pair
from tests.places import ROOT, copy_suite

VERDICTS = Path(__file__).with_name("verdicts.json")
MODEL = ROOT / "fixtures" / "checkpoints" / "mini"

SAME_FIGURE = 1e-5
"""Relative difference up to which two figures are one, beside what float32 itself doesn't resolve."""
RESOLUTION = 1e-9

Verdicts = dict[str, Any]


def main() -> int:
    """Compare each pair's verdicts with the recorded ones, or record today's."""
    parser = argparse.ArgumentParser(prog="python -m tests.frozen_pairs", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="run the pairs whose name holds this text")
    parser.add_argument(
        "--verdicts-only", action="store_true", help="compare no figures (on another kind of processor)"
    )
    parser.add_argument("--record", action="store_true", help="write what the runs give now")
    parser.add_argument(
        "--stored",
        metavar="FOLDER",
        type=Path,
        help="compare with this baseline of mini, such as one of an earlier format",
    )
    options = parser.parse_args()
    chosen = [pair for pair in PAIRS if options.only in pair.name]
    recorded = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.exists() else {}
    others = 0
    for pair in chosen:
        obtained = run(pair, options.stored)
        if options.record:
            recorded[pair.name] = obtained
            print(f"{pair.name}: exit code {obtained['exit code']}, {len(obtained['outcomes'])} evals", flush=True)
            continue
        lines = list(differences(recorded[pair.name], obtained, figures=not options.verdicts_only))
        others += bool(lines)
        print(f"{'other' if lines else 'same '}  {pair.name}", *lines[:12], sep="\n         ", flush=True)
    if options.record:
        VERDICTS.write_text(json.dumps(recorded, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    else:
        print(f"{len(chosen) - others} of {len(chosen)} pairs as recorded")
    return int(others > 0)


def run(pair: Pair, stored: Path | None = None) -> Verdicts:
    """Run the evals on a pair in a copy of the suite, with another baseline of mini if given."""
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch) / "suite"
        copy_suite(suite, "snapshots")
        if stored:
            shutil.rmtree(suite / "snapshots" / "mini")
            shutil.copytree(stored, suite / "snapshots" / "mini")
        (suite / "tests").symlink_to(ROOT / "tests")
        options = list(pair.options)
        if pair.model:
            model = Path(shutil.copytree(MODEL, Path(scratch) / "copy"))
            pair.model(model)
            options.append(f"--model={model}")
        if pair.stored:
            pair.stored(suite / "snapshots")
        if pair.baseline:
            options.append(f"--baseline={pair.baseline}")
        if not any("--device" in option for option in options):
            options.append("--device=cpu")
        report = Path(scratch) / "report.xml"
        living = {"LIVING_MODELS": str(Path(scratch) / "living")}
        result = subprocess.run(
            [sys.executable, "-m", "pytest", *pair.evals, *options, f"--junit-xml={report}", "-p", "no:cacheprovider"],
            cwd=suite,
            env=_own_variables() | living | {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
        found = {"exit code": result.returncode, "outcomes": {}, "figures": {}}
        if result.returncode in (0, 1):
            found["outcomes"], found["figures"] = _read(report, everything=pair.name == "healthy")
        return found


def _own_variables() -> dict[str, str]:
    """The environment without what would choose another folder of baselines, or other evals."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("EVALS_", "PYTEST_"))}


def _read(report: Path, *, everything: bool) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return each eval's outcome and figures from JUnit's XML."""
    outcomes, figures = {}, {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname').rpartition('.')[2]}.py::{case.get('name')}"
        outcomes[name] = _outcome(case)
        found = dict(_figures(name, [(one.get("name"), one.get("value")) for one in case.iter("property")]))
        if found and (everything or name.startswith(("test_drift.py", "test_similarity.py"))):
            figures[name] = found
    return outcomes, figures


def _figures(name: str, properties: list[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
    """Yield an eval's figures under the names that they had when the verdicts were recorded."""
    for row in rows.read_rows(properties):
        if row.name == "table":
            yield f"{row.detail['table']}: largest difference", _figure(row.new)
            yield f"{row.detail['table']}: share of tolerance", _figure(row.share)
        elif row.name == "drift":
            yield "verdict", row.new
        elif row.verdict not in (rows.NOT_APPLICABLE, rows.BROKEN):
            yield row.name, _figure(row.new)
            if name.startswith("test_drift.py"):
                yield f"{row.name}: share of bound", "not judged" if row.share is None else _figure(row.share)


def _outcome(case: ElementTree.Element) -> str:
    skipped = case.find("skipped")
    if skipped is not None:
        return "expected failure" if skipped.get("type") == "pytest.xfail" else "skipped"
    return next((kind for kind in ("failure", "error") if case.find(kind) is not None), "passed")


def _figure(value: Any) -> Any:
    try:
        return str(value) if isinstance(value, bool) else float(f"{float(value):.7g}")
    except (TypeError, ValueError):
        return value


def differences(recorded: Verdicts, obtained: Verdicts, *, figures: bool) -> Iterator[str]:
    """Yield a line for each thing that is other than recorded."""
    if recorded["exit code"] != obtained["exit code"]:
        yield f"exit code {recorded['exit code']}, now {obtained['exit code']}"
    before, now = {where_it_is(name): one for name, one in recorded["outcomes"].items()}, obtained["outcomes"]
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name}: {before.get(name)}, now {now.get(name)}"
    for earlier, expected in recorded["figures"].items() if figures else ():
        name = where_it_is(earlier)
        found = obtained["figures"].get(name, {})
        for figure, value in expected.items():
            if not _same(value, found.get(figure)):
                yield f"{name}: {figure} {value}, now {found.get(figure)}"


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=SAME_FIGURE, abs_tol=RESOLUTION)
    return first == second


if __name__ == "__main__":
    sys.exit(main())
