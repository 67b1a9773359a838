"""A folder of models and task maps that runs are given, each made when it is first asked for."""

import re
import shutil
from pathlib import Path

from tests.real.systems import System


class WorkFolder:
    """Where models and task maps lie, for one command.

    Args:
        path: the folder; maps of an earlier command go.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prepared: dict[object, str] = {}
        self.empty("maps")

    def empty(self, name: str) -> Path:
        """Return a folder in it with nothing inside."""
        folder = self.path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def model(self, system: System) -> str:
        """Return the value of ``--model``, once what lies behind it has been made."""
        if system.prepare not in self._prepared:
            self._prepared[system.prepare] = system.prepare(self.path)
        return self._prepared[system.prepare]

    def task_map(self, system: System) -> str:
        """Return the value of ``--task-map``; a map that the system states as text is written first."""
        return self.written_map(system.name, system.task_map) if "\n" in system.task_map else system.task_map

    def written_map(self, name: str, task_map: str) -> str:
        """Return the path of a task map with this text."""
        file = self.path / "maps" / f"{file_name(name)}.toml"
        file.write_text(task_map, encoding="utf-8")
        return str(file)


def file_name(text: str) -> str:
    """Return a text as the name of a file."""
    return re.sub(r"[^\w.-]+", "-", text)
