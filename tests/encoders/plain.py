"""The published model written out plainly: one text at a time, one matrix after the other, in float64.

It shares nothing with the suite or with transformers' class, so that both can be compared with it.
"""

import numpy as np
import torch

from tests.checkpoints import ROTARY_BASE, Size, merged_weights


def embedding(weights: dict[str, np.ndarray], size: Size, token_ids: list[int], task: str | None) -> torch.Tensor:
    """Return the embedding (hidden,) of one text: each matrix with ``B @ A * alpha / r`` added, mean, L2 norm."""
    tensors = {name: torch.from_numpy(values).double() for name, values in merged_weights(weights, task).items()}
    states = hidden_states(tensors, size, token_ids)
    mean = states.mean(dim=0)
    return mean / mean.norm()


def hidden_states(tensors: dict[str, torch.Tensor], size: Size, token_ids: list[int]) -> torch.Tensor:
    """Return the last hidden states (tokens, hidden); ``tensors`` are merged weights under their original names."""

    def linear(name: str, values: torch.Tensor) -> torch.Tensor:
        return values @ tensors[f"roberta.{name}.weight"].T + tensors[f"roberta.{name}.bias"]

    def norm(name: str, values: torch.Tensor) -> torch.Tensor:
        centred = values - values.mean(dim=-1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return scaled * tensors[f"roberta.{name}.weight"] + tensors[f"roberta.{name}.bias"]

    words = tensors["roberta.embeddings.word_embeddings.weight"][token_ids]
    states = norm("emb_ln", words + tensors["roberta.embeddings.token_type_embeddings.weight"][0])
    for layer in range(size.layers):
        name = f"encoder.layers.{layer}"
        query, key, value = linear(f"{name}.mixer.Wqkv", states).chunk(3, dim=-1)
        mixed = linear(f"{name}.mixer.out_proj", _attention(query, key, value, size.heads))
        states = norm(f"{name}.norm1", states + mixed)
        inner = torch.nn.functional.gelu(linear(f"{name}.mlp.fc1", states))
        states = norm(f"{name}.norm2", states + linear(f"{name}.mlp.fc2", inner))
    return states


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    columns = query.shape[1] // heads
    answers = []
    for head in range(heads):
        part = slice(head * columns, (head + 1) * columns)
        scores = _rotated(query[:, part]) @ _rotated(key[:, part]).T / columns**0.5
        answers.append(scores.softmax(dim=-1) @ value[:, part])
    return torch.cat(answers, dim=-1)


def _rotated(values: torch.Tensor) -> torch.Tensor:
    """Rotary positions: component i and i + half form a pair, turned by position / base^(2i / columns)."""
    tokens, columns = values.shape
    frequencies = ROTARY_BASE ** (-torch.arange(0, columns, 2, dtype=torch.float64) / columns)
    angles = torch.arange(tokens, dtype=torch.float64)[:, None] * frequencies
    first, second = values[:, : columns // 2], values[:, columns // 2 :]
    return torch.cat(
        (first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()), dim=-1
    )
