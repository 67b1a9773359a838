"""The encoder gives what a plain reference gives: one text at a time, no padding, no PEFT, no batching."""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import JinaEmbeddingsV3Model

from fixtures.comparing.distances import cosine_distances
from fixtures.errors import EncodeError
from fixtures.observing.observation import observe
from fixtures.runtimes.batching import token_batches
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.long_texts import long_text
from tests.checkpoints import JINA_V3_PREFIXES, MAX_LENGTH, TASKS, TINY

TEXTS = ("Follow the white rabbit.", "", "跟着白兔走。", long_text(40), "اتبع الأرنب الأبيض.", "Yes.", "a" * 90)
HIDDEN = TINY.hidden
ROUNDING = 2e-6
"""Largest difference of a component of a unit vector between two float32 ways to the same result."""


@pytest.fixture(scope="module")
def loaded(native_checkpoint):
    return load_model(inspect_checkpoint(native_checkpoint))


@pytest.fixture
def encoder(loaded):
    return TorchEncoder(loaded)


@pytest.fixture(scope="module")
def reference(native_checkpoint):
    """``reference(text, task, prefix=None, dimension=HIDDEN)``: the published steps, written out."""
    tokenizer = Tokenizer.from_file(str(native_checkpoint / "tokenizer.json"))

    @functools.cache
    def merged(task):
        model = JinaEmbeddingsV3Model.from_pretrained(
            native_checkpoint, dtype=torch.float32, attn_implementation="eager"
        )
        if task is not None:
            folder = native_checkpoint / task.replace(".", "_").replace("-", "_")
            _add_deltas(model, load_file(folder / "adapter_model.safetensors"), scaling=1 / 4)
        return model.eval()

    def encode(text, task, prefix=None, dimension=HIDDEN):
        prefix = JINA_V3_PREFIXES.get(task, "") if prefix is None else prefix
        token_ids = tokenizer.encode(prefix + text).ids
        if len(token_ids) > MAX_LENGTH:
            token_ids = [*token_ids[: MAX_LENGTH - 1], token_ids[-1]]
        with torch.no_grad():
            states = merged(task)(input_ids=torch.tensor([token_ids])).last_hidden_state[0]
        vector = states.float().mean(dim=0)[:dimension].numpy()
        return vector / np.linalg.norm(vector)

    return encode


def _add_deltas(model, tensors, scaling):
    for name in [name for name in tensors if "lora_A" in name]:
        module = model.get_submodule(name.removeprefix("base_model.model.").removesuffix(".lora_A.weight"))
        module.weight.data += tensors[name.replace("lora_A", "lora_B")] @ tensors[name] * scaling
    for name in [name for name in tensors if "lora_embedding_A" in name]:
        module = model.get_submodule(name.removeprefix("base_model.model.").removesuffix(".lora_embedding_A"))
        module.weight.data += (tensors[name.replace("embedding_A", "embedding_B")] @ tensors[name] * scaling).T


# --- what it gives ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [*TASKS, None])
@pytest.mark.parametrize("side", ["right", "left"])
def test_each_task_and_the_base_give_what_the_plain_reference_gives(encoder, reference, asked, side):
    expected = np.stack([reference(text, asked) for text in TEXTS])
    obtained = encoder.encode(TEXTS, asked, padding_side=side)
    assert np.abs(obtained - expected).max() < ROUNDING


def test_reference_tells_the_tasks_and_the_base_apart(reference):
    vectors = np.stack([reference(TEXTS[0], asked, prefix="") for asked in (*TASKS, None)])
    assert (vectors @ vectors.T)[np.triu_indices(6, k=1)].max() < 0.99


@pytest.mark.parametrize("batch_tokens", [1, 50, 100_000])
def test_batching_keeps_the_order_of_the_texts(encoder, reference, batch_tokens):
    texts = [*TEXTS, *reversed(TEXTS)]
    obtained = encoder.encode(texts, "separation", batch_tokens=batch_tokens)
    assert np.abs(obtained - np.stack([reference(text, "separation") for text in texts])).max() < ROUNDING


def test_vectors_are_float32_of_unit_norm(encoder):
    vectors = encoder.encode(TEXTS, "text-matching")
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), HIDDEN))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dimension", [8, 16, 32])
def test_matryoshka_cut_comes_before_normalising(encoder, reference, dimension):
    obtained = encoder.encode([TEXTS[0]], "retrieval.query", truncate_dim=dimension)[0]
    expected = reference(TEXTS[0], "retrieval.query", dimension=dimension)
    assert obtained.shape == (dimension,) and np.abs(obtained - expected).max() < ROUNDING


