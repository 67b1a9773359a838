"""LoRA adapters of the published kind: added to a model, written to a folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import JinaEmbeddingsV3Model

from fixtures.runtimes.jina_v3.known_models import adapter_folder
from fixtures.runtimes.jina_v3.layouts.jina_hf import TARGET_MODULES
from recipe.model import ADAPTER_ALPHA, ADAPTER_RANK
from recipe.workspace import write_json


def add_adapters(model: JinaEmbeddingsV3Model, tasks: Iterable[str]) -> None:
    """Add a fresh adapter per task."""
    config = LoraConfig(r=ADAPTER_RANK, lora_alpha=ADAPTER_ALPHA, lora_dropout=0.0, target_modules=list(TARGET_MODULES))
    with warnings.catch_warnings():
        # peft warns of a second adapter, which is wanted here.
        warnings.filterwarnings("ignore", "Already found a `peft_config`", UserWarning)
        for task in tasks:
            model.add_adapter(config, adapter_name=adapter_folder(task))


def save_adapter(model: JinaEmbeddingsV3Model, task: str, folder: Path) -> None:
    """Write one adapter as the published checkpoint has it."""
    name = adapter_folder(task)
    state = {
        f"base_model.model.{key.removeprefix('base_model.model.')}": tensor.detach().to(torch.float16).contiguous()
        for key, tensor in get_peft_model_state_dict(model, adapter_name=name).items()
    }
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    save_file(state, partial / "adapter_model.safetensors", metadata={"format": "pt"})
    write_json(
        partial / "adapter_config.json",
        {
            "peft_type": "LORA",
            "base_model_name_or_path": None,
            "r": ADAPTER_RANK,
            "lora_alpha": ADAPTER_ALPHA,
            "lora_dropout": 0.0,
            "target_modules": list(TARGET_MODULES),
        },
    )
    partial.replace(folder)
