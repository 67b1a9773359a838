"""Folders of sentence-transformers are encoded with as that library would, or refused in one line."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer

from fixtures.errors import CheckpointError, DtypeError, EncodeError, LibraryError
from fixtures.hardware import library_versions
from fixtures.models.spec import Ability, Input, Role, Target
from fixtures.models.task_maps import TaskMap
from fixtures.runtimes import registry
from fixtures.texts.anchors import anchor_set
from tests.checkpoints import change_json, change_tensors, write_json, write_native_checkpoint
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers

ROUNDING = 3e-6
"""Of components of unnormalised vectors, which are as long as 6, and of those of unit length."""

KINDS = {
    "plain": {},
    "prompts": {"prompts": {"query": "query: ", "document": "passage: "}},
    "passage": {"prompts": {"query": "query: ", "passage": "passage: "}},
    "two linear layers": {"dense": (64, 16)},
    "first token, not normalised": {"pooling": "cls", "normalise": False},
    "last token": {"pooling": "lasttoken"},
    "32 tokens": {"max_length": 32},
    "two dimensions": {"hidden": 2},
    "length of the tokenizer": {"max_length": None},
}


@pytest.fixture
def folder(tmp_path):
    """A tiny folder, which a test may damage."""
    return write_sentence_transformers(tmp_path / "tiny")


def opened(folder, *, only=(), task_map=None, trust=False, **options):
    """Open a folder by the runtime of its row."""
    target = Target(str(folder), only_tasks=only, task_map=task_map, trust_remote_code=trust)
    runtime = registry.SENTENCE_TRANSFORMERS
    spec = registry.with_lacking(runtime, runtime.fetch(registry.describe(runtime, target), target))
    return runtime.open(spec, target, "cpu", runtime.options(trust_remote_code=trust, **options))


def refused(folder, kind=CheckpointError, **options) -> str:
    with pytest.raises(kind) as error:
        opened(folder, **options)
    message = str(error.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


def theirs(folder, **options):
    """The library's own model of a folder, in float32."""
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, **options)


# --- what is encoded ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_tokens_of_all_anchors_are_those_of_the_library(tmp_path, kind):
    folder = write_sentence_transformers(tmp_path / "model", **KINDS[kind])
    encoder, library = opened(folder), theirs(folder)
    texts = list(anchor_set(None).texts.values())
    calls = {Role.QUERY: library.encode_query, Role.DOCUMENT: library.encode_document, Role.SIMILARITY: library.encode}
    for role, call in calls.items():
        task = encoder.spec.roles[role]
        np.testing.assert_allclose(encoder.encode(texts, task), call(texts), rtol=0, atol=ROUNDING)
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
    np.testing.assert_allclose(encoder.encode(texts, "embedding"), theirs(folder).encode(texts), rtol=0, atol=ROUNDING)
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
    np.testing.assert_allclose(vectors, theirs(folder).encode(texts), rtol=0, atol=ROUNDING)
    assert (encoder.spec.normalised, encoder.spec.dimension, vectors.shape[1]) == (False, 8, 8)


def test_cut_that_a_call_asks_for_is_normalised_again(folder):
    encoder, texts = opened(folder), ["Follow the white rabbit.", "Hello"]
    expected = theirs(folder).encode(texts, truncate_dim=8, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(texts, "embedding", truncate_dim=8), expected, rtol=0, atol=ROUNDING)
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
    np.testing.assert_allclose(mean / np.linalg.norm(mean), vector, rtol=0, atol=ROUNDING)


def test_model_in_bfloat16_normalises_in_it(folder):
    encoder = opened(folder, dtype="bfloat16")
    assert (encoder.spec.precision, encoder.spec.normalised_in) == ("bfloat16", "bfloat16")
    off = np.abs(np.linalg.norm(encoder.encode(list(anchor_set(None).texts.values()), "embedding"), axis=1) - 1)
    assert 1e-5 < off.max() < 2e-2


