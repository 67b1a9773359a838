"""What is measured of a system's speed, on stand-ins: the sweep, padding, arithmetic by hand, and a record's parts."""

import numpy as np
import pytest
import torch

from fixtures.errors import EncodeError
from fixtures.models.spec import Ability, Input, ModelSpec, Role
from fixtures.runtimes.arithmetic import Arithmetic, arithmetic_of
from fixtures.runtimes.batching import token_batches
from fixtures.runtimes.encoder import Encoder
from fixtures.speed import measuring
from fixtures.speed.measuring import sweep
from fixtures.texts.workloads import LONG_REGIMES, REGIMES, workload


class StandIn(Encoder):
    """An encoder whose calls take as long as it is told, by size of a batch; a word is a token."""

    def __init__(self, speeds, *, memory=None, fails_at=None):
        self.spec = ModelSpec("m", "made up", {"a": Input(), "b": Input()}, max_length=4096)
        self.device, self.notes = "cpu", []
        self.speeds, self.memory, self.fails_at = speeds, memory, fails_at
        self.now, self.batch_tokens = 0.0, 4096

    def encode(self, texts, task, *, batch_tokens=None):
        if self.fails_at and batch_tokens >= self.fails_at:
            raise EncodeError("encode: too large")
        if self.memory and batch_tokens > self.memory:
            self.batch_tokens //= 2
        self.now += sum(len(text.split()) for text in texts) / self.speeds.get(batch_tokens, 1.0)
        return np.ones((len(texts), 2), dtype=np.float32)

    def tokenize(self, texts, task, *, prefix=None):
        return [list(range(len(text.split()))) for text in texts]

    def computed_by(self):
        return {"batch_tokens": self.batch_tokens}

    def batches(self, lengths, batch_tokens):
        return token_batches(lengths, batch_tokens)


def swept(encoder, **more):
    return sweep(encoder, "a", 100, seconds=1e9, clock=lambda: encoder.now, **more)


# --- the sweep ----------------------------------------------------------------------------------------------------


def test_batches_are_doubled_until_two_in_a_row_are_no_faster():
    found = swept(StandIn({512: 100.0, 1024: 200.0, 2048: 203.0, 4096: 205.0, 8192: 999.0}))
    assert found.curve == pytest.approx({512: 100.0, 1024: 200.0, 2048: 203.0, 4096: 205.0})
    assert found.peak == 4096 and found.ended == "larger batches are no faster"


def test_a_single_slow_step_does_not_end_it():
    found = swept(StandIn({512: 100.0, 1024: 90.0, 2048: 200.0, 4096: 150.0, 8192: 140.0}))
    assert found.peak == 2048 and list(found.curve) == [512, 1024, 2048, 4096, 8192]


def test_it_ends_where_memory_does_and_counts_no_smaller_batch_for_a_large_one():
    found = swept(StandIn({512 * 2**step: 100.0 * 2**step for step in range(9)}, memory=2048))
    assert found.peak == 2048 and found.ended == "memory was too small for 4,096 tokens"


def test_it_ends_where_the_system_fails_and_fails_where_that_is_at_once():
    speeds = {512 * 2**step: 100.0 * 2**step for step in range(9)}
    found = swept(StandIn(speeds, fails_at=2048))
    assert found.peak == 1024 and found.ended == "2,048 tokens failed: encode: too large"
    with pytest.raises(EncodeError, match="too large"):
        swept(StandIn(speeds, fails_at=512))


def test_it_ends_at_the_largest_batch_that_is_tried():
    found = swept(StandIn({512 * 2**step: 100.0 * 2**step for step in range(9)}), largest=2048)
    assert list(found.curve) == [512, 1024, 2048] and found.ended == "2,048 tokens are the most that are tried"


# --- padding, latency, regimes ------------------------------------------------------------------------------------


def test_padding_is_what_goes_through_the_model_and_is_no_token():
    encoder = StandIn({})
    assert measuring.padding_share(encoder, [10, 10, 9, 3], 30) == pytest.approx(1 / 33)  # 3 x 10, and 3 alone
    assert measuring.padding_share(encoder, None, 30) is None
    assert measuring.padding_share(encoder, [10], None) is None


