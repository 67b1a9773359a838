"""What differs between two systems, kind by kind, on records: a line where both state it, silence where one doesn't."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from fixtures.comparing.difference import (
    CONFIGURATION,
    DTYPE,
    MODEL,
    POOLING,
    PROMPT,
    THREADS,
    TOKENIZER,
    TOKENIZER_FILES,
    VERSION,
    WEIGHTS,
    Difference,
)
from fixtures.comparing.differences import NOTHING, TOKENIZERS_DIFFER, differences, explained_by, lines, unknown
from fixtures.models.spec import Input, ModelSpec, Role, Whole
from fixtures.observing.observation import Observation
from tests.places import ROOT

FILES = {
    "model.safetensors": "a" * 64,
    "separation/adapter_model.safetensors": "b" * 64,
    "tokenizer.json": "c" * 64,
    "config.json": "d" * 64,
    "own.py": "e" * 64,
}
SPEC = ModelSpec(
    name="models/one",
    runtime="jina-v3",
    tasks={"query": Input("query: ", "query"), "text": Input("", "text")},
    dimension=8,
    max_length=512,
    pooling="the mean",
    pooling_modes=("mean",),
    precision="float32",
    identity="f" * 64,
    source="/models/one",
    baseline_name="one",
    details={"layout": "native", "model_files": FILES},
)
ENVIRONMENT = {
    "dtype": "float32",
    "device": "cpu (One)",
    "attn_implementation": "sdpa",
    "batch_tokens": 4096,
    "provider": "One",
    "threads": 2,
    "versions": {"torch": "2.13.0", "peft": "0.21.2"},
}
TOKENS = {"first": [0, 5, 2], "second": [0, 6, 2], "long": {"count": 512, "sha256": "0" * 64}}


def side(*, environment=None, tokens=TOKENS, **changes) -> Observation:
    """A system that states everything, but for some changes; an entry of the environment that is None isn't stated."""
    stated = {**ENVIRONMENT, **(environment or {})}
    texts = {name: name for name in TOKENS}
    return Observation(
        replace(SPEC, **changes),
        environment={name: value for name, value in stated.items() if value is not None},
        tokens=tokens,
        texts=texts,
        token_texts=texts,
    )


def files(*without: str, **changed: str) -> dict:
    """Details with other files: by the first part of a name -> hash, and without those named."""
    kept = {name: changed.get(name.split(".")[0].split("/")[0], digest) for name, digest in FILES.items()}
    return {"layout": "native", "model_files": {name: kept[name] for name in kept if name not in without}}


def told(**changes) -> list[str]:
    return lines(differences(side(), side(**changes)))


