"""Files and folders that may not be read."""

from pathlib import Path

from tests.field.making_bad_inputs import BadInput, Make

KNOWN_FAILURES = "snapshots/own/known-failures.txt"


def forbidden(name: str) -> Make:
    """A file or folder without permissions, by its path from the model's folder."""
    return lambda model: (model / name).chmod(0)


def forbidden_snapshots(name: str) -> Make:
    """The same, by its path from the folder of ``snapshots/``, in which there is a list of known failures."""

    def make(model: Path) -> None:
        path = model.parent / KNOWN_FAILURES
        path.parent.mkdir(parents=True)
        path.write_text("# none\n")
        (model.parent / name).chmod(0)

    return make


# A row is a line, or a line and what goes on below it.
# fmt: off
UNREADABLE = [
    BadInput("a model's folder without permission", "FOLDER…: Permission denied…", forbidden(".")),
    BadInput("config.json without permission", "FOLDER/config.json: Permission denied…", forbidden("config.json")),
    BadInput("weights without permission", "FOLDER/model.safetensors: Permission denied…",
        forbidden("model.safetensors")),
    BadInput("tokenizer.json without permission", "FOLDER/tokenizer.json: Permission denied…",
        forbidden("tokenizer.json")),
    BadInput("an adapter's folder without permission", "FOLDER/separation: Permission denied…",
        forbidden("separation")),
    BadInput("known-failures.txt without permission",
        f"{KNOWN_FAILURES}: unreadable (Permission denied); it is a text in UTF-8",
        forbidden_snapshots(KNOWN_FAILURES)),
    BadInput("a baseline's folder without permission", "snapshots/own…", forbidden_snapshots("snapshots/own")),
]
"""What a user without privileges may not read: the model ``own`` in the folder of ``snapshots/``."""
