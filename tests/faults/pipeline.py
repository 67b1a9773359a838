"""How the faults of code and configuration are made: adapters, masks, pooling, batches, tokens, positions."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from fixtures.runtimes.faults import Inject
from fixtures.runtimes.jina_v3 import known_models
from fixtures.runtimes.jina_v3.encoder import PaddingSide, TorchEncoder
from fixtures.runtimes.jina_v3.faults import replaced

if TYPE_CHECKING:
    from torch import Tensor

# --- adapters -----------------------------------------------------------------------------------------------------


@contextmanager
def summed(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
    """The task's adapter and another one are active together."""
    other = next(name for name in encoder.tasks if name != task)

    class Summed(TorchEncoder):
        def select(self, task: str | None) -> None:
            model = self.loaded.model
            model.enable_adapters()
            model.set_adapter([known_models.adapter_folder(name) for name in (task, other)])
            self.loaded._selected = ()

    yield Summed(encoder.loaded, batch_tokens=encoder.batch_tokens)


class FirstBatchOnly(TorchEncoder):
    """Forgets the adapter after the first batch of a call."""

    def select(self, task: str | None) -> None:
        super().select(task)
        self._batches = 0

    def forward(self, token_ids: list[list[int]], side: PaddingSide) -> tuple["Tensor", "Tensor"]:
        if self._batches:
            self.loaded.select(None)
        self._batches += 1
        return super().forward(token_ids, side)


# --- masks, pooling, batches --------------------------------------------------------------------------------------


class MeanOverPadding(TorchEncoder):
    """Averages over padding too."""

    def pool(self, states: "Tensor", mask: "Tensor") -> "Tensor":
        return states.float().mean(dim=1)


class AttentionOverPadding(TorchEncoder):
    """Lets tokens attend to padding; pools correctly."""

    def forward(self, token_ids: list[list[int]], side: PaddingSide) -> tuple["Tensor", "Tensor"]:
        longest = max(map(len, token_ids))
        pad = self.loaded.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in token_ids])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in token_ids])
        return self.loaded.model(input_ids=ids, attention_mask=torch.ones_like(mask)).last_hidden_state, mask


