"""Stage `measure`: what the checkpoint can do, on texts that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from fixtures.models.known_models import adapter_folder
from recipe.corpora import declaration
from recipe.held_out import DATA
from recipe.model import MATRYOSHKA_DIMENSIONS, TASK_INSTRUCTIONS, encode_all, unit_rows
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
    hits = {
        f"{source}-{target}": float(
            np.mean(np.argmax(vectors[source] @ vectors[target].T, axis=1) == np.arange(len(vectors[source])))
        )
        for source, target in permutations(vectors, 2)
    }
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
    nearest: dict[str, float] = {}
    nearest_of_all: dict[str, float] = {}
    margins: list[float] = []
    same: list[float] = []
    other: list[float] = []
    for source in CORE_LANGUAGES:
        hits, strict_hits = [], []
        others_anywhere = np.max(
            [_without_diagonal(vectors[source] @ vectors[lang].T, -1.0).max(1) for lang in vectors],
            axis=0,
        )
        for target in CORE_LANGUAGES:
            if source == target:
                continue
            similarity = vectors[source] @ vectors[target].T
            aligned = similarity.diagonal()
            best_other = _without_diagonal(similarity, -1.0).max(1)
            hits += list(aligned > best_other)
            strict_hits += list(aligned > others_anywhere)
            margins += list(aligned - best_other)
            same += list(aligned)
            other.append(float(_without_diagonal(similarity, np.nan)[~np.eye(len(aligned), dtype=bool)].mean()))
        nearest[source] = float(np.mean(hits))
        nearest_of_all[source] = float(np.mean(strict_hits))
    paraphrase = {lang: (vectors[lang] * paraphrases[lang]).sum(1) for lang in CORE_LANGUAGES}
    translation = {
        lang: np.mean([(vectors[lang] * vectors[o]).sum(1) for o in CORE_LANGUAGES if o != lang], axis=0)
        for lang in CORE_LANGUAGES
    }
    return {
        "translation nearest": nearest,
        "translation nearest of all languages": nearest_of_all,
        "margin": float(np.mean(margins)),
        "same meaning": float(np.mean(same)),
        "other meaning": float(np.mean(other)),
        "paraphrase": float(np.mean([p.mean() for p in paraphrase.values()])),
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
    """Accuracy@1 and nDCG@10 with passages of one language, and nDCG@10 with all of them mixed."""
    questions = {
        lang: checkpoint.encode([doc["question"][lang] for doc in documents], query_task) for lang in CORE_LANGUAGES
    }
    passages = {
        lang: checkpoint.encode([doc["passage"][lang] for doc in documents], passage_task) for lang in CORE_LANGUAGES
    }
    ranks = np.concatenate(
        [_ranks(questions[asked] @ passages[answered].T) for asked in CORE_LANGUAGES for answered in CORE_LANGUAGES]
    )
    gains = np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0)
    return {
        "accuracy@1": float((ranks == 1).mean()),
        "nDCG@10": float(gains.mean()),
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
    topics = [str(meaning["topic"]) for meaning in meanings]
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
        table["classification"][column] = few_shot_accuracy(vectors, np.tile(topics, 12), count)
        table["text-matching"][column] = graded_spearman(
            vectors, meaning_labels, np.repeat(np.arange(len(CORE_LANGUAGES)), 2 * count)
        )
    return table


def cluster_v_measure(vectors: Vectors, labels: np.ndarray, draws: int = 10) -> float:
    """V-measure of as many clusters as there are meanings, mean over draws.

    The clustering is the one of MTEB's clustering tasks.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import v_measure_score

    count = len(set(labels))
    clusterings = [MiniBatchKMeans(count, n_init="auto", batch_size=512, random_state=draw) for draw in range(draws)]
    return float(np.mean([v_measure_score(labels, one.fit_predict(vectors)) for one in clusterings]))


def few_shot_accuracy(vectors: Vectors, topics: np.ndarray, meanings: int, shots: int = 2, draws: int = 20) -> float:
    """Topic by logistic regression on the English texts of a few meanings of each topic, mean over draws.

    Tested on the other meanings in all languages. The classifier is the one of MTEB's
    classification tasks.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    first = topics[:meanings]
    meaning_of = np.tile(np.arange(meanings), len(topics) // meanings)
    scores = []
    for _ in range(draws):
        shown = np.concatenate(
            [rng.permutation(np.flatnonzero(first == topic))[:shots] for topic in sorted(set(first))]
        )
        tested = ~np.isin(meaning_of, shown)
        classifier = LogisticRegression(max_iter=200).fit(vectors[shown], topics[shown])
        scores.append(classifier.score(vectors[tested], topics[tested]))
    return float(np.mean(scores))


def graded_spearman(vectors: Vectors, meaning: np.ndarray, language: np.ndarray, draws: int = 20) -> float:
    """Spearman of similarity with the grades paraphrase 2, translation 1, unrelated 0, mean over draws.

    As many pairs of each grade are drawn: there are ten times as many translations as paraphrases.
    """
    from scipy.stats import spearmanr

    first, second = np.triu_indices(len(vectors), 1)
    same_meaning, same_language = meaning[first] == meaning[second], language[first] == language[second]
    grades = np.where(same_meaning, np.where(same_language, 2, 1), 0)
    rng = np.random.default_rng(0)
    of_grade = [np.flatnonzero(grades == grade) for grade in (0, 1, 2)]
    smallest = min(map(len, of_grade))
    scores = []
    for _ in range(draws):
        chosen = np.concatenate([rng.choice(pairs, smallest, replace=False) for pairs in of_grade])
        similarity = (vectors[first[chosen]] * vectors[second[chosen]]).sum(1)
        scores.append(spearmanr(similarity, grades[chosen]).statistic)
    return float(np.mean(scores))


def measure_notebook(checkpoint: Checkpoint, texts: Sequence[str]) -> dict[str, Any]:
    """The notebook's seven sentences: its matrices' means, their differences, the closest pair."""
    matrices = {}
    for task in TASKS:
        vectors = checkpoint.encode(texts, task)
        matrices[task] = vectors @ vectors.T
    upper = np.triu_indices(len(texts), 1)
    matching = matrices["text-matching"]
    order = sorted(zip(*upper, strict=True), key=lambda pair: -matching[pair])
    return {
        "mean similarity": {task: float(m[upper].mean()) for task, m in matrices.items()},
        "difference": {
            f"{a} vs {b}": float(np.abs(matrices[a] - matrices[b]).mean()) for a, b in combinations(TASKS, 2)
        },
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
        yield kind, float(np.mean([encoded[i] @ vectors[lang][n] for i, (lang, n, _) in enumerate(found)]))


def _without_diagonal(matrix: np.ndarray, value: float) -> np.ndarray:
    filled = matrix.copy()
    np.fill_diagonal(filled, value)
    return filled


def _ranks(similarity: np.ndarray) -> np.ndarray:
    """Rank of the aligned column in each row, from 1."""
    ranks: np.ndarray = (similarity > similarity.diagonal()[:, None]).sum(1) + 1
    return ranks