def test_given_prefix_takes_the_place_of_the_tasks_own(encoder, reference):
    for prefix in ("", "Yes. "):
        obtained = encoder.encode([TEXTS[0]], "retrieval.passage", prefix=prefix)[0]
        assert np.abs(obtained - reference(TEXTS[0], "retrieval.passage", prefix=prefix)).max() < ROUNDING


def test_long_text_is_cut_at_the_maximum_length_and_still_ends_with_its_special_token(encoder, reference):
    text = long_text(MAX_LENGTH + 100)
    (token_ids,) = encoder.tokenize([text], "retrieval.query")
    assert (len(token_ids), token_ids[0], token_ids[-1]) == (MAX_LENGTH, 0, 2)
    obtained = encoder.encode([text], "retrieval.query")[0]
    assert np.abs(obtained - reference(text, "retrieval.query")).max() < ROUNDING
    assert np.array_equal(obtained, encoder.encode([text + " Nobody."], "retrieval.query")[0])


def test_hidden_states_average_to_the_embedding(encoder):
    states = encoder.hidden_states(TEXTS[0], "separation")
    mean = states.mean(axis=0)
    assert states.shape == (len(encoder.tokenize([TEXTS[0]], "separation")[0]), HIDDEN)
    assert mean / np.linalg.norm(mean) == pytest.approx(encoder.encode([TEXTS[0]], "separation")[0], abs=ROUNDING)


# --- which adapter acts -----------------------------------------------------------------------------------------


def test_last_loaded_adapter_does_not_answer_for_the_first_or_the_base(native_checkpoint, reference):
    for asked in (TASKS[0], None):
        fresh = TorchEncoder(load_model(inspect_checkpoint(native_checkpoint)))
        assert np.abs(fresh.encode([TEXTS[0]], asked)[0] - reference(TEXTS[0], asked)).max() < ROUNDING


def test_tasks_can_be_asked_for_in_any_order(encoder, reference):
    for asked in ("separation", None, "separation", "text-matching", None, "retrieval.query"):
        assert np.abs(encoder.encode([TEXTS[0]], asked)[0] - reference(TEXTS[0], asked)).max() < ROUNDING


def test_adapter_is_switched_only_when_the_task_changes(encoder, monkeypatch):
    switched = []
    select = encoder.loaded.model.set_adapter
    monkeypatch.setattr(encoder.loaded.model, "set_adapter", lambda name: (switched.append(name), select(name)))
    for asked in ("separation", "separation", "text-matching", "text-matching"):
        encoder.encode([TEXTS[0]], asked)[0]
    assert switched == ["separation", "text_matching"]


def test_adapter_that_does_not_become_active_is_an_error(encoder, monkeypatch):
    monkeypatch.setattr(encoder.loaded.model, "set_adapter", lambda name: None)
    encoder.loaded.model.enable_adapters()
    with pytest.raises(EncodeError, match="asked for adapter 'retrieval_query', active is "):
        encoder.encode([TEXTS[0]], "retrieval.query")[0]


def test_threads_that_share_an_encoder_each_get_their_task(encoder, reference):
    asked = [*TASKS, None] * 8
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda each: encoder.encode(TEXTS[:3], each), asked))
    expected = {each: np.stack([reference(text, each) for text in TEXTS[:3]]) for each in (*TASKS, None)}
    assert all(np.abs(answer - expected[each]).max() < ROUNDING for each, answer in zip(asked, answers, strict=True))


def test_selecting_an_adapter_and_running_it_is_one_step(encoder, monkeypatch):
    locked = []
    for name in ("select", "forward"):
        step = getattr(encoder, name)
        monkeypatch.setattr(
            encoder, name, lambda *given, _=step: (locked.append(encoder.loaded.lock.locked()), _(*given))[1]
        )
    encoder.encode(TEXTS, "separation", batch_tokens=1)
    encoder.hidden_states(TEXTS[0], "separation")
    assert locked == [True] * (1 + len(TEXTS) + 2)
    assert isinstance(encoder.loaded.lock, type(threading.Lock())) and not encoder.loaded.lock.locked()


