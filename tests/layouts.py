"""Checkpoints with random weights, written in every layout that the suite loads. The same seed gives the same weights.

The weights are drawn in the layout of jinaai/jina-embeddings-v3; the other layouts are made from them here, by code of
its own, so that what the suite reads can be compared with what was meant.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from fixtures.models.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model

TASKS = ("retrieval.query", "retrieval.passage", "separation", "classification", "text-matching")
PREFIXES = {
    "retrieval.query": "Represent the query for retrieving evidence documents: ",
    "retrieval.passage": "Represent the document for retrieval: ",
    "separation": "",
    "classification": "",
    "text-matching": "",
}
TEXTS = ["Follow the white rabbit.", "Hello", "", "the query for the document " * 12, "Ünïcödé für alle"]
"""Texts that every layout is asked for: short, none, long, in other scripts."""
MATRYOSHKA = (8, 16, 32)
RANK, ALPHA = 4, 1
ROTARY_BASE = 20000.0
_CODE = "jinaai/xlm-roberta-flash-implementation"


@dataclass(frozen=True)
class Size:
    """Dimensions of a random model."""

    vocabulary: int = 300
    hidden: int = 32
    layers: int = 2
    heads: int = 4
    inner: int = 64
    positions: int = 1026
    matryoshka: Sequence[int] = field(default=MATRYOSHKA)


PUBLISHED_SIZE = Size(250_002, 1024, 24, 16, 4096, 8194, (32, 64, 128, 256, 512, 768, 1024))


def random_weights(seed: int = 0, size: Size = Size(), dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Draw a model with five adapters, under the names and in the shapes of jinaai/jina-embeddings-v3."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float) -> torch.Tensor:
        return torch.randn(*shape, generator=draw, dtype=dtype) * scale

    tensors: dict[str, torch.Tensor] = {}

    def matrix(name: str, rows: int, columns: int, *, embedding: bool = False) -> None:
        key = f"roberta.{name}.parametrizations.weight"
        tensors[f"{key}.original"] = normal(rows, columns, scale=0.5 if embedding else columns**-0.5)
        first = (len(TASKS), rows, RANK) if embedding else (len(TASKS), RANK, columns)
        second = (len(TASKS), RANK, columns) if embedding else (len(TASKS), rows, RANK)
        tensors[f"{key}.0.lora_A"] = normal(*first, scale=columns**-0.25)
        tensors[f"{key}.0.lora_B"] = normal(*second, scale=columns**-0.25)
        if not embedding:
            tensors[f"roberta.{name}.bias"] = normal(rows, scale=0.02)

    def norm(name: str) -> None:
        tensors[f"roberta.{name}.weight"] = 1 + normal(size.hidden, scale=0.1)
        tensors[f"roberta.{name}.bias"] = normal(size.hidden, scale=0.1)

    matrix("embeddings.word_embeddings", size.vocabulary, size.hidden, embedding=True)
    matrix("embeddings.token_type_embeddings", 1, size.hidden, embedding=True)
    norm("emb_ln")
    for layer in range(size.layers):
        matrix(f"encoder.layers.{layer}.mixer.Wqkv", 3 * size.hidden, size.hidden)
        matrix(f"encoder.layers.{layer}.mixer.out_proj", size.hidden, size.hidden)
        matrix(f"encoder.layers.{layer}.mlp.fc1", size.inner, size.hidden)
        matrix(f"encoder.layers.{layer}.mlp.fc2", size.hidden, size.inner)
        norm(f"encoder.layers.{layer}.norm1")
        norm(f"encoder.layers.{layer}.norm2")
    matrix("pooler.dense", size.hidden, size.hidden)
    return tensors


def merged_weights(tensors: dict[str, torch.Tensor], task: str | None) -> dict[str, torch.Tensor]:
    """Add a task's adapter to each matrix (or none): names as in the original layout, ``X.weight`` for a matrix."""
    plain = {}
    for name, tensor in tensors.items():
        if name.endswith(".original"):
            key = name.removesuffix(".original")
            if task is not None:
                inner, outer = (tensors[f"{key}.0.lora_{side}"][TASKS.index(task)] for side in "AB")
                product = inner @ outer if ".embeddings." in name else outer @ inner
                tensor = tensor + product * (ALPHA / RANK)
            plain[key.replace(".parametrizations.weight", ".weight")] = tensor
        elif ".lora_" not in name:
            plain[name] = tensor
    return plain


