"""Is the model wired as its card says?

Nothing here needs to know what a text means: shapes, norms, which adapter and prefix act, and what must not matter.
Bounds on what must not matter are cosine distances from rounding alone: ``fixtures.comparing.bounds``.
"""

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from fixtures.comparing.bounds import Bound, norm_rounding
from fixtures.comparing.cases import farthest
from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.rows import HOLDS, NOT_JUDGED, Row, at_least, at_most, equal, measured
from fixtures.comparing.statistics import RESOLUTION
from fixtures.comparing.truncation import LONGEST_ASKED, limits_of, words_seen
from fixtures.errors import first_line
from fixtures.models.spec import Ability
from fixtures.observing.observation import longest_sent
from fixtures.runtimes.encoder import Encoder, is_refusal
from fixtures.runtimes.variations import shuffled
from fixtures.texts import corpus
from fixtures.texts.anchors import anchor_set
from fixtures.texts.long_texts import ENDINGS_OF_LETTERS, counted_text, long_text, most_tokens, why_not_built

SENTENCES = tuple(meaning.texts[language] for meaning in corpus.meanings()[:10] for language in corpus.LANGUAGES)
MIXED_LENGTHS = (*SENTENCES[:6], long_text(60), long_text(150, offset=3), "Yes.", long_text(25))

# A callable makes its own batches, usually of 32 or 64 texts, and puts the answer to a larger call together from them.
# So it is asked for one text more than one, two and four batches of 32 have, and for all anchors.
CALLS = (33, 65, 129)
LONG_WORDS = 40

WITHHELD = "the task map withholds texts that may be longer than max_length"

# Cosine distance under which two configurations that should differ count as the same one: servers that drop the task
# answer every task within it (cosine above 0.999, jina-on-prem commit 837863a).
DISTINCT = 1e-3

# Smallest cosine distance that another last sentence must cause. Far below what is expected: it changes some percent of
# the tokens that the mean is taken over.
ENDING = 1e-6
# Another ending must move a vector by this many times as much as another batch moves the same text.
ABOVE_NOISE = 3
FARTHEST = 2.0
"""The cosine distance of opposite vectors."""

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
    vectors, texts = mixed_vectors(task), _sent(encoder, MIXED_LENGTHS)
    rows = [
        equal("type", str(vectors.dtype), "float32"),
        equal("shape", vectors.shape, (len(texts), encoder.spec.dimension)),
        equal("rows that are not finite", int((~np.isfinite(vectors).all(axis=1)).sum()), 0),
    ]
    if encoder.spec.normalised:
        off = np.abs(np.linalg.norm(vectors, axis=1) - 1)
        allowed = norm_rounding(encoder.spec.normalised_in)
        rows.append(at_most("largest |norm - 1|", off.max(), allowed, worst=farthest(texts, off)))
    claims.hold(*rows)


@pytest.mark.requires_ability(Ability.NO_ADAPTER, Ability.OTHER_PROMPT)
def test_adapter_differs_from_base_weights(encoder: Encoder, task, claims):
    adapted = encoder.encode(SENTENCES, task, prefix="")
    distances = cosine_distances(adapted, encoder.encode(SENTENCES, None))
    claims.hold(at_least("median cosine distance to the base weights", np.median(distances), DISTINCT))


@pytest.mark.requires_ability(Ability.OTHER_PROMPT)
def test_adapters_differ_from_each_other(encoder: Encoder, device, claims):
    if len(encoder.tasks) < 2:
        pytest.skip(f"not applicable: there is one task, {encoder.tasks[0]}")
    beside_prompt = {task: (sent.adapter, sent.task) for task, sent in encoder.spec.tasks.items()}
    pairs = [pair for pair in combinations(encoder.tasks, 2) if len({beside_prompt[task] for task in pair}) == 2]
    if not pairs:
        pytest.skip(f"not applicable: {', '.join(encoder.tasks)} differ in their prompts alone")
    vectors = {task: encoder.encode(SENTENCES, task, prefix="") for task in encoder.tasks}
    apart = {pair: np.median(cosine_distances(vectors[pair[0]], vectors[pair[1]])) for pair in pairs}
    claims.hold(
        *(
            at_least(f"median cosine distance, {first} to {second}, both without prefix", distance, DISTINCT)
            for (first, second), distance in apart.items()
        )
    )


