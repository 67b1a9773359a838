"""What differs between two systems as they say it themselves: each runtime's, opened, kept in a folder, recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.comparing.difference import CODE, CONFIGURATION, WEIGHTS
from fixtures.comparing.differences import NOTHING, TOKENIZERS_DIFFER, differences, explained_by, lines, unknown
from fixtures.comparing.differing_files import token_ids_apart
from fixtures.models.spec import ModelSpec, Target
from fixtures.models.task_maps import TaskMap
from fixtures.observing import folder as kept_folder
from fixtures.observing.observation import Observation, observe
from fixtures.runtimes import weights
from fixtures.runtimes.onnx import files as onnx_files
from fixtures.runtimes.system import system_of
from fixtures.texts.anchors import anchor_set
from tests.checkpoints import change_json, change_tensors, write_json, write_original_checkpoint
from tests.checkpoints.onnx_graphs import Shape, write_graph, write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import ROOT

PROMPTS = {"query": "query: ", "document": "passage: "}


@pytest.fixture(autouse=True)
def _own_threads():
    """Torch has one count of threads for a process."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def observed(name, *, threads: int = 1, task_map: TaskMap | None = None, runtime=None, **options) -> Observation:
    """Open a system, ask it the anchors' token ids, and close it."""
    target = Target(str(name), task_map=task_map, runtime=runtime)
    system = system_of(target).described().fetched()
    system = system.on(system.runtime.devices()[-1]).computed(system.runtime.options(**options))
    encoder = system.open(threads)
    found = observe(encoder, anchor_set(encoder.spec.max_length), asked=[])
    encoder.close()
    return found


def told(old: Observation, new: Observation) -> list[str]:
    """The lines but for the model's name, the folder that a test gave it."""
    return [line for line in lines(differences(old, new)) if not line.startswith("model: ")]


def what(old: Observation, new: Observation) -> list[str]:
    """What differs, without the values."""
    return [one.what for one in differences(old, new) if one.kind != "model"]


# --- jina-v3 ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(native_checkpoint) -> Observation:
    return observed(native_checkpoint)


COMPUTED = {
    "dtype: float32 -> bfloat16": {"dtype": "bfloat16"},
    "attention: sdpa -> eager": {"attn_implementation": "eager"},
    "batch tokens: 4096 -> 512": {"batch_tokens": 512},
    "threads: 1 -> 2": {"threads": 2},
}


@pytest.mark.parametrize(("line", "options"), COMPUTED.items(), ids=COMPUTED)
def test_checkpoint_that_is_computed_otherwise(tiny, native_checkpoint, line, options):
    other = observed(native_checkpoint, **options)
    assert lines(differences(tiny, other)) == [line]
    assert lines(differences(tiny, observed(native_checkpoint))) == [NOTHING]
    assert unknown(tiny, other) == []
    kind = line.split(":")[0]
    expected = "only the dtype differs" if kind == "dtype" else f"the only difference: {kind}"
    assert explained_by(differences(tiny, other)) == expected


def test_checkpoint_with_one_adapter_of_another(tiny, own_checkpoint):
    stored = "adapter_model.safetensors"
    shutil.copy(own_checkpoint / "retrieval_passage" / stored, own_checkpoint / "separation" / stored)
    (line,) = told(tiny, observed(own_checkpoint))
    assert line.startswith("weights: ") and line.endswith(f"(1 of 6 files: separation/{stored})")


def test_checkpoint_under_another_config_is_another_model_though_its_weights_are_the_same(tiny, own_checkpoint):
    change_json(own_checkpoint / "config.json", layer_norm_eps=1e-3)
    change_json(own_checkpoint / "separation" / "adapter_config.json", lora_alpha=3)
    (line,) = told(tiny, observed(own_checkpoint))
    assert line.endswith("(2 of 7 files: config.json, separation/adapter_config.json)")
    assert line.startswith("configuration: ")


def test_copy_of_a_checkpoint_differs_in_nothing_but_its_name(tiny, own_checkpoint):
    found = differences(tiny, observed(own_checkpoint))
    assert [one.kind for one in found] == ["model"] and found[0].new == str(own_checkpoint)
    assert explained_by(found) is None


