"""Embeddings that are cut to their first components: what each runtime's own cut gives, and nothing else is changed."""

from dataclasses import replace

import numpy as np
import pytest

from fixtures.errors import CheckpointError, EncodeError
from fixtures.models.spec import Ability, Input, ModelSpec, Target, Whole
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from fixtures.runtimes.jina_v3.known_models import BUNDLED_MODEL
from fixtures.runtimes.system import System, system_of
from tests.checkpoints import change_json
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers

TEXTS = ["Follow the white rabbit.", "Hello", "Sigue al conejo blanco."]
PROMPTS = {"query": "Represent the query: ", "document": "Represent the document: "}
MAP = TaskMap(matryoshka=(8, 16, 32))
DIM = 16
WIDTH = 32
"""Components of each of these models."""


def _of_sentence_transformers(**kind):
    def target(checkpoint, folder):
        written = write_sentence_transformers(folder / "model", prompts=PROMPTS, **kind)
        change_json(written / "config.json", matryoshka_dimensions=[8, 16, 32])
        return Target(str(written))

    return target


def _of_a_graph(task_map, **kind):
    return lambda checkpoint, folder: Target(
        str(write_onnx_folder(folder / "model", prompts=PROMPTS, **kind)), task_map=task_map
    )


TARGETS = {
    "jina-v3": lambda checkpoint, folder: Target(str(checkpoint)),
    "sentence-transformers": _of_sentence_transformers(),
    "sentence-transformers, not normalised": _of_sentence_transformers(normalise=False),
    "onnx": _of_a_graph(MAP),
    "onnx, not normalised": _of_a_graph(MAP, normalise=False),
    "onnx without sizes": _of_a_graph(None),
}


def opened(target: Target):
    system = system_of(target).described().fetched()
    system = system.on(list(system.runtime.devices())[-1]).computed(system.runtime.options())
    encoder = system.open(1)
    return system.saying(encoder.spec), encoder


@pytest.fixture(scope="module", params=TARGETS)
def both(request, native_checkpoint, tmp_path_factory):
    """Two open systems with their encoders, of one model: whole, and cut."""
    target = TARGETS[request.param](native_checkpoint, tmp_path_factory.mktemp("cut"))
    pairs = opened(target), opened(replace(target, dim=DIM))
    yield pairs
    for _, encoder in pairs:
        encoder.close()


@pytest.fixture(scope="module")
def cut(both):
    return both[1]


# --- what is answered -----------------------------------------------------------------------------------------------


def test_answers_are_the_first_components_by_the_runtimes_own_cut(both):
    (whole_system, whole), (system, encoder) = both
    task = encoder.tasks[0]
    vectors, first = encoder.encode(TEXTS, task), whole.encode(TEXTS, task)[:, :DIM]
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), DIM))
    if not system.spec.normalised:
        assert np.array_equal(vectors, first)
        return
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors, first / np.linalg.norm(first, axis=1, keepdims=True), atol=1e-6)
    if not whole_system.spec.why_not(Ability.TRUNCATE):
        assert np.array_equal(vectors, whole.encode(TEXTS, task, truncate_dim=DIM))


def test_what_a_call_varies_is_passed_on(both):
    (_, whole), (_, encoder) = both
    task = encoder.tasks[0]
    for vary in ({"prefix": "Another: "}, {"batch_tokens": 8}):
        varied, first = encoder.encode(TEXTS, task, **vary), whole.encode(TEXTS, task, **vary)[:, :DIM]
        lengths = np.linalg.norm(first, axis=1, keepdims=True) if encoder.spec.normalised else 1
        assert np.allclose(varied, first / lengths, atol=1e-6), vary
    assert encoder.tokenize(TEXTS, task, prefix="Another: ") == whole.tokenize(TEXTS, task, prefix="Another: ")
    if not encoder.spec.why_not(Ability.HIDDEN_STATES):
        assert np.array_equal(encoder.hidden_states("Hello", task), whole.hidden_states("Hello", task))
    assert encoder.environment() == {**whole.environment(), "dim": DIM}
    assert encoder.changed_files() == []


def test_base_weights_are_cut_too(native_checkpoint):
    _, encoder = opened(Target(str(native_checkpoint), dim=DIM))
    assert encoder.encode(TEXTS, None).shape == (len(TEXTS), DIM)


