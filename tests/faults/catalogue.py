"""The faults that the gate is measured against: those with stored signatures, and more.

A fault may leave this list only with an argument. Classes: ``pipeline`` (adapters, prefixes, pooling, text, arithmetic,
batching) and ``weights``. Each says where it was seen, or that it is reasoned, and what a failure is expected to say:
of those with signatures what they look like, of the others the outcome.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from fixtures.comparing import drift
from fixtures.runtimes import faults as any_faults
from fixtures.runtimes.faults import Fault
from fixtures.runtimes.jina_v3 import faults
from tests.faults import pipeline, weights
from tests.faults.arithmetic import ARITHMETIC_FAULTS


def pipeline_faults(prefixes: dict[str, str]) -> list[Fault]:
    """Return the faults of code and configuration: each must be caught on every task that it touches."""
    others = [
        Fault("two adapters summed", pipeline.summed, "transformers: set_adapter([a, b]) is accepted"),
        Fault("adapter loaded for the attention only", faults.scaled(0.0, "fc1", "fc2", "dense"), "transformers 46766"),
        Fault(
            "adapter loaded without its embeddings",
            faults.scaled(0.0, "word_embeddings"),
            "reasoned: target_modules cut short",
        ),
        Fault("adapter scaled by half", faults.scaled(0.5), "reasoned: lora_alpha misread"),
        Fault(
            "adapter on the first batch only",
            faults.replaced(pipeline.FirstBatchOnly),
            "jina code c0215f6 (mask not partitioned)",
        ),
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
        Fault(
            "mask ignored by the mean",
            faults.replaced(pipeline.MeanOverPadding),
            "hf Space sanbo1200 (last_hidden_state.mean)",
        ),
        Fault(
            "mask ignored by the attention",
            faults.replaced(pipeline.AttentionOverPadding),
            "reasoned: attention_mask not passed on",
        ),
        Fault("causal attention mask", pipeline.causal, "reasoned: a decoder's mask on an encoder"),
        Fault(
            "only the first special token in the mean",
            faults.replaced(pipeline.WithoutLastToken),
            "reasoned: off by one in the mask",
        ),
        Fault(
            "pooled in float16 with overflow",
            faults.replaced(pipeline.OverflowingPooling),
            "hakari-bench 18; MemPalace 2284",
        ),
        Fault(
            "NaN in one row of a mixed batch",
            faults.replaced(pipeline.NanInLongestRow),
            "pytorch 182726 (first row fine)",
        ),
        Fault("zero vectors for long texts", faults.replaced(pipeline.ZeroWhenLong), "MemPalace 2284"),
        Fault(
            "a stale embedding answers for another text",
            faults.replaced(pipeline.StaleCache),
            "reasoned: a cache keyed by length",
        ),
        Fault(
            "order of the texts not restored",
            faults.replaced(pipeline.OrderNotRestored),
            "reasoned: sorted by length, never unsorted",
        ),
        Fault("texts upper-cased", any_faults.rewritten(str.upper), "ollama 14449, the other way"),
        Fault(
            "accents stripped",
            any_faults.rewritten(pipeline.without_accents),
            "reasoned: preprocessing of an uncased model",
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
        Fault("ids shifted by one", faults.retokenized(pipeline.shifted), "fairseq offset: transformers 2795"),
        Fault(
            "unknown pieces dropped",
            faults.retokenized(pipeline.without_unknown),
            "reasoned: slow and fast tokenizer differ",
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
        Fault(
            "rotary positions start at 2",
            pipeline.shifted_positions,
            "reasoned: XLM-R's padding offset applied to RoPE",
        ),
        Fault("rotary positions relative to nothing (all 0)", pipeline.no_positions, "TEI repack: absolute positions"),
        Fault(
            "first half of the components swapped with the second",
            pipeline.rolled,
            "reasoned: RoPE or pooling layout mixed up",
        ),
        Fault("embeddings rotated", pipeline.rotated, "reasoned: whitening, or a retrained projection"),
        Fault("embeddings rounded to int8", pipeline.rounded, "reasoned from services that return int8 embeddings"),
    ]
    return [
        *faults.faults_of(prefixes),
        # Inside the model no fault has a signature: a recording has to be possible for any architecture.
        *map(_with_expected_outcome, [*ARITHMETIC_FAULTS, *others]),
    ]


def weight_faults(prefixes: dict[str, str]) -> list[Fault]:
    """Return the faults of the weights themselves."""
    found = [
        Fault(
            f"noise of {level:g} on all weights",
            weights.noise(level),
            "reasoned: fine-tuning or re-export moved the weights",
        )
        for level in (1e-5, 1e-4, 1e-3, 1e-2)
    ]
    found += [
        Fault("noise of 0.001 on one layer", weights.noise(1e-3, "layers.1."), "reasoned: one damaged shard"),
        Fault(
            "noise of 0.01 on the task's adapter", weights.adapter_noise(1e-2), "reasoned: adapter retrained a little"
        ),
        Fault("noise of 0.1 on the task's adapter", weights.adapter_noise(1e-1), "reasoned: adapter retrained"),
        Fault(
            "weights rounded to bfloat16", weights.stored_as(torch.bfloat16), "reasoned: re-saved in the config's dtype"
        ),
        Fault("weights rounded to int8", weights.quantised(8), "onnxruntime 5849: int8 export"),
        Fault("weights rounded to int4", weights.quantised(4), "reasoned: int4 export"),
        Fault("last layer dropped", weights.without_last_layer, "reasoned: num_hidden_layers wrong in a config"),
        Fault("two layers swapped", weights.swapped_layers, "reasoned: shards merged in the wrong order"),
        Fault("embedding rows of Arabic script zeroed", weights.zeroed_rows("ARABIC"), "reasoned: vocabulary trimmed"),
        Fault(
            "embedding rows of Georgian script zeroed", weights.zeroed_rows("GEORGIAN"), "reasoned: vocabulary trimmed"
        ),
        Fault(
            "base updated, adapters stale",
            weights.noise(2e-2, "layers."),
            "reasoned: a fine-tuned base with old adapters",
        ),
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


def prefixed(task: str, prefix: str) -> bool:
    """Whether the task has a prefix."""
    return bool(prefix)


def touched_tasks(fault: Fault, prefixes: dict[str, str]) -> Sequence[str]:
    """Return the tasks that a fault can change at all."""
    return [task for task, prefix in prefixes.items() if fault.touches(task, prefix)]
