"""The faults that the gate is measured against: those with stored signatures, and more.

A fault may leave this list only with an argument. Classes: ``pipeline`` (adapters, prefixes, pooling, text, arithmetic,
batching) and ``weights``. Each says where it was seen, or that it is reasoned, and what a failure is expected to say:
of those with signatures what they look like, of the others the outcome.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from fixtures.comparing import drift
from fixtures.models import known_models
from fixtures.runtimes import faults as any_faults
from fixtures.runtimes.faults import Fault
from fixtures.runtimes.jina_v3 import faults
from fixtures.runtimes.jina_v3.encoder import PaddingSide, TorchEncoder
from tests.faults.arithmetic import ARITHMETIC_FAULTS

if TYPE_CHECKING:
    from torch import Tensor

Inject = Callable[[TorchEncoder, str], AbstractContextManager[TorchEncoder]]


def pipeline_faults(prefixes: dict[str, str]) -> list[Fault]:
    """Return the faults of code and configuration: each must be caught on every task that it touches."""
    others = [
        Fault("two adapters summed", summed, "transformers: set_adapter([a, b]) is accepted"),
        Fault("adapter loaded for the attention only", faults.scaled(0.0, "fc1", "fc2", "dense"), "transformers 46766"),
        Fault(
            "adapter loaded without its embeddings",
            faults.scaled(0.0, "word_embeddings"),
            "reasoned: target_modules cut short",
        ),
        Fault("adapter scaled by half", faults.scaled(0.5), "reasoned: lora_alpha misread"),
        Fault("adapter on the first batch only", replaced(FirstBatchOnly), "jina code c0215f6 (mask not partitioned)"),
        Fault(
            "prefix misspelt",
            any_faults.prefixed(lambda own, _: own.replace("e", "3", 1)),
            "reasoned: an edited prompt",
            prefixed,
        ),
        Fault(
            "prefix in lower case",
            any_faults.prefixed(lambda own, _: own.lower()),
            "reasoned: prompts normalised with the texts",
            prefixed,
        ),
        Fault(
            "prefix without its colon",
            any_faults.prefixed(lambda own, _: own.replace(":", "")),
            "reasoned: a retyped prompt",
            prefixed,
        ),
        Fault("mask ignored by the mean", replaced(MeanOverPadding), "hf Space sanbo1200 (last_hidden_state.mean)"),
        Fault(
            "mask ignored by the attention", replaced(AttentionOverPadding), "reasoned: attention_mask not passed on"
        ),
        Fault("causal attention mask", causal, "reasoned: a decoder's mask on an encoder"),
        Fault(
            "only the first special token in the mean", replaced(WithoutLastToken), "reasoned: off by one in the mask"
        ),
        Fault("pooled in float16 with overflow", replaced(OverflowingPooling), "hakari-bench 18; MemPalace 2284"),
        Fault("NaN in one row of a mixed batch", replaced(NanInLongestRow), "pytorch 182726 (first row fine)"),
        Fault("zero vectors for long texts", replaced(ZeroWhenLong), "MemPalace 2284"),
        Fault("a stale embedding answers for another text", replaced(StaleCache), "reasoned: a cache keyed by length"),
        Fault(
            "order of the texts not restored", replaced(OrderNotRestored), "reasoned: sorted by length, never unsorted"
        ),
        Fault("texts upper-cased", any_faults.rewritten(str.upper), "ollama 14449, the other way"),
        Fault(
            "accents stripped", any_faults.rewritten(_without_accents), "reasoned: preprocessing of an uncased model"
        ),
        Fault(
            "line breaks and runs of spaces collapsed",
            any_faults.rewritten(lambda text: " ".join(text.split())),
            "reasoned: cleaned texts",
        ),
        Fault(
            "an extra token before each text",
            faults.retokenized(lambda ids: [ids[0], 5, *ids[1:]]),
            "reasoned: a token added by a template",
        ),
        Fault("ids shifted by one", faults.retokenized(_shifted), "fairseq offset: transformers 2795"),
        Fault(
            "unknown pieces dropped", faults.retokenized(_without_unknown), "reasoned: slow and fast tokenizer differ"
        ),
        Fault(
            "no special tokens", faults.retokenized(lambda ids: ids[1:-1] or ids), "reasoned: add_special_tokens=False"
        ),
        Fault(
            "closing token missing",
            faults.retokenized(lambda ids: ids[:-1] or ids),
            "reasoned: truncated after the special tokens were added",
        ),
        Fault("cut at 256 tokens", faults.truncated(256), "reasoned: max_seq_length of another model"),
        Fault("rotary positions start at 2", shifted_positions, "reasoned: XLM-R's padding offset applied to RoPE"),
        Fault("rotary positions relative to nothing (all 0)", no_positions, "TEI repack: absolute positions"),
        Fault(
            "first half of the components swapped with the second", rolled, "reasoned: RoPE or pooling layout mixed up"
        ),
        Fault("embeddings rotated", rotated, "reasoned: whitening, or a retrained projection"),
        Fault("embeddings rounded to int8", rounded, "reasoned from services that return int8 embeddings"),
    ]
    return [
        *faults.faults_of(prefixes),
        *any_faults.with_names(ARITHMETIC_FAULTS),
        *map(_with_expected_outcome, others),
    ]


def weight_faults(prefixes: dict[str, str]) -> list[Fault]:
    """Return the faults of the weights themselves."""
    found = [
        Fault(
            f"noise of {level:g} on all weights", noise(level), "reasoned: fine-tuning or re-export moved the weights"
        )
        for level in (1e-5, 1e-4, 1e-3, 1e-2)
    ]
    found += [
        Fault("noise of 0.001 on one layer", noise(1e-3, "layers.1."), "reasoned: one damaged shard"),
        Fault("noise of 0.01 on the task's adapter", adapter_noise(1e-2), "reasoned: adapter retrained a little"),
        Fault("noise of 0.1 on the task's adapter", adapter_noise(1e-1), "reasoned: adapter retrained"),
        Fault("weights rounded to bfloat16", stored_as(torch.bfloat16), "reasoned: re-saved in the config's dtype"),
        Fault("weights rounded to int8", quantised(8), "onnxruntime 5849: int8 export"),
        Fault("weights rounded to int4", quantised(4), "reasoned: int4 export"),
        Fault("last layer dropped", without_last_layer, "reasoned: num_hidden_layers wrong in a config"),
        Fault("two layers swapped", swapped_layers, "reasoned: shards merged in the wrong order"),
        Fault("embedding rows of Arabic script zeroed", zeroed_rows("ARABIC"), "reasoned: vocabulary trimmed"),
        Fault("embedding rows of Georgian script zeroed", zeroed_rows("GEORGIAN"), "reasoned: vocabulary trimmed"),
        Fault("base updated, adapters stale", noise(2e-2, "layers."), "reasoned: a fine-tuned base with old adapters"),
    ]
    return [_with_expected_outcome(fault) for fault in found]


_OUTCOMES = {
    "embeddings rotated": drift.ROTATED,
    "first half of the components swapped with the second": drift.ROTATED,
    "NaN in one row of a mixed batch": "not finite",
    "pooled in float16 with overflow": "not finite",
    **dict.fromkeys(
        (
            "texts upper-cased",
            "accents stripped",
            "an extra token before each text",
            "ids shifted by one",
            "unknown pieces dropped",
            "no special tokens",
            "closing token missing",
            "cut at 256 tokens",
        ),
        drift.TOKENIZER,
    ),
}
"""What the gate is expected to call faults without a signature, if not drifted."""


def _with_expected_outcome(fault: Fault) -> Fault:
    return replace(fault, expected=_OUTCOMES.get(fault.name, drift.DRIFTED))


def replaced(kind: type[TorchEncoder]) -> Inject:
    """Inject: an encoder of another class over the same model."""
    return faults.replaced(kind)


def prefixed(task: str, prefix: str) -> bool:
    """Whether the task has a prefix."""
    return bool(prefix)


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


def _without_accents(text: str) -> str:
    import unicodedata

    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _shifted(ids: list[int]) -> list[int]:
    return [ids[0], *(token + 1 if token > 3 else token for token in ids[1:-1]), ids[-1]]


def _without_unknown(ids: list[int]) -> list[int]:
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

# --- weights ------------------------------------------------------------------------------------------------------


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
    with faults.attribute_set([config], "num_hidden_layers", lambda config: config.num_hidden_layers - 1):
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
    import unicodedata

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


def touched_tasks(fault: Fault, prefixes: dict[str, str]) -> Sequence[str]:
    """Return the tasks that a fault can change at all."""
    return [task for task, prefix in prefixes.items() if fault.touches(task, prefix)]
