"""Search over support's answers, by any embedding model."""

from collections.abc import Callable, Sequence

import numpy as np

Embed = Callable[[Sequence[str], str], np.ndarray]
"""(texts, task) -> embeddings of unit length, (n, dim)."""

QUESTION, ANSWER = "retrieval.query", "retrieval.passage"
"""The model's names of its tasks."""


class Search:
    """Finds answers by meaning.

    Args:
        answers: that can be found; they are embedded once.
        embed: the model.
    """

    def __init__(self, answers: Sequence[str], embed: Embed) -> None:
        self._answers = list(answers)
        self._embed = embed
        self._vectors = embed(self._answers, ANSWER)

    def similarities(self, questions: Sequence[str]) -> np.ndarray:
        """Return the similarity of each question to each answer: (questions, answers)."""
        return self._embed(questions, QUESTION) @ self._vectors.T

    def best(self, question: str, count: int = 3) -> list[str]:
        """Return the answers nearest to a question, the nearest first."""
        (similarities,) = self.similarities([question])
        return [self._answers[at] for at in np.argsort(-similarities)[:count]]