def test_a_call_may_cut_further_and_no_less(both):
    (_, whole), (_, encoder) = both
    task = encoder.tasks[0]
    if encoder.spec.why_not(Ability.TRUNCATE):
        with pytest.raises(EncodeError, match="no task map states lengths"):
            encoder.encode(TEXTS, task, truncate_dim=8)
        return
    assert np.array_equal(encoder.encode(TEXTS, task, truncate_dim=8), whole.encode(TEXTS, task, truncate_dim=8))
    with pytest.raises(EncodeError, match="truncate_dim 32; embeddings are cut to 16 already"):
        encoder.encode(TEXTS, task, truncate_dim=WIDTH)


def test_another_dtype_stays_cut(cut):
    _, encoder = cut
    if encoder.spec.why_not(Ability.OTHER_DTYPE):
        with pytest.raises(EncodeError):
            encoder.in_dtype("bfloat16")
        return
    other = encoder.in_dtype("bfloat16")
    assert (other.spec.precision, other.spec.cut_to) == ("bfloat16", DIM)
    assert other.encode(TEXTS, other.tasks[0]).shape == (len(TEXTS), DIM)


def test_a_size_that_is_not_stated_is_cut_to(native_checkpoint):
    _, encoder = opened(Target(str(native_checkpoint), dim=11))
    assert encoder.encode(TEXTS, encoder.tasks[0]).shape == (len(TEXTS), 11)
    assert encoder.spec.matryoshka == (8,)


# --- variations and faults ------------------------------------------------------------------------------------------


def test_variations_give_the_same_vectors(cut):
    system, encoder = cut
    task = encoder.tasks[0]
    vectors = encoder.encode(TEXTS, task)
    variations = system.runtime.variations(encoder, thorough=True)
    assert len(variations) >= 7
    for variation in variations:
        varied = variation.encode(encoder, TEXTS, task)
        assert varied.shape == vectors.shape and np.allclose(varied, vectors, atol=1e-4), variation.name


def test_every_fault_of_the_whole_model_moves_the_cut_and_one_more_does(both):
    (whole_system, whole), (system, encoder) = both
    task = encoder.tasks[0]
    texts = ["Follow the White Rabbit, she said.", "  Hello ", "Ça\u0300 va, René?", "a " * 600]

    def moved(runtime, asked):
        healthy, names = asked.encode(texts, task), set()
        for fault in runtime.faults(asked):
            with fault.inject(asked, task) as faulty:
                vectors = faulty.encode(texts, task)
            assert vectors.shape == healthy.shape, fault.name
            names |= set() if np.array_equal(vectors, healthy) else {fault.name}
        return names

    more = {"cut and not normalised again"} if system.spec.normalised else set()
    assert moved(system.runtime, encoder) == moved(whole_system.runtime, whole) | more
    assert np.array_equal(encoder.encode(texts, task), encoder.encode(texts, task))  # all are taken back


def test_what_is_not_normalised_is_not_normalised_by_the_cut_either(cut):
    system, encoder = cut
    task, lengths = encoder.tasks[0], {}
    for fault in system.runtime.faults(encoder):
        with fault.inject(encoder, task) as faulty:
            lengths[fault.name] = np.linalg.norm(faulty.encode(TEXTS, task), axis=1)
    if not system.spec.normalised:
        assert not {"not normalised", "cut and not normalised again"} & set(lengths)
        return
    assert (np.abs(lengths.pop("not normalised") - 1) > 0.01).all()
    assert (lengths.pop("cut and not normalised again") < 0.99).all()
    assert all(np.allclose(one, 1, atol=1e-5) for one in lengths.values())


# --- what the system says of itself ---------------------------------------------------------------------------------


def test_description_is_of_the_cut_and_remembers_the_whole(both):
    (whole, _), (system, _) = both
    sizes = whole.spec.matryoshka
    assert (system.spec.dimension, system.spec.cut_to) == (DIM, DIM)
    assert (whole.spec.dimension, whole.spec.cut_to) == (WIDTH, None)
    assert system.spec.matryoshka == tuple(size for size in sizes if size <= DIM)
    assert system.spec.whole == Whole(WIDTH, sizes)
    of_the_cut = {"dimension", "matryoshka", "whole", "baseline_name", "notes"}
    others = {name for name, value in vars(whole.spec).items() if getattr(system.spec, name) != value}
    assert others <= of_the_cut


