"""Stage `adapters`: five PEFT adapters, trained together with the base.

Adapters of rank 4 on a frozen base have little room. Trained together with them, the base learns to leave them some; it
then holds what the adapters have in common, and is no encoder of its own any more. Each step draws one lesson.
Separation, classification and text-matching are distilled towards the teacher's vector of a text, changed in the way
that the task asks for: nearer to the translations' mean; nearer to the text's topic; with a part that all texts share,
which lifts every similarity; with a part that all texts of a language share, which puts a paraphrase above a
translation. The two retrieval adapters learn together from questions and passages (`recipe.retrieval`). In the end the
base is frozen, and text-matching, which has the furthest to go, learns on alone at a higher rate.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model, PreTrainedTokenizerBase

from fixtures.runtimes.jina_v3.known_models import adapter_folder
from recipe.base import distillation_loss, principal_directions, projected_targets
from recipe.lesson import Embed, Lesson
from recipe.lora import add_adapters, save_adapter
from recipe.model import TASK_INSTRUCTIONS, encode, unit_rows
from recipe.questions import ask_about, ask_whether
from recipe.retrieval import RetrievalLesson, RetrievalPlan
from recipe.sources import CORE_LANGUAGES
from recipe.texts import TrainingText, load_texts
from recipe.threads import available_cores
from recipe.training_state import save_state
from recipe.workspace import Workspace

SEED = 0
MAX_TOKENS = 96
TEXTS_AT_ONCE = 40
TOPICS = 128
TOPIC_TEMPERATURE = 0.05

KINDS = {
    "story": 0.20,
    "prose": 0.14,
    "phrase": 0.12,
    "question": 0.12,
    "word": 0.10,
    "passage": 0.10,
    "combination": 0.05,
    "gloss": 0.05,
    "joined": 0.05,
    "verse": 0.04,
    "interface": 0.03,
}
"""Kinds of texts (`recipe.texts`) and their shares in a batch."""

LONG_TEXTS_TOO = KINDS | {"passage": 0.20, "joined": 0.12, "verse": 0.10, "question": 0.08, "word": 0.05}
"""Shares with more of the long kinds."""

MATCHING_LONG_TEXTS = "text-matching, long texts too"
"""Name of the last stretch's lesson."""


@dataclass(frozen=True)
class Target:
    """How the target of a task differs from the teacher's vector of a text.

    The weights are relative to the teacher's unit vector; the sum is normalised again.
    `translations` is the share that the mean vector of a text's translations has in it.
    """

    translations: float = 0.4
    topic: float = 0.0
    common: float = 0.0
    language: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A task's target, and a batch: how many texts, of which kinds, and the share that is put as questions."""

    task: str
    target: Target = Target()
    kinds: Mapping[str, float] = field(default_factory=lambda: KINDS)
    texts_per_batch: int = 160
    asked: float = 0.0


@dataclass(frozen=True)
class Stretch:
    """A stretch of training: how long, how fast, and how often each lesson is drawn.

    At a layer rate of 0 the base stays as it is and only adapters learn.
    """

    steps: int
    shares: Mapping[str, float]
    adapter_rate: float
    layer_rate: float = 0.0
    warmup: int = 20
    save_every: int = 100

    def factor(self, step: int) -> float:
        """Share of the peak learning rates at `step`: warmed up, then falling linearly."""
        return min(1.0, (step + 1) / self.warmup) * max(0.02, 1 - step / self.steps)


@dataclass(frozen=True)
class Training:
    """Settings of the stage."""

    distilled: Mapping[str, Plan] = field(
        default_factory=lambda: {
            "separation": Plan("separation", Target(translations=0.7, common=0.86)),
            "classification": Plan("classification", Target(topic=0.5, common=0.68), asked=0.3),
            "text-matching": Plan("text-matching", Target(translations=0.6, language=0.42)),
            MATCHING_LONG_TEXTS: Plan("text-matching", Target(translations=0.7, language=0.42), kinds=LONG_TEXTS_TOO),
        }
    )
    retrieval: RetrievalPlan = field(default_factory=RetrievalPlan)
    stretches: Mapping[str, Stretch] = field(
        default_factory=lambda: {
            "together": Stretch(
                steps=1_000,
                shares={"separation": 0.13, "classification": 0.15, "text-matching": 0.27, "retrieval": 0.45},
                adapter_rate=6e-3,
                layer_rate=4e-4,
                warmup=60,
            ),
            "matching": Stretch(steps=400, shares={MATCHING_LONG_TEXTS: 1.0}, adapter_rate=1.2e-2),
        }
    )