@pytest.mark.requires_ability(Ability.OTHER_PROMPT, Ability.TOKENIZE)
def test_prefix_acts_where_the_task_has_one(encoder: Encoder, task, claims, rounding):
    with_prefix, without = encoder.encode(SENTENCES, task), encoder.encode(SENTENCES, task, prefix="")
    distances = cosine_distances(with_prefix, without)
    both = zip(encoder.tokenize(SENTENCES, task), encoder.tokenize(SENTENCES, task, prefix=""), strict=True)
    added = {len(long) - len(short) for long, short in both}
    if encoder.spec.tasks[task].prompt:
        claims.hold(
            at_least("median cosine distance made by the prefix", np.median(distances), DISTINCT),
            at_least("fewest tokens added by the prefix", min(added), 1),
        )
    else:
        worst = farthest(SENTENCES, distances)
        claims.hold(
            at_most("largest cosine distance made by an empty prefix", distances.max(), rounding, worst=worst),
            equal("tokens added by an empty prefix", added, {0}),
        )


def test_same_text_twice_gives_the_same_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    texts = _sent(encoder, MIXED_LENGTHS)
    first, second = mixed_vectors(task), encoder.encode(texts, task)
    twice = encoder.encode([SENTENCES[0], SENTENCES[1], SENTENCES[0]], task)
    difference = float(np.abs(first - second).max())
    if encoder.spec.why_not(Ability.REPEATABLE):
        between = _same(rounding, texts, first, second)
    else:
        between = equal("largest difference of a component between two calls", difference, 0.0)
    claims.hold(between, at_most("cosine distance within one call", _apart(twice[0], twice[2]), rounding))


@pytest.mark.parametrize("batch_tokens", [1, 100_000])
def test_batch_size_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, batch_tokens, claims, rounding):
    texts = _sent(encoder, MIXED_LENGTHS)
    batched = _in_batches(encoder, texts, task, batch_tokens)
    rows = [_same(rounding, texts, mixed_vectors(task), batched)]
    if encoder.spec.why_not(Ability.BATCH_SIZE) and batch_tokens > 1:
        rows += _in_larger_calls(encoder, task, rounding)
    claims.hold(*rows)


def test_order_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    texts = _sent(encoder, MIXED_LENGTHS)
    backwards = encoder.encode(texts[::-1], task)[::-1]
    claims.hold(_same(rounding, texts, mixed_vectors(task), backwards))


@pytest.mark.requires_ability(Ability.PADDING_SIDE)
def test_padding_side_does_not_change_a_vector(encoder: Encoder, mixed_vectors, task, claims, rounding):
    texts = _sent(encoder, MIXED_LENGTHS)
    left = encoder.encode(texts, task, batch_tokens=100_000, padding_side="left")
    claims.hold(_same(rounding, texts, mixed_vectors(task), left))


def test_neighbours_do_not_change_a_vector(encoder: Encoder, task, claims, rounding):
    chosen = MIXED_LENGTHS[:4]
    alone = np.concatenate([encoder.encode([text], task) for text in chosen])
    crowded = _in_batches(encoder, _sent(encoder, MIXED_LENGTHS), task, 100_000)[: len(chosen)]
    claims.hold(_same(rounding, chosen, alone, crowded))


def test_threads_that_share_the_model_get_their_own_task(encoder: Encoder, device, claims, rounding):
    expected = {task: encoder.encode(SENTENCES[:6], task) for task in encoder.tasks}
    asked = list(encoder.tasks) * 2
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda task: encoder.encode(SENTENCES[:6], task), asked))
    what = "cosine distance of {} asked for from several threads"
    claims.hold(
        *(
            _same(rounding, SENTENCES[:6], answer, expected[task], what.format(task))
            for task, answer in zip(asked, answers, strict=True)
        )
    )


@pytest.mark.requires_ability(Ability.TRUNCATE)
def test_matryoshka_cut_is_slice_and_renormalisation(encoder: Encoder, task, claims):
    if not encoder.spec.matryoshka and encoder.spec.whole:
        pytest.skip(f"the model states no Matryoshka dimensions of up to {encoder.spec.cut_to}, which it is cut to")
    if not encoder.spec.matryoshka:
        pytest.skip("the model states no Matryoshka dimensions (matryoshka_dimensions in its config.json)")
    full = encoder.encode(SENTENCES[:6], task)
    rows = []
    for dimension in encoder.spec.matryoshka:
        cut = encoder.encode(SENTENCES[:6], task, truncate_dim=dimension)
        rows.append(equal("shape", cut.shape, (6, dimension)))
        if rows[-1].verdict == HOLDS:
            expected = full[:, :dimension] / np.linalg.norm(full[:, :dimension], axis=1, keepdims=True)
            what = f"largest difference of a component at {dimension} dimensions"
            rows.append(at_most(what, np.abs(cut - expected).max(), 1e-6))
    claims.hold(*rows)


