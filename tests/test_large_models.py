"""What is done otherwise with large models on a processor, shown on a tiny one that counts as large."""

import itertools
import json

import numpy as np
import pytest

from fixtures.baselines import recording
from fixtures.observing.observation import observe
from fixtures.runtimes import registry, torch_encoder, torch_variations
from fixtures.runtimes.arithmetic import Arithmetic
from fixtures.runtimes.batching import token_batches
from fixtures.runtimes.jina_v3 import faults
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.anchors import PROBES, anchor_set
from tests.checkpoints import TASKS

LENGTHS = [int(length) for length in np.random.default_rng(0).integers(2, 90, size=200)]


@pytest.fixture(scope="module")
def loaded(native_checkpoint):
    return load_model(inspect_checkpoint(native_checkpoint, name="tiny"))


@pytest.fixture
def encoder(loaded):
    made = TorchEncoder(loaded)
    made.packages = registry.JINA_V3.packages
    return made


# --- padding --------------------------------------------------------------------------------------------------------


def padding(batches):
    return [sum(max(LENGTHS[row] for row in batch) - LENGTHS[one] for one in batch) for batch in batches]


def test_padding_stays_within_what_a_batch_is_worth_and_an_eighth():
    for worth, most in ((5, 5), (40, 40), (10_000, 64), (None, 64), (0, 0)):
        batches = token_batches(LENGTHS, 512, worth)
        assert sorted(itertools.chain(*batches)) == list(range(200))
        assert max(padding(batches)) <= most


def test_a_large_model_on_a_processor_gets_less_padding(encoder, monkeypatch):
    def of_size(parameters):
        monkeypatch.setattr(TorchEncoder, "arithmetic", lambda self: Arithmetic(parameters, 24, 1024))
        return TorchEncoder(encoder.loaded).batches(LENGTHS, 512)

    assert of_size(1_310_720) == token_batches(LENGTHS, 512)
    assert of_size(302_000_000) == token_batches(LENGTHS, 512, 33) != token_batches(LENGTHS, 512)


def test_an_accelerator_and_an_unknown_model_keep_an_eighth(encoder, monkeypatch):
    monkeypatch.setattr(torch_encoder, "_BATCH_WORTH", 0)
    assert TorchEncoder(encoder.loaded).batches(LENGTHS, 512) == token_batches(LENGTHS, 512, 0)
    elsewhere = TorchEncoder(encoder.loaded)
    elsewhere.device = "cuda:0"
    assert elsewhere.batches(LENGTHS, 512) == token_batches(LENGTHS, 512)
    monkeypatch.setattr(TorchEncoder, "arithmetic", lambda self: None)
    assert TorchEncoder(encoder.loaded).batches(LENGTHS, 512) == token_batches(LENGTHS, 512)


def test_variations_on_the_left_are_padded_as_on_an_accelerator(encoder, monkeypatch):
    """What they vary is how much stands before a text: a large model's own little padding would hide it."""
    monkeypatch.setattr(torch_encoder, "_BATCH_WORTH", 0)
    sizes, forward = [], TorchEncoder.forward
    monkeypatch.setattr(
        TorchEncoder, "forward", lambda self, ids, side: sizes.append(len(ids)) or forward(self, ids, side)
    )
    one, texts = (
        TorchEncoder(encoder.loaded),
        ["a", "a text", "a text of more words", "one more text of some more words"],
    )
    one.encode(texts, TASKS[0])
    assert sizes == [1, 1, 1, 1]
    sizes.clear()
    torch_variations.padded_on_the_left(4096).encode(one, texts, TASKS[0])
    assert sizes == [4]
    one.encode(texts, TASKS[0])
    assert sizes == [4, 1, 1, 1, 1]


# --- faults of pooling ----------------------------------------------------------------------------------------------