def test_two_layouts_of_one_model(tiny, tmp_path):
    original = observed(write_original_checkpoint(tmp_path / "original"))
    found = told(tiny, original)
    assert "layout: native -> original" in found
    assert not any(line.startswith("weights") for line in found) and WEIGHTS in unknown(tiny, original)


# --- sentence-transformers ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_sentence_transformers(tmp_path_factory.mktemp("folders") / "tiny", prompts=PROMPTS)


@pytest.fixture(scope="module")
def of_folder(folder) -> Observation:
    return observed(folder)


def other_pooling(folder):
    change_json(folder / "1_Pooling" / "config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)


def other_prompt(folder):
    change_json(folder / "config_sentence_transformers.json", prompts=PROMPTS | {"query": "Query:\n"})


def shorter(folder):
    change_json(folder / "sentence_bert_config.json", max_seq_length=64)


def not_normalised(folder):
    write_json(folder / "modules.json", json.loads((folder / "modules.json").read_text())[:2])


def other_weights(folder):
    change_tensors(folder / "model.safetensors", lambda tensors: tensors["pooler.dense.bias"].fill(1))


def lower_case(folder):
    change_json(folder / "sentence_bert_config.json", do_lower_case=True)


def other_tokens(folder):
    """Have two words change places in the vocabulary."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    pieces = tokenizer["model"]["vocab"]
    here, there = ([piece for piece, _ in pieces].index(word) for word in ("▁the", "▁of"))
    pieces[here], pieces[there] = pieces[there], pieces[here]
    write_json(folder / "tokenizer.json", tokenizer)


def rewritten_tokenizer(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=2))


ALTERED = {
    other_pooling: ["configuration", "pooling"],
    other_prompt: ["configuration", "prompt of query"],
    shorter: ["configuration", "maximum length"],
    not_normalised: ["configuration", "normalisation"],
    other_weights: ["weights"],
    lower_case: ["tokenizer", "configuration"],
    other_tokens: ["tokenizer"],
    rewritten_tokenizer: ["tokenizer files"],
}


@pytest.mark.parametrize(("alter", "expected"), ALTERED.items(), ids=[one.__name__ for one in ALTERED])
def test_folder_with_one_thing_changed(folder, of_folder, tmp_path, alter, expected):
    copy = shutil.copytree(folder, tmp_path / "copy")
    alter(copy)
    other = observed(copy)
    assert what(of_folder, other) == expected
    assert what(of_folder, of_folder) == [] and unknown(of_folder, other) == []


def test_changes_of_a_folder_are_told_with_their_values(folder, of_folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    for alter in (other_pooling, other_prompt, shorter, rewritten_tokenizer):
        alter(copy)
    found = told(of_folder, observed(copy, dtype="bfloat16"))
    compared = len(token_ids_apart(of_folder, observed(copy))[1])
    assert 60 < compared < len(of_folder.tokens)  # those that neither length cuts
    changed = "1_Pooling/config.json, config_sentence_transformers.json, sentence_bert_config.json"
    assert found[0].endswith(f"(tokenizer.json; token ids agree on all {compared} texts)")
    assert found[1].endswith(f"(3 of 6 files: {changed})")
    assert found[2:] == [
        r'prompt of query: "query: " -> "Query:\n"',
        "maximum length: 128 tokens -> 64 tokens",
        "pooling: mean -> cls",
        "dtype: float32 -> bfloat16",
    ]


def test_tokenizer_that_gives_other_token_ids_explains_a_drift(folder, of_folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    other_tokens(copy)
    other = observed(copy)
    changed, compared = token_ids_apart(of_folder, other)
    assert 0 < len(changed) < len(compared) == len(of_folder.tokens)
    (line,) = told(of_folder, other)
    assert line.endswith(f"(tokenizer.json; token ids differ on {len(changed)} of {len(compared)} texts)")
    assert explained_by(differences(of_folder, other), changed) == TOKENIZERS_DIFFER


# --- ONNX ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph_folder(tmp_path_factory) -> Path:
    return write_onnx_folder(tmp_path_factory.mktemp("graphs") / "model", prompts=PROMPTS)


@pytest.fixture(scope="module")
def of_graph(graph_folder) -> Observation:
    return observed(graph_folder)


def test_graph_that_computes_in_integers(graph_folder, of_graph, tmp_path):
    copy = shutil.copytree(graph_folder, tmp_path / "copy")
    write_graph(copy / "model.onnx", Shape(integers=True))
    # Texts of a batch would act on each other, so that such a graph is given one at a time.
    assert what(of_graph, observed(copy)) == ["weights", "precision", "batch tokens"]
    assert "precision: float32 -> int8" in told(of_graph, observed(copy))


def test_graph_that_is_pooled_otherwise_or_has_more_threads(graph_folder, of_graph, tmp_path):
    assert told(of_graph, observed(graph_folder, threads=2)) == ["threads: 1 -> 2"]
    copy = shutil.copytree(graph_folder, tmp_path / "copy")
    change_json(copy / "1_Pooling" / "config.json", pooling_mode="cls")
    assert told(of_graph, observed(copy))[1:] == ["pooling: mean -> cls"]
    by_map = observed(graph_folder, task_map=TaskMap(pooling="last"))
    assert told(of_graph, by_map) == ["pooling: mean -> lasttoken"]
    assert told(of_graph, observed(graph_folder)) == [NOTHING] and unknown(of_graph, of_graph) == []


def test_settings_around_a_graph_are_no_part_of_what_it_is_identified_by(graph_folder, of_graph, tmp_path):
    copy = shutil.copytree(graph_folder, tmp_path / "copy")
    change_json(copy / "config.json", transformers_version="6")
    other = observed(copy)
    assert other.spec.identity == of_graph.spec.identity and what(of_graph, other) == ["configuration"]


def test_one_folder_in_two_runtimes(folder, tmp_path):
    """Weights are other files, and may be the same. Of one tokenizer.json transformers makes another tokenizer."""
    copy = shutil.copytree(folder, tmp_path / "both")
    write_graph(copy / "onnx" / "model.onnx")
    by_torch, by_graph = (observed(copy, runtime=name) for name in ("sentence-transformers", "onnx"))
    changed, compared = token_ids_apart(by_torch, by_graph)
    assert changed and "accents-nfd" in changed and "latin-english-market" not in changed
    assert told(by_torch, by_graph) == [
        "runtime: sentence-transformers -> onnx",
        f"tokenizer: token ids differ on {len(changed)} of {len(compared)} texts, though its files are the same",
    ]
    assert WEIGHTS in unknown(by_torch, by_graph) and CONFIGURATION not in unknown(by_torch, by_graph)


# --- callables ----------------------------------------------------------------------------------------------------


def test_callables_differ_in_what_their_maps_state_and_in_their_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("plain_one", "plain_two"):
        source = "import numpy as np\n\n\ndef encode(texts, task):\n    return np.ones((len(texts), 4), np.float32)\n"
        Path(f"{name}.py").write_text(source)
    one, two = (observed(f"python:{name}:encode") for name in ("plain_one", "plain_two"))
    assert told(one, two) == []
    assert {WEIGHTS, CONFIGURATION, "tokenizer", "precision"} <= set(unknown(one, two))
    Path("plain_two.py").write_text(Path("plain_two.py").read_text() + "# more\n")
    assert what(one, observed("python:plain_two:encode")) == [CODE]
    stated = TaskMap(precision="bfloat16", pooling="last", max_length=64, normalised=False)
    mapped = observed("python:plain_one:encode", task_map=stated)
    assert told(one, mapped) == ["normalisation: unit length -> any length"]
    assert what(mapped, observed("python:plain_one:encode", task_map=TaskMap(precision="int8", pooling="mean"))) == [
        "pooling",
        "normalisation",
        "precision",
    ]


def test_two_callables_of_one_file_are_two_models():
    before, now = (observed(f"python:tests.callables:{name}") for name in ("encode", "forgets_the_order"))
    assert before.spec.source == now.spec.source
    assert lines(differences(before, now)) == [
        "model: python:tests.callables:encode -> python:tests.callables:forgets_the_order"
    ]


def test_callable_and_the_model_that_it_serves_are_compared_by_what_is_known(of_folder):
    """Its device is its own choice, and whatever is behind it isn't known."""
    served = observed("python:tests.callables:encode", task_map=TaskMap(pooling="cls", precision="float32"))
    assert what(of_folder, served) == ["runtime", "pooling", "dimension"]


# --- what is stored -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", ["snapshots", "tests/data/baselines/format-1", "tests/data/baselines/format-2"])
def test_baseline_that_states_less_differs_in_what_it_states_alone(baseline):
    recorded = Baseline(ROOT / baseline / "mini").observation()
    # Where it was recorded isn't where this is run.
    recorded.environment.update(device=None, versions=None)
    assert told(recorded, observed("mini")) == [NOTHING]
    other = observed("mini", dtype="bfloat16", threads=2, attn_implementation="eager")
    kind = "precision" if baseline.endswith("1") else "dtype"
    assert told(recorded, other) == [f"{kind}: float32 -> bfloat16", "attention: sdpa -> eager"]
    assert {CONFIGURATION, "threads"} <= set(unknown(recorded, other))


def test_baseline_names_the_adapter_that_is_another_one(tmp_path):
    mixed = shutil.copytree(ROOT / "fixtures" / "checkpoints" / "mini", tmp_path / "mixed-up")
    shutil.copy(mixed / "retrieval_passage" / "adapter_model.safetensors", mixed / "separation")
    recorded = Baseline(ROOT / "snapshots" / "mini").observation()
    recorded.environment.update(device=None, versions=None)
    model, line = lines(differences(recorded, observed(mixed)))
    assert model == "model: mini -> mixed-up"
    assert line.startswith("weights: 8f8f8a1cc913 -> ")
    assert line.endswith("(1 of 6 files: separation/adapter_model.safetensors)")


def test_kept_observation_states_what_the_open_one_did(of_folder, tiny, tmp_path):
    for at, one in enumerate((of_folder, tiny)):
        one.keep(["Hello"], one.tasks[0], np.ones((1, 2), np.float32))
        kept_folder.save(one, tmp_path / f"{at}")
    back, other = (kept_folder.load(tmp_path / f"{at}") for at in range(2))
    assert differences(back, of_folder) == differences(of_folder, back) == [] and unknown(back, of_folder) == []
    assert differences(back, other) == differences(of_folder, tiny)


def test_description_is_the_same_in_another_process(of_folder, of_graph, tiny):
    for one in (of_folder, of_graph, tiny):
        back = ModelSpec.load(json.loads(json.dumps(one.spec.dump())))
        assert (back.parts, back.pooling_modes) == (one.spec.parts, ("mean",))


# --- what it costs ------------------------------------------------------------------------------------------------


def test_parts_of_a_model_are_the_hashes_that_describing_it_takes_once(
    native_checkpoint, folder, graph_folder, tmp_path, monkeypatch
):
    """Opening takes them once more, to see whether a file changed since (``runtimes/changed_files.py``)."""
    hashed = []

    def counting(own):
        return lambda path: hashed.append(str(path.resolve())) or own(path)

    monkeypatch.setattr(weights, "file_sha256", counting(weights.file_sha256))
    monkeypatch.setattr(onnx_files, "_sha256", counting(onnx_files._sha256))
    for at, model in enumerate((native_checkpoint, folder, graph_folder)):
        hashed.clear()
        copy = shutil.copytree(model, tmp_path / f"{at}")  # of which this process knows nothing
        spec = system_of(Target(str(copy))).described().fetched().spec
        assert len(hashed) == len(set(hashed)) == sum(map(len, spec.parts.values())) > 3
        found = observed(copy)
        hashed.clear()
        assert differences(found, found) == [] and hashed == []
