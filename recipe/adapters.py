"""Stage `adapters`: five PEFT adapters on the frozen base.

Four are distilled as the base was, towards the teacher's vector of a text, changed in the way that
the task asks for: nearer to the translations' mean, nearer to the text's topic, or with a part that
all texts share, which lifts every similarity. Since such a change is one of vectors, every training
text can teach it, whether or not it has a translation. Only text-matching, whose similarities hang
on what two texts have in common, is trained on pairs (`recipe.matching`).
"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model, PreTrainedTokenizerBase

from fixtures.known_models import adapter_folder
from recipe.base import distillation_loss, principal_directions, projected_targets
from recipe.lora import add_adapter, save_adapter, train_adapter
from recipe.matching import MatchingPlan, train_matching
from recipe.model import TASK_INSTRUCTIONS, encode, unit_rows
from recipe.sources import CORE_LANGUAGES
from recipe.texts import TrainingText, load_texts
from recipe.threads import available_cores
from recipe.workspace import Workspace

SEED = 0
WARMUP = 15
PROCESSES = 2
MAX_TOKENS = 128
TOPICS = 128
TOPIC_TEMPERATURE = 0.05
TRUNCATION_WEIGHT = 0.15
SIMILARITY_WEIGHT = 1.0

SENTENCES = {
    "story": 0.24,
    "prose": 0.20,
    "phrase": 0.14,
    "word": 0.10,
    "joined": 0.08,
    "combination": 0.07,
    "verse": 0.06,
    "gloss": 0.06,
    "interface": 0.05,
}
PASSAGES = {"joined": 0.3, "prose": 0.25, "verse": 0.2, "story": 0.15, "phrase": 0.1}

QUESTIONS = {
    "en": ("{}?", "{}", "What about {}?", "What is known about {}?", "How is it that {}?"),
    "es": ("¿{}?", "{}", "¿Qué hay de {}?", "¿Qué se sabe de {}?", "¿Cómo es que {}?"),
    "fr": ("{} ?", "{}", "Qu'en est-il de {} ?", "Que sait-on de {} ?", "Pourquoi {} ?"),
    "de": ("{}?", "{}", "Was ist mit {}?", "Was weiß man über {}?", "Wie kommt es, dass {}?"),
    "zh": ("{}？", "{}", "{}是怎么回事？", "为什么{}？", "关于{}"),
    "ar": ("{}؟", "{}", "ماذا عن {}؟", "لماذا {}؟", "كيف {}؟"),
}


@dataclass(frozen=True)
class Target:
    """How the target of a task differs from the teacher's vector of a text.

    The weights are relative to the teacher's unit vector; the sum is normalised again.
    `translations` is the share that the mean vector of a text's translations has in it.
    """

    translations: float = 0.4
    topic: float = 0.0
    common: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How one adapter is trained, and on which texts: kinds with their shares."""

    target: Target
    kinds: dict[str, float]
    steps: int
    texts_per_batch: int = 240
    asked: float = 0.0
    rate: float = 5e-3


PLANS: dict[str, Plan | MatchingPlan] = {
    "text-matching": MatchingPlan(),
    "classification": Plan(Target(topic=0.5, common=0.6), SENTENCES, steps=160, asked=0.5),
    "separation": Plan(Target(translations=0.7, common=0.76), SENTENCES, steps=140),
    "retrieval.query": Plan(Target(), SENTENCES, steps=120, texts_per_batch=200, asked=0.5),
    "retrieval.passage": Plan(Target(), PASSAGES, steps=120, texts_per_batch=150),
}


class TaskTargets:
    """The vectors that the texts should get under one task."""

    def __init__(self, texts: Sequence[TrainingText], teacher: np.ndarray, dimensions: int, target: Target) -> None:
        self._texts = texts
        self._teacher = teacher
        self._target = target
        self._projection = principal_directions(teacher, dimensions)
        groups = np.array([-1 if text.group is None else text.group for text in texts])
        self._meanings = projected_targets(teacher, groups, self._projection, target.translations)
        self._common = _orthonormal(dimensions, 1, SEED + 2)

    def of(self, numbers: np.ndarray) -> Tensor:
        """Unit targets of some texts."""
        vectors = self._meanings[numbers].astype(np.float32)
        if self._target.topic:
            vectors = unit_rows(vectors + self._target.topic * self._topic_of(vectors))
        vectors = vectors + self._target.common * self._common
        return torch.from_numpy(unit_rows(vectors))

    @cached_property
    def _topics(self) -> np.ndarray:
        """Unit centres of clusters of words: the topics that a text can be about."""
        from sklearn.cluster import MiniBatchKMeans

        words = [
            number for number, text in enumerate(self._texts) if text.kind == "word" and text.language in CORE_LANGUAGES
        ] or list(range(len(self._texts)))
        vectors = unit_rows(self._teacher[words].astype(np.float32) @ self._projection)
        clusters = MiniBatchKMeans(min(TOPICS, len(words)), random_state=SEED, n_init=1, batch_size=4096)
        return unit_rows(clusters.fit(vectors).cluster_centers_)

    def _topic_of(self, vectors: np.ndarray) -> np.ndarray:
        """The mean of the topics, near ones counting most."""
        logits = vectors @ self._topics.T / TOPIC_TEMPERATURE
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return unit_rows(weights / weights.sum(1, keepdims=True) @ self._topics)


