"""Is the model wired as its card says?

Nothing here needs to know what a text means: shapes, norms, which adapter and prefix act, and what must not matter.
Bounds on what must not matter are cosine distances from rounding alone: ``fixtures.comparing.bounds``.
"""

import functools
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest

from fixtures.comparing.bounds import rounding_distance
from fixtures.comparing.distances import cosine_distances, worst_texts
from fixtures.models.checkpoint import BASE_WEIGHTS, OWN_PREFIX, PADDING_SIDE
from fixtures.runtimes.jina_v3.encoder import Encoder
from fixtures.texts import corpus
from fixtures.texts.long_texts import long_text

SENTENCES = tuple(meaning.texts[language] for meaning in corpus.meanings()[:10] for language in corpus.LANGUAGES)
MIXED_LENGTHS = (*SENTENCES[:6], long_text(60), long_text(150, offset=3), "Yes.", long_text(25))

# Cosine distance under which two configurations that should differ count as the same one: servers that drop the task
# answer every task within it (cosine above 0.999, jina-on-prem commit 837863a).
DISTINCT = 1e-3

# Cosine distance that another ending of seven words makes at the least: a mean over 500 tokens moves by some percent.
ENDING = 1e-6
# Another ending must move a vector by so many times what the same text moves by in another batch.
ABOVE_NOISE = 3

ODD_INPUTS = {
    "empty": "",
    "white space": " \t\n\u3000 ",
    "emoji": "👩‍👩‍👧‍👦 👍🏽 🇫🇷",
    "right to left": "مرحبا (123) שלום",
    "combining marks": unicodedata.normalize("NFD", "Ệ ǭ ñ") + "\u0301" * 50,
    "control characters": "a\x00b\x07c\ufeff",
    "unassigned and private": "\U000e0fff \ue000",
    "10,000 characters": (long_text(2200) + " ")[:10_000],
    "10,000 characters without a space": "x" * 10_000,
}


def test_embeddings_are_finite_float32_of_unit_norm(encoder: Encoder, mixed_vectors, task, claims):
    vectors = mixed_vectors(task)
    claims.equal("type", str(vectors.dtype), "float32")
    claims.equal("shape", vectors.shape, (len(MIXED_LENGTHS), encoder.dimension))
    claims.equal("rows that are not finite", int((~np.isfinite(vectors).all(axis=1)).sum()), 0)
    off = np.abs(np.linalg.norm(vectors, axis=1) - 1)
    claims.at_most("largest |norm - 1|", off.max(), 1e-5, worst=worst_texts(MIXED_LENGTHS, off))


def test_one_string_gives_one_vector(encoder: Encoder, task, claims, rounding):
    single = encoder.encode(SENTENCES[0], task)
    claims.equal("shape", single.shape, (encoder.dimension,))
    claims.at_most(
        "cosine distance to the same text in a list", _apart(single, encoder.encode([SENTENCES[0]], task)), rounding
    )


@pytest.mark.requires_ability(BASE_WEIGHTS, OWN_PREFIX)
def test_adapter_differs_from_base_weights(encoder: Encoder, task, claims):
    adapted = encoder.encode(SENTENCES, task, prefix="")
    distances = cosine_distances(adapted, encoder.encode(SENTENCES, None))
    claims.at_least("median cosine distance to the base weights", np.median(distances), DISTINCT)


@pytest.mark.requires_ability(OWN_PREFIX)
def test_adapters_differ_from_each_other(encoder: Encoder, device, claims):
    vectors = {task: encoder.encode(SENTENCES, task, prefix="") for task in encoder.tasks}
    for first, second in combinations(encoder.tasks, 2):
        distance = np.median(cosine_distances(vectors[first], vectors[second]))
        claims.at_least(f"median cosine distance, {first} to {second}, both without prefix", distance, DISTINCT)


@pytest.mark.requires_ability(OWN_PREFIX)
def test_prefix_acts_where_the_task_has_one(encoder: Encoder, task, checkpoint, claims, rounding):
    with_prefix, without = encoder.encode(SENTENCES, task), encoder.encode(SENTENCES, task, prefix="")
    distances = cosine_distances(with_prefix, without)
    prefix = checkpoint.prefixes[task]
    added = {
        len(long) - len(short)
        for long, short in zip(
            encoder.tokenize(SENTENCES, task), encoder.tokenize(SENTENCES, task, prefix=""), strict=True
        )
    }
    if prefix:
        claims.at_least("median cosine distance made by the prefix", np.median(distances), DISTINCT)
        claims.at_least("fewest tokens added by the prefix", min(added), 1)
    else:
        worst = worst_texts(SENTENCES, distances)
        claims.at_most("largest cosine distance made by an empty prefix", distances.max(), rounding, worst=worst)
        claims.equal("tokens added by an empty prefix", added, {0})


def test_same_text_twice_gives_the_same_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    first, second = mixed_vectors(task), encoder.encode(MIXED_LENGTHS, task)
    claims.equal("largest difference of a component between two calls", float(np.abs(first - second).max()), 0.0)
    twice = encoder.encode([SENTENCES[0], SENTENCES[1], SENTENCES[0]], task)
    claims.at_most("cosine distance within one call", _apart(twice[0], twice[2]), rounding)


@pytest.mark.parametrize("batch_tokens", [1, 100_000])
def test_batch_size_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, batch_tokens, claims, rounding):
    batched = encoder.encode(MIXED_LENGTHS, task, batch_tokens=batch_tokens)
    _same(claims, rounding, MIXED_LENGTHS, mixed_vectors(task), batched)


