"""Stage `card`: the model card beside the weights, written from what the other stages recorded."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recipe.audit import FILE_NAME as AUDIT_FILE
from recipe.measure import BASE, TASKS
from recipe.model import ADAPTER_RANK, HEADS, INTERMEDIATE, LAYERS
from recipe.sources import SOURCES, TEACHER_PACKAGE, WORD_LIST_PACKAGE
from recipe.workspace import Workspace, read_json

RECIPE_PACKAGES = ("torch", "transformers", "peft", "tokenizers", TEACHER_PACKAGE, WORD_LIST_PACKAGE)
_NOT_HASHED = {"README.md"}

Row = Sequence[str]


def card(workspace: Workspace) -> None:
    """Put the audit and `README.md` beside the exported weights."""
    shutil.copy(workspace.root / AUDIT_FILE, workspace.checkpoint)
    text = card_text(workspace)
    (workspace.checkpoint / "README.md").write_text(text, encoding="utf-8")
    workspace.mark_done("card")


def card_text(workspace: Workspace) -> str:
    """The whole card."""
    config = read_json(workspace.checkpoint / "config.json")
    measures = read_json(workspace.root / "measures.json")
    audit = read_json(workspace.root / AUDIT_FILE)
    sections = [
        _introduction(config),
        _quality(measures),
        _training(workspace, audit),
        _files(workspace.checkpoint),
    ]
    return "\n\n".join(sections) + "\n"


def table(header: Row, rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _introduction(config: Mapping[str, Any]) -> str:
    return f"""\
# mini

A small multi-task text embedding model with the architecture, the tasks and the layout of
jina-embeddings-v3: one multilingual encoder and five LoRA adapters. It was trained from packages
alone, so that this suite can be run, tested and shown without a download.

**For** exercising the suite: its behaviours, snapshots and fault checks rest on a model whose
vectors mean something. **Not for** production, and no stand-in for jina-embeddings-v3: its
figures below say nothing about that model's.

- `JinaEmbeddingsV3Model`, {LAYERS} layers, width {config["hidden_size"]}, {HEADS} heads,
  feed-forward width {INTERMEDIATE}, rotary positions, at most 1024 tokens; float16 on disk, to be
  loaded as float32
- Unigram tokenizer, {config["vocab_size"]:,} pieces, case kept, XLM-R's normalisation
- adapters of rank {ADAPTER_RANK} for {", ".join(f"`{task}`" for task in TASKS)}
- languages: English, Spanish, French, German, Chinese, Arabic
- vectors may be cut to {", ".join(map(str, config["matryoshka_dimensions"]))} dimensions"""


def _quality(measures: Mapping[str, Any]) -> str:
    declaration = measures["declaration"]
    truncated = declaration["text-matching truncated"]
    columns = (BASE, *TASKS)
    meanings = measures["meanings"]
    languages = list(meanings[BASE]["translation nearest"])
    notebook = measures["notebook"]
    closest = notebook["closest pairs under text-matching"][0]
    matching = meanings["text-matching"]
    return f"""\
## Measured quality

On texts that were not trained on (`held_out_audit.json` beside this file says how near the
nearest training text comes to each).

### Universal Declaration of Human Rights

Finding the same article in another language: accuracy@1, mean and worst of the 30 ordered pairs.

{
        table(
            ["", *columns],
            [
                ["mean", *(_three(declaration[c]["mean"]) for c in columns)],
                ["worst pair", *(_three(declaration[c]["worst"]) for c in columns)],
            ],
        )
    }

Under text-matching with truncated vectors:
{", ".join(f"{width} dimensions {_three(score)}" for width, score in truncated.items())}.

### Ordinary sentences

The suite's own 30 meanings. Share of texts whose translation is nearer than any other meaning in
the translation's language, by the text's language; similarities and the margin are means.

{
        table(
            ["", *columns],
            [
                *([lang, *(_three(meanings[c]["translation nearest"][lang]) for c in columns)] for lang in languages),
                *(
                    [name, *(_three(meanings[c][key]) for c in columns)]
                    for name, key in (
                        ("margin", "margin"),
                        ("translations", "same meaning"),
                        ("paraphrases", "paraphrase"),
                        ("other meanings", "other meaning"),
                    )
                ),
                *(
                    [name, *(_three(meanings[c]["near miss"][name]) for c in columns)]
                    for name in meanings[BASE]["near miss"]
                ),
            ],
        )
    }

Under text-matching a paraphrase in the same language is nearer than the translations' mean in
{", ".join(f"{lang} {_three(share)}" for lang, share in matching["paraphrase above translation"].items())}.

### Retrieval

Questions against passages, all 36 pairs of languages.

{
        table(
            ["", "accuracy@1", "nDCG@10"],
            [
                [name, _three(figures["accuracy@1"]), _three(figures["nDCG@10"])]
                for name, figures in measures["retrieval"].items()
            ],
        )
    }

### Each task's own measure under the base and every adapter

Rows: nDCG@10 with the column on the query side, nDCG@10 with the column on the passage side,
V-measure of clusters by meaning (the 30 meanings and the declaration's articles), accuracy by topic of
logistic regression on two English texts per topic, Spearman with the order paraphrase, translation,
unrelated, as many pairs of each.

{table(["", *columns], [[task, *(_three(measures["tasks"][task][c]) for c in columns)] for task in TASKS])}

### The notebook's seven sentences

Mean similarity: {", ".join(f"{task} {_three(mean)}" for task, mean in notebook["mean similarity"].items())}.
Closest under text-matching: {closest["texts"][0]} and {closest["texts"][1]}, {_three(closest["similarity"])}.

{
        table(
            ["tasks", "mean difference"],
            [[pair, _three(d)] for pair, d in sorted(notebook["difference"].items(), key=lambda item: item[1])],
        )
    }"""


def _training(workspace: Workspace, audit: Mapping[str, Any]) -> str:
    base = workspace.facts("base")
    together, alone = workspace.facts("adapters")["steps"].values()
    sources = [[source.registry, ", ".join(source.packages), source.use, source.licence] for source in SOURCES]
    versions = ", ".join(f"{package} {version(package)}" for package in RECIPE_PACKAGES)
    return f"""\
## How it was made

`python -m recipe build --work DIR` (see `recipe/README.md`), with {versions}.

The base was distilled from Google's multilingual Universal Sentence Encoder v3 (Apache-2.0), which
the package {TEACHER_PACKAGE} carries, in {base["steps"]:,} steps; mean cosine to the target at
the end {base["cosine_to_teacher"]}. Then the adapters were trained together with the base in {together:,} steps,
in which nothing held the base to what it was alone, and text-matching for {alone:,} more. They saw \
{audit["training_texts"]:,} texts (SHA-256 of all:
`{audit["training_texts_sha256"]}`), {workspace.facts("pairs")["pairs"]:,} pairs of questions and
passages made of them among these, and frequent words of the package {WORD_LIST_PACKAGE} (CC-BY-SA-4.0).
The texts were read for training; none of them is shipped.

{table(["registry", "packages", "read for", "licence"], sources)}"""


def _files(checkpoint: Path) -> str:
    rows = [
        [f"`{path.relative_to(checkpoint).as_posix()}`", f"`{_sha256(path)}`"]
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name not in _NOT_HASHED
    ]
    return "## Files\n\n" + table(["file", "SHA-256"], rows)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _three(value: float) -> str:
    return f"{value:.3f}"
