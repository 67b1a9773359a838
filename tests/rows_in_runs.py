"""The rows that a run left in JUnit's XML."""

from pathlib import Path
from xml.etree import ElementTree

from fixtures.comparing.rows import Row, read_rows


def rows_in(report: Path) -> dict[str, list[Row]]:
    """Return each eval's rows, by its name with parameters; of one that was run again those of the last time."""
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {
        case.get("name"): read_rows([(one.get("name"), one.get("value")) for one in case.iter("property")])
        for case in cases
    }


def figures_in(report: Path) -> dict[str, dict[str, object]]:
    """Return each eval's figures: what was measured -> the figure."""
    return {name: {row.name: row.new for row in rows} for name, rows in rows_in(report).items()}