@contextmanager
def causal(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
    """Each token sees only those before it."""

    class Causal(TorchEncoder):
        def forward(self, token_ids: list[list[int]], side: PaddingSide) -> tuple["Tensor", "Tensor"]:
            states, masks = [], []
            for row in token_ids:
                size = len(row)
                seen = torch.ones(size, size).tril().bool()[None, None]
                states.append(self.loaded.model(input_ids=torch.tensor([row]), attention_mask=seen).last_hidden_state)
                masks.append(torch.ones(1, size))
            longest = max(map(len, token_ids))
            pad = torch.nn.functional.pad
            return (
                torch.cat([pad(one, (0, 0, 0, longest - one.shape[1])) for one in states]),
                torch.cat([pad(one, (0, longest - one.shape[1])) for one in masks]),
            )

    yield Causal(encoder.loaded, batch_tokens=encoder.batch_tokens)


class WithoutLastToken(TorchEncoder):
    """Leaves the closing token out of the mean."""

    def pool(self, states: "Tensor", mask: "Tensor") -> "Tensor":
        shorter = mask.clone()
        shorter[range(len(mask)), mask.sum(dim=1) - 1] = 0
        return super().pool(states, shorter)


class OverflowingPooling(TorchEncoder):
    """Sums in float16 before dividing: long texts overflow."""

    def pool(self, states: "Tensor", mask: "Tensor") -> "Tensor":
        scaled = states.half() * 512 * mask.unsqueeze(-1).half()
        return (scaled.sum(dim=1) / mask.sum(dim=1, keepdim=True).half()).float()


class NanInLongestRow(TorchEncoder):
    """One row of each mixed batch comes back as NaN."""

    def pool(self, states: "Tensor", mask: "Tensor") -> "Tensor":
        pooled = super().pool(states, mask)
        if len(set(mask.sum(dim=1).tolist())) > 1:
            pooled[-1] = float("nan")
        return pooled


class ZeroWhenLong(TorchEncoder):
    """Texts of more than 200 tokens come back as zeros."""

    def pool(self, states: "Tensor", mask: "Tensor") -> "Tensor":
        return super().pool(states, mask) * (mask.sum(dim=1, keepdim=True) <= 200)


class StaleCache(TorchEncoder):
    """The embedding of the first text answers for the second."""

    def encode(self, texts, task, **options) -> np.ndarray:
        vectors = super().encode(texts, task, **options)
        if vectors.ndim == 2 and len(vectors) > 1:
            vectors[1] = vectors[0]
        return vectors


class OrderNotRestored(TorchEncoder):
    """Answers in the order of length."""

    def encode(self, texts, task, **options) -> np.ndarray:
        vectors = super().encode(texts, task, **options)
        return vectors if vectors.ndim == 1 else vectors[np.argsort([len(text) for text in texts], kind="stable")]


class NormalisedBeforeTruncating(TorchEncoder):
    """Cuts unit vectors and leaves them short."""

    def finish(self, pooled: "Tensor", truncate_dim: int | None) -> "Tensor":
        return super().finish(pooled, None)[:, :truncate_dim]


class CutFromTheEnd(TorchEncoder):
    """Keeps the last components where the first are asked for."""

    def finish(self, pooled: "Tensor", truncate_dim: int | None) -> "Tensor":
        return super().finish(pooled if truncate_dim is None else pooled[:, -truncate_dim:], None)


# --- text and tokens ----------------------------------------------------------------------------------------------


def without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def shifted(ids: list[int]) -> list[int]:
    return [ids[0], *(token + 1 if token > 3 else token for token in ids[1:-1]), ids[-1]]


def without_unknown(ids: list[int]) -> list[int]:
    return [token for token in ids if token != 3]  # <unk> of XLM-R's vocabularies


# --- positions, directions ----------------------------------------------------------------------------------------


def _with_positions(positions: Callable[[int], "Tensor"]) -> type[TorchEncoder]:
    class Positioned(TorchEncoder):
        def forward(self, token_ids: list[list[int]], side: PaddingSide) -> tuple["Tensor", "Tensor"]:
            model = self.loaded.model
            plain = model.forward

            def forward(**inputs):
                return plain(position_ids=positions(inputs["input_ids"].shape[1])[None], **inputs)

            model.forward = forward
            try:
                return super().forward(token_ids, side)
            finally:
                del model.forward

    return Positioned


def shifted_positions(encoder: TorchEncoder, task: str) -> AbstractContextManager[TorchEncoder]:
    """Every other token two positions further: relative distances change."""
    return replaced(_with_positions(lambda size: torch.arange(size) + 2 * (torch.arange(size) > 0)))(encoder, task)


def no_positions(encoder: TorchEncoder, task: str) -> AbstractContextManager[TorchEncoder]:
    """No token knows where it is."""
    return replaced(_with_positions(lambda size: torch.zeros(size, dtype=torch.long)))(encoder, task)


def _after(change: Callable[[np.ndarray], np.ndarray]) -> Inject:
    class Changed(TorchEncoder):
        def encode(self, texts, task, **options) -> np.ndarray:
            return change(super().encode(texts, task, **options)).astype(np.float32)

    return replaced(Changed)


def _random_rotation(vectors: np.ndarray) -> np.ndarray:
    size = vectors.shape[-1]
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))
    return vectors.astype(np.float64) @ rotation


rolled = _after(lambda vectors: np.roll(vectors, vectors.shape[-1] // 2, axis=-1))
rotated = _after(_random_rotation)
rounded = _after(lambda vectors: np.round(vectors * 127 / np.abs(vectors).max()) * np.abs(vectors).max() / 127)
