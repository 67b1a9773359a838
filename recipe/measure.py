"""Stage `measure`: what the checkpoint can do, on texts that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from fixtures.comparing.items import mean, share_right
from fixtures.comparing.similarity import pairs, similarity_matrix, task_differences
from fixtures.runtimes.jina_v3.known_models import adapter_folder
from recipe.by_language import ndcg_at_10, paired_similarity, same_meaning, translation_margins
from recipe.corpora import declaration
from recipe.held_out import DATA
from recipe.model import MATRYOSHKA_DIMENSIONS, TASK_INSTRUCTIONS, encode_all, unit_rows
from recipe.quality import cluster_v_measure, few_shot_accuracy, graded_spearman
from recipe.sources import CORE_LANGUAGES
from recipe.workspace import Workspace, read_json, write_json

TASKS = tuple(TASK_INSTRUCTIONS)
BASE = "base"

Vectors = np.ndarray
ByLanguage = Mapping[str, Vectors]


class Checkpoint:
    """An exported checkpoint: vectors of texts under a task, or under no task at all."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModel.from_pretrained(folder, dtype=torch.float32)
        for task in TASKS:
            name = adapter_folder(task)
            self._model.load_adapter(str(folder), adapter_name=name, adapter_kwargs={"subfolder": name})

    def encode(self, texts: Sequence[str], task: str) -> Vectors:
        """Unit vectors; `task` may be "base": no adapter and no prefix."""
        if task == BASE:
            self._model.disable_adapters()
        else:
            self._model.enable_adapters()
            self._model.set_adapter(adapter_folder(task))
        prefix = TASK_INSTRUCTIONS.get(task, "")
        vectors: Vectors = encode_all(self._model, self._tokenizer, texts, prefix=prefix).numpy()
        return vectors

    def encode_languages(self, texts: Mapping[str, Sequence[str]], task: str) -> dict[str, Vectors]:
        """Vectors of each language's texts."""
        return {language: self.encode(found, task) for language, found in texts.items()}


def measure(workspace: Workspace) -> None:
    """Measure the exported checkpoint and write `measures.json` into the work directory."""
    measures = measure_checkpoint(Checkpoint(workspace.checkpoint), declarations(workspace))
    write_json(workspace.root / "measures.json", measures)
    workspace.mark_done("measure", **measures)


def declarations(workspace: Workspace) -> dict[str, list[str]]:
    """The Universal Declaration of Human Rights in the six languages."""
    return {language: declaration(workspace, language) for language in CORE_LANGUAGES}


def measure_checkpoint(
    checkpoint: Checkpoint, articles: Mapping[str, Sequence[str]], data: Path = DATA
) -> dict[str, Any]:
    """All figures of the model card."""
    meanings = read_json(data / "meanings.json")["meanings"]
    documents = read_json(data / "retrieval.json")["documents"]
    notebook = [entry["text"] for entry in read_json(data / "notebook.json")["texts"]]
    return {
        "declaration": measure_declaration(checkpoint, articles),
        "meanings": {task: measure_meanings(checkpoint, meanings, task) for task in (BASE, *TASKS)},
        "retrieval": measure_retrieval(checkpoint, documents),
        "tasks": measure_tasks(checkpoint, meanings, documents, articles),
        "notebook": measure_notebook(checkpoint, notebook),
    }


def aligned_accuracy(vectors: ByLanguage) -> dict[str, float]:
    """Accuracy@1 of finding the aligned text, over all ordered pairs of languages."""
    hits = {}
    for source, target in permutations(vectors, 2):
        found = similarity_matrix(vectors[source], vectors[target]).argmax(axis=1)
        hits[f"{source}-{target}"] = float(np.mean(found == np.arange(len(found))))
    worst = min(hits, key=hits.__getitem__)
    return {"mean": float(np.mean(list(hits.values()))), "worst": hits[worst]}


