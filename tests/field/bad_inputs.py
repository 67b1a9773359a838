"""Kinds of bad inputs: how each is made, and what the one line that a user reads has to hold.

``docs/bad-inputs.md`` is this table as text: ``python -m tests.field.bad_inputs`` writes it.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.checkpoints import change_json, change_tensors

DOCUMENT = Path(__file__).parents[2] / "docs" / "bad-inputs.md"
USAGE_ERROR, FAILED = 4, 1
LONG = "x" * 5000
DEEP = b"[" * 100_000 + b"]" * 100_000
TEXT_SHAPE = b'{"a": {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 0]}}'
TRILLION = 10**12
ADAPTER = "separation/adapter_config.json"
POOLING = "1_Pooling/config.json"
INDEX = "model.safetensors.index.json"

Make = Callable[[Path], list[str] | None]
"""Given the folder to damage, damages it; returns options to add."""


@dataclass(frozen=True)
class BadInput:
    """One kind.

    Attributes:
        tried: what is wrong, in words.
        line: what the line holds.
        make: how it is made.
    """

    tried: str
    line: str
    make: Make


def options(*given: str) -> Make:
    return lambda folder: list(given)


def config(**entries: Any) -> Make:
    return lambda folder: change_json(folder / "config.json", **entries)


def adapter(**entries: Any) -> Make:
    return lambda folder: change_json(folder / ADAPTER, **entries)


def content(name: str, written: bytes | Any) -> Make:
    """A file with these bytes, or this as JSON."""
    in_bytes = written if isinstance(written, bytes) else json.dumps(written).encode()
    return lambda folder: _write(folder / name, in_bytes)


def pipe(name: str) -> Make:
    return lambda folder: os.mkfifo(_gone(folder / name))


def link(name: str, target: str | None = None) -> Make:
    """A link to something, or to itself."""
    return lambda folder: _gone(folder / name).symlink_to(target or name)


def directory(name: str) -> Make:
    return lambda folder: _gone(folder / name).mkdir()


def tasks(*names: str) -> Make:
    return config(task_instructions=dict.fromkeys(names, ""))


def prompts(value: Any) -> Make:
    def make(folder: Path) -> None:
        change_json(folder / "config.json", task_instructions=None)
        _write(folder / "config_sentence_transformers.json", json.dumps({"prompts": value}).encode())

    return make


def modules(pooling: Any = None, **entries: Any) -> Make:
    """A sentence-transformers folder with these settings of pooling, and these entries of its first module."""

    def make(folder: Path) -> None:
        steps = ("Transformer", "Pooling", "Normalize")
        listed = [{"path": path, "type": step} for path, step in zip(("", "1_Pooling", ""), steps, strict=True)]
        listed[0] |= entries
        _write(folder / "modules.json", json.dumps(listed).encode())
        _write(folder / POOLING, json.dumps({"pooling_mode": "mean"} if pooling is None else pooling).encode())

    return make


def shard(name: str) -> Make:
    def make(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
        _write(folder / INDEX, json.dumps({"weight_map": {"embeddings.LayerNorm.weight": name}}).encode())

    return make


def deep_index(folder: Path) -> None:
    _gone(folder / "model.safetensors")
    _write(folder / INDEX, DEEP)


def masked_language_model(folder: Path) -> None:
    change_json(folder / "config.json", architectures=["JinaEmbeddingsV3ForMaskedLM"])

    def change(tensors: dict[str, np.ndarray]) -> None:
        for name in list(tensors):
            tensors[f"roberta.{name}"] = tensors.pop(name)
        tensors["lm_head.dense.weight"] = np.zeros((32, 32), np.float32)

    change_tensors(folder / "model.safetensors", change)


def masked_xlm_roberta(folder: Path) -> None:
    masked_language_model(folder)
    change_json(folder / "config.json", architectures=["XLMRobertaForMaskedLM"], model_type="xlm-roberta")


def whole_embeddings(folder: Path) -> None:
    name = "base_model.model.embeddings.word_embeddings.base_layer.weight"
    words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    change_tensors(folder / "separation/adapter_model.safetensors", lambda tensors: tensors.update({name: words}))


def sentencepiece_only(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "sentencepiece.bpe.model")


def sealed(name: str, change: Callable[[Any], Any]) -> Make:
    """A stored file that was changed, and the baseline sealed again as if it had been recorded so."""

    def make(folder: Path) -> None:
        path = folder / name
        if name.endswith(".safetensors"):
            tensors = load_file(path)
            change(tensors)
            save_file(tensors, path)
        elif name != "manifest.json":
            stored = json.loads(path.read_bytes())
            _write(path, json.dumps(change(stored) or stored).encode())
        seal(folder, name, change)

    return make


def ledger(text: str) -> Make:
    def make(folder: Path) -> None:
        _write(folder / "ledger.jsonl", text.encode())
        seal(folder, "ledger.jsonl", lambda manifest: None)

    return make


def seal(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    if name == "manifest.json":
        change(manifest)
    else:
        text = (folder / name).read_bytes().replace(b"\r\n", b"\n")
        manifest["files"][name] = hashlib.sha256(text).hexdigest()
    del manifest["manifest_sha256"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    _write(folder / "manifest.json", json.dumps({**manifest, "manifest_sha256": digest}).encode())


def cut_rows(tensors: dict[str, np.ndarray]) -> None:
    tensors["separation"] = tensors["separation"][:-1]


def lose_a_task(tensors: dict[str, np.ndarray]) -> None:
    del tensors["separation"]


def put_a_nan(tensors: dict[str, np.ndarray]) -> None:
    tensors["separation"][0, 0] = np.nan


def lose_a_size(tensors: dict[str, np.ndarray]) -> None:
    del tensors["separation|CLS pooling|size"]


OPTIONS = {
    "model-long": BadInput("--model of 5,000 characters", "--model: unknown model 'xxx", options(f"--model={LONG}")),
    "hub-id-long": BadInput(
        "--model org/ and 5,000 characters", "can't be a Hub id: give organisation/name", options(f"--model=org/{LONG}")
    ),
    "baseline-long": BadInput(
        "--baseline of 5,000 characters", "is not a folder name; give the name of a", options(f"--baseline={LONG}")
    ),
    "baseline-long-recorded": BadInput(
        "the same, to be recorded",
        "is not a folder name; give the name of a",
        options(f"--baseline={LONG}", "--snapshot-update"),
    ),
    "revision-long": BadInput(
        "--revision of 5,000 characters",
        "can't be a revision; give a branch, a tag or a commit",
        options("--model=org/model", f"--revision={LONG}"),
    ),
    "trust-remote-code": BadInput(
        "--trust-remote-code",
        "--trust-remote-code: none of the suite's runtimes runs code",
        options("--trust-remote-code"),
    ),
    "revision-empty": BadInput("--revision ''", "--revision: '' can't be a revision", options("--revision=")),
    "revision-blank": BadInput("--revision '  '", "--revision: '  ' can't be a revision", options("--revision=  ")),
    "revision-outside": BadInput(
        "--revision ../../other",
        "--revision: '../../other' can't be a revision",
        options("--model=org/model", "--revision=../../other"),
    ),
    "tasks-long": BadInput("--tasks of 5,000 characters", "--tasks: unknown task 'xxx", options(f"--tasks={LONG}")),
    "tasks-escape": BadInput(
        "--tasks with a terminal's escape", r"--tasks: unknown task '\x1b[2J'", options("--tasks=\x1b[2J")
    ),
}
"""What needs no damaged folder; the folder is a sound one."""

CHECKPOINTS = {
    "auto-map-text": BadInput(
        "auto_map: a text", "FOLDER/config.json: auto_map is 'x', needs an object", config(auto_map="x")
    ),
    "auto-map-number": BadInput(
        "auto_map: a class that is a number",
        "FOLDER/config.json: AutoModel is 5, needs the name of a class",
        config(auto_map={"AutoModel": 5}),
    ),
    "prompts-number": BadInput(
        "prompts: a number",
        "FOLDER/config_sentence_transformers.json: prompts is 5, needs an object of texts",
        prompts(5),
    ),
    "prompts-of-numbers": BadInput(
        "prompts: an object of numbers",
        "FOLDER/config_sentence_transformers.json: prompts is {'separation': 5}, needs an object of texts",
        prompts({"separation": 5}),
    ),
    "pooling-number": BadInput(
        "pooling_mode: a number",
        "FOLDER/1_Pooling/config.json: pooling_mode is 5, needs the name of a mode, or a list of them",
        modules(pooling={"pooling_mode": 5}),
    ),
    "pooling-of-lists": BadInput(
        "pooling_mode: a list of lists",
        "FOLDER/1_Pooling/config.json: pooling_mode is [['mean']], needs the name of a mode, or a list of them",
        modules(pooling={"pooling_mode": [["mean"]]}),
    ),
    "pooling-switch-text": BadInput(
        "pooling_mode_mean_tokens: a text",
        "FOLDER/1_Pooling/config.json: pooling_mode_mean_tokens is 'no', needs true or false",
        modules(pooling={"pooling_mode_mean_tokens": "no"}),
    ),
    "pooling-list": BadInput(
        "pooling settings: a list",
        "FOLDER/1_Pooling/config.json: needs a JSON object, holds a list",
        modules(pooling=[]),
    ),
    "include-prompt-text": BadInput(
        "include_prompt: a text",
        "FOLDER/1_Pooling/config.json: include_prompt is 'false', needs true or false",
        modules(pooling={"pooling_mode": "mean", "include_prompt": "false"}),
    ),
    "module-type-number": BadInput(
        "a module's type: a number", "FOLDER/modules.json: type is 5, needs a text", modules(type=5)
    ),
    "module-path-number": BadInput(
        "a module's path: a number", "FOLDER/modules.json: path is 5, needs a text", modules(path=5)
    ),
    "module-path-outside": BadInput(
        "a module's path: ../other",
        "FOLDER/modules.json: a module's path is '../other', which is no folder inside this one",
        modules(path="../other"),
    ),
    "config-deep": BadInput(
        "config.json: 100,000 lists in each other",
        "FOLDER/config.json: unreadable (nested too deeply); fetch or export it again",
        content("config.json", DEEP),
    ),
    "config-entry-deep": BadInput(
        "an entry of 500 lists in each other",
        "FOLDER/config.json: unreadable (nested too deeply); fetch or export it again",
        content("config.json", b'{"truncate_dim": ' + b"[" * 500 + b"]" * 500 + b"}"),
    ),
    "adapter-deep": BadInput(
        "adapter_config.json: the same",
        f"FOLDER/{ADAPTER}: unreadable (nested too deeply); fetch or export it again",
        content(ADAPTER, DEEP),
    ),
    "tokenizer-config-deep": BadInput(
        "tokenizer_config.json: the same",
        "FOLDER/tokenizer_config.json: unreadable (nested too deeply); fetch or export it again",
        content("tokenizer_config.json", DEEP),
    ),
    "modules-deep": BadInput(
        "modules.json: the same",
        "FOLDER/modules.json: unreadable (nested too deeply); fetch or export it again",
        content("modules.json", DEEP),
    ),
    "index-deep": BadInput(
        "a shard index: the same",
        f"FOLDER/{INDEX}: unreadable (nested too deeply); fetch or export it again",
        deep_index,
    ),
    "header-deep": BadInput(
        "the header of the weights: the same",
        "FOLDER/model.safetensors: not a readable safetensors file (nested too deeply); fetch or export it again",
        content("model.safetensors", len(DEEP).to_bytes(8, "little") + DEEP),
    ),
    "header-shape-text": BadInput(
        "the header of the weights: a size that is a text",
        "FOLDER/model.safetensors: not a readable safetensors file (a shape that is no list of sizes); fetch or export",
        content("model.safetensors", len(TEXT_SHAPE).to_bytes(8, "little") + TEXT_SHAPE),
    ),
    "shard-outside": BadInput(
        "a shard index that names ../outside.safetensors",
        f"FOLDER/{INDEX}: its weight_map names '../outside.safetensors', which isn't in this folder",
        shard("../outside.safetensors"),
    ),
    "shard-absolute": BadInput(
        "a shard index that names an absolute path",
        f"FOLDER/{INDEX}: its weight_map names '/etc/passwd', which isn't in this folder",
        shard("/etc/passwd"),
    ),
    "shard-nul": BadInput(
        "a shard index that names a file with NUL",
        f"FOLDER/{INDEX}: its weight_map names 'a\\x00b', which isn't in this folder",
        shard("a\0b"),
    ),
    "task-long": BadInput("a task of 5,000 characters", "can't be the name of a task", tasks(LONG)),
    "task-empty": BadInput("a task without a name", "FOLDER: '' can't be the name of a task", tasks("")),
    "task-outside": BadInput("a task named ../x", "FOLDER: '../x' can't be the name of a task", tasks("../x")),
    "task-escape": BadInput(
        "a task named by a terminal's escape", r"FOLDER: '\x1b[2J' can't be the name of a task", tasks("\x1b[2J")
    ),
    "task-surrogate": BadInput(
        "a task named by half a character", r"FOLDER: '\ud800' can't be the name of a task", tasks("\ud800")
    ),
    "config-folder": BadInput(
        "config.json: a folder", "FOLDER/config.json: a folder where a file belongs", directory("config.json")
    ),
    "config-link": BadInput(
        "config.json: a link to itself",
        "FOLDER/config.json: Too many levels of symbolic links",
        link("config.json"),
    ),
    "config-pipe": BadInput(
        "config.json: a pipe", "FOLDER/config.json: a pipe or a device where a file belongs", pipe("config.json")
    ),
    "tokenizer-pipe": BadInput(
        "tokenizer.json: a pipe",
        "FOLDER/tokenizer.json: a pipe or a device where a file belongs",
        pipe("tokenizer.json"),
    ),
    "weights-pipe": BadInput(
        "model.safetensors: a pipe",
        "FOLDER/model.safetensors: a pipe or a device where a file belongs",
        pipe("model.safetensors"),
    ),
    "adapter-weights-pipe": BadInput(
        "an adapter's weights: a pipe",
        "FOLDER/separation/adapter_model.safetensors: a pipe or a device where a file belongs",
        pipe("separation/adapter_model.safetensors"),
    ),
    "adapter-folder": BadInput(
        "adapter_config.json: a folder", f"FOLDER/{ADAPTER}: a folder where a file belongs", directory(ADAPTER)
    ),
    "other-json-link": BadInput(
        "added_tokens.json: a link that leads nowhere",
        "FOLDER/added_tokens.json: No such file or directory",
        link("added_tokens.json", "gone.json"),
    ),
    "layers-trillion": BadInput(
        "num_hidden_layers: 10^12",
        "FOLDER/config.json: num_hidden_layers is 1,000,000,000,000, by the weights it is 1 to ",
        config(num_hidden_layers=TRILLION),
    ),
    "vocabulary-trillion": BadInput(
        "vocab_size: 10^12",
        "FOLDER/config.json: vocab_size is 1,000,000,000,000, by the weights it is 1 to ",
        config(vocab_size=TRILLION),
    ),
    "hidden-trillion": BadInput(
        "hidden_size: 10^12",
        "FOLDER/config.json: hidden_size is 1,000,000,000,000, by the weights it is 1 to 32",
        config(hidden_size=TRILLION),
    ),
    "inner-trillion": BadInput(
        "intermediate_size: 10^12",
        "FOLDER/config.json: intermediate_size is 1,000,000,000,000, by the weights it is 1 to ",
        config(intermediate_size=TRILLION),
    ),
    "heads-trillion": BadInput(
        "num_attention_heads: 10^12",
        "FOLDER/config.json: num_attention_heads is 1,000,000,000,000, by the weights it is 1 to ",
        config(num_attention_heads=TRILLION),
    ),
    "heads-zero": BadInput(
        "num_attention_heads: 0",
        "FOLDER/config.json: num_attention_heads is 0, by the weights it is 1 to ",
        config(num_attention_heads=0),
    ),
    "heads-odd": BadInput(
        "num_attention_heads: 5, of 32",
        "FOLDER/config.json: num_attention_heads is 5, needs a divisor of hidden_size 32",
        config(num_attention_heads=5),
    ),
    "types-text": BadInput(
        "type_vocab_size: a text",
        "FOLDER/config.json: type_vocab_size is '1', needs a whole number of at least 1",
        config(type_vocab_size="1"),
    ),
    "rotary-base-huge": BadInput(
        "rope_theta: of 400 digits",
        "FOLDER/config.json: the rotary base is 1000",
        config(rope_parameters={"rope_type": "default", "rope_theta": 10**400}),
    ),
    "length-true": BadInput(
        "max_position_embeddings: true",
        "FOLDER/config.json: max_position_embeddings is True, needs a whole number of at least 1",
        config(max_position_embeddings=True),
    ),
    "cuts-true": BadInput(
        "matryoshka_dimensions: [true]",
        "FOLDER/config.json: matryoshka_dimensions is [True], needs a list of numbers",
        config(matryoshka_dimensions=[True]),
    ),
    "rank-trillion": BadInput(
        "an adapter's r: 10^12",
        "FOLDER/separation: the adapter of task 'separation' doesn't fit the base model: 30 misshapen",
        adapter(r=TRILLION),
    ),
    "rank-true": BadInput(
        "an adapter's r: true", f"FOLDER/{ADAPTER}: not a LoRA configuration with r and a list", adapter(r=True)
    ),
    "alpha-huge": BadInput(
        "an adapter's lora_alpha: of 400 digits", f"FOLDER/{ADAPTER}: lora_alpha is 1000", adapter(lora_alpha=10**400)
    ),
    "masked-language-model": BadInput(
        "a JinaEmbeddingsV3ForMaskedLM",
        "FOLDER: a masked-language model, whose weights hold lm_head.dense.weight too: save the encoder alone "
        "(AutoModelForMaskedLM.from_pretrained(...).base_model.save_pretrained(...))",
        masked_language_model,
    ),
    "masked-xlm-roberta": BadInput(
        "an XLMRobertaForMaskedLM",
        "FOLDER: a masked-language model, whose weights hold lm_head.dense.weight too: save the encoder alone",
        masked_xlm_roberta,
    ),
    "whole-embeddings": BadInput(
        "an adapter file that PEFT wrote with save_embedding_layers",
        "as PEFT writes it with save_embedding_layers: export the adapter with save_pretrained(..., "
        "save_embedding_layers=False)",
        whole_embeddings,
    ),
}
"""What is wrong with a model's folder and seen before anything runs."""

