"""What a model's configuration says is honoured or refused in one line, in every layout, and never ignored."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch_file
from safetensors.torch import save_file as save_torch_file

from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from tests.checkpoints import (
    TASKS,
    change_json,
    write_json,
    write_modules,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.field.loading_runs import ONE_TASK, evaluates, refusal

WRITE = {"native": write_native_checkpoint, "original": write_original_checkpoint}
BASE = "model.safetensors"
ROTARY = {"rope_type": "default", "rope_theta": 20000.0}


@pytest.fixture(params=["native", "original"])
def folder(request, tmp_path):
    """A checkpoint in each layout."""
    WRITE[request.param](tmp_path / request.param)
    return tmp_path / request.param


@pytest.fixture
def original(tmp_path):
    write_original_checkpoint(tmp_path / "original")
    return tmp_path / "original"


@pytest.fixture
def native(tmp_path):
    write_native_checkpoint(tmp_path / "native")
    return tmp_path / "native"


def refused(project, folder, **entries):
    """The refusal of a checkpoint whose config.json has these entries too."""
    change_json(folder / "config.json", **entries)
    message = refusal(project, folder)
    assert message.startswith("FOLDER/config.json: ")
    return message.removeprefix("FOLDER/config.json: ")


# --- entries of config.json in both layouts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("truncate_dim", 16),
        ("emb_pooler", "cls"),
        ("position_embedding_type", "alibi"),
        ("quantization_config", {"quant_method": "bitsandbytes", "load_in_8bit": True}),
        ("quantization_config", {"quant_method": "no such method"}),
        ("compression_config", {"format": "int-quantized"}),
        ("rotary_emb_scale_base", 512),
        ("rotary_emb_interleaved", True),
        ("rotary_emb_fraction", 0.5),
        ("rotary_emb_dim", 4),
        ("rotary_emb_of_tomorrow", 1),
        ("head_dim", 4),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("lora_prompts", dict.fromkeys(TASKS, "Find: ")),
    ],
)
def test_entry_that_changes_the_arithmetic_is_refused(project, folder, entry, value):
    assert refused(project, folder, **{entry: value}).startswith(f"{entry} is {value!r}; ")


def test_entries_that_say_what_is_done_anyway_are_accepted(project, folder):
    said = {"rotary_emb_fraction": 1.0, "rotary_emb_dim": 8, "rotary_emb_interleaved": False, "head_dim": 8}
    said |= {"emb_pooler": "mean", "position_embedding_type": "rotary", "rope_theta": 20000, "rope_parameters": ROTARY}
    said |= {"is_decoder": False, "pruned_heads": {}, "lora_main_params_trainable": True, "rotary_emb_base": 20000.0}
    change_json(folder / "config.json", **said)
    assert evaluates(project, folder, ONE_TASK) == []


@pytest.mark.parametrize("value", [True, "2"])
def test_size_that_is_no_number_is_refused(project, folder, value):
    assert refused(project, folder, num_hidden_layers=value) == (
        f"num_hidden_layers is {value!r}, needs a whole number"
    )


# --- rotary positions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stated", [{}, {"rope_type": "default"}, {"rope_theta": None}])
def test_rotary_settings_without_their_base_are_refused(project, native, stated):
    assert refused(project, native, rope_parameters=stated) == (
        f"rope_parameters is {stated!r}, without its base; state rope_theta in it (20000.0 in the published model)"
    )


@pytest.mark.parametrize(
    ("entry", "other"),
    [
        ("rope_parameters", {"rope_type": "linear", "factor": 2.0}),
        ("rope_parameters", {"rope_type": "dynamic", "factor": 2.0}),
        ("rope_parameters", {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 512}),
        ("rope_parameters", {"rope_type": "no such type"}),
        ("rope_parameters", {"rope_type": "default", "factor": 2.0}),
        ("rope_parameters", {"rope_type": "default", "partial_rotary_factor": 0.5}),
        ("rope_scaling", {"type": "linear", "factor": 2.0}),
    ],
)
def test_rotary_positions_of_another_type_are_refused(project, folder, entry, other):
    stated = {**other, "rope_theta": 20000.0}
    message = refused(project, folder, **{"rope_parameters": None, entry: stated})
    assert message.startswith(f"{entry} is {stated!r}; ")


@pytest.mark.parametrize("entry", ["rope_theta", "rotary_emb_base"])
def test_two_rotary_bases_are_refused(project, native, entry):
    assert refused(project, native, **{entry: 10000.0}) == (
        f"{entry} is 10000.0, but the rotary base is 20000.0 by rope_parameters; state one of them"
    )


def test_rotary_base_that_only_the_other_layout_knows_is_refused(project, original, native):
    assert refused(project, original, rotary_emb_base=None, rope_theta=20000.0) == (
        "rope_theta is 20000.0, but the rotary base is 10000.0 by the default of this layout; state one of them"
    )
    assert refused(project, native, rope_parameters=None, rotary_emb_base=10000.0) == (
        "rotary_emb_base is 10000.0, but the rotary base is 20000.0 by the default of this layout; state one of them"
    )


@pytest.mark.parametrize("base", ["20000", 0, -1.0, True, float("nan")])
def test_rotary_base_that_is_no_base_is_refused(project, tmp_path, base):
    for layout, entries in {
        "native": {"rope_parameters": {"rope_type": "default", "rope_theta": base}},
        "original": {"rotary_emb_base": base},
    }.items():
        WRITE[layout](tmp_path / layout)
        assert f"the rotary base is {base!r}, needs a number above 0" in refused(project, tmp_path / layout, **entries)


# --- the original layout ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stated", "told"), [(False, "False"), (None, "False, the default of its class")])
def test_adapters_that_are_switched_off_are_refused(project, original, stated, told):
    assert refused(project, original, load_trained_adapters=stated) == (
        f"load_trained_adapters is {told}; this suite needs True: change the entry if the model doesn't use it"
    )


def test_banks_are_in_the_order_that_the_config_states(project, original):
    def vectors():
        encoder = TorchEncoder(load_model(inspect_checkpoint(original)))
        return {task: encoder.encode(["a text"], task, prefix="") for task in encoder.tasks}

    published = vectors()
    turned = [*TASKS[1:], TASKS[0]]
    change_json(original / "config.json", lora_adaptations=turned)
    own = vectors()
    assert list(own) == turned
    for name, bank in zip(turned, TASKS, strict=True):
        np.testing.assert_array_equal(own[name], published[bank])
    assert evaluates(project, original, ONE_TASK) == []


def test_task_that_two_banks_claim_is_refused(project, original):
    tasks = [*TASKS[:4], TASKS[0]]
    assert refused(project, original, lora_adaptations=tasks) == (
        "lora_adaptations lists 'retrieval.query' twice; each bank needs a task of its own"
    )


def test_prefix_of_a_task_without_a_bank_is_refused(project, original):
    prefixes = json.loads((original / "config.json").read_text())["task_instructions"]
    assert refused(project, original, task_instructions={**prefixes, "clustering": "Cluster: "}) == (
        "task_instructions states a prefix for 'clustering', which lora_adaptations doesn't list"
    )


# --- kinds of numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "dtype", "called"),
    [
        (BASE, torch.complex64, "C64"),
        (BASE, torch.int8, "I8"),
        (BASE, torch.uint8, "U8"),
        (BASE, torch.int64, "I64"),
        (BASE, torch.bool, "BOOL"),
        (BASE, torch.float8_e4m3fn, "F8_E4M3"),
        ("separation/adapter_model.safetensors", torch.complex64, "C64"),
        ("separation/adapter_model.safetensors", torch.int8, "I8"),
    ],
)
def test_weights_that_are_no_plain_floating_point_are_refused(project, native, file, dtype, called):
    tensors = load_torch_file(native / file)
    name = sorted(tensors)[0]
    save_torch_file({**tensors, name: tensors[name].to(dtype)}, native / file)
    assert refusal(project, native) == (
        f"FOLDER/{file}: {name} is of type {called}; this suite loads F64, F32, F16 and BF16; "
        "export it in one of them, unquantised"
    )


def test_banks_that_are_no_plain_floating_point_are_refused(project, original):
    tensors = load_torch_file(original / BASE)
    name = "roberta.encoder.layers.0.mlp.fc1.parametrizations.weight.0.lora_B"
    save_torch_file({**tensors, name: tensors[name].to(torch.complex64)}, original / BASE)
    assert f"FOLDER/{BASE}: {name} is of type C64; " in refusal(project, original)


def test_weights_in_float64_are_loaded_as_asked_for(project, native):
    tensors = load_file(native / BASE)
    save_torch_file({name: torch.from_numpy(values).double() for name, values in tensors.items()}, native / BASE)
    assert evaluates(project, native, ONE_TASK) == []


# --- how much of a text counts ------------------------------------------------------------------------------------


def as_sentence_transformers_folder(folder, **settings):
    write_modules(folder)
    write_json(folder / "sentence_bert_config.json", settings)


@pytest.mark.parametrize("length", [0, -1, True, "100", 1.5, [100]])
def test_maximum_length_of_sentence_transformers_that_is_no_length_is_refused(project, native, length):
    as_sentence_transformers_folder(native, max_seq_length=length)
    assert refusal(project, native) == (
        f"FOLDER/sentence_bert_config.json: max_seq_length is {length!r}, needs a whole number of at least 1, or null"
    )


def test_maximum_length_that_is_left_open_is_the_tokenizers(project, native):
    as_sentence_transformers_folder(native, max_seq_length=None)
    assert evaluates(project, native, ONE_TASK) == []


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("transformer_task", "fill-mask"),
        ("module_output_name", "pooler_output"),
        ("query_length", 32),
        ("document_length", 32),
        ("processing_kwargs", {"text": {"max_length": 8}}),
    ],
)
def test_step_of_sentence_transformers_that_the_suite_does_not_make_is_refused(project, native, entry, value):
    as_sentence_transformers_folder(native, **{entry: value})
    assert refusal(project, native).startswith(f"FOLDER/sentence_bert_config.json: {entry} is {value!r}; ")


def test_cut_of_sentence_transformers_is_refused(project, native):
    as_sentence_transformers_folder(native)
    (native / "config_sentence_transformers.json").write_text('{"truncate_dim": 16}')
    assert refusal(project, native).startswith("FOLDER/config_sentence_transformers.json: truncate_dim is 16; ")


def test_folder_that_sentence_transformers_writes_is_accepted(project, tmp_path):
    pytest.importorskip("sentence_transformers")
    write_native_checkpoint(tmp_path / "merged", merged="separation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models

        transformer = models.Transformer(str(tmp_path / "merged"), model_kwargs={"dtype": torch.float32})
        modules = [transformer, models.Pooling(32, pooling_mode="mean"), models.Normalize()]
        SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "saved"))
    notes = evaluates(project, tmp_path / "saved", ONE_TASK)
    assert notes == ["no adapters: the model's weights themselves answer for separation"]


@pytest.mark.parametrize("length", [True, 0])
def test_maximum_length_of_the_tokenizer_that_is_no_length_is_refused(project, folder, length):
    change_json(folder / "tokenizer_config.json", model_max_length=length)
    assert refusal(project, folder) == (
        f"FOLDER/tokenizer_config.json: model_max_length is {length!r}, needs a number of at least 1"
    )


@pytest.mark.parametrize("positions", [0, -5, True, "512"])
def test_number_of_positions_that_is_no_number_is_refused(project, folder, positions):
    assert refused(project, folder, max_position_embeddings=positions) == (
        f"max_position_embeddings is {positions!r}, needs a whole number of at least 1"
    )
