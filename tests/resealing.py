"""A stored baseline that a test changed, sealed again as if it had been recorded so."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fixtures.baselines.file_names import MANIFEST
from fixtures.baselines.manifest import digest, own_hash


def reseal(folder: Path, change: Callable[[dict[str, Any]], Any] | None = None) -> None:
    """Rewrite a baseline's manifest: its files are as they lie there, but for what ``change`` does to the manifest."""
    names = [MANIFEST, *json.loads((folder / MANIFEST).read_bytes())["files"]]
    files = {name: (folder / name).read_bytes() for name in names}
    (folder / MANIFEST).write_bytes(resealed(files, change)[MANIFEST])


def resealed(files: Mapping[str, bytes], change: Callable[[dict[str, Any]], Any] | None = None) -> dict[str, bytes]:
    """Return a baseline's files by name, with a manifest that fits them, but for what ``change`` does to it."""
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = {name: digest(files[name]) for name in manifest["files"]}
    if change:
        change(manifest)
    manifest["manifest_sha256"] = own_hash(manifest)
    return {**files, MANIFEST: json.dumps(manifest).encode()}