def test_error_of_the_library_is_one_line_and_a_refusal(tmp_path):
    folder = write_sentence_transformers(tmp_path / "model", positions=60, max_length=128)
    encoder = opened(folder)
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
        "document is what encode_document and encode sends, bare"
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
    np.testing.assert_allclose(encoder.encode(["Hello"], "passage"), expected, rtol=0, atol=ROUNDING)
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
        np.testing.assert_allclose(encoder.encode(["Hello"], task), call(["Hello"]), rtol=0, atol=ROUNDING)
    bare = encoder.encode(["Hello"], "embedding")
    np.testing.assert_allclose(np.roll(bare, 1, axis=1), encoder.encode(["Hello"], "query"), rtol=0, atol=ROUNDING)
    assert not encoder.spec.normalised
    assert "own_module.py" in encoder.spec.details["model_files"]


# --- folders that can't be used -----------------------------------------------------------------------------------


def _pickled(folder: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _pickled_layer(folder: Path) -> None:
    torch.save({}, folder / "2_Dense" / "pytorch_model.bin")
    (folder / "2_Dense" / "model.safetensors").unlink()


def _without(name: str):
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file(
            {key: tensors[key] for key in tensors if name not in key}, folder / "model.safetensors", {"format": "pt"}
        )

    return damage


def _unknown_class(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[2]["type"] = "sentence_transformers.models.Nothing"
    write_json(folder / "modules.json", modules)


def _longer_vocabulary(folder: Path) -> None:
    """A tokenizer from elsewhere: its ids go beyond the matrix."""
    cut = "embeddings.word_embeddings.weight"
    change_tensors(folder / "model.safetensors", lambda tensors: tensors.update({cut: tensors[cut][:50].copy()}))
    change_json(folder / "config.json", vocab_size=50)


def _not_finite(folder: Path) -> None:
    name = "encoder.layer.0.output.dense.weight"
    change_tensors(folder / "model.safetensors", lambda tensors: tensors[name].__setitem__((0, 0), np.nan))


DAMAGED = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors and no model.safetensors.index"),
    "pickled": (_pickled, "holds pickled weights only (pytorch_model.bin), which can run code when loaded"),
    "pickled layer": (_pickled_layer, "FOLDER/2_Dense: holds pickled weights only (pytorch_model.bin)"),
    "module's folder missing": (
        lambda f: shutil.rmtree(f / "1_Pooling"),
        "FOLDER/modules.json: the folder '1_Pooling' of its module Pooling isn't there",
    ),
    "layer's folder missing": (
        lambda f: shutil.rmtree(f / "2_Dense"),
        "FOLDER/modules.json: the folder '2_Dense' of its module Dense isn't there",
    ),
    "layer of another input": (
        lambda f: change_json(f / "2_Dense" / "config.json", in_features=48),
        "FOLDER/2_Dense/config.json: in_features is 48; what goes in has 32 components",
    ),
    "layer of another size": (
        lambda f: change_json(f / "2_Dense" / "config.json", out_features=24),
        "FOLDER/2_Dense: the weights don't fit its config.json: 2 misshapen (first: linear.bias)",
    ),
    "layer without its bias": (
        lambda f: change_tensors(f / "2_Dense" / "model.safetensors", lambda tensors: tensors.pop("linear.bias")),
        "FOLDER/2_Dense: the weights don't fit its config.json: 1 missing (first: linear.bias)",
    ),
    "transformer's layer missing": (
        _without("encoder.layer.1."),
        "the weights don't fit its config.json: 16 missing (first: encoder.layer.1.attention.output.LayerNorm.bias)",
    ),
    "another width": (lambda f: change_json(f / "config.json", intermediate_size=48), "FOLDER: can't be loaded: "),
    "tokenizer from elsewhere": (_longer_vocabulary, "its matrix has 50 rows: the tokenizer of another model"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "FOLDER: no tokenizer (tokenizer.json or"),
    "values that are not finite": (_not_finite, "encoder.layer.0.output.dense.weight holds 1 value that is NaN or"),
    "a pointer of Git LFS": (
        lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "is a Git LFS pointer, the file itself wasn't fetched: run git lfs pull",
    ),
    "unknown architecture": (lambda f: change_json(f / "config.json", model_type="none"), "FOLDER: can't be loaded: "),
    "unknown class": (_unknown_class, "FOLDER: can't be loaded: "),
    "8-bit weights": (
        lambda f: change_tensors(f / "model.safetensors", lambda one: one.update(scale=np.zeros(3, np.int8))),
        "scale is of type I8; this suite loads",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_folder_is_refused_in_one_line(tmp_path, damage):
    folder = write_sentence_transformers(tmp_path / "model", dense=(16,))
    change, line = DAMAGED[damage]
    change(folder)
    assert line in refused(folder)


def test_weights_that_the_dtype_cannot_hold_are_refused(folder):
    change_tensors(folder / "model.safetensors", lambda tensors: tensors["embeddings.LayerNorm.bias"].fill(1e6))
    assert "infinite in float16" in refused(folder, kind=DtypeError, dtype="float16")


def test_attention_that_the_library_lacks_is_refused(folder):
    assert "FOLDER: can't be loaded: " in refused(folder, attn_implementation="flash_attention_2")
    assert opened(folder, attn_implementation="eager").environment()["attn_implementation"] == "eager"


def test_tensors_beyond_the_model_are_a_note(folder):
    change_tensors(folder / "model.safetensors", lambda one: one.update({"lm_head.bias": np.zeros(3, np.float32)}))
    encoder = opened(folder)
    assert "1 tensors of its weights are no part of the model (first: lm_head.bias)" in encoder.notes


# --- which runtime, and whether it is there ------------------------------------------------------------------------


def test_folder_is_opened_by_the_runtime_that_its_small_files_say(folder, tmp_path):
    assert registry.runtime_of(Target(str(folder))).name == "sentence-transformers"
    jina = write_native_checkpoint(tmp_path / "jina" / "0_Transformer") or tmp_path / "jina"
    modules = [{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]
    write_json(jina / "modules.json", modules)
    own = registry.runtime_of(Target(str(jina)))
    assert (own.name, registry.others_of(own, Target(str(jina)))) == ("jina-v3", ["sentence-transformers"])
    assert registry.others_of(registry.SENTENCE_TRANSFORMERS, Target(str(folder))) == []
    (folder / "config.json").write_text("{")
    assert registry.runtime_of(Target(str(folder))).name == "jina-v3"
    assert registry.runtime_of(Target(str(tmp_path))).name == "jina-v3"


def test_missing_library_is_one_line_that_says_what_to_install(folder, monkeypatch):
    installed = library_versions.installed_version
    hidden = "sentence-transformers"
    monkeypatch.setattr(
        library_versions, "installed_version", lambda name: "not installed" if name == hidden else installed(name)
    )
    assert refused(folder, kind=LibraryError) == (
        "this model takes sentence-transformers>=6,<7, which is not installed: pip install "
        "'sentence-transformers>=6,<7', or pip install --group sentence-transformers where the suite lies"
    )


def test_broken_library_is_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert refused(folder, kind=LibraryError).startswith("a library can't be imported: ")


def test_changed_files_are_told(folder):
    encoder = opened(folder)
    assert encoder.changed_files() == []
    change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")
    assert encoder.changed_files() == ["1_Pooling/config.json"]


def test_library_that_sends_other_prompts_than_it_is_known_to_is_refused(folder, monkeypatch):
    def other_prompts(self, model_config):
        self.prompts = {"query": "other: ", "document": ""}

    monkeypatch.setattr(SentenceTransformer, "_parse_model_config", other_prompts)
    assert "sends 'other: ' and '' before queries and documents, its files say '' and ''" in refused(
        folder, kind=LibraryError
    )


def test_model_without_a_transformer_says_what_it_cannot_be_asked(tmp_path):
    from sentence_transformers import sentence_transformer
    from tokenizers import Tokenizer

    from tests.checkpoints import write_tokenizer

    write_tokenizer(tmp_path)
    static = sentence_transformer.modules.StaticEmbedding(
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")), embedding_dim=8
    )
    folder = tmp_path / "static"
    SentenceTransformer(modules=[static], device="cpu").save(str(folder))
    encoder = opened(folder)
    texts = ["Follow the white rabbit.", "Hello"]
    np.testing.assert_allclose(encoder.encode(texts, "embedding"), theirs(folder).encode(texts), rtol=0, atol=ROUNDING)
    for ability in (Ability.TOKENIZE, Ability.PADDING_SIDE, Ability.HIDDEN_STATES):
        assert "its first module is StaticEmbedding" in encoder.spec.why_not(ability)
    with pytest.raises(EncodeError):
        encoder.tokenize(texts, "embedding")
    assert encoder.spec.dimension == 8