def test_order_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    backwards = encoder.encode(MIXED_LENGTHS[::-1], task)[::-1]
    _same(claims, rounding, MIXED_LENGTHS, mixed_vectors(task), backwards)


@pytest.mark.requires_ability(PADDING_SIDE)
def test_padding_side_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    right = mixed_vectors(task)
    left = encoder.encode(MIXED_LENGTHS, task, batch_tokens=100_000, padding_side="left")
    _same(claims, rounding, MIXED_LENGTHS, right, left)


def test_neighbours_do_not_change_a_vector(encoder: Encoder, task, claims, rounding):
    chosen = MIXED_LENGTHS[:4]
    alone = np.stack([encoder.encode(text, task) for text in chosen])
    crowded = encoder.encode(MIXED_LENGTHS, task, batch_tokens=100_000)[: len(chosen)]
    _same(claims, rounding, chosen, alone, crowded)


def test_threads_that_share_the_model_get_their_own_task(encoder: Encoder, device, claims, rounding):
    expected = {task: encoder.encode(SENTENCES[:6], task) for task in encoder.tasks}
    asked = list(encoder.tasks) * 2
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda task: encoder.encode(SENTENCES[:6], task), asked))
    for task, answer in zip(asked, answers, strict=True):
        distances = cosine_distances(answer, expected[task])
        worst = worst_texts(SENTENCES[:6], distances)
        claims.at_most(
            f"cosine distance of {task} asked for from several threads", distances.max(), rounding, worst=worst
        )


def test_matryoshka_cut_is_slice_and_renormalisation(encoder: Encoder, task, checkpoint, claims):
    if not checkpoint.matryoshka_dimensions:
        pytest.skip("the model states no Matryoshka dimensions (matryoshka_dimensions in its config.json)")
    full = encoder.encode(SENTENCES[:6], task)
    for dimension in checkpoint.matryoshka_dimensions:
        cut = encoder.encode(SENTENCES[:6], task, truncate_dim=dimension)
        expected = full[:, :dimension] / np.linalg.norm(full[:, :dimension], axis=1, keepdims=True)
        claims.equal("shape", cut.shape, (6, dimension))
        claims.at_most(
            f"largest difference of a component at {dimension} dimensions", np.abs(cut - expected).max(), 1e-6
        )


@pytest.mark.parametrize("limit", [32, 128, 512])
def test_what_comes_after_a_short_limit_matters(encoder: Encoder, task, checkpoint, limit, claims):
    if checkpoint.max_length < limit + 20:
        pytest.skip(f"the model cuts at {checkpoint.max_length} tokens")
    head = long_text(limit)  # a word is at least one token
    first, second = (
        f"{head} {ending}" for ending in ("Nobody ever found the missing ship.", "Add two spoons of sugar.")
    )
    shared = zip(*encoder.tokenize([first, second], task), strict=False)
    claims.at_least("tokens that the two texts share", sum(a == b for a, b in shared), limit)
    vector, other = encoder.encode(first, task), encoder.encode(second, task)
    # Two texts that were cut to the same one differ by noise: as much of it as this text has here, not as is assumed.
    noise = _apart(vector, encoder.encode([first, SENTENCES[0]], task)[0])
    claims.measured("cosine distance of the same text beside another one", noise)
    required = max(ENDING, ABOVE_NOISE * noise)
    claims.at_least("cosine distance made by another ending", _apart(vector, other), required)


def test_text_is_cut_at_the_maximum_length(encoder: Encoder, task, checkpoint, claims):
    (token_ids,) = encoder.tokenize([long_text(checkpoint.max_length + 10)], task)
    claims.equal("tokens of a longer text", len(token_ids), checkpoint.max_length)


@pytest.mark.parametrize("text", ODD_INPUTS.values(), ids=[name.replace(" ", "-") for name in ODD_INPUTS])
def test_odd_input_is_handled(encoder: Encoder, device, text, claims, rounding):
    task = encoder.tasks[0]
    vector = encoder.encode(text, task)
    claims.equal("finite", bool(np.isfinite(vector).all()), True)
    claims.at_most("|norm - 1|", abs(float(np.linalg.norm(vector)) - 1), 1e-5)
    among_others = encoder.encode([*SENTENCES[:3], text], task)
    claims.at_most("cosine distance alone or among others", _apart(vector, among_others[3]), rounding)
    neighbours = cosine_distances(among_others[:3], encoder.encode(SENTENCES[:3], task)).max()
    claims.at_most("cosine distance that it makes to its neighbours", neighbours, rounding)


@pytest.fixture(scope="session")
def mixed_vectors(encoder: Encoder):
    """The texts of mixed lengths under a task, in the encoder's own batches; encoded once."""
    return functools.cache(lambda task: encoder.encode(MIXED_LENGTHS, task))


@pytest.fixture
def rounding(settings) -> float:
    return rounding_distance(settings.dtype)


def _apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(cosine_distances(np.atleast_2d(first), np.atleast_2d(second))[0])


def _same(claims, rounding: float, texts, first: np.ndarray, second: np.ndarray) -> None:
    __tracebackhide__ = True
    distances = cosine_distances(first, second)
    claims.at_most("largest cosine distance", distances.max(), rounding, worst=worst_texts(texts, distances))
