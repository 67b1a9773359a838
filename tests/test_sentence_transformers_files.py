"""What a sentence-transformers folder says of itself is read from its JSON files, as the library reads it."""

import pytest

from fixtures.errors import CheckpointError
from fixtures.models.model_card import languages_of_card
from fixtures.models.sentence_transformers_files import read_folder
from tests.checkpoints import change_json, write_json

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"},
    {"idx": 4, "name": "4", "path": "4_Normalize", "type": "sentence_transformers.models.Normalize"},
]


@pytest.fixture
def folder(tmp_path):
    """A folder of JSON files alone, with two linear layers and the older entries."""
    folder = tmp_path / "model"
    for name in ("1_Pooling", "2_Dense", "3_Dense"):
        (folder / name).mkdir(parents=True)
    write_json(folder / "modules.json", MODULES)
    config = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 3, "max_position_embeddings": 512}
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {"model_max_length": 128})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": True})
    pooling = {"word_embedding_dimension": 8, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    tanh = "torch.nn.modules.activation.Tanh"
    for name, sizes in (("2_Dense", (8, 16)), ("3_Dense", (16, 4))):
        layer = {"in_features": sizes[0], "out_features": sizes[1], "bias": True, "activation_function": tanh}
        write_json(folder / name / "config.json", layer)
    settings = {"prompts": {"query": "q: ", "passage": "p: "}, "default_prompt_name": None}
    write_json(folder / "config_sentence_transformers.json", settings)
    return folder


def test_steps_say_pooling_layers_normalisation_and_dimension(folder):
    said = read_folder(folder)
    assert [module.name for module in said.modules] == ["Transformer", "Pooling", "Dense", "Dense", "Normalize"]
    assert (said.pooling, said.normalised, said.width, said.dimension, said.layers) == (("mean",), True, 8, 4, 3)
    assert [(layer.in_features, layer.out_features) for layer in said.dense] == [(8, 16), (16, 4)]
    assert (said.custom, said.transformer, said.lower_case, said.similarity) == ((), folder, True, "cosine")


@pytest.mark.parametrize(
    ("pooling", "modes"),
    [
        ({"pooling_mode": "cls"}, ("cls",)),
        ({"pooling_mode": ["mean", "max"]}, ("mean", "max")),
        ({"pooling_mode_max_tokens": True, "pooling_mode_lasttoken": True}, ("max", "lasttoken")),
        ({"pooling_mode": "max", "pooling_mode_mean_tokens": True}, ("max",)),
        ({"pooling_mode_mean_tokens": False}, ("mean",)),
    ],
)
def test_pooling_is_read_in_both_spellings(folder, pooling, modes):
    write_json(folder / "modules.json", MODULES[:2])
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 8} | pooling)
    said = read_folder(folder)
    assert (said.pooling, said.dimension, said.normalised) == (modes, 8 * len(modes), False)


def test_prompt_named_passage_is_sent_by_neither(folder):
    said = read_folder(folder)
    assert (said.query_prompt, said.document_prompt, said.plain_prompt) == ("q: ", "", "")
    change_json(folder / "config_sentence_transformers.json", default_prompt_name="passage")
    assert read_folder(folder).plain_prompt == "p: "


def test_length_is_the_settings_else_the_shorter_of_tokenizer_and_positions(folder):
    assert read_folder(folder).max_length == 64
    (folder / "sentence_bert_config.json").rename(folder / "sentence_roberta_config.json")
    assert read_folder(folder).max_length == 64
    (folder / "sentence_roberta_config.json").unlink()
    assert read_folder(folder).max_length == 128
    write_json(folder / "tokenizer_config.json", {"model_max_length": 10**30})
    assert read_folder(folder).max_length == 512
    change_json(folder / "config.json", max_position_embeddings=None)
    assert read_folder(folder).max_length is None


def test_processing_arguments_override_the_length(folder):
    change_json(folder / "sentence_bert_config.json", processing_kwargs={"text": {"max_length": 16}})
    assert read_folder(folder).max_length == 16


def test_cut_comes_after_normalisation(folder):
    change_json(folder / "config_sentence_transformers.json", truncate_dim=2)
    change_json(folder / "config.json", matryoshka_dimensions=[2, 4])
    said = read_folder(folder)
    assert (said.dimension, said.normalised, said.matryoshka, said.truncate_dim) == (2, False, (2,), 2)