@pytest.mark.parametrize("limit", [32, 128, 512])
def test_what_comes_after_a_short_limit_matters(encoder: Encoder, task, limit, claims):
    longest = encoder.spec.max_length
    if longest is None:
        pytest.skip("it is unstated where the model cuts texts (max_length in a task map)")
    if longest < limit + 20:
        pytest.skip(f"the model cuts at {longest} tokens")
    head = long_text(limit)  # a word is at least one token
    first, second = (
        f"{head} {ending}" for ending in ("Nobody ever found the missing ship.", "Add two spoons of sugar.")
    )
    _skip_withheld(encoder, first)
    rows = []
    if not encoder.spec.why_not(Ability.TOKENIZE):
        shared = zip(*encoder.tokenize([first, second], task), strict=False)
        rows.append(at_least("tokens that the two texts share", sum(a == b for a, b in shared), limit))
    vector, other = encoder.encode([first], task)[0], encoder.encode([second], task)[0]
    # Two texts that were cut to the same tokens differ by noise alone: it is measured on this text, not assumed.
    noise = _apart(vector, encoder.encode([first, SENTENCES[0]], task)[0])
    required = max(ENDING, ABOVE_NOISE * noise)
    if required > FARTHEST:
        claims.hold(
            *rows, at_most("cosine distance of the same text beside another one", noise, FARTHEST / ABOVE_NOISE)
        )
        return  # in noise of this size an ending can't be seen
    claims.hold(
        *rows,
        measured("cosine distance of the same text beside another one", noise),
        at_least("cosine distance made by another ending", _apart(vector, other), required),
    )


def test_text_is_cut_at_the_maximum_length(encoder: Encoder, task, claims):
    longest = encoder.spec.max_length
    if longest is None:
        pytest.skip("it is unstated where the model cuts texts (max_length in a task map)")
    if not encoder.spec.why_not(Ability.TOKENIZE):
        if reason := why_not_built(longest + 10):
            pytest.skip(f"not asked beyond the maximum length: {reason}")
        (token_ids,) = encoder.tokenize([long_text(longest + 10)], task)
        claims.hold(equal("tokens of a longer text", len(token_ids), longest))
        return
    if task != encoder.tasks[0]:
        pytest.skip(f"needs token ids under more than one task; asked under {encoder.tasks[0]}")
    if encoder.spec.withholds_long_texts:
        pytest.skip(WITHHELD)
    limits = limits_of(longest, encoder.spec.tasks[task].prompt)
    seen, or_more = words_seen(lambda words: _ending_acts(encoder, task, words), limits, 2 * LONGEST_ASKED)
    worst = [
        f"an ending acts up to {'more than ' * or_more}{seen} words of one letter, each a token to most tokenizers; "
        f"max_length is {longest}",
        "the system cuts elsewhere, answers in windows, cuts from the left, or drops words; max_length may be left out "
        "of the task map",
    ]
    what = "words of one letter after which an ending doesn't act"
    rows = [measured(what, seen)]
    if limits.least is not None:
        rows.append(at_least(f"{what}, by max_length {longest}, at least", seen, limits.least, worst=worst))
    if limits.most is not None:
        rows.append(at_most(f"{what}, by max_length {longest}, at most", seen, limits.most, worst=worst))
    claims.hold(*rows)


@pytest.mark.parametrize("text", ODD_INPUTS.values(), ids=[name.replace(" ", "-") for name in ODD_INPUTS])
def test_odd_input_is_handled(encoder: Encoder, device, text, claims, rounding):
    _skip_withheld(encoder, text)
    task = encoder.tasks[0]
    plain = encoder.encode(SENTENCES[:3], task)
    try:
        answers = _alone_and_among_others(encoder, text)
    except Exception as error:
        if not is_refusal(error):
            raise
        refusal = first_line(error)
    else:
        refusal = None
    if refusal:
        encoder.encode(SENTENCES[:3], task)  # raises where the system answers nothing any more
        claims.hold(equal("answer to the text", f"an error ({refusal})", "a vector"))
        return
    rows = _handling(encoder, *answers, plain, rounding)
    if any(row.fails for row in rows):
        usual = _handling(encoder, *_alone_and_among_others(encoder, SENTENCES[3]), plain, rounding)
        rows = [
            _not_of_this_text(row) if row.fails and other.fails else row for row, other in zip(rows, usual, strict=True)
        ]
    if not any(row.gates for row in rows):
        pytest.skip("nothing can be said of odd inputs: a plain sentence fails in the same way")
    claims.hold(*rows)