ORIGINAL = {
    "original-rank-trillion": BadInput(
        "lora_rank: 10^12, in the original layout",
        "FOLDER: the weights don't fit the layout of jinaai/jina-embeddings-v3: ",
        config(lora_rank=TRILLION),
    ),
    "original-rank-true": BadInput(
        "lora_rank: true",
        "FOLDER/config.json: lora_rank is True, needs a whole number of at least 1",
        config(lora_rank=True),
    ),
    "original-banks-of-numbers": BadInput(
        "lora_adaptations: numbers",
        "FOLDER/config.json: lora_adaptations must list the tasks of the adapter banks",
        config(lora_adaptations=[1, 2, 3, 4, 5]),
    ),
}
"""The same in the layout of jinaai/jina-embeddings-v3."""

WITHOUT_LIBRARIES = {
    "sentencepiece-only": BadInput(
        "sentencepiece.bpe.model alone, where sentencepiece and protobuf aren't installed",
        "FOLDER/sentencepiece.bpe.model: without a tokenizer.json beside it this takes sentencepiece and protobuf: "
        "pip install sentencepiece protobuf, or fetch tokenizer.json too",
        sentencepiece_only,
    ),
}

LOADED = {
    "special-token": BadInput(
        "a pad_token that the vocabulary lacks",
        "its tokenizer gives '<none>' the id ",
        lambda folder: change_json(folder / "tokenizer_config.json", pad_token="<none>"),
    ),
    "special-token-unk": BadInput(
        "an eos_token that the vocabulary lacks",
        "its tokenizer gives '<end>' the id ",
        lambda folder: change_json(folder / "tokenizer_config.json", eos_token="<end>"),
    ),
}
"""What is seen when the model is loaded."""