def test_folder_without_modules_is_pooled_as_the_library_assumes(folder):
    (folder / "modules.json").unlink()
    said = read_folder(folder)
    assert (said.stated, said.pooling, said.dimension, said.normalised, said.max_length) == (
        False,
        ("mean",),
        8,
        False,
        128,
    )
    assert said.query_prompt == ""
    change_json(folder / "config.json", architectures=["Qwen3ForCausalLM"])
    assert read_folder(folder).pooling == ("lasttoken",)


def test_code_that_is_not_the_librarys_is_named(folder):
    write_json(folder / "modules.json", [{"name": "transformer", "path": "", "type": "custom_st.Transformer"}])
    said = read_folder(folder)
    assert [module.type for module in said.custom] == ["custom_st.Transformer"]
    assert said.dimension is None


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda f: (f / "1_Pooling" / "config.json").unlink(), "1_Pooling/config.json: unreadable (No such file"),
        (lambda f: change_json(f / "2_Dense" / "config.json", in_features=9), "in_features is 9; what goes in has 8"),
        (lambda f: (f / "3_Dense" / "config.json").write_text("{"), "3_Dense/config.json: unreadable (cut off"),
        (
            lambda f: write_json(f / "modules.json", [*MODULES, MODULES[1] | {"path": "5_Pooling"}]),
            "the folder '5_Pooling' of its module Pooling isn't there",
        ),
        (lambda f: write_json(f / "modules.json", [MODULES[0] | {"path": "../other"}]), "no folder inside this one"),
        (lambda f: write_json(f / "modules.json", []), "lists no modules"),
        (
            lambda f: change_json(f / "1_Pooling" / "config.json", pooling_mode="middle"),
            "pooling_mode is 'middle'; allowed: cls, max, mean",
        ),
        (
            lambda f: change_json(f / "1_Pooling" / "config.json", word_embedding_dimension=16),
            "word_embedding_dimension is 16; what is pooled has 8 components",
        ),
        (
            lambda f: change_json(f / "config_sentence_transformers.json", default_prompt_name="none"),
            "default_prompt_name is 'none'; its prompts are: query, document, passage",
        ),
        (
            lambda f: change_json(f / "config_sentence_transformers.json", prompts={"query": 3}),
            "the prompt 'query' is 3, needs a text or null",
        ),
        (
            lambda f: change_json(f / "config_sentence_transformers.json", model_type="SparseEncoder"),
            "model_type is 'SparseEncoder'; this suite evaluates a SentenceTransformer",
        ),
        (
            lambda f: change_json(f / "sentence_bert_config.json", max_seq_length=0),
            "max_seq_length is 0, needs a whole number of at least 1, or null",
        ),
        (
            lambda f: change_json(f / "sentence_bert_config.json", tokenizer_name_or_path="org/other"),
            "tokenizer_name_or_path is 'org/other', a tokenizer from elsewhere",
        ),
        (lambda f: (f / "config.json").unlink(), "config.json: unreadable (No such file"),
    ],
)
def test_damaged_folder_is_refused_in_one_line(folder, damage, line):
    damage(folder)
    with pytest.raises(CheckpointError) as refused:
        read_folder(folder)
    assert line in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("front_matter", "languages"),
    [
        ("language: en", ("en",)),
        ("license: mit\nlanguage: [en, 'de', zh-CN]", ("en", "de", "zh")),
        ('language:\n- multilingual\n- en # English\n- "no"\ntags:\n- fr', ("en", "no")),
        ("language:\n  - pt_BR\n  - fra", ("pt", "fra")),
        ("language: multilingual", None),
        ("tags:\n- en", None),
        ("metadata:\n  language: en", None),
    ],
)
def test_languages_are_those_of_the_cards_front_matter(front_matter, languages):
    assert languages_of_card(f"---\n{front_matter}\n---\n# Card\nlanguage: xx\n") == (languages, "")


def test_language_that_is_not_understood_is_said(folder):
    (folder / "README.md").write_text("---\nlanguage:\n- English\n- de\n---\n", encoding="utf-8")
    said = read_folder(folder)
    assert said.languages == ("de",)
    assert said.notes == (f"{folder / 'README.md'} states the language 'English', which is no code such as en",)


def test_card_without_front_matter_states_no_language(folder):
    (folder / "README.md").write_text("language: en\n---\n", encoding="utf-8")
    assert read_folder(folder).languages is None
