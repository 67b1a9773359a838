"""The random weights, under the names and in the shapes of jinaai/jina-embeddings-v3."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.checkpoints.bfloat16 import to_bfloat16
from tests.checkpoints.tokenizer import JINA_V3_PREFIXES, MAX_LENGTH, vocabulary

TASKS = tuple(JINA_V3_PREFIXES)
RANK, ALPHA = 4, 1
ROTARY_BASE = 20000.0

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Size:
    """Dimensions of a random model.

    Attributes:
        vocabulary: rows of the embedding matrix; None for as many as the tokenizer has pieces.
        hidden: components of an embedding.
        layers: how many.
        heads: of each layer's attention.
        inner: components between the two matrices of an MLP.
        positions: config.json's ``max_position_embeddings``.
        max_length: the tokenizer's ``model_max_length``.
        matryoshka: the cuts that config.json states.
    """

    vocabulary: int | None = None
    hidden: int = 32
    layers: int = 2
    heads: int = 4
    inner: int = 64
    positions: int = 8194
    max_length: int = MAX_LENGTH
    matryoshka: Sequence[int] = (8, 16, 32)

    @property
    def rows(self) -> int:
        """Rows of the embedding matrix: at least one for each piece of the tokenizer."""
        pieces = len(vocabulary())
        rows = pieces if self.vocabulary is None else self.vocabulary
        assert rows >= pieces
        return rows


TINY = Size()
PUBLISHED_SIZE = Size(250_002, 1024, 24, 16, 4096, 8194, 8194, (32, 64, 128, 256, 512, 768, 1024))


def random_weights(seed: int = 0, size: Size = TINY, dtype: str = "float32") -> Tensors:
    """Draw a model with an adapter per task of ``TASKS``; A and B are random, so every matrix is changed.

    Each tensor has its dtype before the next is drawn: the published size takes 1.1 GB in bfloat16.
    """
    draw = np.random.default_rng(seed)
    tensors: Tensors = {}

    def normal(*shape: int, scale: float, mean: float = 0) -> np.ndarray:
        values = draw.standard_normal(shape, np.float32)
        values *= np.float32(scale)
        values += np.float32(mean)
        return to_bfloat16(values) if dtype == "bfloat16" else values

    def matrix(name: str, rows: int, columns: int, scale: float | None = None) -> None:
        """``scale``: of an embedding matrix, whose banks lie transposed and which has no bias."""
        key = f"roberta.{name}.parametrizations.weight"
        sides = [(rows, RANK), (RANK, columns)] if scale else [(RANK, columns), (rows, RANK)]
        tensors[f"{key}.original"] = normal(rows, columns, scale=scale or columns**-0.5)
        for side, shape in zip("AB", sides, strict=True):
            tensors[f"{key}.0.lora_{side}"] = normal(len(TASKS), *shape, scale=columns**-0.25)
        if not scale:
            tensors[f"roberta.{name}.bias"] = normal(rows, scale=0.1)

    def norm(name: str) -> None:
        tensors[f"roberta.{name}.weight"] = normal(size.hidden, scale=0.1, mean=1)
        tensors[f"roberta.{name}.bias"] = normal(size.hidden, scale=0.1)

    matrix("embeddings.word_embeddings", size.rows, size.hidden, scale=1.0)  # texts differ by their words
    matrix("embeddings.token_type_embeddings", 1, size.hidden, scale=0.1)
    norm("emb_ln")
    for layer in range(size.layers):
        stem = f"encoder.layers.{layer}"
        matrix(f"{stem}.mixer.Wqkv", 3 * size.hidden, size.hidden)
        matrix(f"{stem}.mixer.out_proj", size.hidden, size.hidden)
        matrix(f"{stem}.mlp.fc1", size.inner, size.hidden)
        matrix(f"{stem}.mlp.fc2", size.hidden, size.inner)
        norm(f"{stem}.norm1")
        norm(f"{stem}.norm2")
    matrix("pooler.dense", size.hidden, size.hidden)
    return tensors


def adapted_matrices(tensors: Tensors) -> list[str]:
    """Names of the matrices that have banks, as ``encoder.layers.0.mlp.fc1``."""
    ending = ".parametrizations.weight.original"
    return [name.removeprefix("roberta.").removesuffix(ending) for name in tensors if name.endswith(ending)]


def bank(tensors: Tensors, matrix: str, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return A and B of a task's adapter of a matrix."""
    key, at = f"roberta.{matrix}.parametrizations.weight.0", TASKS.index(task)
    return tensors[f"{key}.lora_A"][at], tensors[f"{key}.lora_B"][at]


def merged_weights(tensors: Tensors, task: str | None) -> Tensors:
    """Add a task's adapter to each matrix (or none): names as in the original layout, ``X.weight`` for a matrix."""
    plain = {name: values for name, values in tensors.items() if ".parametrizations." not in name}
    for matrix in adapted_matrices(tensors):
        weight = tensors[f"roberta.{matrix}.parametrizations.weight.original"]
        if task is not None:
            first, second = bank(tensors, matrix, task)
            product = first @ second if matrix.startswith("embeddings.") else second @ first
            weight = weight + product * np.float32(ALPHA / RANK)
        plain[f"roberta.{matrix}.weight"] = weight
    return plain