NEW = "1" * 64
DIFFERENT = {
    "model": (
        {"name": "models/two", "source": "/models/two", "baseline_name": "two"},
        "model: models/one -> models/two",
    ),
    "runtime": ({"runtime": "onnx"}, "runtime: jina-v3 -> onnx"),
    "weights": (
        {"details": files(separation=NEW)},
        "weights: 988a6c31ed2b -> 19faba1639a3 (1 of 2 files: separation/adapter_model.safetensors)",
    ),
    "code": ({"details": files(own=NEW)}, "code: eeeeeeeeeeee -> 111111111111 (own.py)"),
    "tokenizer, by its files": (
        {"details": files(tokenizer=NEW), "tokens": {}},
        "tokenizer: cccccccccccc -> 111111111111 (tokenizer.json)",
    ),
    "tokenizer, by token ids": (
        {"tokens": {**TOKENS, "second": [0, 7, 2]}},
        "tokenizer: token ids differ on 1 of 3 texts, though its files are the same",
    ),
    "tokenizer, by both": (
        {"details": files(tokenizer=NEW), "tokens": {**TOKENS, "second": [0, 7, 2]}},
        "tokenizer: cccccccccccc -> 111111111111 (tokenizer.json; token ids differ on 1 of 3 texts)",
    ),
    "tokenizer, by token ids alone": (
        {"details": files("tokenizer.json"), "tokens": {**TOKENS, "second": [0, 7, 2]}},
        "tokenizer: token ids differ on 1 of 3 texts",
    ),
    "tokenizer's files": (
        {"details": files(tokenizer=NEW)},
        "tokenizer files: cccccccccccc -> 111111111111 (tokenizer.json; token ids agree on all 3 texts)",
    ),
    "configuration": ({"details": files(config=NEW)}, "configuration: dddddddddddd -> 111111111111 (config.json)"),
    "prompt": ({"tasks": {**SPEC.tasks, "query": Input("", "query")}}, 'prompt of query: "query: " -> none'),
    "adapter": ({"tasks": {**SPEC.tasks, "text": Input("", "query")}}, "adapter of text: text -> query"),
    "no adapter": ({"tasks": {**SPEC.tasks, "text": Input()}}, "adapter of text: text -> none"),
    "maximum length": ({"max_length": 8192}, "maximum length: 512 tokens -> 8,192 tokens"),
    "pooling": ({"pooling_modes": ("cls", "max")}, "pooling: mean -> cls and max"),
    "normalisation": ({"normalised": False}, "normalisation: unit length -> any length"),
    "dimension": ({"dimension": 4}, "dimension: 8 -> 4"),
    "cut": ({"dimension": 4, "whole": Whole(8)}, "dimension: 8 -> 4 of 8"),
    "cut to the same length": ({"whole": Whole(16)}, "dimension: 8 -> 8 of 16"),
    "cut of a length that was never known": ({"dimension": 4, "whole": Whole()}, "dimension: 8 -> 4"),
    "dtype": ({"environment": {"dtype": "bfloat16"}}, "dtype: float32 -> bfloat16"),
    "precision": ({"environment": {"dtype": None}, "precision": "int8"}, "precision: float32 -> int8"),
    "attention": ({"environment": {"attn_implementation": "eager"}}, "attention: sdpa -> eager"),
    "batch tokens": ({"environment": {"batch_tokens": 512}}, "batch tokens: 4096 -> 512"),
    "device": ({"environment": {"device": "cuda:0 (Two)"}}, "device: cpu (One) -> cuda:0 (Two)"),
    "provider": ({"environment": {"provider": "Two"}}, "execution provider: One -> Two"),
    "threads": ({"environment": {"threads": 1}}, "threads: 2 -> 1"),
    "versions": (
        {"environment": {"versions": {"torch": "2.14.0", "peft": "0.22.0"}}},
        "versions: torch 2.13.0 -> 2.14.0, peft 0.21.2 -> 0.22.0",
    ),
    "a package that is used no more": (
        {"environment": {"versions": {"torch": "2.13.0"}}},
        "versions: peft 0.21.2 -> not used",
    ),
    "revision": ({"revision": "2" * 40}, "revision: 111111111111 -> 222222222222"),
    "model that it says it is": ({"stated_model": "two"}, "the model that it says it is: one -> two"),
    "layout": ({"details": {**files(), "layout": "original"}}, "layout: native -> original"),
    "model files": ({"details": {}, "identity": NEW, "tokens": {}}, "model files: ffffffffffff -> 111111111111"),
}
"""What differs -> how the new side differs from the one that states everything, and the line."""


@pytest.mark.parametrize(("changes", "line"), DIFFERENT.values(), ids=DIFFERENT)
def test_difference_that_both_state_is_one_line(changes, line):
    stated = {"revision": "1" * 40, "stated_model": "one"}
    same = side(**stated)
    assert lines(differences(same, side(**{**stated, **changes}))) == [line]
    assert lines(differences(same, side(**stated))) == [NOTHING]


