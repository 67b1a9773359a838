"""A checkpoint small enough to write in a moment: the published layout with random weights, written without torch."""

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from fixtures.errors import CheckpointError
from fixtures.models import task_maps
from fixtures.models.checkpoint import inspect_checkpoint
from fixtures.models.known_models import adapter_folder
from fixtures.models.layouts import jina_hf
from fixtures.models.layouts.jina_hf import adapter_tensor_shapes
from fixtures.texts import corpus
from fixtures.texts.long_texts import long_text

JINA_V3_PREFIXES = task_maps.of_published().prompts
TASKS = tuple(JINA_V3_PREFIXES)
TARGET_MODULES = list(jina_hf.TARGET_MODULES)
ADAPTER = {"peft_type": "LORA", "base_model_name_or_path": None, "r": 4, "lora_alpha": 1, "lora_dropout": 0.0}
MAX_LENGTH = 500
HIDDEN, INNER, LAYERS = 32, 64, 2
SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
FIRST_A = "base_model.model.embeddings.token_type_embeddings.lora_embedding_A"
"""The tensor of an adapter that is checked first."""


def write_native_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    prefixes: dict[str, str] | None = JINA_V3_PREFIXES,
    tasks: Sequence[str] = TASKS,
    alpha: float = 1,
) -> Path:
    """Write a base model, its tokenizer and an adapter per task; A and B are random, so every matrix is changed.

    Args:
        folder: where to; made if it isn't there.
        seed: decides all weights.
        prefixes: what config.json states as ``task_instructions``; None to leave it out.
        tasks: the tasks that get an adapter folder.
        alpha: the adapters' lora_alpha; their rank is 4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder)
    config = _config(len(vocabulary))
    if prefixes is not None:
        config["task_instructions"] = prefixes
    write_json(folder / "config.json", config)
    draw = np.random.default_rng(seed)
    scales = {"embeddings.word_embeddings.weight": 1.0}  # texts differ by their words
    base = {name: _random(draw, shape, scales.get(name, 0.1)) for name, shape in _base_shapes(config).items()}
    base |= {name: 1 + values for name, values in base.items() if "norm" in name and name.endswith("weight")}
    save_file(base, folder / "model.safetensors")
    for task in tasks:
        adapter = {**ADAPTER, "lora_alpha": alpha, "target_modules": TARGET_MODULES}
        (folder / adapter_folder(task)).mkdir(exist_ok=True)
        write_json(folder / adapter_folder(task) / "adapter_config.json", adapter)
        shapes = adapter_tensor_shapes(config, adapter)
        tensors = {name: _random(draw, shape, 0.3) for name, shape in shapes.items()}
        save_file(tensors, folder / adapter_folder(task) / "adapter_model.safetensors")
    return folder


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def change_json(path: Path, **entries: Any) -> None:
    """Set entries of a JSON object; None takes an entry out."""
    content = json.loads(path.read_text(encoding="utf-8")) | entries
    write_json(path, {name: value for name, value in content.items() if value is not None})


def change_tensors(path: Path, change: Any) -> None:
    """Apply ``change`` to a safetensors file's tensors, a dict."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def refusal(folder: Path, **options: Any) -> str:
    """The one line that a user reads for a folder that can't be used, in which the folder is called FOLDER."""
    with pytest.raises(CheckpointError) as refused:
        inspect_checkpoint(folder, **options)
    message = str(refused.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


def _config(vocab_size: int) -> dict[str, Any]:
    return {
        "architectures": ["JinaEmbeddingsV3Model"],
        "model_type": "jina_embeddings_v3",
        "dtype": "bfloat16",
        "vocab_size": vocab_size,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INNER,
        "max_position_embeddings": 8194,
        "type_vocab_size": 1,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 20000.0},
        "matryoshka_dimensions": [8, 16, 32],
    }


def _base_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the published file: query, key and value are stored as one matrix."""
    weights = {"embeddings.word_embeddings": (config["vocab_size"], HIDDEN)}
    weights["embeddings.token_type_embeddings"] = (1, HIDDEN)
    linear = {"pooler.dense": (HIDDEN, HIDDEN)}
    norms = ["emb_ln"]
    for layer in range(LAYERS):
        stem = f"encoder.layers.{layer}"
        linear |= {f"{stem}.mixer.Wqkv": (3 * HIDDEN, HIDDEN), f"{stem}.mixer.out_proj": (HIDDEN, HIDDEN)}
        linear |= {f"{stem}.mlp.fc1": (INNER, HIDDEN), f"{stem}.mlp.fc2": (HIDDEN, INNER)}
        norms += [f"{stem}.norm1", f"{stem}.norm2"]
    shapes = {f"{name}.weight": shape for name, shape in (weights | linear).items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in linear.items()}
    return shapes | {f"{name}.{part}": (HIDDEN,) for name in norms for part in ("weight", "bias")}


def _random(draw: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return (scale * draw.standard_normal(shape)).astype(np.float32)


def _write_tokenizer(folder: Path) -> list[tuple[str, float]]:
    """XLM-RoBERTa's pipeline over whole words of the corpus, and single characters for the rest."""
    characters = {*string.printable, "▁", *"".join(corpus.shown_sentences().values())}
    sentences = [text for meaning in corpus.meanings() for text in meaning.texts.values()]
    stock = " ".join([long_text(530), *JINA_V3_PREFIXES.values(), *sentences])
    words = {f"▁{word}" for word in stock.split()}
    vocabulary = [(token, 0.0) for token in SPECIAL_TOKENS]
    vocabulary += [(character, -10.0) for character in sorted(characters - {*string.whitespace})]
    vocabulary += [(word, -5.0) for word in sorted(words) if len(word) > 1]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    spaces = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), spaces])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(folder / "tokenizer.json"))
    named = zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), SPECIAL_TOKENS, strict=True)
    settings = {**dict(named), "cls_token": "<s>", "sep_token": "</s>", "add_prefix_space": True}
    settings |= {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": MAX_LENGTH}
    write_json(folder / "tokenizer_config.json", settings)
    return vocabulary
