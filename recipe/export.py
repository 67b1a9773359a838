"""Stage `export`: the checkpoint in the published layout, base weights in float16."""

from __future__ import annotations

import shutil

import torch
from transformers import AutoModel, AutoTokenizer

from fixtures.runtimes.jina_v3.known_models import adapter_folder
from recipe.model import TASK_INSTRUCTIONS
from recipe.workspace import Workspace

MAX_MEGABYTES = 40


def export(workspace: Workspace) -> None:
    """Write everything to a new folder, then put it in the place of the old one."""
    partial = workspace.checkpoint.with_name("checkpoint.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model = AutoModel.from_pretrained(workspace.tuned, dtype=torch.float32)
    model.to(torch.float16).save_pretrained(partial)
    tokenizer = AutoTokenizer.from_pretrained(workspace.tokenizer)
    # A tokenizer keeps how texts were last cut and padded, and would save that with it.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(partial)
    for task in TASK_INSTRUCTIONS:
        name = adapter_folder(task)
        shutil.copytree(workspace.adapters / name, partial / name)
    for path in partial.rglob("*.safetensors"):
        path.chmod(0o644)
    megabytes = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file()) / 1e6
    if megabytes > MAX_MEGABYTES:
        raise RuntimeError(f"the checkpoint has {megabytes:.1f} MB, at most {MAX_MEGABYTES} are allowed")
    shutil.rmtree(workspace.checkpoint, ignore_errors=True)
    partial.rename(workspace.checkpoint)
    workspace.mark_done("export", megabytes=round(megabytes, 1))