def test_faults_after_the_model_share_one_pass_and_give_the_vectors_of_their_own(encoder, monkeypatch):
    anchors = anchor_set(encoder.spec.max_length).texts
    probes = [anchors[name] for name in PROBES if name in anchors]
    passes, forward = [], TorchEncoder.forward
    monkeypatch.setattr(TorchEncoder, "forward", lambda self, *of: passes.append(1) or forward(self, *of))
    alone = {
        "CLS pooling": faults.ClsPooling,
        "last-token pooling": faults.LastTokenPooling,
        "max pooling": faults.MaxPooling,
        "special tokens left out of the mean": faults.WithoutSpecialTokens,
        "pooled in bfloat16": faults.HalfPrecisionPooling,
    }
    sharing = {fault.name: fault for fault in faults.known_faults(encoder)}
    for task in TASKS[:2]:
        counts = []
        for name, kind in alone.items():
            passes.clear()
            with sharing[name].inject(encoder, task) as faulty:
                found = faulty.encode(probes, task)
            counts.append(len(passes))
            with faults.replaced(kind)(encoder, task) as faulty:
                assert np.array_equal(found, faulty.encode(probes, task))
        assert counts[0] > 0 and counts[1:] == [0] * (len(alone) - 1)  # the first one of a task fills what is shared


def test_states_of_a_model_that_computes_otherwise_now_are_not_shared(encoder):
    by_name = {fault.name: fault for fault in faults.known_faults(encoder)}

    def cls():
        with by_name["CLS pooling"].inject(encoder, TASKS[0]) as faulty:
            return faulty.encode(["a text", "another one"], TASKS[0])

    before = cls()
    with faults.scaled(4.0)(encoder, TASKS[0]):
        assert np.abs(cls() - before).max() > 1e-3
    assert np.array_equal(cls(), before)


def test_two_models_share_nothing(native_checkpoint, encoder):
    other = TorchEncoder(load_model(inspect_checkpoint(native_checkpoint), dtype="bfloat16"))
    cls = next(fault for fault in faults.known_faults(encoder) if fault.name == "CLS pooling")
    answers = []
    for one in (encoder, other):
        with cls.inject(one, TASKS[0]) as faulty:
            answers.append(faulty.encode(["a text"], TASKS[0]))
    with faults.replaced(faults.ClsPooling)(other, TASKS[0]) as faulty:
        assert np.array_equal(answers[1], faulty.encode(["a text"], TASKS[0]))
    assert not np.array_equal(*answers)


# --- harmless variations --------------------------------------------------------------------------------------------


@pytest.fixture
def measured(encoder, monkeypatch):
    """Give ``measured(afforded)``: the entry of ``tolerance.json``, and what was told, as of a large model."""
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    monkeypatch.setattr(recording, "LARGE_MODEL", 1)

    def measure(afforded):
        monkeypatch.setattr(recording, "AFFORDED_TOKENS", int(afforded))
        anchors, told = anchor_set(encoder.spec.max_length), []
        observed = observe(encoder, anchors)
        found = recording.measure_tolerance(observed, anchors, encoder, registry.JINA_V3, told.append, quick=True)
        return json.loads(json.dumps(found))["float32"], told

    return measure


def test_variations_take_turns_with_tasks_as_far_as_tokens_are_afforded(encoder, measured):
    texts = list(anchor_set(encoder.spec.max_length).texts.values())
    under_one = 4 * sum(sum(map(len, encoder.tokenize(texts, task))) for task in TASKS) / 5
    for afforded, tasks in ((0, 1), (2 * under_one + 1, 2), (2 * under_one - 1, 1), (100 * under_one, 5)):
        entry, told = measured(afforded)
        assert (entry["runs"], len(entry["variations"])) == (4 * tasks, 4)
        says = "each task" if tasks == 5 else f"{tasks} of 5 tasks, in turn"
        assert told == [f"float32: how far 4 harmless variations move {len(texts)} texts, under {says}"]


def test_every_task_has_its_turn(encoder, monkeypatch, measured):
    seen, harmless = [], recording.drift.measure
    monkeypatch.setattr(TorchEncoder, "select", lambda self, task: seen.append(task) or self.loaded.select(task))
    monkeypatch.setattr(recording.drift, "measure", lambda *of, **how: seen.append("measured") or harmless(*of, **how))
    measured(0)
    varied = [before for before, after in itertools.pairwise(seen) if after == "measured"]
    assert len(varied) == 4 and len(set(varied)) == 4


def test_small_models_and_accelerators_run_every_variation_under_each_task(encoder, monkeypatch):
    asked = (encoder, list(TASKS), ["a text"], 4, 0)
    assert recording.tasks_afforded(*asked) == 5
    monkeypatch.setattr(recording, "LARGE_MODEL", 1)
    assert recording.tasks_afforded(*asked) == 1
    encoder.device = "cuda:0"
    assert recording.tasks_afforded(*asked) == 5