_KNOWN = "known-failures.txt"
KNOWN_FAILURES = {
    "known-utf-16": BadInput(
        "known-failures.txt in UTF-16",
        f"snapshots/own/{_KNOWN}: unreadable ('utf-8' codec can't decode byte 0xff",
        content(_KNOWN, "# none".encode("utf-16")),
    ),
    "known-folder": BadInput(
        "known-failures.txt: a folder",
        f"snapshots/own/{_KNOWN}: unreadable (a folder where a file belongs); it is a text in UTF-8",
        directory(_KNOWN),
    ),
    "known-link": BadInput(
        "known-failures.txt: a link to itself",
        f"snapshots/own/{_KNOWN}: unreadable (Too many levels of symbolic links)",
        link(_KNOWN),
    ),
    "known-pipe": BadInput(
        "known-failures.txt: a pipe",
        f"snapshots/own/{_KNOWN}: unreadable (a pipe or a device where a file belongs)",
        pipe(_KNOWN),
    ),
    "known-long-line": BadInput(
        "known-failures.txt: a line of a million characters without a reason",
        f"snapshots/own/{_KNOWN}, line 1: 'xxx",
        content(_KNOWN, b"x" * 10**6),
    ),
}
"""Damage in the model's own folder of snapshots/."""

STORED = {
    "manifest-pipe": BadInput(
        "manifest.json: a pipe",
        "manifest.json: a pipe or a device where a file belongs; restore",
        pipe("manifest.json"),
    ),
    "manifest-deep": BadInput(
        "manifest.json: 100,000 lists in each other",
        "manifest.json: nested too deeply; restore",
        content("manifest.json", DEEP),
    ),
    "tokens-folder": BadInput(
        "tokens.json: a folder", "tokens.json: a folder where a file belongs; restore", directory("tokens.json")
    ),
    "anchors-link": BadInput(
        "anchors.safetensors: a link to itself",
        "anchors.safetensors: Too many levels of symbolic links; restore",
        link("anchors.safetensors"),
    ),
    "tolerance-pipe": BadInput(
        "tolerance.json: a pipe", "tolerance.json: a pipe or a device where a file belongs", pipe("tolerance.json")
    ),
    "manifest-files-numbers": BadInput(
        "manifest: hashes that are numbers",
        "manifest.json: format 1, needs 1 and a list of files; restore",
        sealed("manifest.json", lambda manifest: manifest["files"].update({"tokens.json": 5})),
    ),
    "manifest-dimension-true": BadInput(
        "manifest: a dimension that is true",
        "manifest.json: lacks dimension (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest.update(dimension=True)),
    ),
    "manifest-prefixes-numbers": BadInput(
        "manifest: prefixes that are numbers",
        "manifest.json: lacks prefixes (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest.update(prefixes={"separation": 5})),
    ),
    "manifest-rounding-text": BadInput(
        "manifest: a rounding that is a text",
        "manifest.json: rounding is 'x', needs a number of at least 0; restore",
        sealed("manifest.json", lambda manifest: manifest.update(rounding="x")),
    ),
    "tokens-numbers": BadInput(
        "tokens.json: a number in place of token ids",
        "tokens.json: question is 5, needs a list of token ids; restore",
        sealed("tokens.json", lambda tokens: tokens.update(question=5)),
    ),
    "tokens-list": BadInput(
        "tokens.json: a list", "tokens.json: not a JSON object; restore", sealed("tokens.json", lambda tokens: [5])
    ),
    "anchors-rows": BadInput(
        "anchors: a row less under a task",
        "anchors.safetensors: separation of shape (92, 256), needs finite embeddings of shape (93, 256); restore",
        sealed("anchors.safetensors", cut_rows),
    ),
    "anchors-task": BadInput(
        "anchors: a task less than in the manifest",
        "anchors.safetensors: holds no embeddings of separation; restore",
        sealed("anchors.safetensors", lose_a_task),
    ),
    "anchors-nan": BadInput(
        "anchors: NaN",
        "anchors.safetensors: separation of shape (93, 256), needs finite embeddings of shape (93, 256); restore",
        sealed("anchors.safetensors", put_a_nan),
    ),
    "signatures-size": BadInput(
        "signatures: a movement without its size",
        "signatures.safetensors: separation|CLS pooling of shape (12, 256), needs movements with their size; restore",
        sealed("signatures.safetensors", lose_a_size),
    ),
    "tolerance-runs-true": BadInput(
        "tolerance: a number of runs that is true",
        "tolerance.json: its entry for float32 can't be read (needs bounds, largest_seen and the number of runs)",
        sealed("tolerance.json", lambda tolerance: tolerance["float32"].update(runs=True)),
    ),
    "tolerance-figure-text": BadInput(
        "tolerance: a bound that is a text, in another dtype",
        "tolerance.json: its entry for float16 can't be read (bounds of matrix max is 'x', needs a number",
        sealed("tolerance.json", lambda tolerance: tolerance["float16"]["bounds"].update({"matrix max": "x"})),
    ),
    "ledger-numbers": BadInput(
        "ledger: lines that are no objects", "ledger.jsonl: needs a JSON object in each line; restore", ledger("5\n5\n")
    ),
    "ledger-deep": BadInput(
        "ledger: 100,000 lists in each other", "ledger.jsonl: nested too deeply; restore", ledger(DEEP.decode())
    ),
}
"""Damage in a stored baseline: what is compared with it fails."""

