"""Adapters fused into one product: the vectors of PEFT's own layers, and PEFT's own layers for all else."""

import copy

import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import Linear

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.fused_lora import FusedLinear
from fixtures.runtimes.jina_v3.loading import load_model
from tests.checkpoints import TASKS

TEXTS = ["A short one.", "A text of some more words, beside the short one.", ""]


@pytest.fixture(scope="module")
def encoder(native_checkpoint):
    return TorchEncoder(load_model(inspect_checkpoint(native_checkpoint)))


def layers(encoder):
    return [layer for layer in encoder.loaded.model.modules() if isinstance(layer, FusedLinear)]


def by_peft(encoder, task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FusedLinear, "forward", Linear.forward)
        return encoder.encode(TEXTS, task)


def test_every_adapted_linear_layer_is_fused(encoder):
    adapted = [layer for layer in encoder.loaded.model.modules() if isinstance(layer, LoraLayer)]
    assert {type(layer).__name__ for layer in adapted} == {"FusedLinear", "Embedding"}
    of_pooler = 1
    assert len(layers(encoder)) == 6 * encoder.loaded.model.config.num_hidden_layers + of_pooler


@pytest.mark.parametrize("task", [*TASKS, None])
def test_vectors_are_those_of_pefts_layers(encoder, task, monkeypatch):
    assert np.abs(encoder.encode(TEXTS, task) - by_peft(encoder, task, monkeypatch)).max() < 1e-6


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_as_near_to_float32_as_pefts(native_checkpoint, encoder, dtype, monkeypatch):
    """On average over tasks: fewer roundings aren't nearer on every text, and a wrong product would be far away."""
    half = TorchEncoder(load_model(inspect_checkpoint(native_checkpoint), dtype=dtype))
    fused, pefts = [], []
    for task in TASKS:
        exact = encoder.encode(TEXTS, task)
        fused.append(np.linalg.norm(half.encode(TEXTS, task) - exact))
        pefts.append(np.linalg.norm(by_peft(half, task, monkeypatch) - exact))
    assert 0 < np.mean(fused) < 1.25 * np.mean(pefts)


def test_a_product_is_one_call_and_pefts_layer_is_not_asked(encoder, monkeypatch):
    monkeypatch.setattr(Linear, "forward", lambda *_: pytest.fail("PEFT's layer was asked"))
    encoder.encode(TEXTS, TASKS[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.train(),
        lambda layer: layer.enable_adapters(False),
        lambda layer: layer.merge(),
        lambda layer: layer.lora_bias.update({layer.active_adapters[0]: True}),
        lambda layer: layer.lora_variant.update({layer.active_adapters[0]: None}),
        lambda layer: layer.lora_A.double(),
        lambda layer: layer.lora_B.double(),
        lambda layer: layer.base_layer.double(),
        lambda layer: setattr(layer.base_layer, "__class__", type("Quantised", (torch.nn.Linear,), {})),
    ],
    ids=["training", "off", "merged", "a bias", "a variant", "dtype of A", "dtype of B", "dtype of the base", "a base"],
)
def test_all_else_is_left_to_peft(encoder, change, monkeypatch):
    encoder.encode(TEXTS, TASKS[0])
    layer = copy.deepcopy(layers(encoder)[0])
    asked = []
    monkeypatch.setattr(Linear, "forward", lambda self, x, *_, **__: asked.append(self))
    layer(torch.zeros(1, 2, layer.in_features))
    assert asked == []
    change(layer)
    layer(torch.zeros(1, 2, layer.in_features))
    assert asked == [layer]


def test_a_mix_of_adapters_in_one_batch_is_pefts(encoder):
    layer, tasks = layers(encoder)[0], list(layers(encoder)[0].lora_A)
    rows = torch.randn(2, 3, layer.in_features, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        mixed = layer(rows, adapter_names=[tasks[0], "__base__"])
        assert torch.equal(mixed[1], layer.base_layer(rows)[1]) and not torch.equal(mixed[0], layer.base_layer(rows)[0])
