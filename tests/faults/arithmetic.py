"""Faults of the model's arithmetic: rotary frequencies, activations, norms.

Baselines of format 1 hold signatures of these faults, and failures against such a baseline still name them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fixtures.runtimes.faults import Fault, Inject, attribute_set
from fixtures.runtimes.jina_v3.encoder import TorchEncoder


def with_rope_base(base: float) -> Inject:
    """Inject: rotary frequencies of another base."""

    def frequencies(rotary: Any) -> torch.Tensor:
        dimension = 2 * rotary.inv_freq.numel()
        exponents = torch.arange(0, dimension, 2, dtype=torch.float, device=rotary.inv_freq.device) / dimension
        return 1.0 / base**exponents

    return _with_frequencies(frequencies)


def _with_frequencies(
    make: Callable[[Any], torch.Tensor],
) -> Inject:
    @contextmanager
    def inject(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
        with attribute_set([encoder.loaded.model.rotary_emb], "inv_freq", make):
            yield encoder

    return inject


@contextmanager
def _tanh_gelu(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
    feed_forwards = [layer.mlp for layer in encoder.loaded.model.layers]
    with attribute_set(feed_forwards, "activation_fn", lambda mlp: torch.nn.GELU(approximate="tanh")):
        yield encoder


def with_layer_norm_eps(eps: float) -> Inject:
    """Inject: every LayerNorm with another epsilon."""

    @contextmanager
    def inject(encoder: TorchEncoder, task: str) -> Iterator[TorchEncoder]:
        norms = [module for module in encoder.loaded.model.modules() if isinstance(module, torch.nn.LayerNorm)]
        with attribute_set(norms, "eps", lambda norm: eps):
            yield encoder

    return inject


ARITHMETIC_FAULTS = [
    Fault("rotary base 10000 instead of the config's", with_rope_base(10_000.0), "jina code 8b2ad1e"),
    Fault(
        "rotary frequencies in bfloat16",
        _with_frequencies(lambda rotary: rotary.inv_freq.bfloat16().float()),
        ".half() or .to(bfloat16) on a loaded model",
    ),
    Fault("GELU by tanh instead of erf", _tanh_gelu, "TEI 753"),
    Fault("LayerNorm epsilon 1e-3", with_layer_norm_eps(1e-3), "reasoned: config default of another architecture"),
    Fault("LayerNorm epsilon 1e-12", with_layer_norm_eps(1e-12), "reasoned: BERT's epsilon"),
]
