"""Folders of sentence-transformers are encoded with as that library would."""

import shutil

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from fixtures.comparing.bounds import norm_rounding
from fixtures.errors import EncodeError
from fixtures.models.spec import Ability, Input, Role, Target
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from fixtures.texts.anchors import anchor_set
from tests.checkpoints import change_json, write_json, write_tokenizer
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.opened_folders import assert_alike, opened, refused, theirs

KINDS = {
    "plain": {},
    "prompts": {"prompts": {"query": "query: ", "document": "passage: "}},
    "passage": {"prompts": {"query": "query: ", "passage": "passage: "}},
    "two linear layers": {"dense": (64, 16)},
    "first token, not normalised": {"pooling": "cls", "normalise": False},
    "last token": {"pooling": "lasttoken"},
    "32 tokens": {"max_length": 32},
    "two dimensions": {"dense": (2,)},
    "length of the tokenizer": {"max_length": None},
}


@pytest.fixture
def folder(tmp_path):
    """A tiny folder, which a test may damage."""
    return write_sentence_transformers(tmp_path / "tiny")


# --- what is encoded ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_tokens_of_all_anchors_are_those_of_the_library(tmp_path, kind):
    folder = write_sentence_transformers(tmp_path / "model", **KINDS[kind])
    encoder, library = opened(folder), theirs(folder)
    texts = list(anchor_set(None).texts.values())
    calls = {Role.QUERY: library.encode_query, Role.DOCUMENT: library.encode_document, Role.SIMILARITY: library.encode}
    for role, call in calls.items():
        task = encoder.spec.roles[role]
        assert_alike(encoder.encode(texts, task), call(texts))
    assert encoder.spec.dimension == library.get_embedding_dimension()
    assert encoder.spec.max_length == library.max_seq_length
    prompt = encoder.spec.tasks[encoder.spec.roles[Role.QUERY]].prompt
    expected = library.tokenizer([prompt + text for text in texts], truncation=True)["input_ids"]
    assert encoder.tokenize(texts, encoder.spec.roles[Role.QUERY]) == expected
    norms = np.linalg.norm(encoder.encode(texts, encoder.tasks[0]), axis=1)
    assert np.allclose(norms, 1, atol=1e-5) == encoder.spec.normalised


def test_folder_without_modules_is_encoded_as_the_library_assumes(folder):
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "1_Pooling")
    encoder, texts = opened(folder), ["Follow the white rabbit.", "Hello"]
    assert_alike(encoder.encode(texts, "embedding"), theirs(folder).encode(texts))
    assert (encoder.spec.normalised, encoder.spec.max_length) == (False, 500)


def test_length_that_only_the_open_model_knows_is_the_librarys(folder):
    (folder / "sentence_bert_config.json").unlink()
    change_json(folder / "tokenizer_config.json", model_max_length=10**30)
    change_json(folder / "config.json", max_position_embeddings=None)
    assert opened(folder).spec.max_length == theirs(folder).max_seq_length == 512


def test_cut_that_the_folder_states_leaves_vectors_shorter_than_one(folder):
    change_json(folder / "config_sentence_transformers.json", truncate_dim=8)
    encoder, texts = opened(folder), ["Follow the white rabbit.", "Hello"]
    vectors = encoder.encode(texts, "embedding")
    assert_alike(vectors, theirs(folder).encode(texts))
    assert (encoder.spec.normalised, encoder.spec.dimension, vectors.shape[1]) == (False, 8, 8)


def test_cut_that_a_call_asks_for_is_normalised_again(folder):
    encoder, texts = opened(folder), ["Follow the white rabbit.", "Hello"]
    expected = theirs(folder).encode(texts, truncate_dim=8, normalize_embeddings=True)
    assert_alike(encoder.encode(texts, "embedding", truncate_dim=8), expected)
    with pytest.raises(EncodeError, match="truncate_dim 33; allowed: 1 to 32"):
        encoder.encode(texts, "embedding", truncate_dim=33)


def test_processing_arguments_of_the_folder_hold(folder):
    change_json(folder / "sentence_bert_config.json", processing_kwargs={"text": {"max_length": 6}})
    encoder = opened(folder)
    assert [len(ids) for ids in encoder.tokenize(["one two three four five six seven"], "embedding")] == [6]
    assert encoder.spec.max_length == 6


def test_hidden_states_are_pooled_to_the_embedding(folder):
    encoder = opened(folder)
    mean = encoder.hidden_states("Follow the white rabbit.", "embedding").mean(axis=0)
    vector = encoder.encode(["Follow the white rabbit."], "embedding")[0]
    assert_alike(mean / np.linalg.norm(mean), vector)


def test_model_in_bfloat16_normalises_in_it(folder):
    encoder = opened(folder, dtype="bfloat16")
    assert (encoder.spec.precision, encoder.spec.normalised_in) == ("bfloat16", "bfloat16")
    off = np.abs(np.linalg.norm(encoder.encode(list(anchor_set(None).texts.values()), "embedding"), axis=1) - 1)
    assert norm_rounding("float32") < off.max() <= norm_rounding("bfloat16")