def measure_declaration(checkpoint: Checkpoint, articles: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Article-aligned retrieval per task, and for text-matching with truncated vectors."""
    figures: dict[str, Any] = {}
    for task in (BASE, *TASKS):
        vectors = checkpoint.encode_languages(articles, task)
        figures[task] = aligned_accuracy(vectors)
        if task == "text-matching":
            figures["text-matching truncated"] = {
                str(width): aligned_accuracy(
                    {language: unit_rows(found[:, :width]) for language, found in vectors.items()}
                )["mean"]
                for width in MATRYOSHKA_DIMENSIONS
            }
    return figures


def measure_meanings(checkpoint: Checkpoint, meanings: Sequence[Mapping[str, Any]], task: str) -> dict[str, Any]:
    """Translations against other meanings, paraphrases, near misses."""
    texts = {lang: [meaning["texts"][lang] for meaning in meanings] for lang in CORE_LANGUAGES}
    vectors = checkpoint.encode_languages(texts, task)
    paraphrases = checkpoint.encode_languages(
        {lang: [meaning["paraphrases"][lang] for meaning in meanings] for lang in CORE_LANGUAGES},
        task,
    )
    found = {lang: translation_margins(vectors, texts, lang) for lang in CORE_LANGUAGES}
    paraphrase = {lang: paired_similarity(vectors[lang], paraphrases[lang]) for lang in CORE_LANGUAGES}
    translation = {
        lang: np.mean([paired_similarity(vectors[lang], vectors[o]) for o in CORE_LANGUAGES if o != lang], axis=0)
        for lang in CORE_LANGUAGES
    }
    return {
        "translation nearest": {lang: share_right(margins) for lang, margins in found.items()},
        "translation nearest of all languages": {lang: _nearest_of_all(vectors, lang) for lang in CORE_LANGUAGES},
        "margin": float(np.mean([mean(margins) for margins in found.values()])),
        "same meaning": float(same_meaning(vectors).mean()),
        "other meaning": float(
            np.mean(
                [
                    _off_diagonal(similarity_matrix(vectors[source], vectors[target])).mean()
                    for source, target in combinations(CORE_LANGUAGES, 2)
                ]
            )
        ),
        "paraphrase": float(np.mean(list(paraphrase.values()))),
        "paraphrase above translation": {
            lang: float(np.mean(paraphrase[lang] > translation[lang])) for lang in CORE_LANGUAGES
        },
        "near miss": dict(_near_misses(checkpoint, meanings, vectors, task)),
    }


def measure_retrieval(checkpoint: Checkpoint, documents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Questions against passages, over all pairs of languages: two adapters, and one on both sides."""
    setups = {
        "two adapters": ("retrieval.query", "retrieval.passage"),
        "query adapter on both sides": ("retrieval.query",) * 2,
        "passage adapter on both sides": ("retrieval.passage",) * 2,
        "text-matching on both sides": ("text-matching",) * 2,
        "base": (BASE, BASE),
    }
    return {
        name: retrieval_figures(checkpoint, documents, query_task, passage_task)
        for name, (query_task, passage_task) in setups.items()
    }


def retrieval_figures(
    checkpoint: Checkpoint,
    documents: Sequence[Mapping[str, Any]],
    query_task: str,
    passage_task: str,
) -> dict[str, float]:
    """Accuracy@1 and nDCG@10 with passages of one language, the mean over all pairs of languages."""
    questions = {
        lang: checkpoint.encode([doc["question"][lang] for doc in documents], query_task) for lang in CORE_LANGUAGES
    }
    passages = {
        lang: checkpoint.encode([doc["passage"][lang] for doc in documents], passage_task) for lang in CORE_LANGUAGES
    }
    accuracies, gains = [], []
    for asked, answered in product(CORE_LANGUAGES, repeat=2):
        similarities = similarity_matrix(questions[asked], passages[answered])
        accuracies.append(np.mean(similarities.argmax(axis=1) == np.arange(len(documents))))
        gains.append(ndcg_at_10(similarities))
    return {
        "accuracy@1": float(np.mean(accuracies)),
        "nDCG@10": float(np.mean(gains)),
    }


def measure_tasks(
    checkpoint: Checkpoint,
    meanings: Sequence[Mapping[str, Any]],
    documents: Sequence[Mapping[str, Any]],
    articles: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, float]]:
    """Each task's own measure under the base and under every adapter."""
    kinds = ("texts", "paraphrases")
    texts = [meaning[kind][lang] for lang in CORE_LANGUAGES for kind in kinds for meaning in meanings]
    count = len(meanings)
    meaning_labels = np.tile(np.arange(count), 2 * len(CORE_LANGUAGES))
    languages = np.repeat(np.arange(len(CORE_LANGUAGES)), 2 * count)
    topics = np.tile([str(meaning["topic"]) for meaning in meanings], 2 * len(CORE_LANGUAGES))
    examples = np.arange(len(texts)) < count  # the English texts, without their paraphrases
    long_texts = [text for lang in CORE_LANGUAGES for text in articles[lang]]
    article_labels = count + np.tile(np.arange(len(articles[CORE_LANGUAGES[0]])), len(CORE_LANGUAGES))
    clustered = np.concatenate([meaning_labels, article_labels])
    table: dict[str, dict[str, float]] = {task: {} for task in TASKS}
    for column in (BASE, *TASKS):
        vectors = checkpoint.encode(texts, column)
        table["retrieval.query"][column] = retrieval_figures(checkpoint, documents, column, "retrieval.passage")[
            "nDCG@10"
        ]
        table["retrieval.passage"][column] = retrieval_figures(checkpoint, documents, "retrieval.query", column)[
            "nDCG@10"
        ]
        long_vectors = checkpoint.encode(long_texts, column)
        table["separation"][column] = cluster_v_measure(np.concatenate([vectors, long_vectors]), clustered)
        table["classification"][column] = few_shot_accuracy(vectors, topics, meaning_labels, examples)
        table["text-matching"][column] = graded_spearman(vectors, meaning_labels, languages)
    return table


