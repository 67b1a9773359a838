"""Stage `install`: put the finished checkpoint in the place of the bundled one."""

from __future__ import annotations

import shutil
from pathlib import Path

from recipe.workspace import REPOSITORY, Workspace

BUNDLED = REPOSITORY / "fixtures" / "checkpoints" / "mini"


def install(workspace: Workspace, target: Path = BUNDLED) -> None:
    """Copy first, then swap, so that a reader never finds half a checkpoint."""
    partial = target.with_name(target.name + ".partial")
    old = target.with_name(target.name + ".old")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(workspace.checkpoint, partial)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    workspace.mark_done("install")
