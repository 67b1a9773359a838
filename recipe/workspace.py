"""Where the stages keep their files, and which stages are finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Workspace:
    """The work directory of one build."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Archives, removed once unpacked."""
        return self.root / "downloads"

    @property
    def texts(self) -> Path:
        """Training texts, one JSON object per line."""
        return self.root / "texts.jsonl"

    @property
    def groups(self) -> Path:
        """Aligned texts, one JSON object per line."""
        return self.root / "groups.jsonl"

    @property
    def teacher(self) -> Path:
        """The teacher's vectors of `texts`, float16, in the same order."""
        return self.root / "teacher.npy"

    @property
    def pairs(self) -> Path:
        """Questions and their passages, one JSON object per line."""
        return self.root / "pairs.jsonl"

    @property
    def pairs_teacher(self) -> Path:
        """The teacher's vectors of `pairs`, float16: question, passage, question, ..."""
        return self.root / "pairs-teacher.npy"

    @property
    def tokenizer(self) -> Path:
        """The student's tokenizer."""
        return self.root / "tokenizer"

    @property
    def base(self) -> Path:
        """The distilled base model."""
        return self.root / "base"

    @property
    def tuned(self) -> Path:
        """The base model as the adapters left it."""
        return self.root / "tuned"

    @property
    def adapters(self) -> Path:
        """One folder per adapter."""
        return self.root / "adapters"

    @property
    def checkpoint(self) -> Path:
        """The exported checkpoint."""
        return self.root / "checkpoint"

    def package(self, registry: str, package: str) -> Path:
        """Folder that an unpacked package lies in."""
        return self.root / "packages" / registry / package.replace("/", "_").replace("@", "_")

    def is_done(self, stage: str) -> bool:
        """Whether `stage` has run to its end in this work directory."""
        return self._marker(stage).exists()

    def mark_done(self, stage: str, **facts: Any) -> None:
        """Record that `stage` has ended, with what is worth knowing about it."""
        write_json(self._marker(stage), facts)

    def facts(self, stage: str) -> dict[str, Any]:
        """What a finished stage recorded."""
        return read_json(self._marker(stage))

    def _marker(self, stage: str) -> Path:
        return self.root / "done" / f"{stage}.json"


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Write a value as a JSON file, folders made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def read_json_lines(path: Path) -> Iterator[Any]:
    """The values of a JSON-lines file, one by one."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write the whole file or nothing, so that an interrupted stage leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as lines:
        for value in values:
            lines.write(json.dumps(value, ensure_ascii=False) + "\n")
    partial.replace(path)
