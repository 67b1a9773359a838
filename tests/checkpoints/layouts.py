"""The layouts: that of jinaai/jina-embeddings-v3, that of -hf, and a folder of sentence-transformers around either."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.checkpoints.bfloat16 import save_bfloat16
from tests.checkpoints.changes import METADATA, contiguous, write_json
from tests.checkpoints.tokenizer import JINA_V3_PREFIXES, write_tokenizer
from tests.checkpoints.weights import (
    ALPHA,
    RANK,
    ROTARY_BASE,
    TASKS,
    TINY,
    Size,
    Tensors,
    adapted_matrices,
    bank,
    merged_weights,
    random_weights,
)

BASE_FILE = "model.safetensors"
ADAPTER_FILE = "adapter_model.safetensors"
FIRST_A = "base_model.model.embeddings.token_type_embeddings.lora_embedding_A"
"""The tensor of an adapter, by PEFT's names, that is checked first."""
NATIVE, PUBLISHED = "native", "published"
MEAN_POOLING = {"pooling_mode": "mean", "include_prompt": True}
_CODE = "jinaai/xlm-roberta-flash-implementation"


def write_original_checkpoint(folder: Path, seed: int = 0, size: Size = TINY, dtype: str = "float32") -> Path:
    """Write the layout of jinaai/jina-embeddings-v3, whose adapters are banks beside each matrix."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / BASE_FILE, random_weights(seed, size, dtype), dtype)
    write_tokenizer(folder, size.max_length)
    config = {
        "architectures": ["XLMRobertaLoRA"],
        "auto_map": {
            "AutoConfig": f"{_CODE}--configuration_xlm_roberta.XLMRobertaFlashConfig",
            "AutoModel": f"{_CODE}--modeling_lora.XLMRobertaLoRA",
        },
        "model_type": "xlm-roberta",
        **_dimensions(size),
        "emb_pooler": None,
        "load_trained_adapters": True,
        "lora_adaptations": list(TASKS),
        "lora_alpha": ALPHA,
        "lora_dropout_p": 0.0,
        "lora_main_params_trainable": False,
        "lora_rank": RANK,
        "position_embedding_type": "rotary",
        "rotary_emb_base": ROTARY_BASE,
        "task_instructions": JINA_V3_PREFIXES,
        "torch_dtype": dtype,
        "truncate_dim": None,
    }
    write_json(folder / "config.json", config)
    return folder


def write_native_checkpoint(
    folder: Path,
    seed: int = 0,
    size: Size = TINY,
    dtype: str = "float32",
    *,
    prefixes: Mapping[str, str] = JINA_V3_PREFIXES,
    tasks: Sequence[str] = TASKS,
    alpha: float = ALPHA,
    merged: str | None = None,
    base_names: str = NATIVE,
    adapter_names: str = NATIVE,
    own_inputs: bool = False,
) -> Path:
    """Write the layout of jinaai/jina-embeddings-v3-hf: a base model and a folder per adapter.

    Args:
        folder: where to; made if it isn't there.
        seed: of the weights.
        size: the dimensions.
        dtype: of the files, float32 or bfloat16.
        prefixes: what config.json states as ``task_instructions``.
        tasks: the tasks that get an adapter folder; one that isn't in ``TASKS`` gets the bank of one that isn't here.
        alpha: the adapters' lora_alpha.
        merged: add this task's adapter to the base weights, and write no adapters.
        base_names: NATIVE, of transformers' own class; PUBLISHED, with query, key and value in one matrix.
        adapter_names: NATIVE, PEFT's; PUBLISHED, by the modules of the original code.
        own_inputs: let query, key and value have an A each, which differ, as PEFT trains them. The original layout,
            and what was converted from it, has one A for the three.
    """
    assert merged is None or dtype == "float32"  # numpy can't add in bfloat16
    tensors = random_weights(seed, size, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    base = {name.removeprefix("roberta."): values for name, values in merged_weights(tensors, merged).items()}
    _save(folder / BASE_FILE, _split(base) if base_names == NATIVE else base, dtype)
    write_tokenizer(folder, size.max_length)
    config = {
        "architectures": ["JinaEmbeddingsV3Model"],
        "model_type": "jina_embeddings_v3",
        **_dimensions(size),
        "dtype": dtype,
        "rope_parameters": {"rope_theta": ROTARY_BASE, "rope_type": "default"},
        "task_instructions": dict(prefixes),
    }
    write_json(folder / "config.json", config)
    others = iter([task for task in TASKS if task not in tasks])
    for task in () if merged else tasks:
        adapter = _adapter(tensors, task if task in TASKS else next(others), own_inputs=own_inputs)
        modules = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in adapter}
        if adapter_names == PUBLISHED:
            adapter = {_published_name(name): values for name, values in adapter.items()}
        _write_adapter(folder / task.replace(".", "_").replace("-", "_"), adapter, sorted(modules), alpha, dtype)
    return folder


def write_modules(
    folder: Path,
    *,
    steps: Sequence[str] = ("Transformer", "Pooling", "Normalize"),
    pooling: Any = MEAN_POOLING,
    inside: str = "",
    first: Mapping[str, Any] | None = None,
) -> None:
    """Make a folder, or the one ``inside`` it that holds the model, what sentence-transformers saves.

    Args:
        folder: the folder.
        steps: its modules.
        pooling: the settings of its pooling.
        inside: where the model lies, in this folder.
        first: further entries of the first module.
    """
    paths = {"Transformer": inside, "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": at, "name": str(at), "path": paths.get(step, step), "type": f"sentence_transformers.models.{step}"}
        for at, step in enumerate(steps)
    ]
    if first:
        modules[0] |= first
    write_json(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", pooling)


def _adapter(tensors: Tensors, task: str, *, own_inputs: bool) -> Tensors:
    """Return a task's adapter by PEFT's names."""
    adapter = {}
    for matrix in adapted_matrices(tensors):
        (inner, outer), module = bank(tensors, matrix, task), _native_name(matrix)
        if module.startswith("embeddings."):
            adapter[f"base_model.model.{module}.lora_embedding_A"] = inner.T
            adapter[f"base_model.model.{module}.lora_embedding_B"] = outer.T
            continue
        parts = [module.replace("Wqkv", f"{part}_proj") for part in "qkv"] if "Wqkv" in module else [module]
        for at, (part, block) in enumerate(zip(parts, np.split(outer, len(parts)), strict=True)):
            own = np.roll(inner, at if own_inputs else 0, axis=1)  # a copy: torch writes no memory under two names
            adapter[f"base_model.model.{part}.lora_A.weight"] = own
            adapter[f"base_model.model.{part}.lora_B.weight"] = block
    return adapter


def _write_adapter(folder: Path, adapter: Tensors, modules: Sequence[str], alpha: float, dtype: str) -> None:
    folder.mkdir(exist_ok=True)
    _save(folder / ADAPTER_FILE, adapter, dtype)
    config = {"peft_type": "LORA", "base_model_name_or_path": None, "r": RANK, "lora_alpha": alpha, "lora_dropout": 0.0}
    write_json(folder / "adapter_config.json", {**config, "target_modules": modules})


def _save(path: Path, tensors: Tensors, dtype: str) -> None:
    save = save_bfloat16 if dtype == "bfloat16" else save_file
    save(contiguous(tensors), path, metadata=METADATA)


def _split(base: Tensors) -> Tensors:
    """The names of transformers' own class, query, key and value apart."""
    native = {}
    for name, values in base.items():
        name = _native_name(name)
        parts = [name.replace("Wqkv", f"{part}_proj") for part in "qkv"] if "Wqkv" in name else [name]
        native |= dict(zip(parts, np.split(values, len(parts)), strict=True))
    return native


def _native_name(name: str) -> str:
    for original, native in (
        ("emb_ln", "embeddings.LayerNorm"),
        ("encoder.layers", "layers"),
        ("mixer.out_proj", "self_attn.o_proj"),
        ("mixer", "self_attn"),
        ("norm1", "post_attention_layernorm"),
        ("norm2", "post_mlp_layernorm"),
    ):
        name = name.replace(original, native)
    return name


def _published_name(name: str) -> str:
    name = name.removeprefix("base_model.model.").replace("self_attn.o_proj", "mixer.out_proj")
    return f"encoder.{name}" if name.startswith("layers.") else name


def _dimensions(size: Size) -> dict[str, Any]:
    return {
        "vocab_size": size.rows,
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.inner,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": size.positions,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "matryoshka_dimensions": list(size.matryoshka),
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
