"""Trains text-matching on pairs: target similarities by what two texts have in common.

A batch holds groups of texts; every pair of it is of some kind: the same text's paraphrase in its
language, its translation, or unrelated. The loss is averaged over each kind on its own, or the many
unrelated pairs would drown the few related ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recipe.catalogues import Group
from recipe.lesson import Embed, Lesson
from recipe.sources import CORE_LANGUAGES
from recipe.teach import Teacher
from recipe.texts import load_groups, load_texts
from recipe.workspace import Workspace

SEED = 0
TASK = "text-matching"
TOPICS = 48


@dataclass(frozen=True)
class MatchingPlan:
    """Towards which similarities, and how many groups a batch has.

    The target of a pair is `scale` times the teacher's similarity, which is raised to at least
    `same_meaning` for two texts of one meaning, plus `same_language` and `paraphrase` where they
    apply.
    """

    scale: float = 0.68
    same_meaning: float = 0.9
    same_language: float = 0.21
    paraphrase: float = 0.08
    paraphrased: int = 30
    translated: int = 24

    def target(self, teacher: Tensor, pairs: Pairs) -> Tensor:
        """Target similarities of all pairs of a batch."""
        raised = torch.where(pairs.meaning, teacher.clamp(min=self.same_meaning), teacher)
        target = self.scale * raised + self.same_language * pairs.language
        return target + self.paraphrase * (pairs.language & pairs.meaning)


@dataclass(frozen=True)
class Pairs:
    """What each pair of a batch has in common, as square 0/1 matrices."""

    meaning: Tensor
    language: Tensor

    @classmethod
    def of(cls, batch: Sequence[Example]) -> Pairs:
        """The pairs of a batch."""
        language_numbers = {name: i for i, name in enumerate({item.language for item in batch})}
        return cls(
            *(
                values.unsqueeze(0) == values.unsqueeze(1)
                for values in (
                    torch.tensor([item.meaning for item in batch]),
                    torch.tensor([language_numbers[item.language] for item in batch]),
                )
            )
        )


@dataclass(frozen=True)
class Example:
    """One text of a batch."""

    text: str
    language: str
    meaning: int


def pair_loss(vectors: Tensor, teacher: Tensor, pairs: Pairs, plan: MatchingPlan) -> Tensor:
    """Squared distance to the target similarities, averaged over each kind of pair."""
    similarity = vectors @ vectors.T
    error = (similarity - plan.target(teacher, pairs)) ** 2
    different = ~torch.eye(len(vectors), dtype=torch.bool)
    kinds = (
        (2.0, pairs.meaning & pairs.language & different),
        (2.0, pairs.meaning & ~pairs.language),
        (2.5, ~pairs.meaning & pairs.language),
        (2.5, ~pairs.meaning & ~pairs.language),
    )
    losses = [weight * error[kind].mean() for weight, kind in kinds if kind.any()]
    return torch.stack(losses).sum()


class Sampler:
    """Draws batches of groups: paraphrases and translations."""

    def __init__(self, groups: Sequence[Group], topics: Sequence[int]) -> None:
        self._groups = groups
        self._topics = topics
        self._paraphrased: dict[str, list[int]] = {language: [] for language in CORE_LANGUAGES}
        self._translated: list[int] = []
        self._by_topic: dict[int, list[int]] = {}
        for number, group in enumerate(groups):
            core = [language for language in CORE_LANGUAGES if language in group.texts]
            if group.source == "joined":
                continue
            for language in core:
                if len(group.texts[language]) > 1 and len(group.texts[language][0]) > 3:
                    self._paraphrased[language].append(number)
            if len(core) >= 3 or (len(core) == 2 and "ar" in core):
                self._translated.append(number)
                self._by_topic.setdefault(topics[number], []).append(number)

    def paraphrases(self, count: int, rng: random.Random) -> list[Example]:
        """Two wordings in one language and a translation, languages in turn."""
        batch: list[Example] = []
        languages = [language for language, found in self._paraphrased.items() if found]
        for turn in range(count):
            language = languages[turn % len(languages)]
            number = rng.choice(self._paraphrased[language])
            wordings = rng.sample(self._groups[number].texts[language], 2)
            batch += [Example(wording, language, number) for wording in wordings]
            batch += self._some_languages(number, 1, rng, without=language)
        return batch

    def translations(self, count: int, rng: random.Random, languages: int = 4, per_topic: int = 4) -> list[Example]:
        """Groups in several languages, a few of each topic drawn."""
        batch: list[Example] = []
        drawn: set[int] = set()
        count = min(count, len(self._translated))
        while len(drawn) < count:
            topic = self._topics[rng.choice(self._translated)]
            members = self._by_topic[topic]
            drawn.update(rng.sample(members, min(per_topic, len(members), count - len(drawn))))
        for number in sorted(drawn):
            batch += self._some_languages(number, languages, rng)
        return batch

    def _some_languages(self, number: int, count: int, rng: random.Random, without: str = "") -> list[Example]:
        texts = self._groups[number].texts
        found = [lang for lang in CORE_LANGUAGES if lang in texts and lang != without]
        chosen = rng.sample(found, min(count, len(found)))
        return [Example(rng.choice(texts[lang]), lang, number) for lang in chosen]


class TeacherLookup:
    """The teacher's vectors: those of the training texts from the file, others when asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._vectors = np.load(workspace.teacher, mmap_mode="r")
        self._rows = {text.text: row for row, text in enumerate(load_texts(workspace))}
        self._teacher = Teacher(threads=1)

    def knows(self, text: str) -> bool:
        """Whether the text's vector lies in the file."""
        return text in self._rows

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, one row per text."""
        found = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        known = [(i, self._rows[text]) for i, text in enumerate(texts) if text in self._rows]
        for position, row in known:
            found[position] = self._vectors[row]
        missing = [i for i, text in enumerate(texts) if text not in self._rows]
        found[missing] = self._teacher.encode([texts[i] for i in missing])
        return found

    def similarities(self, texts: Sequence[str]) -> Tensor:
        """Cosine similarity of each two texts."""
        vectors = torch.from_numpy(self.vectors(texts))
        return vectors @ vectors.T


def topic_text(group: Group) -> str:
    """The text that stands for a group: the English one if there is one."""
    return (group.texts.get("en") or next(iter(group.texts.values())))[0]


def group_topics(groups: Sequence[Group], lookup: TeacherLookup, topics: int = TOPICS) -> list[int]:
    """A topic number per group: the cluster of the teacher's vector of it."""
    from sklearn.cluster import MiniBatchKMeans

    vectors = lookup.vectors([topic_text(group) for group in groups])
    clusters = MiniBatchKMeans(min(topics, len(groups)), random_state=SEED, n_init=1)
    return [int(topic) for topic in clusters.fit_predict(vectors)]


class MatchingLesson(Lesson):
    """Paraphrases and translations under text-matching."""

    def __init__(self, workspace: Workspace, plan: MatchingPlan) -> None:
        self._lookup = TeacherLookup(workspace)
        groups = [group for group in load_groups(workspace) if self._lookup.knows(topic_text(group))]
        self._sampler = Sampler(groups, group_topics(groups, self._lookup))
        self._plan = plan

    def loss(self, embed: Embed, rng: np.random.Generator) -> Tensor:
        """The loss of one batch."""
        drawing = random.Random(int(rng.integers(2**32)))
        batch = [
            *self._sampler.paraphrases(self._plan.paraphrased, drawing),
            *self._sampler.translations(self._plan.translated, drawing),
        ]
        texts = [item.text for item in batch]
        return pair_loss(embed(texts, TASK), self._lookup.similarities(texts), Pairs.of(batch), self._plan)
