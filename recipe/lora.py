"""LoRA adapters of the published kind: added to a model, trained, written to a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm
from transformers import JinaEmbeddingsV3Model

from fixtures.known_models import adapter_folder
from fixtures.native_layout import TARGET_MODULES
from recipe.model import ADAPTER_ALPHA, ADAPTER_RANK
from recipe.workspace import write_json


def add_adapter(model: JinaEmbeddingsV3Model, task: str) -> None:
    """Add a fresh adapter; only it is trained."""
    config = LoraConfig(r=ADAPTER_RANK, lora_alpha=ADAPTER_ALPHA, lora_dropout=0.0, target_modules=list(TARGET_MODULES))
    model.add_adapter(config, adapter_name=adapter_folder(task))
    model.set_adapter(adapter_folder(task))
    model.train()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


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


def train_adapter(
    model: JinaEmbeddingsV3Model,
    task: str,
    step: Callable[[], tuple[Tensor, float]],
    *,
    steps: int,
    rate: float,
    warmup: int,
) -> None:
    """Minimise the loss that `step` gives, beside a figure to show, with AdamW over what is trained.

    The learning rate is warmed up and then falls linearly.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: min(1.0, (done + 1) / warmup) * max(0.02, 1 - done / steps)
    )
    with tqdm(total=steps, desc=f"adapter: {task}", unit="step") as bar:
        for _ in range(steps):
            loss, shown = step()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update()
            bar.set_postfix(shown=f"{shown:.4f}", refresh=False)
