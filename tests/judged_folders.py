"""Folders in BEIR's layout, and data that is small enough to work out by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.texts.beir import JudgedData
from fixtures.texts.corpus import PASSAGE, QUESTION
from fixtures.texts.text_sets import Text, TextSet

CORPUS = [
    {"_id": "1", "title": "Refunds", "text": "Paid within five days."},
    {"_id": "2", "text": "Follow the link below the form."},
    {"_id": "3", "text": "Wir liefern nach ganz Europa.", "language": "de"},
]
QUERIES = [
    {"_id": "1", "text": "where is my money?", "language": "en", "group": "refund"},
    {"_id": "2", "text": "password"},
]
QRELS = "query-id\tcorpus-id\tscore\n1\t1\t2\n1\t2\t0\n2\t2\t1\n"


def lines(objects: Sequence[Any]) -> str:
    """One JSON value a line."""
    return "".join(json.dumps(one) + "\n" for one in objects)


def write_folder(folder: Path, corpus: Any = CORPUS, queries: Any = QUERIES, qrels: Any = QRELS) -> Path:
    """A folder; texts are given as objects, or as the file's content in text or bytes, None for no file."""
    (folder / "qrels").mkdir(parents=True)
    for path, content in (("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels/test.tsv", qrels)):
        if content is not None:
            written = lines(content) if isinstance(content, list) else content
            (folder / path).write_bytes(written.encode() if isinstance(written, str) else written)
    return folder


def data_of(
    queries: Mapping[str, tuple[str, str]], passages: int, scores: Mapping[tuple[str, int], int], name: str = "small"
) -> JudgedData:
    """Data with these queries, id -> group and language, and passages by number, of one language."""
    texts = [
        Text(f"query:{one}", f"query {one}", language, f"query:{group}", QUESTION)
        for one, (group, language) in queries.items()
    ]
    texts += [Text(f"passage:{at}", f"passage {at}", "en", f"passage:{at}", PASSAGE) for at in range(passages)]
    relevance = {(f"query:{one}", f"passage:{at}"): score for (one, at), score in scores.items()}
    return JudgedData(name, TextSet(name, texts, relevance))


def drawn_vectors(data: JudgedData, dimension: int = 8, seed: int = 0) -> dict[str, np.ndarray]:
    """Vectors that have nothing to do with the texts."""
    drawn = np.random.default_rng(seed).standard_normal((len(data.texts.texts), dimension)).astype(np.float32)
    return dict(zip((text.id for text in data.texts.texts), drawn, strict=True))