def test_error_of_the_library_is_one_line_and_a_refusal(tmp_path):
    encoder = opened(write_sentence_transformers(tmp_path / "model", positions=60, max_length=60))
    encoder.model.max_seq_length = 128  # as code of a model's own may have it
    with pytest.raises(EncodeError, match="can't encode under embedding: ") as raised:
        encoder.encode(["one two three " * 40], "embedding")
    assert isinstance(raised.value.__cause__, Exception)


# --- tasks --------------------------------------------------------------------------------------------------------


def described(folder, **options):
    return registry.describe(registry.SENTENCE_TRANSFORMERS, Target(str(folder), **options))


def test_what_is_sent_alike_is_one_task(tmp_path):
    plain = described(write_sentence_transformers(tmp_path / "plain"))
    assert (dict(plain.tasks), set(plain.roles.values())) == ({"embedding": Input()}, {"embedding"})
    both = described(write_sentence_transformers(tmp_path / "both", **KINDS["prompts"]))
    assert dict(both.tasks) == {"query": Input("query: "), "document": Input("passage: "), "embedding": Input()}
    assert {str(role): task for role, task in both.roles.items()} == {
        "query": "query",
        "document": "document",
        "classification": "embedding",
        "clustering": "embedding",
        "similarity": "embedding",
    }


def test_prompt_that_neither_call_sends_is_told_with_the_entry_that_would_send_it(tmp_path):
    spec = described(write_sentence_transformers(tmp_path / "model", **KINDS["passage"]))
    assert dict(spec.tasks) == {"query": Input("query: "), "document": Input()}
    assert spec.roles[Role.SIMILARITY] == "document"
    (sent, unsent) = spec.details["remarks"]
    assert sent == (
        "tasks: query is what encode_query sends, 'query: ' before each text; "
        "document is what encode_document and encode send, bare"
    )
    assert unsent.startswith("not sent: the prompt 'passage', as the library's encode_query, encode_document")
    assert 'passage = { prompt = "passage: " } under [tasks] and document = "passage" under [roles]' in unsent


def test_task_map_states_tasks_roles_languages_and_a_smaller_length(tmp_path):
    folder = write_sentence_transformers(tmp_path / "model", **KINDS["passage"])
    stated = TaskMap(
        tasks={"query": Input("query: "), "passage": Input("passage: ")},
        roles={Role.DOCUMENT: "passage"},
        languages=("en",),
        max_length=20,
        matryoshka=(8, 64),
    )
    encoder = opened(folder, task_map=stated)
    expected = theirs(folder).encode(["Hello"], prompt="passage: ")
    assert_alike(encoder.encode(["Hello"], "passage"), expected)
    spec = encoder.spec
    assert (dict(spec.roles), spec.languages, spec.max_length) == ({Role.DOCUMENT: "passage"}, ("en",), 20)
    assert (spec.matryoshka, spec.details["remarks"]) == ((8,), [])
    assert len(encoder.tokenize(["one two three " * 20], "passage")[0]) == 20


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        (TaskMap(precision="int8"), "--task-map: precision is 'int8'; here --dtype decides it"),
        (TaskMap(dimension=8), "--task-map: dimension is 8; here what modules.json lists decides it"),
        (TaskMap(normalised=False), "--task-map: normalised is False; here what modules.json lists decides it"),
        (
            TaskMap(roles={Role.QUERY: "asking"}),
            "role query is served by 'asking', which is no task; there is: ",
        ),
    ],
)
def test_task_map_that_contradicts_the_folder_is_refused(folder, stated, line):
    assert line in refused(folder, task_map=stated)


def test_tasks_option_names_one_of_them(tmp_path):
    folder = write_sentence_transformers(tmp_path / "model", **KINDS["prompts"])
    assert list(described(folder, only_tasks=("document",)).tasks) == ["document"]
    assert "--tasks: unknown task 'documents'; model has: query, document, embedding" in refused(
        folder, only=("documents",)
    )


def test_languages_are_the_cards_and_that_is_said(folder):
    (folder / "README.md").write_text("---\nlanguage: [en, de]\n---\n", encoding="utf-8")
    spec = described(folder)
    assert (spec.languages, spec.details["languages_from"]) == (("en", "de"), "its card, README.md,")
    assert "its languages are those that its card states: en, de" in spec.notes


# --- code of a model's own ----------------------------------------------------------------------------------------

OWN_CODE = '''
import torch
from sentence_transformers.base.modules import Module


class Doubled(Module):
    """Turns the vector by the task that it is asked for."""

    forward_kwargs = {"task"}

    def forward(self, features, task=None):
        shift = {"query": 1, "document": 2}.get(task, 0)
        features["sentence_embedding"] = torch.roll(features["sentence_embedding"], shift, dims=1)
        return features

    def save(self, output_path, *args, **kwargs):
        pass
'''