UNSTATED = {
    "runtime": {"runtime": ""},
    "weights": {"details": files("model.safetensors", "separation/adapter_model.safetensors")},
    "configuration": {"details": files("config.json")},
    "maximum length": {"max_length": None},
    "pooling": {"pooling_modes": (), "runtime": "onnx"},
    "dimension": {"dimension": None},
    "precision": {"precision": None, "environment": {"dtype": None}},
    "attention": {"environment": {"attn_implementation": None}},
    "batch tokens": {"environment": {"batch_tokens": None}},
    "device": {"environment": {"device": "own"}},
    "threads": {"environment": {"threads": None}},
    "version": {"environment": {"versions": None}},
    "tokenizer": {"details": files("tokenizer.json"), "tokens": {}},
}


@pytest.mark.parametrize(("kind", "changes"), UNSTATED.items(), ids=UNSTATED)
def test_what_one_side_does_not_state_is_no_difference_but_is_known_to_be_unknown(kind, changes):
    here, there = side(), side(**changes)
    for pair in ((here, there), (there, here)):
        assert [one for one in differences(*pair) if one.kind != "runtime"] == []
        assert kind in unknown(*pair)
    assert unknown(here, here) == []


def test_order_is_that_in_which_one_looks_for_a_cause():
    everything = {
        **DIFFERENT["dtype"][0]["environment"],
        "threads": 1,
        "versions": {"torch": "2.14.0", "peft": "0.21.2"},
    }
    found = told(
        name="models/two",
        source="",
        tasks={**SPEC.tasks, "query": Input("Q: ", "query")},
        max_length=256,
        details=files(model=NEW, tokenizer=NEW),
        environment=everything,
    )
    assert [line.split(":")[0] for line in found] == [
        "model",
        "weights",
        "tokenizer files",
        "prompt of query",
        "maximum length",
        "dtype",
        "threads",
        "versions",
    ]


# --- names --------------------------------------------------------------------------------------------------------


def test_stored_model_has_the_name_of_its_baseline_and_another_path_to_it_is_no_difference():
    stored = side(name="one", source="", baseline_name="")
    assert differences(stored, side(name="elsewhere/one", source="/elsewhere/one")) == []
    assert told(name="./one") == [NOTHING]  # the same folder, typed otherwise
    other = side(name="models/two", source="/models/two", baseline_name="two")
    assert lines(differences(stored, other)) == ["model: one -> two"]


def test_models_of_one_folder_name_are_told_apart_by_what_was_typed():
    assert told(name="run2/one", source="/run2/one") == ["model: models/one -> run2/one"]


# --- files --------------------------------------------------------------------------------------------------------


def test_adapters_that_changed_places_are_other_weights_and_files_in_another_folder_are_not():
    swapped = {**FILES, "model.safetensors": "b" * 64, "separation/adapter_model.safetensors": "a" * 64}
    assert told(details={"layout": "native", "model_files": swapped})[0].startswith("weights: ")
    moved = {f"0_Transformer/{name}": digest for name, digest in FILES.items()}
    assert told(details={"layout": "native", "model_files": moved}) == [NOTHING]


def test_adapters_of_tasks_that_one_side_alone_was_asked_are_no_difference():
    tasks = {"query": Input("query: ", "query"), "separation": Input("", "separation")}
    whole = side(tasks=tasks)
    part = side(tasks={"query": tasks["query"]}, details=files("separation/adapter_model.safetensors"))
    assert lines(differences(whole, part)) == lines(differences(part, whole)) == [NOTHING]
    without = side(tasks=tasks, details=files("separation/adapter_model.safetensors"))
    assert lines(differences(whole, without))[0].startswith("weights: ")


def test_weights_stored_in_another_layout_may_be_the_same():
    found = side(details={**files(model=NEW), "layout": "original"})
    assert lines(differences(side(), found)) == ["layout: native -> original"] and WEIGHTS in unknown(side(), found)


def test_two_runtimes_are_compared_by_the_files_that_both_read():
    graph = {"onnx/model.onnx": NEW, "tokenizer.json": "c" * 64}
    other = side(runtime="onnx", details={"model_files": graph}, tokens={})
    assert lines(differences(side(), other)) == ["runtime: jina-v3 -> onnx"]
    assert {WEIGHTS, CONFIGURATION} <= set(unknown(side(), other)) and TOKENIZER not in unknown(side(), other)
    other = side(runtime="onnx", details={"model_files": {**graph, "tokenizer.json": NEW}}, tokens={})
    assert "tokenizer: cccccccccccc -> 111111111111 (tokenizer.json)" in lines(differences(side(), other))