# --- errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "asked", "options", "message"),
    [
        (["a"], "seperation", {}, f"encode: unknown task 'seperation'; this model has: {', '.join(TASKS)}"),
        (["a"], "", {}, f"encode: unknown task ''; this model has: {', '.join(TASKS)}"),
        (["a"], "separation", {"truncate_dim": 17}, "encode: truncate_dim 17; allowed: 8, 16, 32"),
        (["a"], "separation", {"truncate_dim": 0}, "encode: truncate_dim 0; allowed: 8, 16, 32"),
        ([], "separation", {}, "encode: needs a non-empty sequence of strings"),
        ("a", "separation", {}, "encode: needs a non-empty sequence of strings"),
        (["a", 7], "separation", {}, "encode: text 1 is 7, a int, not a string"),
        ([None], "separation", {}, "encode: text 0 is None, a NoneType, not a string"),
        ([b"a"], "separation", {}, "encode: text 0 is b'a', a bytes, not a string"),
    ],
)
def test_wrong_call_is_refused_in_a_sentence_before_anything_runs(encoder, texts, asked, options, message):
    with pytest.raises(EncodeError) as refused:
        encoder.encode(texts, asked, **options)
    assert str(refused.value) == message and isinstance(refused.value, ValueError)
    assert encoder.texts_encoded == 0


def test_misspelt_argument_is_an_error(encoder):
    with pytest.raises(TypeError, match="task_type"):
        encoder.encode(["a"], "separation", task_type="separation")


# --- batches and memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_tokens", [1, 7, 64, 500, 10_000])
def test_batches_hold_each_position_once_within_budget_and_padding(batch_tokens):
    lengths = [int(length) for length in np.random.default_rng(batch_tokens).integers(2, 90, size=200)]
    batches = token_batches(lengths, batch_tokens)
    assert sorted(position for batch in batches for position in batch) == list(range(200))
    for batch in batches:
        longest = max(lengths[position] for position in batch)
        assert len(batch) == 1 or longest * len(batch) <= batch_tokens
        assert sum(longest - lengths[position] for position in batch) <= batch_tokens / 8


def test_batches_run_from_the_longest_texts_to_the_shortest():
    assert token_batches([3, 9, 4, 8], 16) == [[1], [3], [2, 0]]


def test_texts_of_one_length_fill_a_batch():
    assert [len(batch) for batch in token_batches([10] * 25, 100)] == [10, 10, 5]


def test_no_texts_make_no_batches():
    assert token_batches([], 100) == []


def test_out_of_memory_halves_the_batches_and_is_noted(encoder, reference, monkeypatch):
    sizes, forward = [], encoder.forward

    def small_device(token_ids, side):
        sizes.append(len(token_ids))
        if len(token_ids) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return forward(token_ids, side)

    monkeypatch.setattr(encoder, "forward", small_device)
    obtained = encoder.encode(["Yes."] * 8, "separation", batch_tokens=1000)
    assert sizes == [8, 4, 2, 2, 2, 2]
    assert np.abs(obtained - reference("Yes.", "separation")).max() < ROUNDING
    assert encoder.batch_tokens == 1024
    assert encoder.notes == [
        "out of memory on cpu: batches halved to 2048 tokens",
        "out of memory on cpu: batches halved to 1024 tokens",
    ]


def test_text_that_does_not_fit_alone_is_out_of_memory(encoder, monkeypatch):
    def no_room(token_ids, side):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(encoder, "forward", no_room)
    with pytest.raises(EncodeError, match="out of memory on cpu with one text of"):
        encoder.encode(["Yes.", "No."], "separation")
    assert not encoder.loaded.lock.locked()


# --- counting ---------------------------------------------------------------------------------------------------


def test_texts_and_tokens_that_went_through_the_model_are_counted(encoder):
    encoder.encode(["Yes.", "", "Yes."], "separation")
    assert encoder.texts_encoded == 3
    assert encoder.tokens_encoded == sum(map(len, encoder.tokenize(["Yes.", "", "Yes."], "separation")))


def test_store_encodes_each_text_and_task_once(encoder):
    store = observe(encoder)
    first = store.vectors(["Yes.", "a", "Yes."], "separation")
    store.vectors(["a", "b"], "separation")
    store.vectors(["a"], None)
    assert encoder.texts_encoded == 4
    asked = {("separation", text): 1 for text in ("Yes.", "a", "b")}
    assert store.encoded == asked | {(None, "a"): 1}
    assert np.array_equal(first[0], first[2]) and not np.array_equal(first[0], first[1])
    assert np.array_equal(store.vectors(["a", "Yes."], "separation"), first[1::-1])


def test_store_answers_in_the_order_asked(encoder):
    store = observe(encoder)
    store.vectors(TEXTS[:3], "separation")
    assert (
        cosine_distances(store.vectors(TEXTS[::-1], "separation"), encoder.encode(TEXTS[::-1], "separation")).max()
        < 1e-9
    )
