"""All kinds of bad inputs, sorted by what is said of them.

``bad-inputs.md`` beside this file is the table as text, to be read: ``python -m tests.field.bad_inputs`` writes it.
"""

from pathlib import Path

from tests.field.bad_configs import CONFIGS, ORIGINALS
from tests.field.bad_model_files import ADAPTERS, FILES, SENTENCE_TRANSFORMERS, TOKENIZERS, WITHOUT_LIBRARIES
from tests.field.bad_options import KNOWN_FAILURES, OPTIONS
from tests.field.bad_permissions import UNREADABLE
from tests.field.bad_stored_files import DAMAGE
from tests.field.bad_weights import WEIGHTS

DOCUMENT = Path(__file__).parent / "bad-inputs.md"
USAGE_ERROR, FAILED = 4, 1

CHECKPOINTS = [*FILES, *CONFIGS, *ORIGINALS, *SENTENCE_TRANSFORMERS, *TOKENIZERS, *ADAPTERS, *WEIGHTS]
REFUSED = [*OPTIONS, *CHECKPOINTS, WITHOUT_LIBRARIES, *KNOWN_FAILURES, *UNREADABLE]


def document() -> str:
    """Return the table as text."""
    kinds = [(one, USAGE_ERROR) for one in REFUSED] + [(one, FAILED) for one in DAMAGE]
    rows = [f"| {_cell(one.tried)} | `{_cell(one.line)}` | {one.asked} | {code} |" for one, code in kinds]
    return "\n".join(
        [
            "# Bad inputs",
            "",
            f"{len(kinds)} kinds of inputs that can't be used, each tried by `tests/field/test_bad_inputs.py` or, in a",
            "stored baseline, by `tests/field/recording/test_damage.py`: one line says it, in which … stands for any",
            "text, nothing is written, and a run ends with this exit code. FOLDER is the model's folder, STORED the",
            "baseline's. `making_bad_inputs.py` and `bad_stored_files.py` say how each is asked about. What a user",
            "needs of it is in `docs/options.md`. `python -m tests.field.bad_inputs` writes this table.",
            "",
            "| tried | the line | asked | exit code |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _cell(line: str) -> str:
    return line.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
