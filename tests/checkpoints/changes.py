"""Files of a checkpoint written anew or with something changed in them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

METADATA = {"format": "pt"}
"""What the libraries write into the header of a file of weights."""


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def change_json(path: Path, **entries: Any) -> None:
    """Set entries of a JSON object; None takes an entry out."""
    content = json.loads(path.read_text(encoding="utf-8")) | entries
    removed = {name for name, value in entries.items() if value is None}
    write_json(path, {name: value for name, value in content.items() if name not in removed})


def change_tensors(path: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Apply ``change`` to a safetensors file's tensors, a dict."""
    tensors = load_file(path)
    change(tensors)
    save_file(contiguous(tensors), path, metadata=METADATA)


def put_into_shards(folder: Path, shards: Mapping[str, str]) -> None:
    """Divide ``model.safetensors`` over several files, by the name of the file for each tensor, and an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for shard in sorted(set(shards.values())):
        part = {name: tensors[name] for name in tensors if shards[name] == shard}
        save_file(part, folder / shard, metadata=METADATA)
    total = sum(values.nbytes for values in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(shards)}
    write_json(folder / "model.safetensors.index.json", index)


def contiguous(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as a safetensors file can hold them: a transposed or cut one would be written as what it is a view of."""
    return {name: np.ascontiguousarray(values) for name, values in tensors.items()}
