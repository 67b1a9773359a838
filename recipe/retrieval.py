"""Trains the two retrieval adapters together: questions should find the passages that answer them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from recipe.base import distillation_loss
from recipe.lesson import Embed, Lesson
from recipe.pairs import load_pairs
from recipe.workspace import Workspace


@dataclass(frozen=True)
class RetrievalPlan:
    """How questions are drawn to their passages.

    Beside the contrastive loss within a batch, both sides are distilled: a passage towards the teacher's vector of it,
    a question towards its teacher's vector mixed with the passage's. The labels of the contrastive loss are softened by
    the teacher's similarities, since some other passages of a batch answer a question as well.
    """

    pairs_per_batch: int = 80
    temperature: float = 0.05
    teacher_share: float = 0.2
    answer_share: float = 0.2
    contrast_weight: float = 0.4


def contrast_loss(questions: Tensor, passages: Tensor, teacher: Tensor, plan: RetrievalPlan) -> Tensor:
    """Cross-entropy of finding the passages by the questions and the questions by the passages."""
    similarity = questions @ passages.T / plan.temperature
    own = torch.eye(len(questions))
    losses = []
    for logits, guide in ((similarity, teacher), (similarity.T, teacher.T)):
        wanted = (1 - plan.teacher_share) * own + plan.teacher_share * (guide / plan.temperature).softmax(1)
        losses.append(nn.functional.cross_entropy(logits, wanted))
    return torch.stack(losses).mean()


class RetrievalLesson(Lesson):
    """Questions and passages of a batch, each side under its own adapter and prefix."""

    def __init__(self, workspace: Workspace, projection: np.ndarray, plan: RetrievalPlan) -> None:
        self._pairs = load_pairs(workspace)
        self._projection = torch.from_numpy(projection)
        self._teacher = np.load(workspace.pairs_teacher, mmap_mode="r").reshape(len(self._pairs), 2, -1)
        self._plan = plan

    def loss(self, embed: Embed, rng: np.random.Generator) -> Tensor:
        """The loss of one batch."""
        numbers = rng.choice(len(self._pairs), min(self._plan.pairs_per_batch, len(self._pairs)), replace=False)
        drawn = [self._pairs[number] for number in numbers]
        questions = embed([pair.question for pair in drawn], "retrieval.query")
        passages = embed([pair.passage for pair in drawn], "retrieval.passage")
        asked, answered = torch.from_numpy(self._teacher[numbers].astype(np.float32)).unbind(1)
        share = self._plan.answer_share
        loss = self._plan.contrast_weight * contrast_loss(questions, passages, asked @ answered.T, self._plan)
        for vectors, wanted in ((questions, (1 - share) * asked + share * answered), (passages, answered)):
            loss = loss + distillation_loss(vectors, nn.functional.normalize(wanted @ self._projection, dim=1))[0]
        return loss
