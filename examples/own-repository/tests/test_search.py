"""The search finds what its embeddings say; no model is needed to see that."""

import numpy as np

from service.search import ANSWER, QUESTION, Search

ANSWERS = ["about money", "about parcels", "about passwords"]
AXES = dict(zip(ANSWERS, np.eye(3), strict=True))
AXES["where is my parcel"] = np.array([0.6, 0.8, 0.0])


def embed(texts, task):
    assert task == (ANSWER if set(texts) <= set(ANSWERS) else QUESTION)
    return np.stack([AXES[text] for text in texts])


def test_nearest_answer_comes_first():
    assert Search(ANSWERS, embed).best("where is my parcel", count=2) == ["about parcels", "about money"]


def test_answers_are_embedded_once():
    asked = []

    def count(texts, task):
        asked.append(task)
        return embed(texts, task)

    search = Search(ANSWERS, count)
    search.best("where is my parcel")
    search.best("where is my parcel")
    assert asked == [ANSWER, QUESTION, QUESTION]
