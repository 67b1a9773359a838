"""LoRA adapters of the published kind: added to a model, optimised, written to a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import JinaEmbeddingsV3Model

from recipe.model import ADAPTER_ALPHA, ADAPTER_RANK, adapter_name
from recipe.workspace import write_json

TARGET_MODULES = (
    "word_embeddings",
    "token_type_embeddings",
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "fc1",
    "fc2",
    "dense",
)


def add_adapter(model: JinaEmbeddingsV3Model, task: str) -> None:
    """Add a fresh adapter; only it is trained."""
    config = LoraConfig(r=ADAPTER_RANK, lora_alpha=ADAPTER_ALPHA, lora_dropout=0.0, target_modules=list(TARGET_MODULES))
    model.add_adapter(config, adapter_name=adapter_name(task))
    model.set_adapter(adapter_name(task))
    model.train()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


def save_adapter(model: JinaEmbeddingsV3Model, task: str, folder: Path) -> None:
    """Write one adapter as the published checkpoint has it."""
    name = adapter_name(task)
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


def lora_optimizer(
    model: JinaEmbeddingsV3Model, rate: float, steps: int, warmup: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW over what is trained, warmed up and then falling linearly."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warmup) * max(0.02, 1 - step / steps)
    )
    return optimizer, schedule