UNREADABLE = {
    "folder": BadInput("a model's folder without permission", "Permission denied", lambda model: model.chmod(0)),
    "config": BadInput(
        "config.json without permission",
        "config.json: Permission denied",
        lambda model: (model / "config.json").chmod(0),
    ),
    "weights": BadInput(
        "weights without permission",
        "model.safetensors: Permission denied",
        lambda model: (model / "model.safetensors").chmod(0),
    ),
    "tokenizer": BadInput(
        "tokenizer.json without permission",
        "tokenizer.json: Permission denied",
        lambda model: (model / "tokenizer.json").chmod(0),
    ),
    "adapter": BadInput(
        "an adapter's folder without permission",
        "separation: Permission denied",
        lambda model: (model / "separation").chmod(0),
    ),
    "known-failures": BadInput(
        "known-failures.txt without permission",
        "snapshots/own/known-failures.txt: unreadable (Permission denied); it is a text in UTF-8",
        lambda model: _known_failures(model).chmod(0),
    ),
    "baseline": BadInput(
        "a baseline's folder without permission",
        "snapshots/own",
        lambda model: _known_failures(model).parent.chmod(0),
    ),
}
"""What a user without privileges may not read: the model ``own`` in the folder of ``snapshots/``."""

SEEN_BEFORE_ANYTHING_RUNS = OPTIONS | CHECKPOINTS | ORIGINAL | WITHOUT_LIBRARIES | LOADED | KNOWN_FAILURES | UNREADABLE


def document() -> str:
    """Return the table as text."""
    kinds = [(one, USAGE_ERROR) for one in SEEN_BEFORE_ANYTHING_RUNS.values()]
    kinds += [(one, FAILED) for one in STORED.values()]
    rows = [f"| {one.tried} | {_cell(one.line)} | {code} |" for one, code in kinds]
    return "\n".join(
        [
            "# Bad inputs",
            "",
            f"{len(kinds)} kinds of inputs that can't be used, each tried by `tests/field/test_bad_inputs.py`: the run",
            "ends with this exit code, one line says it, and nothing is written. FOLDER is the model's folder;",
            "`python -m tests.field.bad_inputs` writes this table.",
            "",
            "| tried as | the line holds | exit code |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _cell(line: str) -> str:
    return "`" + line.replace("|", "\\|") + "`"


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def _known_failures(model: Path) -> Path:
    path = model.parent / "snapshots/own/known-failures.txt"
    path.parent.mkdir(parents=True)
    path.write_text("# none\n")
    return path


def _gone(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