def write_original_checkpoint(
    folder: Path, seed: int = 0, size: Size = Size(), dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """Write the layout of jinaai/jina-embeddings-v3 and return its weights."""
    tensors = random_weights(seed, size, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder, size)
    _write_json(
        folder / "config.json",
        {
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
            "matryoshka_dimensions": list(size.matryoshka),
            "position_embedding_type": "rotary",
            "rotary_emb_base": ROTARY_BASE,
            "task_instructions": PREFIXES,
            "torch_dtype": str(dtype).removeprefix("torch."),
            "truncate_dim": None,
        },
    )
    return tensors


def write_native_checkpoint(
    folder: Path,
    seed: int = 0,
    size: Size = Size(),
    dtype: torch.dtype = torch.float32,
    *,
    fused: bool = False,
    tasks: Sequence[str] = TASKS,
    merged: str | None = None,
) -> dict[str, torch.Tensor]:
    """Write the layout of jinaai/jina-embeddings-v3-hf and return the same weights in the original layout.

    Args:
        folder: where to write.
        seed: of the weights.
        size: the dimensions.
        dtype: of the files.
        fused: name and fuse the base weights as the published file does; transformers' own names otherwise.
        tasks: whose adapters to write.
        merged: add this task's adapter to the base weights, and write no adapters.
    """
    tensors = random_weights(seed, size, dtype)
    base = {name.removeprefix("roberta."): value for name, value in merged_weights(tensors, merged).items()}
    folder.mkdir(parents=True, exist_ok=True)
    stored = base if fused else _split(base)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder, size)
    _write_json(
        folder / "config.json",
        {
            "architectures": ["JinaEmbeddingsV3Model"],
            "model_type": "jina_embeddings_v3",
            **_dimensions(size),
            "dtype": str(dtype).removeprefix("torch."),
            "matryoshka_dimensions": list(size.matryoshka),
            "rope_parameters": {"rope_theta": ROTARY_BASE, "rope_type": "default"},
            "task_instructions": PREFIXES,
        },
    )
    for task in () if merged else tasks:
        _write_adapter(folder / task.replace(".", "_").replace("-", "_"), tensors, task, published=fused)
    return tensors


def _write_adapter(folder: Path, tensors: dict[str, torch.Tensor], task: str, *, published: bool) -> None:
    """Write an adapter with PEFT's names or, as the published files have them, by the original code's modules."""
    adapter = {}
    for name in [name for name in tensors if name.endswith(".original")]:
        key = name.removesuffix(".original")
        module = _native_name(key.removeprefix("roberta.").removesuffix(".parametrizations.weight"))
        inner, outer = (tensors[f"{key}.0.lora_{side}"][TASKS.index(task)] for side in "AB")
        if module.startswith("embeddings."):
            adapter[f"base_model.model.{module}.lora_embedding_A"] = inner.T.contiguous()
            adapter[f"base_model.model.{module}.lora_embedding_B"] = outer.T.contiguous()
        else:
            parts = [module.replace("Wqkv", f"{part}_proj") for part in "qkv"] if "Wqkv" in module else [module]
            for part, block in zip(parts, outer.chunk(len(parts)), strict=True):
                adapter[f"base_model.model.{part}.lora_A.weight"] = inner.clone()
                adapter[f"base_model.model.{part}.lora_B.weight"] = block.clone()
    modules = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in adapter}
    if published:
        adapter = {_published_name(name): tensor for name, tensor in adapter.items()}
    folder.mkdir(exist_ok=True)
    save_file(adapter, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    _write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "base_model_name_or_path": None,
            "r": RANK,
            "lora_alpha": ALPHA,
            "lora_dropout": 0.0,
            "target_modules": sorted(modules),
        },
    )


def _published_name(name: str) -> str:
    name = name.removeprefix("base_model.model.").replace("self_attn.o_proj", "mixer.out_proj")
    return f"encoder.{name}" if name.startswith("layers.") else name


def _split(base: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of transformers' own class, query, key and value apart."""
    native = {}
    for name, tensor in base.items():
        name = _native_name(name)
        if "Wqkv" in name:
            for part, block in zip("qkv", tensor.chunk(3), strict=True):
                native[name.replace("Wqkv", f"{part}_proj")] = block.clone()
        else:
            native[name] = tensor
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


def write_tokenizer(folder: Path, size: Size = Size()) -> None:
    """Write a tokenizer of the published kind (unigrams, ``<s> ... </s>``) over single characters and a few words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    characters = [chr(code) for code in (*range(33, 127), *range(0xC0, 0x100))]
    words = ["the", "white", "rabbit", "Follow", "Represent", "query", "document", "for", "ing", "ed"]
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(character, -6.0) for character in characters] + [(f"▁{word}", -4.0) for word in words]
    pieces.append(("<mask>", 0.0))
    assert len(pieces) <= size.vocabulary
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>"}
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "XLMRobertaTokenizer",
            "model_max_length": size.positions,
            "mask_token": "<mask>",
            **{f"{kind}_token": token for kind, token in special.items()},
        },
    )


def open_encoder(folder: Path, only_tasks: Sequence[str] = (), dtype: str = "float32") -> TorchEncoder:
    """Return an encoder of what lies in a folder."""
    return TorchEncoder(load_model(inspect_checkpoint(folder, only_tasks=only_tasks), dtype=dtype))


def edit_json(path: Path, **entries: Any) -> None:
    """Change entries of a JSON file; None removes one."""
    content = json.loads(path.read_text()) | entries
    _write_json(path, {name: value for name, value in content.items() if value is not None})


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1))


def _dimensions(size: Size) -> dict[str, Any]:
    return {
        "vocab_size": size.vocabulary,
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
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