class TaskTargets:
    """The vectors that the texts should get under one task."""

    def __init__(
        self, texts: Sequence[TrainingText], teacher: np.ndarray, projection: np.ndarray, target: Target
    ) -> None:
        self._texts = texts
        self._teacher = teacher
        self._target = target
        self._projection = projection
        groups = np.array([-1 if text.group is None else text.group for text in texts])
        self._meanings = projected_targets(teacher, groups, self._projection, target.translations)
        self._common = _unit_vector(projection.shape[1], SEED + 2)
        self._languages = _opposed_directions(len(CORE_LANGUAGES), projection.shape[1], SEED + 3)

    def of(self, numbers: np.ndarray) -> Tensor:
        """Unit targets, (n, dim), of the texts by their numbers."""
        vectors = self._meanings[numbers].astype(np.float32)
        if self._target.topic:
            vectors = unit_rows(vectors + self._target.topic * self._topic_of(vectors))
        vectors = vectors + self._target.common * self._common
        if self._target.language:
            languages = [CORE_LANGUAGES.index(self._texts[number].language) for number in numbers]
            vectors = vectors + self._target.language * self._languages[languages]
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

    def __init__(self, texts: Sequence[TrainingText], kinds: Mapping[str, float]) -> None:
        self._texts = texts
        self._kinds = kinds
        self._pools: dict[tuple[str, str], list[int]] = {}
        for number, text in enumerate(texts):
            if text.kind in kinds and text.language in CORE_LANGUAGES:
                self._pools.setdefault((text.kind, text.language), []).append(number)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers of about `count` texts."""
        total = sum(self._kinds.values()) * len(CORE_LANGUAGES)
        return np.concatenate(
            [
                rng.choice(pool, max(1, round(count * self._kinds[kind] / total)))
                for (kind, _), pool in sorted(self._pools.items())
            ]
        )


def worded(text: TrainingText, asked: float, rng: random.Random) -> str:
    """The text, now and then as a question: words of asking are not what a text is about."""
    if text.kind == "question" or rng.random() >= asked:
        return text.text
    ask = ask_about if text.kind in ("word", "phrase", "interface") else ask_whether
    return ask(text.text, text.language, rng)


class DistilledLesson(Lesson):
    """Texts of all kinds under one task."""

    def __init__(self, texts: Sequence[TrainingText], targets: TaskTargets, sampler: Sampler, plan: Plan) -> None:
        self._texts = texts
        self._targets = targets
        self._sampler = sampler
        self._plan = plan

    def loss(self, embed: Embed, rng: np.random.Generator) -> Tensor:
        """The loss of one batch."""
        numbers = self._sampler.draw(self._plan.texts_per_batch, rng)
        asking = random.Random(int(rng.integers(2**32)))
        texts = [worded(self._texts[number], self._plan.asked, asking) for number in numbers]
        return distillation_loss(embed(texts, self._plan.task), self._targets.of(numbers))[0]


def adapters(workspace: Workspace, training: Training | None = None) -> None:
    """Train, resume from the last saved state if there is one, and save the base and the five adapters."""
    training = training or Training()
    torch.manual_seed(SEED)
    torch.set_num_threads(available_cores())
    tokenizer = AutoTokenizer.from_pretrained(workspace.base)
    model = AutoModel.from_pretrained(workspace.base, dtype=torch.float32)
    add_adapters(model, TASK_INSTRUCTIONS)
    lessons = make_lessons(workspace, model.config.hidden_size, training)
    states = {name: workspace.root / f"adapters-{name}.pt" for name in training.stretches}
    for name, stretch in training.stretches.items():
        train(model, tokenizer, lessons, stretch, states[name], name)
    for task in TASK_INSTRUCTIONS:
        save_adapter(model, task, workspace.adapters / adapter_folder(task))
    save_base(model, workspace.tuned)
    workspace.mark_done("adapters", steps={name: stretch.steps for name, stretch in training.stretches.items()})
    for state in states.values():
        state.unlink(missing_ok=True)


def make_lessons(workspace: Workspace, dimensions: int, training: Training) -> dict[str, Lesson]:
    """Every lesson, by name."""
    texts = load_texts(workspace)
    teacher = np.load(workspace.teacher, mmap_mode="r")
    projection = principal_directions(teacher, dimensions)
    made: dict[str, Lesson] = {
        "retrieval": RetrievalLesson(workspace, projection, training.retrieval),
    }
    for name, plan in training.distilled.items():
        targets = TaskTargets(texts, teacher, projection, plan.target)
        made[name] = DistilledLesson(texts, targets, Sampler(texts, plan.kinds), plan)
    return made


def train(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    lessons: Mapping[str, Lesson],
    stretch: Stretch,
    state: Path,
    title: str,
) -> None:
    """Minimise the lessons' losses, one lesson a step, with AdamW over adapters and, if it may learn, the base."""
    trained = {name: parameter for name, parameter in model.named_parameters() if _is_trained(name, stretch)}
    optimizer = torch.optim.AdamW(_parameter_groups(trained, stretch), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, stretch.factor)
    first = _resume(state, model, optimizer, schedule)

    def embed(texts: Sequence[str], task: str) -> Tensor:
        activate(model, task)
        return encode(
            model, tokenizer, texts, prefix=TASK_INSTRUCTIONS[task], max_tokens=MAX_TOKENS, batch_size=TEXTS_AT_ONCE
        )

    def unfreeze() -> None:
        """Let all adapters learn: choosing one freezes the others, and a loss may rest on two."""
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in trained)

    model.train()
    unfreeze()
    names, shares = list(stretch.shares), list(stretch.shares.values())
    latest: dict[str, float] = {}
    with tqdm(total=stretch.steps, initial=first, desc=f"adapters: {title}", unit="step") as bar:
        for step in range(first, stretch.steps):
            rng = np.random.default_rng((SEED, step))
            name = names[rng.choice(len(names), p=shares)]
            loss = lessons[name].loss(embed, rng)
            model.zero_grad(set_to_none=True)
            unfreeze()
            loss.backward()
            nn.utils.clip_grad_norm_(trained.values(), 1.0)
            optimizer.step()
            schedule.step()
            latest[name] = 0.95 * latest.get(name, loss.item()) + 0.05 * loss.item()
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in latest.items()}, refresh=False)
            if (step + 1) % stretch.save_every == 0 or step + 1 == stretch.steps:
                _save(state, step + 1, model, optimizer, schedule)