class Sampler:
    """Draws texts of the six languages, as many of each, the kinds in given shares."""

    def __init__(self, texts: Sequence[TrainingText], plan: Plan, seed: int = SEED) -> None:
        self._plan = plan
        self._texts = texts
        self._rng = np.random.default_rng(seed)
        self._questions = random.Random(seed)
        self._pools: dict[tuple[str, str], list[int]] = {}
        for number, text in enumerate(texts):
            if text.kind in plan.kinds and text.language in CORE_LANGUAGES:
                self._pools.setdefault((text.kind, text.language), []).append(number)

    def draw(self) -> np.ndarray:
        """Numbers of the texts of one batch."""
        total = sum(self._plan.kinds.values()) * len(CORE_LANGUAGES)
        drawn = []
        for (kind, _), pool in sorted(self._pools.items()):
            count = max(1, round(self._plan.texts_per_batch * self._plan.kinds[kind] / total))
            drawn.append(self._rng.choice(pool, count))
        return np.concatenate(drawn)

    def worded(self, numbers: np.ndarray) -> list[str]:
        """The texts, some of them as a question: words of asking are not what a text is about."""
        return [
            ask(text, self._questions) if self._questions.random() < self._plan.asked else text.text
            for text in (self._texts[number] for number in numbers)
        ]


def ask(text: TrainingText, rng: random.Random) -> str:
    """The text as a question in its language."""
    return rng.choice(QUESTIONS[text.language]).format(text.text.rstrip(".!?。！？؟ "))


def adapters(
    workspace: Workspace, plans: Mapping[str, Plan | MatchingPlan] = PLANS, processes: int = PROCESSES
) -> None:
    """Train all five; finished ones are left alone.

    Two processes of one thread each are faster than one of two: the matrices are small.
    """
    missing = [task for task in plans if not (workspace.adapters / adapter_folder(task)).exists()]
    if processes == 1:
        for task in missing:
            train_task(workspace, task, plans[task])
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            started = [pool.submit(train_task, workspace, task, plans[task], 1) for task in missing]
            for job in started:
                job.result()
    workspace.mark_done("adapters", steps={task: plan.steps for task, plan in plans.items()})


def train_task(workspace: Workspace, task: str, plan: Plan | MatchingPlan, threads: int | None = None) -> None:
    """Train one adapter on a fresh copy of the base and write it."""
    torch.manual_seed(SEED)
    torch.set_num_threads(threads or available_cores())
    tokenizer = AutoTokenizer.from_pretrained(workspace.base)
    model = AutoModel.from_pretrained(workspace.base, dtype=torch.float32)
    add_adapter(model, task)
    if isinstance(plan, MatchingPlan):
        train_matching(model, tokenizer, workspace, task, plan)
    else:
        texts = load_texts(workspace)
        teacher = np.load(workspace.teacher, mmap_mode="r")
        targets = TaskTargets(texts, teacher, model.config.hidden_size, plan.target)
        distil(model, tokenizer, texts, targets, task, plan)
    save_adapter(model, task, workspace.adapters / adapter_folder(task))


def distil(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[TrainingText],
    targets: TaskTargets,
    task: str,
    plan: Plan,
) -> None:
    """Distil one task's targets into its adapter."""
    sampler = Sampler(texts, plan)

    def step() -> tuple[Tensor, float]:
        numbers = sampler.draw()
        vectors = encode(
            model,
            tokenizer,
            sampler.worded(numbers),
            prefix=TASK_INSTRUCTIONS[task],
            max_tokens=MAX_TOKENS,
            batch_size=60,
        )
        loss, cosine = distillation_loss(vectors, targets.of(numbers), SIMILARITY_WEIGHT, TRUNCATION_WEIGHT)
        return loss, cosine.item()

    train_adapter(model, task, step, steps=plan.steps, rate=plan.rate, warmup=WARMUP)


def _orthonormal(dimensions: int, count: int, seed: int) -> np.ndarray:
    """Random unit vectors at right angles to each other, one per row."""
    drawn = np.random.default_rng(seed).standard_normal((dimensions, count))
    rows: np.ndarray = np.linalg.qr(drawn)[0].T.astype(np.float32)
    return rows