@pytest.fixture
def with_own_code(folder):
    (folder / "own_module.py").write_text(OWN_CODE, encoding="utf-8")
    (folder / "2_Doubled").mkdir()
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Doubled", "type": "own_module.Doubled"},
    ]
    write_json(folder / "modules.json", modules)
    return folder


def test_code_of_its_own_does_not_run_unasked(with_own_code):
    assert refused(with_own_code) == (
        "FOLDER: its module own_module.Doubled is code of its own, which doesn't run unasked: read it, then give "
        "--trust-remote-code"
    )


def test_code_of_its_own_runs_if_trusted_and_is_handed_the_task(with_own_code, monkeypatch, tmp_path):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    encoder = opened(with_own_code, trust=True)
    library = theirs(with_own_code, trust_remote_code=True)
    assert list(encoder.tasks) == ["query", "document", "embedding"]
    for task, call in {"query": library.encode_query, "document": library.encode_document}.items():
        assert_alike(encoder.encode(["Hello"], task), call(["Hello"]))
    bare = encoder.encode(["Hello"], "embedding")
    assert_alike(np.roll(bare, 1, axis=1), encoder.encode(["Hello"], "query"))
    assert not encoder.spec.normalised
    assert "own_module.py" in encoder.spec.details["model_files"]


# --- models without a transformer ---------------------------------------------------------------------------------


def test_model_without_a_transformer_says_what_it_cannot_be_asked(tmp_path):
    from sentence_transformers import sentence_transformer
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path)
    static = sentence_transformer.modules.StaticEmbedding(
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")), embedding_dim=8
    )
    folder = tmp_path / "static"
    SentenceTransformer(modules=[static], device="cpu").save(str(folder))
    encoder = opened(folder)
    texts = ["Follow the white rabbit.", "Hello"]
    assert_alike(encoder.encode(texts, "embedding"), theirs(folder).encode(texts))
    for ability in (Ability.TOKENIZE, Ability.PADDING_SIDE, Ability.HIDDEN_STATES):
        assert "its first module is StaticEmbedding" in encoder.spec.why_not(ability)
    with pytest.raises(EncodeError):
        encoder.tokenize(texts, "embedding")
    assert encoder.spec.dimension == 8


@pytest.mark.parametrize("default", ["document", None])
def test_router_is_asked_by_the_librarys_names_of_tasks(tmp_path, default):
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path)
    ways = [StaticEmbedding(Tokenizer.from_file(str(tmp_path / "tokenizer.json")), embedding_dim=8) for _ in range(2)]
    router = Router(
        {"query": [ways[0]], "document": [ways[1]]}, default_route=default, allow_empty_key=default is not None
    )
    folder = tmp_path / "routed"
    SentenceTransformer(modules=[router], device="cpu").save(str(folder))
    encoder, library = opened(folder), theirs(folder)
    expected = {"query": library.encode_query, "document": library.encode_document}
    if default:
        expected["embedding"] = library.encode
    assert list(encoder.tasks) == list(expected)
    for task, call in expected.items():
        assert_alike(encoder.encode(["Hello"], task), call(["Hello"]))
    assert (Role.SIMILARITY in encoder.spec.roles) == bool(default)
    assert sum(name.endswith(".safetensors") for name in encoder.spec.details["model_files"]) == 2


# --- models of the Hub --------------------------------------------------------------------------------------------


def test_model_of_the_hub_is_described_by_its_small_files_and_opened_from_the_cache(tmp_path, monkeypatch):
    cache, commit = tmp_path / "hub", "c" * 40
    for name, value in {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": True}.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    repository = cache / "models--some-org--some-model"
    snapshot = write_sentence_transformers(repository / "snapshots" / commit, dense=(16,), **KINDS["prompts"])
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    weights = snapshot / "model.safetensors"
    weights.rename(tmp_path / "weights")
    target, runtime = Target("some-org/some-model"), registry.SENTENCE_TRANSFORMERS
    assert registry.runtime_of(target) is runtime
    spec = registry.describe(runtime, target)
    assert (spec.revision, spec.source, spec.dimension) == (commit, "", 16)
    assert list(spec.tasks) == ["query", "document", "embedding"]
    assert spec.baseline_name == "some-org--some-model"
    assert runtime.source(spec).resolved == f"hub:some-org/some-model@{commit}"
    (tmp_path / "weights").rename(weights)
    fetched = registry.completed(runtime, runtime.fetch(spec, target), target)
    assert fetched.notes[0] == f"some-org/some-model is commit {commit} of the Hub repository"
    encoder = runtime.open(fetched, target, "cpu", runtime.options())
    assert_alike(encoder.encode(["Hello"], "query"), theirs(snapshot).encode_query(["Hello"]))
