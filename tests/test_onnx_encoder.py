"""From an ONNX folder to embeddings: tokens, padding, pooling, unit length, and what is said of them."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from fixtures.comparing.bounds import norm_rounding
from fixtures.errors import CheckpointError
from fixtures.models.spec import Ability, Input, Role, Target
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from fixtures.runtimes.onnx.files import baseline_name, own_path
from fixtures.runtimes.onnx.pooling import POOLINGS, pooled
from fixtures.texts.long_texts import long_text
from tests.checkpoints import change_json, write_json, write_native_checkpoint
from tests.checkpoints.onnx_graphs import PLAIN, Shape, write_graph, write_onnx_folder

TEXTS = ["Follow the white rabbit.", "Hello", "", long_text(60), "Ünïcödé für alle"]
MEAN = TaskMap(pooling="mean", max_length=100)
SETTINGS = {
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
}
"""The files beside a graph that ``write_onnx_folder`` writes as sentence-transformers saves them."""


def described(path, task_map=None):
    target = Target(str(path), task_map=task_map)
    return registry.describe(registry.ONNX, target)


def opened(path, task_map=None, threads=1):
    target = Target(str(path), task_map=task_map)
    spec = registry.ONNX.fetch(registry.describe(registry.ONNX, target), target)
    return registry.ONNX.open(spec, target, "cpu", registry.ONNX.options(threads=threads))


def encoded(path, texts=TEXTS, task_map=None):
    encoder = opened(path, task_map)
    return encoder.encode(texts, encoder.tasks[0])


# --- tokens -------------------------------------------------------------------------------------------------------


def test_texts_are_cut_where_sentence_transformers_cuts_them_and_not_where_tokenizer_json_does(tmp_path):
    write_onnx_folder(tmp_path, max_length=40)
    encoder = opened(tmp_path)
    whole = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert (whole.truncation["max_length"], whole.padding["length"]) == (24, 24)
    whole.no_truncation()
    whole.no_padding()
    expected = [whole.encode(text).ids for text in TEXTS]
    assert max(map(len, expected)) > 40 > min(map(len, expected))
    cut = [ids if len(ids) <= 40 else [*ids[:39], ids[-1]] for ids in expected]
    assert encoder.tokenize(TEXTS, "embedding") == cut
    assert encoder.spec.max_length == 40


@pytest.mark.parametrize(
    ("settings", "config", "stated", "expected"),
    [
        ({"max_seq_length": 60}, {}, None, 60),
        ({}, {"max_position_embeddings": 90}, None, 90),
        ({}, {}, None, 512),
        ({"max_seq_length": 60}, {}, 50, 50),
        ({"max_seq_length": 60}, {}, 70, 60),
    ],
    ids=["settings", "positions of the config", "tokenizer", "a shorter one of the map", "a longer one of the map"],
)
def test_length_is_the_shortest_that_counts(tmp_path, settings, config, stated, expected):
    write_onnx_folder(tmp_path)
    write_json(tmp_path / "sentence_bert_config.json", settings)
    change_json(tmp_path / "config.json", **config)
    assert described(tmp_path, TaskMap(max_length=stated)).max_length == expected


@pytest.mark.parametrize("length", [1, 2])
def test_length_that_leaves_nothing_of_a_text_is_refused(tmp_path, length):
    write_onnx_folder(tmp_path)
    with pytest.raises(CheckpointError, match=f"cut at {length} tokens, of which 2 are special ones"):
        opened(tmp_path, TaskMap(max_length=length))
    assert opened(tmp_path, TaskMap(max_length=3)).tokenize(["Hello you"], "embedding") == [[0, 173, 2]]


def test_batch_is_filled_up_to_its_longest_text_alone(tmp_path):
    encoder = opened(write_onnx_folder(tmp_path))
    sent = []
    encoder.filled = lambda ids, own=encoder.filled: sent.append(own(ids)) or sent[-1]
    encoder.encode(["Hello", "Follow the white rabbit."], "embedding")
    ((ids, mask),) = sent
    lengths = sorted(map(len, encoder.tokenize(["Hello", "Follow the white rabbit."], "embedding")))
    assert ids.shape == (2, lengths[1])
    assert sorted(mask.sum(axis=1)) == lengths
    assert (ids[mask == 0] == 1).all()  # <pad>


def test_side_of_padding_is_that_of_the_settings(tmp_path):
    write_onnx_folder(tmp_path)
    change_json(tmp_path / "tokenizer_config.json", padding_side="left")
    _, mask = opened(tmp_path).filled([[0, 2], [0, 5, 2]])
    assert mask.tolist() == [[0, 1, 1], [1, 1, 1]]


def test_lower_case_of_the_settings_comes_first(tmp_path):
    write_onnx_folder(tmp_path / "plain")
    write_onnx_folder(tmp_path / "lower")
    change_json(tmp_path / "lower" / "sentence_bert_config.json", do_lower_case=True)
    plain, lower = (opened(tmp_path / name) for name in ("plain", "lower"))
    assert lower.tokenize(["FOLLOW Me"], "embedding") == plain.tokenize(["follow me"], "embedding")
    assert lower.tokenize(["FOLLOW Me"], "embedding") != plain.tokenize(["FOLLOW Me"], "embedding")


@pytest.mark.parametrize("lacking", ["padding token", "mask"])
def test_texts_that_cannot_be_filled_up_go_through_with_those_of_their_own_length(tmp_path, lacking):
    write_onnx_folder(tmp_path, PLAIN if lacking == "padding token" else Shape(inputs=("input_ids",)))
    if lacking == "padding token":
        change_json(tmp_path / "tokenizer_config.json", pad_token=None)
        tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = opened(tmp_path)
    texts = [*TEXTS, "Goodbye", "Hello"]
    alone = np.concatenate([encoder.encode([text], "embedding") for text in texts])
    np.testing.assert_allclose(encoder.encode(texts, "embedding"), alone, rtol=0, atol=1e-6)
    assert any("only texts of equal length go through the graph together" in note for note in encoder.notes)


# --- pooling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("mode", POOLINGS)
def test_pooling_is_that_of_sentence_transformers(mode, side):
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    random = np.random.default_rng(5)
    states = random.standard_normal((4, 9, 6)).astype(np.float32)
    lengths = np.array([9, 1, 4, 7])
    mask = (np.arange(9) < lengths[:, None]).astype(np.int64)
    mask = mask if side == "right" else mask[:, ::-1].copy()
    theirs = Pooling(6, pooling_mode=mode)(
        {"token_embeddings": torch.from_numpy(states), "attention_mask": torch.from_numpy(mask)}
    )
    np.testing.assert_allclose(pooled(states, mask, [mode]), theirs["sentence_embedding"].numpy(), rtol=0, atol=1e-6)


def test_modes_are_joined_in_their_order():
    states = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    joined = pooled(states, np.ones((1, 4), np.int64), ["max", "cls"])
    assert joined.tolist() == [[*states[0, 3].tolist(), *states[0, 0].tolist()]]


def test_folder_says_the_pooling_and_a_task_map_overrules_it(tmp_path):
    write_onnx_folder(tmp_path / "mean")
    write_onnx_folder(tmp_path / "cls", pooling="cls")
    mean, cls = encoded(tmp_path / "mean"), encoded(tmp_path / "cls")
    assert np.abs(mean - cls).max() > 0.1
    overruled = encoded(tmp_path / "mean", task_map=TaskMap(pooling="cls"))
    np.testing.assert_array_equal(overruled, cls)
    assert described(tmp_path / "cls").pooling == "the first token, then L2 normalisation"


def test_prompt_is_left_out_of_the_mean_where_the_folder_says_so(tmp_path):
    prompts = {"query": "to the white rabbit ", "document": ""}
    write_onnx_folder(tmp_path, prompts=prompts)
    change_json(tmp_path / "1_Pooling" / "config.json", include_prompt=False)
    encoder = opened(tmp_path)
    (ids,) = encoder.tokenize(["Hello"], "query")
    (states,) = encoder.answer(*encoder.filled([ids]))
    without = encoder.opened.tokenizer.length_of_prompt(prompts["query"])
    assert without == len(encoder.tokenize([""], "query")[0]) - 1 > 4  # <s> and the words, </s> left out
    expected = states[without:].mean(axis=0)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(encoder.encode(["Hello"], "query")[0], expected, rtol=0, atol=1e-6)


def test_graph_that_pools_is_taken_as_it_is(tmp_path):
    states = encoded(write_onnx_folder(tmp_path / "states"))
    pooling = Shape(output="sentence_embedding", both=True)
    folder = write_onnx_folder(tmp_path / "pooled", pooling)
    np.testing.assert_allclose(encoded(folder), states, rtol=0, atol=1e-6)
    spec = described(folder)
    assert spec.details["output"] == "sentence_embedding, pooled by the graph"
    assert spec.pooling == "the graph's own, sentence_embedding, then L2 normalisation"
    cls = encoded(write_onnx_folder(tmp_path / "cls", pooling="cls"))
    np.testing.assert_allclose(encoded(folder, task_map=TaskMap(pooling="cls")), cls, rtol=0, atol=1e-6)


def test_vectors_have_unit_length_where_the_folder_or_the_task_map_says_so(tmp_path):
    write_onnx_folder(tmp_path / "unit")
    write_onnx_folder(tmp_path / "long", normalise=False)
    write_onnx_folder(tmp_path / "bare", modules=False)
    unit, long = encoded(tmp_path / "unit"), encoded(tmp_path / "long")
    lengths = np.linalg.norm(long, axis=1, keepdims=True)
    assert (np.abs(lengths - 1) > 0.1).any()
    np.testing.assert_allclose(long / lengths, unit, rtol=0, atol=1e-6)
    np.testing.assert_allclose(encoded(tmp_path / "bare", task_map=MEAN), unit, rtol=0, atol=1e-6)
    bare = TaskMap(pooling="mean", max_length=100, normalised=False)
    np.testing.assert_allclose(encoded(tmp_path / "bare", task_map=bare), long, rtol=0, atol=1e-5)
    assert [described(tmp_path / name).normalised for name in ("unit", "long")] == [True, False]
    assert described(tmp_path / "bare", bare).normalised is False


@pytest.mark.parametrize("by_graph", [True, False], ids=["in the graph", "by the suite"])
def test_norms_of_a_graph_in_float16_are_judged_by_where_they_were_normalised(tmp_path, by_graph):
    if by_graph:
        shape = Shape(element="FLOAT16", output="sentence_embedding", normalised=True)
        encoder = opened(write_onnx_folder(tmp_path, shape, modules=False), TaskMap(max_length=100))
    else:
        encoder = opened(write_onnx_folder(tmp_path, Shape(element="FLOAT16")))
    expected = "float16" if by_graph else "float32"
    spec = encoder.spec
    assert (spec.precision, spec.normalised, spec.normalised_in) == ("float16", True, expected)
    off = np.abs(np.linalg.norm(encoder.encode(TEXTS, "embedding"), axis=1) - 1).max()
    assert off <= norm_rounding(expected)
    assert (off > norm_rounding("float32")) == by_graph


# --- the graph ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [Shape(ids="INT32"), Shape(element="DOUBLE")], ids=["ids of 32 bits", "weights of 64 bits"]
)
def test_types_of_inputs_and_outputs_are_the_graphs(tmp_path, shape):
    plain, other = encoded(write_onnx_folder(tmp_path / "plain")), encoded(write_onnx_folder(tmp_path / "other", shape))
    np.testing.assert_allclose(other, plain, rtol=0, atol=1e-5)
    assert other.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (PLAIN, "float32"),
        (Shape(element="FLOAT16"), "float16"),
        (Shape(integers=True), "int8"),
        (Shape(element="DOUBLE"), "float32"),
    ],
    ids=["float32", "float16", "integers", "float64"],
)
def test_precision_is_that_of_the_operators_and_weights(tmp_path, shape, expected):
    write_onnx_folder(tmp_path, shape)
    assert described(tmp_path).precision == expected
    assert described(tmp_path, TaskMap(precision="bfloat16")).precision == "bfloat16"


def test_model_of_two_dimensions_and_one_of_32_tokens_are_models(tmp_path):
    assert encoded(write_onnx_folder(tmp_path / "two", Shape(dimension=2))).shape == (len(TEXTS), 2)
    short = opened(write_onnx_folder(tmp_path / "short", Shape(positions=32)))
    assert max(map(len, short.tokenize(TEXTS, "embedding"))) == short.spec.max_length == 32
    assert np.isfinite(short.encode(TEXTS, "embedding")).all()


def test_weights_in_another_file_are_found_and_belong_to_its_identity(tmp_path):
    write_onnx_folder(tmp_path)
    write_graph(tmp_path / "model.onnx", external="weights.bin")
    encoder = opened(tmp_path)
    assert {part: set(files) for part, files in encoder.spec.parts.items()} == {
        "weights": {"model.onnx", "weights.bin"},
        "tokenizer": {"tokenizer.json"},
        "configuration": SETTINGS,
    }
    before = encoder.spec.identity
    assert encoder.changed_files() == []
    content = bytearray((tmp_path / "weights.bin").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights.bin").write_bytes(content)
    assert encoder.changed_files() == ["weights.bin"]
    assert described(tmp_path).identity != before


def test_settings_are_watched_and_are_no_part_of_the_identity(tmp_path):
    encoder = opened(write_onnx_folder(tmp_path))
    change_json(tmp_path / "1_Pooling" / "config.json", pooling_mode="cls")
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "special_tokens_map.json").write_text("{}")
    (tmp_path / "report.json").write_text("{}")  # nobody reads it
    assert encoder.changed_files() == ["1_Pooling/config.json", "special_tokens_map.json", "tokenizer_config.json"]
    assert described(tmp_path).identity == encoder.spec.identity


def test_session_has_as_many_threads_as_the_run_says(tmp_path):
    write_onnx_folder(tmp_path)
    assert opened(tmp_path, threads=2).opened.session.get_session_options().intra_op_num_threads == 2


# --- what is said of it -------------------------------------------------------------------------------------------


def test_tasks_and_roles_are_those_of_the_map_else_of_the_folders_prompts(tmp_path):
    write_onnx_folder(tmp_path, prompts={"query": "query: ", "document": "passage: "})
    own = described(tmp_path)
    assert own.prompts == {"query": "query: ", "document": "passage: ", "embedding": ""}
    assert own.roles[Role.QUERY] == "query" and own.roles[Role.SIMILARITY] == "embedding"
    stated = TaskMap(tasks={"all": Input("x: ")}, roles={Role.CLUSTERING: "all"})
    assert described(tmp_path, stated).prompts == {"all": "x: "}
    assert described(tmp_path, stated).roles == {Role.CLUSTERING: "all"}


def test_layers_languages_and_cuts_are_said_where_they_are_known(tmp_path):
    write_onnx_folder(tmp_path)
    (tmp_path / "README.md").write_text("---\nlanguage: en\n---\n")
    spec = described(tmp_path)
    assert (spec.layers, spec.languages, spec.dimension) == (1, ("en",), 32)
    assert spec.details["languages_from"] == "its card, README.md,"
    assert "matryoshka" in spec.why_not(Ability.TRUNCATE)
    cut = described(tmp_path, TaskMap(matryoshka=(8, 32), languages=("de",)))
    assert (cut.matryoshka, cut.why_not(Ability.TRUNCATE), cut.languages) == ((8, 32), None, ("de",))


@pytest.mark.parametrize(
    ("name", "folder", "known_by"),
    [
        ("minilm", "minilm", "minilm"),
        ("minilm/model.onnx", "minilm", "minilm"),
        ("minilm/onnx/model.onnx", "minilm", "minilm"),
        ("minilm/onnx/model_int8.onnx", "minilm-model_int8", "minilm/onnx/model_int8.onnx"),
        ("minilm/gone.onnx", "minilm-gone", None),
    ],
)
def test_graph_has_its_folders_baseline_unless_it_is_one_of_several(tmp_path, monkeypatch, name, folder, known_by):
    monkeypatch.chdir(tmp_path)
    for file in ("minilm/model.onnx", "minilm/onnx/model.onnx", "minilm/onnx/model_int8.onnx"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert baseline_name(name) == folder
    assert own_path(name) == (known_by and type(tmp_path)(known_by))
    assert own_path(str(tmp_path / name)) == (known_by and tmp_path / known_by)


def test_exports_alone_are_opened_by_onnx_and_beside_weights_by_what_takes_those(tmp_path):
    write_onnx_folder(tmp_path / "alone", graph="onnx/model.onnx")
    write_onnx_folder(tmp_path / "beside", graph="onnx/model.onnx")
    (tmp_path / "beside" / "model.safetensors").touch()
    write_native_checkpoint(tmp_path / "jina")
    write_graph(tmp_path / "jina" / "model.onnx")
    write_json(tmp_path / "alone" / "training.json", {})
    chosen = {name: registry.runtime_of(Target(str(tmp_path / name))).name for name in ("alone", "beside", "jina")}
    assert chosen == {"alone": "onnx", "beside": "sentence-transformers", "jina": "jina-v3"}
    others = {
        name: registry.others_of(registry.runtime_of(Target(str(tmp_path / name))), Target(str(tmp_path / name)))
        for name in chosen
    }
    assert others == {"alone": [], "beside": ["onnx"], "jina": ["onnx"]}
    for file in (tmp_path / "jina").rglob("*.safetensors"):
        file.unlink()
    assert registry.runtime_of(Target(str(tmp_path / "jina"))).name == "onnx"
    assert registry.runtime_of(Target(str(tmp_path / "jina" / "model.onnx"))).name == "onnx"


def test_tokenizer_is_looked_for_beside_the_graph_and_then_above(tmp_path):
    write_onnx_folder(tmp_path, graph="onnx/model.onnx")
    above = encoded(tmp_path / "onnx" / "model.onnx")
    assert described(tmp_path).details["model_files"].keys() == {"onnx/model.onnx", "tokenizer.json", *SETTINGS}
    np.testing.assert_array_equal(encoded(tmp_path), above)
    (tmp_path / "onnx" / "tokenizer.json").write_bytes((tmp_path / "tokenizer.json").read_bytes())
    assert described(tmp_path).details["graph"] == "model.onnx"
    (tmp_path / "onnx" / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json beside it or in the folder above"):
        described(tmp_path)
