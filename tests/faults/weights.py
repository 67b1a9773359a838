"""How the faults of the weights are made; each puts the weights back afterwards."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import torch

from fixtures.runtimes.faults import Inject, attribute_set
from fixtures.runtimes.jina_v3 import known_models
from fixtures.runtimes.jina_v3.encoder import TorchEncoder

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def changed_weights(
    encoder: TorchEncoder, change: Callable[[str, "Tensor"], "Tensor | None"]
) -> Iterator[TorchEncoder]:
    """Replace each parameter for which ``change`` gives a new value, and put the old one back afterwards."""
    before = {}
    with torch.no_grad():
        for name, parameter in encoder.loaded.model.named_parameters():
            new = change(name, parameter)
            if new is not None:
                before[name] = parameter.detach().clone()
                parameter.copy_(new)
    try:
        yield encoder
    finally:
        with torch.no_grad():
            for name, parameter in encoder.loaded.model.named_parameters():
                if name in before:
                    parameter.copy_(before[name])


def noise(level: float, part: str = "", seed: int = 0) -> Inject:
    """Inject: Gaussian noise on the base weights, its size ``level`` times each matrix's root mean square."""

    @contextmanager
    def inject(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
        generator = torch.Generator().manual_seed(seed)

        def change(name: str, parameter: "Tensor") -> "Tensor | None":
            return None if "lora_" in name or part not in name else _noisy(parameter, level, generator)

        with changed_weights(encoder, change) as changed:
            yield changed

    return inject


def adapter_noise(level: float) -> Inject:
    """Inject: the same on the matrices of the task's own adapter."""

    @contextmanager
    def inject(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
        generator = torch.Generator().manual_seed(0)
        own = f".{known_models.adapter_folder(task)}"

        def change(name: str, parameter: "Tensor") -> "Tensor | None":
            return _noisy(parameter, level, generator) if "lora_" in name and own in name else None

        with changed_weights(encoder, change) as changed:
            yield changed

    return inject


def _noisy(parameter: "Tensor", level: float, generator: torch.Generator) -> "Tensor":
    size = parameter.float().pow(2).mean().sqrt() * level
    return (parameter.float() + torch.randn(parameter.shape, generator=generator) * size).to(parameter.dtype)


def stored_as(dtype: torch.dtype) -> Inject:
    """Inject: all weights rounded to a dtype and back."""
    return lambda encoder, task: changed_weights(encoder, lambda name, value: value.to(dtype).to(value.dtype))


def quantised(bits: int) -> Inject:
    """Inject: every matrix rounded to symmetric integers of so many bits, one scale per row."""

    def change(name: str, value: "Tensor") -> "Tensor | None":
        if value.ndim != 2 or "lora_" in name:
            return None
        scale = value.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / (2 ** (bits - 1) - 1)
        return (value / scale).round() * scale

    return lambda encoder, task: changed_weights(encoder, change)


@contextmanager
def without_last_layer(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
    """The last layer doesn't run."""
    config = encoder.loaded.model.config
    with attribute_set([config], "num_hidden_layers", lambda config: config.num_hidden_layers - 1):
        yield encoder


@contextmanager
def swapped_layers(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
    """The first two layers run in the other order."""
    layers = encoder.loaded.model.layers
    layers[0], layers[1] = layers[1], layers[0]
    try:
        yield encoder
    finally:
        layers[0], layers[1] = layers[1], layers[0]


def zeroed_rows(script: str) -> Inject:
    """Inject: the embedding rows of all pieces that hold a letter of a script are zero."""

    def inject(encoder: TorchEncoder, task: str) -> AbstractContextManager[TorchEncoder]:
        vocabulary = encoder.loaded.tokenizer.get_vocab()
        rows = [
            row
            for piece, row in vocabulary.items()
            if any(unicodedata.name(char, "").startswith(script) for char in piece)
        ]

        def change(name: str, value: "Tensor") -> "Tensor | None":
            if not name.startswith("embeddings.word_embeddings") or "lora_" in name:
                return None
            new = value.clone()
            new[rows] = 0
            return new

        return changed_weights(encoder, change)

    return inject
