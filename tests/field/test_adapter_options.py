"""An adapter's configuration is honoured or refused, entry by entry, and never changes the base."""

import json
import math

import pytest

from tests.checkpoints import change_json
from tests.field.loading_runs import ONE_TASK, evaluates, refusal

CONFIG = "separation/adapter_config.json"


@pytest.mark.parametrize("method", ["pissa", "pissa_niter_4", "olora", "OLoRA", "corda", "loftq", "lora_ga"])
def test_adapter_whose_method_changes_the_base_is_refused(project, own_checkpoint, method):
    change_json(own_checkpoint / CONFIG, init_lora_weights=method)
    assert refusal(project, own_checkpoint) == (
        f"FOLDER/{CONFIG}: init_lora_weights is {method!r}: such an adapter belongs to a base that PEFT has changed, "
        "not to this one; export it as plain LoRA (PEFT's save_pretrained with "
        "path_initial_model_for_weight_conversion) or merge it into the weights"
    )


@pytest.mark.parametrize("method", [True, False, "gaussian", "orthogonal", "eva", "mica"])
def test_adapter_whose_method_leaves_the_base_alone_is_its_files_tensors(project, own_checkpoint, method):
    change_json(own_checkpoint / CONFIG, init_lora_weights=method)
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


@pytest.mark.parametrize("method", ["no such method", 3, ["pissa"]])
def test_unknown_method_is_refused(project, own_checkpoint, method):
    change_json(own_checkpoint / CONFIG, init_lora_weights=method)
    assert f"FOLDER/{CONFIG}: init_lora_weights is {method!r}" in refusal(project, own_checkpoint)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("use_dora", True),
        ("alpha_pattern", {"fc1": 8}),
        ("rank_pattern", {"fc1": 4}),
        ("fan_in_fan_out", True),
        ("bias", "all"),
        ("bias", "lora_only"),
        ("modules_to_save", ["LayerNorm"]),
        ("layers_to_transform", [0, 1]),
        ("layers_to_transform", 0),
        ("layer_replication", [[0, 2]]),
        ("exclude_modules", ["dense"]),
        ("exclude_modules", "dense"),
        ("target_parameters", ["fc1.weight"]),
        ("lora_bias", True),
        ("megatron_config", {"a": 1}),
        ("trainable_token_indices", [1, 2]),
        ("alora_invocation_tokens", [1]),
        ("use_qalora", True),
        ("use_bdlora", {"nblocks": 2}),
        ("an_entry_of_tomorrow", True),
    ],
)
def test_entry_that_changes_the_arithmetic_is_refused(project, own_checkpoint, entry, value):
    change_json(own_checkpoint / CONFIG, **{entry: value})
    assert refusal(project, own_checkpoint) == (
        f"FOLDER/{CONFIG}: {entry} is {value!r}; this suite loads plain LoRA (r, lora_alpha, use_rslora, "
        "target_modules); export the adapter as that or merge it into the weights"
    )


def test_entries_that_say_nothing_are_accepted(project, own_checkpoint):
    from peft import LoraConfig

    stated = json.loads((own_checkpoint / CONFIG).read_text())
    config = LoraConfig(**{name: stated[name] for name in ("r", "lora_alpha", "target_modules")}, lora_dropout=0.1)
    config.save_pretrained(own_checkpoint / "separation")
    assert len(json.loads((own_checkpoint / CONFIG).read_text())) > 30
    assert evaluates(project, own_checkpoint, ONE_TASK) == []


@pytest.mark.parametrize("entries", [{"r": True}, {"r": 0}, {"lora_alpha": True}, {"lora_alpha": math.inf}])
def test_scaling_of_no_numbers_is_refused(project, own_checkpoint, entries):
    change_json(own_checkpoint / CONFIG, **entries)
    assert f"FOLDER/{CONFIG}: " in refusal(project, own_checkpoint)


def test_rank_stabilised_adapter_is_scaled_by_the_root_of_its_rank(project, own_checkpoint):
    from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder
    from fixtures.runtimes.jina_v3.loading import load_model

    def vector():
        return TorchEncoder(load_model(inspect_checkpoint(own_checkpoint))).encode(["a text"], "separation")

    change_json(own_checkpoint / CONFIG, lora_alpha=2)
    plain = vector()
    change_json(own_checkpoint / CONFIG, lora_alpha=1, use_rslora=True)  # of rank 4: 2 / 4 = 1 / sqrt(4)
    assert (vector() == plain).all()
    assert evaluates(project, own_checkpoint, ONE_TASK) == []