def test_latency_is_median_and_95th_percentile():
    assert measuring.latency([*range(1, 101), 1000]) == {"median": 51.0, "p95": 96.0, "calls": 101}


@pytest.mark.parametrize(
    ("took", "seconds", "expected"), [(1.0, 10.0, 20), (0.1, 10.0, 100), (0.001, 10.0, 200), (0.0, 10.0, 200)]
)
def test_calls_of_one_text_are_as_many_as_fit(took, seconds, expected):
    assert measuring.latencies_within(took, seconds) == expected


def test_texts_of_one_call_after_the_other_are_in_turn():
    give = measuring.in_turn(["a", "b"])
    assert [give()[0][0] for _ in range(3)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [
        (None, {"2k": "states no maximum length", "8k": "states no maximum length"}),
        (1024, {"2k": "takes 1,024 tokens", "8k": "takes 1,024 tokens"}),
        (2048, {"8k": "takes 2,048 tokens"}),
        (8192, {}),
    ],
)
def test_long_regimes_are_for_models_that_take_them(max_length, expected):
    spec = ModelSpec("m", "made up", {"a": Input()}, max_length=max_length)
    found = {regime: measuring.why_not(spec, workload(regime, 100)) for regime in (*REGIMES, *LONG_REGIMES)}
    assert {regime: reason for regime, reason in found.items() if reason} == {
        regime: f"needs texts of {LONG_REGIMES[regime]:,} tokens, and the model {reason}"
        for regime, reason in expected.items()
    }


def test_passages_are_timed_where_a_task_is_for_them():
    tasks = {"query": Input("q: "), "passage": Input("p: ")}
    assert measuring.timed_task(ModelSpec("m", "made up", tasks)) == "query"
    assert measuring.timed_task(ModelSpec("m", "made up", tasks, {Role.DOCUMENT: "passage"})) == "passage"


def test_without_a_choice_of_batches_the_reference_is_one_text_a_call():
    encoder = StandIn({})
    asked = []
    encoder.encode = lambda texts, task, **vary: asked.append((len(texts), vary)) or np.ones((len(texts), 2))
    measuring.in_other_batches(encoder, ["a", "b"], "a")
    measuring.in_other_batches(encoder, ["a", "b"], "a", 512)
    encoder.spec = ModelSpec("m", "made up", {"a": Input()}, lacks={Ability.BATCH_SIZE: "made up"})
    measuring.in_other_batches(encoder, ["a", "b"], "a")
    assert asked == [(2, {"batch_tokens": 512}), (2, {"batch_tokens": 256}), (1, {}), (1, {})]


# --- arithmetic ---------------------------------------------------------------------------------------------------


def test_flop_of_texts_by_hand():
    # 3 and 5 tokens: 2 x 1,000 weights for each of 8; 4 x 2 layers x 10 wide x (9 + 25) for attention.
    assert Arithmetic(parameters=1000, layers=2, width=10).flop([3, 5]) == 16_000 + 2_720


def test_weights_of_a_published_shape_are_302_million():
    """As measuring.md of the reference has it: 24 layers of 1,024, with 4,096 in between."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    shape = {"hidden_size": 1024, "num_hidden_layers": 24, "intermediate_size": 4096, "num_attention_heads": 16}
    with torch.device("meta"):
        found = arithmetic_of(XLMRobertaModel(XLMRobertaConfig(**shape)))
    assert (found.layers, found.width) == (24, 1024)
    assert found.parameters == 24 * (4 * 1024**2 + 2 * 1024 * 4096)  # 301,989,888, without tables, biases and pooler
    assert found.flop([512]) / 512 == pytest.approx(0.604e9 + 98.3e3 * 512, rel=1e-3)


def test_what_states_no_shape_has_no_arithmetic():
    assert arithmetic_of(None) is None
    assert arithmetic_of(torch.nn.Linear(2, 2)) is None
