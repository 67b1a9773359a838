"""Two systems beside each other: which tasks are compared, what is lost, what bounds them, which texts one cuts."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.comparing import cut_texts, rows
from fixtures.comparing.bounds import Bound
from fixtures.comparing.bounds_of_two import bounds_of_two, is_the_same, wider
from fixtures.comparing.counterparts import Counterpart, counterparts
from fixtures.comparing.differences import differences, lines
from fixtures.comparing.floors import floors
from fixtures.comparing.lost import Served, is_served, row_of, served_by, why_not_judged
from fixtures.comparing.statistics import STATISTICS
from fixtures.models.spec import Input, ModelSpec, Role
from fixtures.models.task_maps import BUNDLED, read_task_map
from fixtures.observing.observation import Observation
from fixtures.texts.anchors import anchor_set, hashes
from tests.resealing import reseal

JINA = ModelSpec(
    "jina",
    "jina-v3",
    {
        "retrieval.query": Input("q: "),
        "retrieval.passage": Input(),
        "separation": Input(adapter="s"),
        "more": Input("m"),
    },
    {Role.QUERY: "retrieval.query", Role.DOCUMENT: "retrieval.passage", Role.CLUSTERING: "separation"},
    layers=24,
    max_length=512,
    precision="float32",
    identity="1" * 64,
)
E5 = ModelSpec(
    "e5",
    "sentence-transformers",
    {"query": Input("query: "), "passage": Input("passage: ")},
    {Role.QUERY: "query", Role.DOCUMENT: "passage", Role.CLUSTERING: "query", Role.SIMILARITY: "query"},
    layers=12,
    max_length=512,
    precision="bfloat16",
    identity="2" * 64,
)


# --- which tasks are compared ----------------------------------------------------------------------------------------


def test_tasks_of_one_name_are_compared_whatever_roles_they_serve():
    other = replace(JINA, roles={Role.SIMILARITY: "separation"})
    assert counterparts(tuple(JINA.tasks), JINA, other) == [Counterpart(task, task) for task in JINA.tasks]


def test_other_tasks_are_compared_role_by_role():
    assert counterparts(tuple(JINA.tasks), JINA, E5) == [
        Counterpart("query", "retrieval.query", (Role.QUERY,)),
        Counterpart("query", "separation", (Role.CLUSTERING,)),
        Counterpart("passage", "retrieval.passage", (Role.DOCUMENT,)),
    ]
    assert [one.called for one in counterparts(tuple(E5.tasks), E5, JINA)] == [
        "retrieval.query (query; was query)",
        "retrieval.passage (document; was passage)",
        "separation (clustering; was query)",
    ]


def test_role_whose_own_task_is_gone_is_compared_though_the_task_that_serves_it_now_was_there():
    one = replace(E5, tasks={"query": E5.tasks["query"]}, roles=dict.fromkeys(E5.roles, "query"))
    assert counterparts(tuple(E5.tasks), E5, one) == [
        Counterpart("query", "query"),
        Counterpart("query", "passage", (Role.DOCUMENT,)),
    ]


def test_task_that_is_the_same_as_another_now_is_compared_with_what_it_was():
    apart = replace(E5, roles={})
    joined = replace(apart, tasks={"query": E5.tasks["query"]}, same_as={"passage": "query"})
    became = counterparts(tuple(apart.tasks), apart, joined)
    assert became == [Counterpart("query", "query"), Counterpart("query", "passage", alias="passage")]
    assert [one.called for one in became] == ["query", "query (as passage; was passage)"]
    assert counterparts(tuple(joined.tasks), joined, apart) == [
        Counterpart("query", "query"),
        Counterpart("passage", "query", alias="passage"),
    ]
    assert counterparts(tuple(joined.tasks), joined, joined) == [Counterpart("query", "query")]


def test_old_side_of_which_no_role_is_known_has_tasks_alone():
    assert counterparts(("retrieval.query", "gone"), None, JINA) == [Counterpart("retrieval.query", "retrieval.query")]
    assert counterparts(tuple(JINA.tasks), None, E5) == []


def test_roles_that_changed_places_are_said_to_differ_though_no_task_moved():
    swapped = replace(JINA, roles={**JINA.roles, Role.QUERY: "retrieval.passage", Role.DOCUMENT: "retrieval.query"})
    found = lines(differences(Observation(JINA), Observation(swapped)))
    assert found == [
        "task of the role query: retrieval.query -> retrieval.passage",
        "task of the role document: retrieval.passage -> retrieval.query",
    ]
    assert lines(differences(Observation(JINA), Observation(JINA))) == ["nothing that both sides state"]


# --- what is lost -----------------------------------------------------------------------------------------------------


def test_system_is_for_its_roles_and_for_tasks_that_none_stands_for():
    assert [one.id for one in served_by(tuple(JINA.tasks), JINA.roles)] == [
        "role:query",
        "role:document",
        "role:clustering",
        "task:more",
    ]
    assert served_by(("a", "b"), {}) == [Served("a"), Served("b")]


def test_task_whose_role_another_task_serves_now_is_not_lost():
    assert is_served(Served("retrieval.query", Role.QUERY), E5)
    assert not is_served(Served("more"), E5)
    assert is_served(Served("more"), replace(E5, same_as={"more": "query"}))


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (E5, "no task of it serves that role: e5 has query, passage"),
        (
            replace(E5, unsupported={Role.CLASSIFICATION: "trained for retrieval"}),
            "trained for retrieval, as its task map",
        ),
    ],
)
def test_lost_role_fails_with_the_reason_and_can_be_listed(new, told):
    row = row_of(Served("classification", Role.CLASSIFICATION), new, "snapshots/jina", "accept it")
    assert row.fails and row.verdict == rows.FAILS
    assert row.reason.startswith(
        "lost: the role classification (its task classification), which snapshots/jina served; "
    )
    assert told in row.reason and [case.label for case in row.evidence] == ["accept it"]
    assert not row_of(Served("retrieval.query", Role.QUERY), new, "snapshots/jina", "").fails


def test_what_was_not_asked_is_not_judged():
    gone = Served("classification", Role.CLASSIFICATION)
    assert "--tasks leaves tasks" in why_not_judged(gone, E5, leaves_tasks_out=lambda: True)
    assert "merged model" in why_not_judged(gone, replace(E5, task_named=True), leaves_tasks_out=lambda: False)
    assert why_not_judged(gone, E5, leaves_tasks_out=lambda: False) is None
    assert why_not_judged(Served("query", Role.QUERY), E5, leaves_tasks_out=lambda: True) is None


def test_baselines_of_format_1_name_no_roles_and_have_those_of_jina_v3_where_the_tasks_are_its(
    baseline_of_format_1, tmp_path
):
    roles = Baseline(baseline_of_format_1).recorded().spec.roles
    assert roles == read_task_map(BUNDLED / "jina-v3.toml").roles
    folder = shutil.copytree(baseline_of_format_1, tmp_path / "other")
    prefixes = {"a": "", "b": "", "c": "", "d": "", "e": ""}
    reseal(folder, lambda manifest: manifest.update(prefixes=prefixes))
    assert Baseline(folder).recorded().spec.roles == {}


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_bounds_are_the_wider_of_both_floors_each_by_its_own_depth():
    found = bounds_of_two(JINA, E5, texts=93, unit_length=True)
    assert set(found) == set(STATISTICS)
    for name in ("matrix max", "vector max", "vector rms"):
        assert found[name].value == max(floors("float32", 24)[name], floors("bfloat16", 12)[name])
        assert found[name].source == "floor of bfloat16"
    deep = bounds_of_two(replace(JINA, layers=96), JINA, texts=93, unit_length=True)
    assert deep["vector max"].value == floors("float32", 96)["vector max"] > floors("float32", 24)["vector max"]


def test_unstated_precision_and_depth_take_the_widest_and_say_so():
    found = bounds_of_two(
        JINA, replace(E5, precision=None, layers=None, normalised_in=None), texts=93, unit_length=True
    )
    assert found["vector max"].value == floors(None, None)["vector max"]
    assert found["vector max"].source.startswith("floor of an unstated precision; depth not stated")


def test_share_of_texts_moves_by_some_texts_at_least():
    assert bounds_of_two(JINA, JINA, texts=10, unit_length=True)["neighbour flips"].value == pytest.approx(0.3)


def test_norms_follow_the_precision_that_they_were_made_in():
    same = bounds_of_two(JINA, JINA, texts=93, unit_length=True)["norm max"].value
    coarse = bounds_of_two(JINA, replace(JINA, normalised_in="bfloat16"), texts=93, unit_length=True)["norm max"].value
    assert same == pytest.approx(6e-7) and 3.7e-3 < coarse < 2e-2


def test_int8_moves_less_from_its_own_past_than_from_anything_else():
    engine = replace(E5, precision="int8")
    own = bounds_of_two(engine, engine, texts=93, unit_length=True)["vector rms"].value
    other = bounds_of_two(replace(engine, identity="3" * 64), engine, texts=93, unit_length=True)["vector rms"].value
    assert own < other


@pytest.mark.parametrize(
    "change",
    [{"identity": None}, {"identity": "9" * 64}, {"runtime": "onnx"}, {"tasks": {"a": Input()}}, {"dimension": 7}],
)
def test_system_is_known_by_what_decides_its_answers_and_not_by_its_name(change):
    assert is_the_same(JINA, replace(JINA, name="another folder", source="elsewhere"))
    assert not is_the_same(replace(JINA, **change), JINA)
    assert not is_the_same(replace(JINA, identity=None), replace(JINA, identity=None))


def test_wider_bound_is_taken_and_none_where_one_side_judges_nothing():
    first = {"a": Bound(1.0, "x"), "b": Bound(2.0, "x"), "c": Bound(None, "why"), "only": Bound(1.0, "x")}
    second = {"a": Bound(3.0, "y"), "b": Bound(1.0, "y"), "c": Bound(5.0, "y")}
    found = wider(first, second)
    assert {name: (bound.value, bound.source) for name, bound in found.items()} == {
        "a": (3.0, "y"),
        "b": (2.0, "x"),
        "c": (None, "why"),
    }


# --- texts that one side cuts -----------------------------------------------------------------------------------------


def asked(max_length: int | None, tokens: dict | None = None, prompt: str = "") -> Observation:
    spec = ModelSpec("m", "made up", {"embedding": Input(prompt)}, max_length=max_length, dimension=2)
    known = anchor_set(512)
    return Observation(spec, tokens=tokens, texts=hashes(known.texts), token_texts=hashes(known.token_texts))


KNOWN = anchor_set(512)
COUNTED = {name: {"count": 10 if name == "greek" else 300, "sha256": ""} for name in KNOWN.token_texts}


def test_equal_lengths_part_nothing():
    for length in (512, None):
        assert cut_texts.parted(KNOWN, asked(length), asked(length), "embedding") == (KNOWN, None)


def test_texts_are_parted_by_their_tokens_and_the_prompts_of_both_sides():
    within, beyond = cut_texts.parted(KNOWN, asked(512, COUNTED), asked(256, COUNTED), "embedding")
    assert list(within.texts) == ["greek"] and len(beyond.texts) == len(KNOWN.texts) - 1
    within, beyond = cut_texts.parted(KNOWN, asked(512, COUNTED), asked(12, COUNTED, "a longer prompt: "), "embedding")
    assert not within.texts and "greek" in beyond.texts
    within, beyond = cut_texts.parted(KNOWN, asked(None, COUNTED), asked(301, COUNTED), "embedding")
    assert set(beyond.texts) == set(KNOWN.over_length)


def test_uncounted_texts_are_parted_by_the_most_tokens_that_they_can_have():
    within, beyond = cut_texts.parted(KNOWN, asked(512), asked(64), "embedding")
    assert "latin-english-market" in within.texts and {"paragraph-english", "long-300-tokens"} <= set(beyond.texts)


def test_moved_long_texts_are_counted_against_the_bound_and_other_dimensions_are_not():
    old, new = asked(512, COUNTED), asked(256, COUNTED)
    _, beyond = cut_texts.parted(KNOWN, old, new, "embedding")
    texts = list(beyond.texts.values())
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(texts), 1))
    old.keep(texts, "embedding", vectors)
    turned = vectors.copy()
    turned[:3] = [0.0, 1.0]
    new.keep(texts, "embedding", turned)
    found = cut_texts.moved_beyond(old, new, beyond, "embedding", {"vector max": Bound(1e-6, "made up")})
    assert found.moved == 3 and found.told == "cut at 256 tokens, was 512" and len(found.texts) == len(texts)
    turned[5] = np.nan
    new.keep(texts, "embedding", turned)
    broken = cut_texts.moved_beyond(old, new, beyond, "embedding", {"vector max": Bound(1e-6, "made up")})
    assert broken.moved == 3 and broken.not_finite == 1
    narrow = asked(256, COUNTED)
    narrow.keep(texts, "embedding", vectors[:, :1])
    found = cut_texts.moved_beyond(old, narrow, beyond, "embedding", {"vector max": Bound(1e-6, "made up")})
    assert found.distances is None and found.moved == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (512, None, "longer than 512 tokens, where the old system cuts; the new one states no maximum length"),
        (None, 512, "cut at 512 tokens; the old system stated no maximum length"),
    ],
)
def test_unstated_length_is_said_to_be_unstated(old, new, told):
    before, now = asked(old, COUNTED), asked(new, COUNTED)
    _, beyond = cut_texts.parted(KNOWN, before, now, "embedding")
    texts = list(beyond.texts.values())
    for side in (before, now):
        side.keep(texts, "embedding", np.ones((len(texts), 2), dtype=np.float32))
    assert cut_texts.moved_beyond(before, now, beyond, "embedding", None).told == told
