"""A kit over every runtime: each ability that its row declares works, each that it doesn't raises."""

import re

import numpy as np
import pytest

from fixtures.baselines.manifest import UNSTATED
from fixtures.baselines.recording import measure_tolerance
from fixtures.comparing.bounds import stored_bounds
from fixtures.comparing.statistics import statistics_of
from fixtures.errors import EncodeError
from fixtures.models.spec import Ability, ModelSpec, Target
from fixtures.models.task_maps import TaskMap
from fixtures.observing.observation import Observation
from fixtures.runtimes import registry
from fixtures.runtimes.jina_v3.known_models import task_map_of_published
from fixtures.runtimes.registry import RUNTIMES, Runtime
from fixtures.texts.anchors import anchor_set
from fixtures.texts.long_texts import long_text
from tests.checkpoints import TASKS
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers

TEXTS = ["Follow the white rabbit.", "Hello", "Sigue al conejo blanco."]


def _tokens(encoder, task):
    (short, *_) = encoder.tokenize(["Hello"], task)
    assert all(isinstance(one, int) for one in short)


def _alike(**vary):
    """The same vectors but for rounding: an option that is ignored gives the same bits."""

    def check(encoder, task):
        texts = [*TEXTS, long_text(120)]  # the others are filled up to it, or aren't
        varied, plain = encoder.encode(texts, task, **vary), encoder.encode(texts, task)
        assert np.allclose(varied, plain, atol=1e-5) and not np.array_equal(varied, plain)

    return check


def _other_prompt(encoder, task):
    assert not np.allclose(encoder.encode(TEXTS, task, prefix="Another: "), encoder.encode(TEXTS, task), atol=1e-3)


def _base(encoder, task):
    assert not np.allclose(encoder.encode(TEXTS, None), encoder.encode(TEXTS, task), atol=1e-3)


def _cut(encoder, task):
    dimension = (encoder.spec.matryoshka or (8,))[0]
    assert encoder.encode(TEXTS, task, truncate_dim=dimension).shape[1] == dimension


def _states(encoder, task):
    assert encoder.hidden_states("Hello", task).shape[1] == encoder.spec.dimension


def _dtype(encoder, task):
    assert encoder.in_dtype("bfloat16").spec.precision == "bfloat16"


def _twice(encoder, task):
    assert np.array_equal(encoder.encode(TEXTS, task), encoder.encode(TEXTS, task))


CHECKS = {
    Ability.TOKENIZE: _tokens,
    Ability.BATCH_SIZE: _alike(batch_tokens=8),
    Ability.PADDING_SIDE: _alike(padding_side="left"),
    Ability.OTHER_PROMPT: _other_prompt,
    Ability.NO_ADAPTER: _base,
    Ability.TRUNCATE: _cut,
    Ability.HIDDEN_STATES: _states,
    Ability.OTHER_DTYPE: _dtype,
    Ability.REPEATABLE: _twice,
}
ONLY_PROMISED = {Ability.REPEATABLE}
"""Abilities without a call of their own: a runtime that doesn't declare one may have it; evals don't count on it."""

LONGEST_RECORDED = 100
"""Characters below which an anchor is recorded here: 86 of 93, with a quarter of all characters."""
SOURCE_OF_A_BOUND = re.compile(
    r"measured, \d+ runs|3 times the largest seen, as few runs moved it"
    r"|floor, as few runs moved it(; depth not stated: as deep as 24 layers)?"
    r"|harmless runs move it by up to \S+ of 1 at most: no bound could be broken"
)

PROMPTS = {"query": "Represent the query: ", "document": "Represent the document: "}
CUT = TaskMap(matryoshka=(8, 32))
TARGETS = {
    "jina-v3": lambda checkpoint, folder: Target(str(checkpoint)),
    "onnx": lambda checkpoint, folder: Target(str(write_onnx_folder(folder, prompts=PROMPTS)), task_map=CUT),
    "python": lambda checkpoint, folder: Target("python:tests.callables:encode"),
    "sentence-transformers": lambda checkpoint, folder: Target(
        str(write_sentence_transformers(folder / "model", prompts=PROMPTS))
    ),
}
"""Runtime -> a model of its: the tiny checkpoint, or one that is written into the folder."""


def opened(runtime: Runtime, checkpoint, folder):
    target = TARGETS[runtime.name](checkpoint, folder)
    spec = registry.completed(runtime, runtime.fetch(registry.describe(runtime, target), target), target)
    return runtime.open(spec, target, list(runtime.devices())[-1], runtime.options())


@pytest.fixture(scope="module", params=RUNTIMES, ids=lambda runtime: runtime.name)
def runtime_and_encoder(request, native_checkpoint, tmp_path_factory):
    encoder = opened(request.param, native_checkpoint, tmp_path_factory.mktemp(request.param.name))
    yield request.param, encoder
    encoder.close()