def test_many_files_are_counted_and_the_first_are_named():
    shards = {f"model-{at}.safetensors": str(at) * 64 for at in range(6)}
    found = differences(
        side(details={"model_files": shards}), side(details={"model_files": dict.fromkeys(shards, NEW)})
    )
    # The shard of the same hash doesn't differ.
    listed = "model-0.safetensors, model-2.safetensors, model-3.safetensors, model-4.safetensors ..."
    assert [one.note for one in found if one.kind == WEIGHTS] == [f"5 of 6 files: {listed}"]


# --- token ids ----------------------------------------------------------------------------------------------------


def test_texts_that_a_side_cuts_elsewhere_say_nothing_of_the_tokenizer():
    cut = {**TOKENS, "long": {"count": 256, "sha256": "9" * 64}}
    assert told(max_length=256, tokens=cut) == ["maximum length: 512 tokens -> 256 tokens"]
    assert told(max_length=512, tokens=cut) == [
        "tokenizer: token ids differ on 1 of 3 texts, though its files are the same"
    ]


def test_only_texts_that_both_have_are_compared():
    other = side(tokens={**TOKENS, "second": [0, 7, 2]})
    other.token_texts["second"] = "another text of this id"
    assert differences(side(), other) == []


# --- prompts ------------------------------------------------------------------------------------------------------


def test_prompts_are_escaped_shortened_and_told_apart():
    def prompts(*texts: str) -> str:
        before, now = (side(tasks={"query": Input(text, "query")}) for text in texts)
        (found,) = differences(before, now)
        return found.line.removeprefix("prompt of query: ")

    assert prompts("query:\n", "query: ") == '"query:\\n" -> "query: "'
    assert prompts("a\x1b[2J", "a") == '"a\\x1b[2J" -> "a"'
    assert prompts("x" * 200, "x" * 199) == f'"{"x" * 79}…" (200 characters) -> "{"x" * 79}…" (199 characters)'


def test_tasks_of_other_names_are_compared_by_the_role_that_they_serve():
    ours = {"tasks": {"retrieval.query": Input("Q: ")}, "roles": {Role.QUERY: "retrieval.query"}}
    theirs = {"tasks": {"search": Input("query: ")}, "roles": {Role.QUERY: "search"}}
    (found,) = differences(side(**ours), side(**theirs))
    assert found.line == 'prompt of retrieval.query and search, as query: "Q: " -> "query: "'
    assert found.tasks == ("retrieval.query", "search")
    # A task that both have is itself, whatever serves the role.
    theirs["tasks"]["retrieval.query"] = Input("Q: ")
    assert differences(side(**ours), side(**theirs)) == []


def test_task_that_is_the_same_as_another_has_its_prompt():
    apart = side(tasks={"query": Input("q: "), "document": Input("d: ")})
    joined = side(tasks={"query": Input("q: ")}, same_as={"document": "query"})
    assert lines(differences(apart, joined)) == ['prompt of document: "d: " -> "q: "']
    assert lines(differences(joined, apart)) == ['prompt of document: "q: " -> "d: "']
    assert differences(joined, joined) == []


def test_system_that_is_asked_by_a_tasks_name_has_adapters_of_its_own_choice():
    """Baselines of format 1 name none, and nor do callables."""
    asked = side(tasks={"text": Input("", task="text")})
    assert differences(side(tasks={"text": Input("", "text")}), asked) == []
    other = side(tasks={"text": Input("", task="similarity")})
    assert lines(differences(asked, other)) == ["name that it is asked by of text: text -> similarity"]


# --- what explains a drift ----------------------------------------------------------------------------------------

