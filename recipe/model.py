"""The student: a small JinaEmbeddingsV3Model, its tasks, and how a text becomes a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import JinaEmbeddingsV3Config, JinaEmbeddingsV3Model, PreTrainedTokenizerBase

from fixtures.runtimes.jina_v3.known_models import task_map_of_published
from recipe.tokenizer import MAX_TOKENS

DIMENSIONS = 256
MATRYOSHKA_DIMENSIONS = (32, 64, 128, 256)
LAYERS = 2
HEADS = 4
INTERMEDIATE = 768
ROPE_THETA = 20_000.0
ADAPTER_RANK = 4
ADAPTER_ALPHA = 1

TASK_INSTRUCTIONS = task_map_of_published().prompts


@dataclass(frozen=True)
class StudentShape:
    """Size of the student; the defaults are those of the bundled checkpoint."""

    layers: int = LAYERS
    heads: int = HEADS
    dimensions: int = DIMENSIONS
    intermediate: int = INTERMEDIATE


def create_student(vocabulary: int, shape: StudentShape | None = None) -> JinaEmbeddingsV3Model:
    """An untrained student whose layers start close to the identity."""
    shape = shape or StudentShape()
    config = JinaEmbeddingsV3Config(
        vocab_size=vocabulary,
        hidden_size=shape.dimensions,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=MAX_TOKENS + 2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        task_instructions=dict(TASK_INSTRUCTIONS),
        matryoshka_dimensions=[d for d in MATRYOSHKA_DIMENSIONS if d <= shape.dimensions],
    )
    model = JinaEmbeddingsV3Model(config, add_pooling_layer=True)
    with torch.no_grad():
        for layer in model.layers:
            layer.self_attn.o_proj.weight.mul_(0.5)
            layer.mlp.fc2.weight.mul_(0.5)
    return model


def mean_pool(states: Tensor, attention_mask: Tensor) -> Tensor:
    """Unit vectors: the mean of the token states that are not padding, normalised."""
    mask = attention_mask.unsqueeze(-1).to(states.dtype)
    pooled = (states * mask).sum(1) / mask.sum(1)
    return nn.functional.normalize(pooled, dim=1)


def encode(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    prefix: str = "",
    max_tokens: int = MAX_TOKENS,
    batch_size: int = 64,
) -> Tensor:
    """Unit vectors of `texts`, in batches of like length; gradients are kept if they are on."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    vectors = []
    for start in range(0, len(order), batch_size):
        batch = tokenizer(
            [prefix + texts[index] for index in order[start : start + batch_size]],
            padding=True,
            truncation=True,
            max_length=max_tokens,
            return_tensors="pt",
        )
        vectors.append(mean_pool(model(**batch).last_hidden_state, batch["attention_mask"]))
    places = torch.empty(len(order), dtype=torch.long)
    places[order] = torch.arange(len(order))
    return torch.cat(vectors)[places]


@torch.no_grad()
def encode_all(
    model: JinaEmbeddingsV3Model, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, prefix: str = ""
) -> Tensor:
    """Like `encode`, in evaluation mode and without gradients."""
    model.eval()
    return encode(model, tokenizer, texts, prefix=prefix)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The vectors, one per row, at unit length."""
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