def measure_notebook(checkpoint: Checkpoint, texts: Sequence[str]) -> dict[str, Any]:
    """The notebook's seven sentences: its matrices' means, their differences, the closest pair."""
    matrices = {task: similarity_matrix(checkpoint.encode(texts, task)) for task in TASKS}
    upper = np.triu_indices(len(texts), 1)
    matching = matrices["text-matching"]
    order = sorted(zip(*upper, strict=True), key=lambda pair: -matching[pair])
    return {
        "mean similarity": {task: float(pairs(matrix).mean()) for task, matrix in matrices.items()},
        "difference": {f"{a} vs {b}": moved for (a, b), moved in task_differences(matrices).items()},
        "closest pairs under text-matching": [
            {"texts": [texts[i], texts[j]], "similarity": float(matching[i, j])} for i, j in order[:3]
        ],
    }


def _near_misses(
    checkpoint: Checkpoint,
    meanings: Sequence[Mapping[str, Any]],
    vectors: ByLanguage,
    task: str,
) -> Iterator[tuple[str, float]]:
    """Mean similarity of a text to its negation, and to itself with another number."""
    kinds: Iterable[str] = sorted({kind for m in meanings for kind in m.get("near_misses", {})})
    for kind in kinds:
        found = [
            (lang, number, meaning["near_misses"][kind][lang])
            for number, meaning in enumerate(meanings)
            for lang in CORE_LANGUAGES
            if lang in meaning.get("near_misses", {}).get(kind, {})
        ]
        encoded = checkpoint.encode([text for _, _, text in found], task)
        meant = np.array([vectors[lang][number] for lang, number, _ in found])
        yield kind, float(paired_similarity(encoded, meant).mean())


def _nearest_of_all(vectors: ByLanguage, language: str) -> float:
    """Share of a language's translations that are nearer than any text of another meaning, in any language."""
    others = np.max(
        [
            np.where(np.eye(len(found), dtype=bool), -np.inf, similarity_matrix(vectors[language], found)).max(axis=1)
            for found in vectors.values()
        ],
        axis=0,
    )
    translations = [paired_similarity(vectors[language], vectors[other]) for other in vectors if other != language]
    return float(np.mean(translations > others))


def _off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """The similarities of texts of different meaning, where the diagonal is of the same."""
    return matrix[~np.eye(len(matrix), dtype=bool)]
