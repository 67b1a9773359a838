"""All kinds of bad inputs, sorted by what a run does with them.

``bad-inputs.md`` beside this file is the table as text, to be read: ``python -m tests.field.bad_inputs`` writes it.
"""

from pathlib import Path

from tests.field.bad_checkpoints import CHECKPOINTS, LOADED, ORIGINAL, WITHOUT_LIBRARIES
from tests.field.bad_options import OPTIONS
from tests.field.bad_permissions import UNREADABLE
from tests.field.bad_stored_files import KNOWN_FAILURES, STORED

DOCUMENT = Path(__file__).parent / "bad-inputs.md"
USAGE_ERROR, FAILED = 4, 1

SEEN_BEFORE_ANYTHING_RUNS = OPTIONS | CHECKPOINTS | ORIGINAL | WITHOUT_LIBRARIES | LOADED | KNOWN_FAILURES | UNREADABLE


def document() -> str:
    """Return the table as text."""
    kinds = [(one, USAGE_ERROR) for one in SEEN_BEFORE_ANYTHING_RUNS.values()]
    kinds += [(one, FAILED) for one in STORED.values()]
    rows = [f"| {one.tried} | {_cell(one.line)} | {code} |" for one, code in kinds]
    return "\n".join(
        [
            "# Bad inputs",
            "",
            f"{len(kinds)} kinds of inputs that can't be used, each tried by `tests/field/test_bad_inputs.py`: the run",
            "ends with this exit code, one line says it, and nothing is written. FOLDER is the model's folder;",
            "`python -m tests.field.bad_inputs` writes this table. What a user needs of it is in `docs/options.md`.",
            "",
            "| tried as | the line holds | exit code |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _cell(line: str) -> str:
    return "`" + line.replace("|", "\\|") + "`"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