def _alone_and_among_others(encoder: Encoder, text: str) -> tuple[np.ndarray, np.ndarray]:
    """The embedding of a text in a call of its own (dim,), and those of three sentences and the text (4, dim)."""
    task = encoder.tasks[0]
    (alone,) = encoder.encode([text], task)
    return alone, encoder.encode([*SENTENCES[:3], text], task)


def _handling(encoder: Encoder, alone: np.ndarray, among: np.ndarray, plain: np.ndarray, rounding: Bound) -> list[Row]:
    """The claims on how a text is handled; ``plain`` are the three sentences without it."""
    rows = [equal("finite", bool(np.isfinite(alone).all()), True)]
    if encoder.spec.normalised:
        off = abs(float(np.linalg.norm(alone)) - 1)
        rows.append(at_most("|norm - 1|", off, norm_rounding(encoder.spec.normalised_in)))
    neighbours = cosine_distances(among[:3], plain).max()
    return [
        *rows,
        at_most("cosine distance alone or among others", _apart(alone, among[3]), rounding),
        at_most("cosine distance that it makes to its neighbours", neighbours, rounding),
    ]


def _not_of_this_text(row: Row) -> Row:
    """The row of a claim that a plain sentence fails too: such a fault is reported once, by another eval."""
    return replace(row, verdict=NOT_JUDGED, gates=False, reason="a plain sentence does no better")


@pytest.fixture(scope="session")
def mixed_vectors(encoder: Encoder):
    """``mixed_vectors(task)``: embeddings of the texts of mixed lengths, in the encoder's own batches; encoded once."""
    return functools.cache(lambda task: encoder.encode(_sent(encoder, MIXED_LENGTHS), task))


def _in_batches(encoder: Encoder, texts: Sequence[str], task: str, batch_tokens: int) -> np.ndarray:
    """Embeddings of texts, in batches of the given number of tokens.

    An encoder whose batches can't be set is given one text a call for 1 token, and all texts in one call for more.
    """
    if not encoder.spec.why_not(Ability.BATCH_SIZE):
        return encoder.encode(texts, task, batch_tokens=batch_tokens)
    if batch_tokens == 1:
        return np.concatenate([encoder.encode([text], task) for text in texts])
    return encoder.encode(texts, task)


def _in_larger_calls(encoder: Encoder, task: str, rounding: Bound) -> list[Row]:
    """Whether texts have the vectors that they have alone, in larger calls and in two orders."""
    anchors = _sent(encoder, anchor_set(None).texts.values())
    short = [text for text in dict.fromkeys([*SENTENCES, *anchors]) if len(text.split()) < LONG_WORDS]
    most = encoder.spec.texts_a_call or len(anchors)
    sizes = [size for size in CALLS if size <= (encoder.spec.texts_a_call or size)]
    calls = {f"calls of {size} texts": short[:size] for size in sizes} | {f"calls of {most} texts": anchors}
    alone = {text: encoder.encode([text], task)[0] for text in dict.fromkeys([*short[: CALLS[-1]], *anchors])}
    rows = []
    for what, texts in calls.items():
        for order, sent in {"": texts, ", in another order": [texts[at] for at in shuffled(1)(len(texts))]}.items():
            expected = np.stack([alone[text] for text in sent])
            found = encoder.encode(sent, task)
            rows.append(_same(rounding, sent, expected, found, f"largest cosine distance, {what}{order}"))
    return rows


def _ending_acts(encoder: Encoder, task: str, words: int) -> bool:
    """Whether an ending after this many words of one letter moves the vector more than its place in the call does."""
    texts = [counted_text(words, ending) for ending in ENDINGS_OF_LETTERS]
    first, second = encoder.encode(texts, task)
    noise = _apart(first, encoder.encode(texts[::-1], task)[1])
    return _apart(first, second) > max(ABOVE_NOISE * noise, RESOLUTION)


def _sent(encoder: Encoder, texts: Iterable[str]) -> list[str]:
    """The texts without those that the system may not be sent."""
    longest = longest_sent(encoder.spec)
    return [text for text in texts if longest is None or most_tokens(text) <= longest]


def _skip_withheld(encoder: Encoder, text: str) -> None:
    if not _sent(encoder, [text]):
        pytest.skip(WITHHELD)


def _apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(cosine_distances(np.atleast_2d(first), np.atleast_2d(second))[0])


def _same(rounding: Bound, texts, first: np.ndarray, second: np.ndarray, what: str = "largest cosine distance") -> Row:
    distances = cosine_distances(first, second)
    return at_most(what, distances.max(), rounding, worst=farthest(texts, distances))
