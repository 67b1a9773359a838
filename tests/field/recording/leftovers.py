"""What an interrupted recording leaves, and all that lies in a folder."""

import json
from pathlib import Path

from tests.field.making_bad_inputs import TEN_TIB


def leave_update(folder: Path, files: dict[str, bytes]) -> Path:
    """Leave what a recording leaves that was killed once decided: its new files, and a journal of their names."""
    staging = folder / ".update"
    staging.mkdir()
    for position, name in enumerate(sorted(files)):
        (staging / str(position)).write_bytes(files[name])
    (staging / "journal.json").write_text(json.dumps(sorted(files)))
    return staging


def everything(folder: Path) -> dict[Path, object]:
    """Path -> content of all that lies in a folder, links not followed, without what pytest itself writes."""
    paths = [
        path for path in folder.rglob("*") if not any("cache" in part or part == ".benchmarks" for part in path.parts)
    ]

    def content(path: Path) -> object:
        if not path.is_file():
            return path.is_dir()
        return TEN_TIB if path.stat().st_size == TEN_TIB else path.read_bytes()

    return {path: path.readlink() if path.is_symlink() else content(path) for path in paths}
