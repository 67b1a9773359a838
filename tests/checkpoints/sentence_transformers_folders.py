"""Tiny folders of sentence-transformers with random weights: a transformer, a pooling, linear layers, normalisation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.checkpoints.changes import METADATA, write_json
from tests.checkpoints.tokenizer import vocabulary, write_tokenizer

OLDER = "sentence_transformers.models"
"""Where classes of modules lay before version 6; the library still reads folders that say so."""
TANH = "torch.nn.modules.activation.Tanh"
IDENTITY = "torch.nn.modules.linear.Identity"


def write_sentence_transformers(
    folder: Path,
    *,
    architecture: str = "bert",
    hidden: int = 32,
    layers: int = 2,
    pooling: str = "mean",
    dense: Sequence[int] = (),
    normalise: bool = True,
    prompts: Mapping[str, str] | None = None,
    max_length: int | None = 128,
    positions: int = 512,
    words: int | None = None,
    seed: int = 0,
    spread: float = 0.3,
) -> Path:
    """Write a folder and return it.

    Args:
        folder: where; made here.
        architecture: the transformer's ``model_type``, one whose config has the entries of BERT's.
        hidden: components of a token's state.
        layers: of the transformer.
        pooling: the mode, in the spelling of before version 6.
        dense: the lengths of what linear layers give, one layer for each.
        normalise: whether the last module normalises.
        prompts: of config_sentence_transformers.json; None writes none.
        max_length: of sentence_bert_config.json; None leaves it out. The tokenizer states 500.
        positions: rows of the position matrix.
        words: rows of the embedding matrix; by default those of the tests' tokenizer.
        seed: of the weights.
        spread: standard deviation of the weights. By 0.3 texts differ by their words, which BERT's own 0.02 hardly
            shows.
    """
    folder.mkdir(parents=True)
    sizes = {"vocab_size": words or len(vocabulary()), "hidden_size": hidden, "num_hidden_layers": layers}
    _write_transformer(folder, architecture, sizes | {"max_position_embeddings": positions}, seed, spread)
    write_tokenizer(folder)
    if max_length is not None:
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    settings = {"__version__": {"sentence_transformers": "2.0.0"}}
    write_json(folder / "config_sentence_transformers.json", settings | ({"prompts": prompts} if prompts else {}))
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    (folder / "1_Pooling").mkdir()
    names = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "lasttoken": "lasttoken"}
    modes = {f"pooling_mode_{name}": mode == pooling for mode, name in names.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, **modes})
    size = hidden
    for width in dense:
        name = f"{len(modules)}_Dense"
        write_dense(folder / name, size, width, seed=seed + len(modules))
        modules.append(("Dense", name))
        size = width
    if normalise:
        modules.append(("Normalize", f"{len(modules)}_Normalize"))
    listed = [
        {"idx": at, "name": str(at), "path": path, "type": f"{OLDER}.{name}"} for at, (name, path) in enumerate(modules)
    ]
    write_json(folder / "modules.json", listed)
    return folder


def write_dense(folder: Path, before: int, after: int, *, seed: int = 0, activation: str = TANH) -> None:
    """Write a linear layer's folder."""
    folder.mkdir()
    stated = {"in_features": before, "out_features": after, "bias": True, "activation_function": activation}
    write_json(folder / "config.json", stated)
    draw = np.random.default_rng(seed)
    tensors = {
        "linear.weight": draw.standard_normal((after, before), np.float32) / np.float32(before**0.5),
        "linear.bias": draw.standard_normal(after, np.float32) * np.float32(0.1),
    }
    save_file(tensors, folder / "model.safetensors", metadata=METADATA)


def _write_transformer(folder: Path, architecture: str, sizes: Mapping[str, int], seed: int, spread: float) -> None:
    import torch
    from transformers import AutoConfig, AutoModel

    hidden = sizes["hidden_size"]
    config = AutoConfig.for_model(
        architecture,
        num_attention_heads=2 if hidden % 2 == 0 else 1,
        intermediate_size=2 * hidden,
        pad_token_id=1,
        initializer_range=spread,
        **sizes,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        AutoModel.from_config(config).save_pretrained(folder)
