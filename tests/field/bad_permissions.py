"""Files and folders that may not be read."""

from pathlib import Path

from tests.field.making_bad_inputs import BadInput


def _known_failures(model: Path) -> Path:
    path = model.parent / "snapshots/own/known-failures.txt"
    path.parent.mkdir(parents=True)
    path.write_text("# none\n")
    return path


UNREADABLE = {
    "folder": BadInput("a model's folder without permission", "Permission denied", lambda model: model.chmod(0)),
    "config": BadInput(
        "config.json without permission",
        "config.json: Permission denied",
        lambda model: (model / "config.json").chmod(0),
    ),
    "weights": BadInput(
        "weights without permission",
        "model.safetensors: Permission denied",
        lambda model: (model / "model.safetensors").chmod(0),
    ),
    "tokenizer": BadInput(
        "tokenizer.json without permission",
        "tokenizer.json: Permission denied",
        lambda model: (model / "tokenizer.json").chmod(0),
    ),
    "adapter": BadInput(
        "an adapter's folder without permission",
        "separation: Permission denied",
        lambda model: (model / "separation").chmod(0),
    ),
    "known-failures": BadInput(
        "known-failures.txt without permission",
        "snapshots/own/known-failures.txt: unreadable (Permission denied); it is a text in UTF-8",
        lambda model: _known_failures(model).chmod(0),
    ),
    "baseline": BadInput(
        "a baseline's folder without permission",
        "snapshots/own",
        lambda model: _known_failures(model).parent.chmod(0),
    ),
}
"""What a user without privileges may not read: the model ``own`` in the folder of ``snapshots/``."""