def test_it_is_known_before_anything_is_opened(native_checkpoint):
    system = system_of(Target(str(native_checkpoint), dim=DIM)).described()
    assert (system.spec.dimension, system.spec.whole) == (DIM, Whole(WIDTH, (8, 16, 32)))
    assert system.fetched().spec == system.spec  # not cut twice


def test_worker_is_handed_the_cut(cut):
    system, encoder = cut
    assert ModelSpec.load(encoder.spec.dump()) == encoder.spec
    loaded = System.load(system.dump())
    assert (loaded.spec, loaded.target, loaded.own_name) == (system.spec, system.target, system.own_name)
    again = loaded.open(1)
    assert np.array_equal(again.encode(TEXTS, again.tasks[0]), encoder.encode(TEXTS, encoder.tasks[0]))
    again.close()


def test_names_tell_the_cut_from_the_whole():
    whole, cut = (system_of(Target(BUNDLED_MODEL, dim=dim)).described().on("cpu") for dim in (None, 128))
    assert (whole.own_name, cut.own_name) == ("mini", "mini--dim128")
    assert (whole.models_name, cut.models_name) == ("mini", "mini")
    assert (whole.spec.baseline_name, cut.spec.baseline_name) == ("mini", "mini--dim128")
    assert (whole.label, cut.label) == ("mini on cpu", "mini (cut to 128) on cpu")
    assert cut.typed() == {**whole.typed(), "--dim": 128}


@pytest.mark.parametrize(
    ("dim", "note"),
    [
        (8, None),
        (32, None),
        (9, "--dim 9: 9 isn't one of the sizes that tiny was trained for: 8, 16, 32"),
    ],
)
def test_size_that_is_not_stated_is_noted(native_checkpoint, dim, note):
    whole, cut = (system_of(Target(str(native_checkpoint), dim=one)).described().spec for one in (None, dim))
    added = [one.replace(str(native_checkpoint), "tiny") for one in cut.notes if one not in whole.notes]
    assert added == ([note] if note else [])


def test_model_without_sizes_is_noted(tmp_path):
    folder = write_sentence_transformers(tmp_path / "model")
    assert f"--dim 8: {folder} states no sizes that it was trained to be cut to" in (
        system_of(Target(str(folder), dim=8)).described().spec.notes
    )


# --- what is refused ------------------------------------------------------------------------------------------------


def test_more_components_than_there_are_are_refused_with_the_sizes(native_checkpoint, tmp_path):
    with pytest.raises(CheckpointError) as error:
        system_of(Target(str(native_checkpoint), dim=33)).described()
    assert str(error.value).replace(str(native_checkpoint), "tiny") == (
        "--dim: 33 is more than the 32 components of tiny; its sizes are 8, 16, 32"
    )
    folder = write_sentence_transformers(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"the 32 components of .*; it states no sizes to cut to"):
        system_of(Target(str(folder), dim=33)).described()


def test_where_only_opening_tells_the_model_is_closed_again():
    closed = []
    plain = registry.JINA_V3

    class Opened:
        spec = ModelSpec("m", "known late", {"embedding": Input()}, dimension=4)
        device, notes = "own", []

        def close(self):
            closed.append(True)

    row = replace(
        plain,
        name="known late",
        names=lambda name: name == "late",
        claims=lambda target: True,
        folder=lambda name: None,
        describe=lambda target: replace(Opened.spec, dimension=None),
        fetch=lambda spec, target: spec,
        open=lambda *_: Opened(),
    )
    before = list(registry.RUNTIMES)
    registry.register(row)
    try:
        system = system_of(Target("late", runtime="known late", dim=8)).described().fetched()
        assert (system.spec.dimension, system.spec.whole) == (8, Whole(None, ()))
        with pytest.raises(CheckpointError, match="--dim: 8 is more than the 4 components of m"):
            system.on("own").open(1)
    finally:
        registry.RUNTIMES[:] = before
    assert closed == [True]


@pytest.mark.parametrize("dim", [1, 128])
def test_callable_has_to_cut_by_itself(dim):
    with pytest.raises(CheckpointError) as error:
        system_of(Target("python:tests.callables:encode", dim=dim))
    assert str(error.value) == (
        f"--dim: the python runtime can't cut embeddings: have the callable itself return the first {dim} components"
    )