def activate(model: JinaEmbeddingsV3Model, task: str) -> None:
    """Let one adapter answer."""
    model.set_adapter(adapter_folder(task))


def save_base(model: JinaEmbeddingsV3Model, folder: Path) -> None:
    """Write the model as it is without its adapters."""
    plain = type(model)(model.config)
    weights = {
        name.replace(".base_layer.", "."): tensor for name, tensor in model.state_dict().items() if "lora_" not in name
    }
    plain.load_state_dict(weights)
    plain.save_pretrained(folder)


def _is_trained(name: str, stretch: Stretch) -> bool:
    """Whether a parameter learns. Not the word embeddings: they are done, and their gradient takes half of a step."""
    if "pooler" in name:
        return False
    return "lora_" in name or (stretch.layer_rate > 0 and "word_embeddings" not in name)


def _parameter_groups(trained: Mapping[str, nn.Parameter], stretch: Stretch) -> list[dict[str, Any]]:
    adapters = [parameter for name, parameter in trained.items() if "lora_" in name]
    base = [parameter for name, parameter in trained.items() if "lora_" not in name]
    groups = [{"params": adapters, "lr": stretch.adapter_rate}]
    return [*groups, {"params": base, "lr": stretch.layer_rate}] if base else groups


def _save(state: Path, step: int, *parts: Any) -> None:
    save_state(state, {"step": step, "parts": [part.state_dict() for part in parts]})


def _resume(state: Path, *parts: Any) -> int:
    """Load what was saved into the parts, if anything was; returns the step to go on with."""
    if not state.exists():
        return 0
    saved = torch.load(state)
    for part, found in zip(parts, saved["parts"], strict=True):
        part.load_state_dict(found)
    return int(saved["step"])


def _unit_vector(dimensions: int, seed: int) -> np.ndarray:
    """A random unit vector, (dimensions,): unrelated to any meaning."""
    drawn = np.random.default_rng(seed).standard_normal((1, dimensions)).astype(np.float32)
    return unit_rows(drawn)


def _opposed_directions(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Unit vectors, (count, dimensions), as far from each other as so many can be: the corners of a simplex."""
    drawn = np.random.default_rng(seed).standard_normal((dimensions, count)).astype(np.float32)
    corners = np.linalg.qr(drawn).Q.T
    return unit_rows(corners - corners.mean(0))