PROMPTS = [Difference(PROMPT, "none", '"q: "', of=task, tasks=(task,)) for task in ("retrieval.query", "separation")]
ONLY_DTYPE = Difference(DTYPE, "float32", "bfloat16")
IDS = Difference(TOKENIZER, note="token ids differ on 2 of 93 texts")
SETTINGS = Difference(CONFIGURATION, "d", "1", note="config.json")
SAME_IDS = Difference(TOKENIZER_FILES, "c", "1", note="tokenizer.json; token ids agree on all 93 texts")
TORCH, PEFT = (Difference(VERSION, "1", "2", of=name) for name in ("torch", "peft"))
FURTHER = Difference(THREADS, "1", "2")
EXPLAINED = {
    "dtype": ([ONLY_DTYPE], {}, "only the dtype differs"),
    "threads": ([FURTHER], {}, "the only difference: threads"),
    "weights": ([Difference(WEIGHTS, "a", "b", note="m.onnx")], {}, "the only difference: weights (m.onnx)"),
    "name too": ([Difference(MODEL, "one", "two"), ONLY_DTYPE], {}, "only the dtype differs"),
    "name": ([Difference(MODEL, "one", "two")], {}, None),
    "one prompt": (PROMPTS[:1], {}, "the only difference: prompt of retrieval.query"),
    "two prompts": (PROMPTS, {}, "the only difference: prompts of retrieval.query and separation"),
    "prompt of the task": (PROMPTS, {"task": "separation"}, "the only difference: prompt of separation"),
    "prompts of other tasks": (PROMPTS, {"task": "classification"}, None),
    "prompts of other tasks, and threads": (
        [*PROMPTS, FURTHER],
        {"task": "classification"},
        "the only difference: threads",
    ),
    "versions": ([TORCH, PEFT], {}, "the only difference: versions of torch and peft"),
    "prompt and the file that states it": (
        [SETTINGS, *PROMPTS[:1]],
        {},
        "the only difference: prompt of retrieval.query, and files of the configuration (config.json)",
    ),
    "configuration": ([SETTINGS], {}, "the only difference: configuration (config.json)"),
    "configuration and what no file of it states": ([SETTINGS, ONLY_DTYPE], {}, None),
    "several": ([FURTHER, ONLY_DTYPE], {}, None),
    "none": ([], {}, None),
    "token ids": ([IDS], {"changed_tokens": ["a", "b"]}, TOKENIZERS_DIFFER),
    "token ids and more": ([IDS, ONLY_DTYPE], {"changed_tokens": ["a", "b"]}, None),
    "token ids and more, but nothing else moved": (
        [IDS, ONLY_DTYPE],
        {"changed_tokens": ["a", "b"], "moved": {"b"}},
        TOKENIZERS_DIFFER,
    ),
    "token ids and more, and others moved": ([IDS, ONLY_DTYPE], {"changed_tokens": ["a"], "moved": {"a", "b"}}, None),
    "files with the same token ids": (
        [SAME_IDS, ONLY_DTYPE],
        {},
        "only the dtype differs, beside tokenizer files that give the same token ids",
    ),
    "files with the same token ids alone": ([SAME_IDS], {}, None),
    "much is unknown": ([ONLY_DTYPE], {"unknown": ["weights"]}, "of what both sides state, only the dtype differs"),
    "pooling, much is unknown": (
        [Difference(POOLING, "mean", "cls")],
        {"unknown": ["threads"]},
        "of what both sides state, the only difference: pooling",
    ),
}


@pytest.mark.parametrize(("found", "options", "expected"), EXPLAINED.values(), ids=EXPLAINED)
def test_one_difference_explains_a_drift_several_do_not(found, options, expected):
    assert explained_by(found, **options) == expected


# --- what it costs ------------------------------------------------------------------------------------------------


def test_comparing_what_systems_state_imports_no_runtimes_library():
    script = "import json, sys, fixtures.comparing.differences; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    heavy = {"torch", "transformers", "sentence_transformers", "onnxruntime", "tokenizers", "pandas"}
    assert not heavy & set(json.loads(ran.stdout))