def test_kit_has_a_check_for_every_ability():
    assert CHECKS.keys() == set(Ability)


@pytest.mark.parametrize("ability", Ability, ids=lambda ability: ability.name)
def test_ability_is_there_if_and_only_if_its_row_declares_it(runtime_and_encoder, ability):
    runtime, encoder = runtime_and_encoder
    task = encoder.tasks[0]
    if ability in runtime.abilities:
        assert encoder.spec.why_not(ability) is None
        CHECKS[ability](encoder, task)
    elif ability not in ONLY_PROMISED:
        assert encoder.spec.why_not(ability)
        with pytest.raises(EncodeError):
            CHECKS[ability](encoder, task)


def test_vectors_are_float32_in_the_order_of_the_texts(runtime_and_encoder):
    _, encoder = runtime_and_encoder
    task = encoder.tasks[0]
    vectors = encoder.encode(TEXTS, task)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), encoder.spec.dimension))
    assert np.allclose(encoder.encode(TEXTS[::-1], task)[::-1], vectors, atol=1e-5)


@pytest.mark.parametrize(("texts", "asked"), [([], None), ("one", None), ([7], None), (["a"], "no such task")])
def test_wrong_call_is_refused(runtime_and_encoder, texts, asked):
    _, encoder = runtime_and_encoder
    with pytest.raises(EncodeError):
        encoder.encode(texts, asked or encoder.tasks[0])


def test_variations_give_the_same_vectors_and_faults_others(runtime_and_encoder):
    runtime, encoder = runtime_and_encoder
    task = encoder.tasks[0]
    vectors = encoder.encode(TEXTS, task)
    variations = runtime.variations(encoder, thorough=False)
    assert len(variations) >= 4
    for variation in variations:
        assert np.allclose(variation.encode(encoder, TEXTS, task), vectors, atol=1e-4), variation.name
    texts = ["Follow the White Rabbit, she said.", "  Hello ", "Ça\u0300 va, René?", "a " * 600]
    healthy = encoder.encode(texts, task)
    moved = set()
    for fault in runtime.faults(encoder):
        with fault.inject(encoder, task) as faulty:
            if not np.array_equal(faulty.encode(texts, task), healthy):
                moved.add(fault.name)
    touching = {one.name for one in runtime.faults(encoder) if one.touches(task, encoder.spec.tasks[task].prompt)}
    # The tokenizers of these models strip, and the short one cuts before.
    assert touching - moved <= {
        f"answered by the {task} adapter",
        "texts stripped of outer spaces",
        "cut at 512 tokens",
    }


def test_every_bound_of_a_recording_is_below_half_of_its_reach_and_says_its_source(runtime_and_encoder):
    runtime, encoder = runtime_and_encoder
    every = anchor_set(encoder.spec.max_length)
    anchors = every.only(name for name, text in every.texts.items() if len(text) < LONGEST_RECORDED)
    new = Observation(encoder.spec, answer=encoder.encode)
    recorded = measure_tolerance(new, anchors, encoder, runtime, tell=lambda line: None, quick=True)
    assert set(recorded) == {encoder.spec.precision or UNSTATED}
    (entry,) = recorded.values()
    taken = statistics_of(unit_length=encoder.spec.normalised)
    assert entry["largest_seen"].keys() == taken.keys() and entry["bounds"].keys() <= taken.keys()
    bounds = stored_bounds(entry, encoder.spec.precision, encoder.spec.layers, texts=len(anchors.texts))
    assert bounds.keys() == taken.keys()
    for name, bound in bounds.items():
        assert SOURCE_OF_A_BOUND.fullmatch(bound.source), bound
        if bound.value is None:
            assert taken[name].may_lack_bound and not bound.void and name not in entry["bounds"]
        else:
            assert entry["largest_seen"][name] < bound.value < taken[name].reach / 2
            assert bound.value == pytest.approx(entry["bounds"][name])


def test_description_survives_the_way_to_a_worker(runtime_and_encoder):
    spec = runtime_and_encoder[1].spec
    assert ModelSpec.load(spec.dump()) == spec


def test_names_of_a_model_decide_its_runtime(tmp_path):
    for name, runtime in (("mini", "jina-v3"), ("org/name", "jina-v3"), (str(tmp_path), "jina-v3")):
        assert registry.runtime_of(Target(name)).name == runtime
    assert registry.runtime_of(Target("python:a.b:c")).name == "python"
    assert registry.runtime_of(Target("exported/model.onnx")).name == "onnx"


def test_five_names_of_jina_v3_have_its_roles():
    assert {str(role): task for role, task in task_map_of_published().roles.items()} == {
        "query": "retrieval.query",
        "document": "retrieval.passage",
        "clustering": "separation",
        "classification": "classification",
        "similarity": "text-matching",
    }
    assert set(task_map_of_published().tasks) == set(TASKS)
