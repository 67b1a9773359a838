"""bfloat16, which numpy lacks: its bits in int16. torch, which knows it, is loaded where a test asks for it only."""

import numpy as np


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Return the bits of float32 values rounded to bfloat16."""
    import torch

    return torch.from_numpy(values).bfloat16().view(torch.int16).numpy()


def save_bfloat16(tensors: dict[str, np.ndarray], path, metadata: dict[str, str]) -> None:
    """Write a safetensors file of such bits."""
    import torch
    from safetensors.torch import save_file

    save_file(
        {name: torch.from_numpy(bits).view(torch.bfloat16) for name, bits in tensors.items()}, path, metadata=metadata
    )
