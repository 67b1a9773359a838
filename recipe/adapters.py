"""Stage `adapters`: five PEFT adapters on the frozen base, each shaped by target similarities.

A batch holds groups of texts; every pair of it is of some kind: the same text's paraphrase in its
language, its translation, or unrelated. Each adapter has a target similarity per kind, and the
loss is averaged over each kind on its own, or the many unrelated pairs would drown the few
related ones. The two retrieval adapters are trained together, questions against passages.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model, PreTrainedTokenizerBase

from recipe.catalogues import Group
from recipe.model import ADAPTER_ALPHA, ADAPTER_RANK, TASK_INSTRUCTIONS, adapter_name, encode
from recipe.sources import CORE_LANGUAGES
from recipe.teach import Teacher
from recipe.texts import load_groups, load_texts
from recipe.threads import use_all_cores
from recipe.workspace import Workspace, write_json

TARGET_MODULES = (
    "word_embeddings",
    "token_type_embeddings",
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "fc1",
    "fc2",
    "dense",
)
SEED = 0
MAX_TOKENS_SHORT = 48
MAX_TOKENS_PASSAGE = 112
TOPICS = 48


@dataclass(frozen=True)
class Shape:
    """Target similarity of a pair: `offset + scale * teacher's ** power`, and extras for what it shares.

    The teacher's similarity of two texts of one meaning is raised to at least `same_meaning`; a
    power below one lifts weak relations, such as a common topic.
    """

    scale: float
    offset: float = 0.0
    power: float = 1.0
    paraphrase: float = 0.0
    same_language: float = 0.0
    same_topic: float = 0.0
    same_meaning: float = 0.9

    def target(self, teacher: Tensor, pairs: Pairs) -> Tensor:
        """Target similarities of all pairs of a batch."""
        raised = torch.where(pairs.meaning, teacher.clamp(min=self.same_meaning), teacher)
        target = self.offset + self.scale * raised.sign() * raised.abs() ** self.power
        target = target + self.same_language * pairs.language
        target = target + self.paraphrase * (pairs.language & pairs.meaning)
        return target + self.same_topic * (pairs.topic & ~pairs.meaning)


@dataclass(frozen=True)
class Pairs:
    """What each pair of a batch has in common, as square 0/1 matrices."""

    meaning: Tensor
    language: Tensor
    topic: Tensor

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
                    torch.tensor([item.topic for item in batch]),
                )
            )
        )


@dataclass(frozen=True)
class Example:
    """One text of a batch."""

    text: str
    language: str
    meaning: int
    topic: int


@dataclass(frozen=True)
class Plan:
    """How one adapter is trained."""

    shape: Shape
    steps: int = 120
    rate: float = 1e-2


PLANS = {
    "text-matching": Plan(Shape(scale=0.68, same_language=0.21, paraphrase=0.08), steps=240, rate=1.5e-2),
    "separation": Plan(Shape(scale=0.62, offset=0.28, same_topic=0.06, same_meaning=0.97)),
    "classification": Plan(Shape(scale=0.62, offset=0.24, power=0.6, same_topic=0.03, same_meaning=0.95)),
    "retrieval.query": Plan(Shape(scale=0.72), steps=150),
    "retrieval.passage": Plan(Shape(scale=0.76, offset=0.04), steps=150),
}


def shape_loss(vectors: Tensor, teacher: Tensor, pairs: Pairs, shape: Shape) -> Tensor:
    """Squared distance to the target similarities, averaged over each kind of pair."""
    similarity = vectors @ vectors.T
    error = (similarity - shape.target(teacher, pairs)) ** 2
    different = ~torch.eye(len(vectors), dtype=torch.bool)
    kinds = (
        (2.0, pairs.meaning & pairs.language & different),
        (2.0, pairs.meaning & ~pairs.language),
        (2.5, ~pairs.meaning & pairs.language),
        (2.5, ~pairs.meaning & ~pairs.language),
    )
    losses = [weight * error[kind].mean() for weight, kind in kinds if kind.any()]
    return torch.stack(losses).sum()


def contrastive_loss(
    queries: Tensor, passages: Tensor, distractors: Tensor | None = None, temperature: float = 0.05
) -> Tensor:
    """Each query should find its passage among the batch's passages and the distractors."""
    candidates = passages if distractors is None else torch.cat([passages, distractors])
    return nn.functional.cross_entropy(queries @ candidates.T / temperature, torch.arange(len(queries)))


class Sampler:
    """Draws batches of groups: paraphrases, translations, questions and their passages."""

    def __init__(self, groups: Sequence[Group], topics: Sequence[int], seed: int = SEED) -> None:
        self._groups = groups
        self._topics = topics
        self._rng = random.Random(seed)
        self._paraphrased: dict[str, list[int]] = {language: [] for language in CORE_LANGUAGES}
        self._translated: list[int] = []
        self._joined: list[int] = []
        self._by_topic: dict[int, list[int]] = {}
        for number, group in enumerate(groups):
            core = [language for language in CORE_LANGUAGES if language in group.texts]
            if group.source == "joined":
                self._joined.append(number)
                continue
            for language in core:
                if len(group.texts[language]) > 1 and len(group.texts[language][0]) > 3:
                    self._paraphrased[language].append(number)
            if len(core) >= 3 or (len(core) == 2 and "ar" in core):
                self._translated.append(number)
                self._by_topic.setdefault(topics[number], []).append(number)

    def paraphrases(self, count: int) -> list[Example]:
        """Two wordings in one language and a translation, languages in turn."""
        batch: list[Example] = []
        languages = [language for language, found in self._paraphrased.items() if found]
        for turn in range(count):
            language = languages[turn % len(languages)]
            number = self._rng.choice(self._paraphrased[language])
            wordings = self._rng.sample(self._groups[number].texts[language], 2)
            batch += [self._example(number, language, wording) for wording in wordings]
            batch += self._some_languages(number, 1, without=language)
        return batch

    def translations(self, count: int, languages: int = 4, per_topic: int = 4) -> list[Example]:
        """Groups in several languages, a few of each topic drawn."""
        batch: list[Example] = []
        drawn: set[int] = set()
        count = min(count, len(self._translated))
        while len(drawn) < count:
            topic = self._topics[self._rng.choice(self._translated)]
            members = self._by_topic[topic]
            drawn.update(self._rng.sample(members, min(per_topic, len(members), count - len(drawn))))
        for number in sorted(drawn):
            batch += self._some_languages(number, languages)
        return batch

    def questions(self, count: int) -> tuple[list[Example], list[Example]]:
        """Queries made of a part of a passage, and the passages, in any two languages."""
        queries, passages = [], []
        for number in self._rng.sample(self._joined, min(count, len(self._joined))):
            texts = self._groups[number].texts
            asked, answered = (self._rng.choice(list(texts)) for _ in range(2))
            queries.append(self._example(number, asked, self._question(texts[asked][0], asked)))
            passages.append(self._example(number, answered, texts[answered][0]))
        return queries, passages

    def _question(self, passage: str, language: str) -> str:
        """A short request for a part of the passage: its words in order, some left out."""
        units = list(passage) if language == "zh" else passage.split()
        size = min(len(units), self._rng.randint(*((8, 22) if language == "zh" else (4, 12))))
        start = self._rng.randint(0, len(units) - size)
        kept = [unit for unit in units[start : start + size] if self._rng.random() < 0.8]
        text = ("" if language == "zh" else " ").join(kept or units[start : start + size])
        template = self._rng.choice(QUESTIONS[language])
        return template.format(text.rstrip(".!?。！？؟ "))

    def _some_languages(self, number: int, count: int, without: str = "") -> list[Example]:
        texts = self._groups[number].texts
        found = [lang for lang in CORE_LANGUAGES if lang in texts and lang != without]
        chosen = self._rng.sample(found, min(count, len(found)))
        return [self._example(number, lang, self._rng.choice(texts[lang])) for lang in chosen]

    def _example(self, number: int, language: str, text: str) -> Example:
        return Example(text, language, number, self._topics[number])


QUESTIONS = {
    "en": ("{}?", "{}", "What about {}?", "What is known about {}?", "How is it that {}?"),
    "es": ("¿{}?", "{}", "¿Qué hay de {}?", "¿Qué se sabe de {}?", "¿Cómo es que {}?"),
    "fr": ("{} ?", "{}", "Qu'en est-il de {} ?", "Que sait-on de {} ?", "Pourquoi {} ?"),
    "de": ("{}?", "{}", "Was ist mit {}?", "Was weiß man über {}?", "Wie kommt es, dass {}?"),
    "zh": ("{}？", "{}", "{}是怎么回事？", "为什么{}？", "关于{}"),
    "ar": ("{}؟", "{}", "ماذا عن {}؟", "لماذا {}؟", "كيف {}؟"),
}


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


def adapters(workspace: Workspace) -> None:
    """Train all five, the two retrieval adapters together; finished ones are left alone."""
    lookup = TeacherLookup(workspace)
    groups = [group for group in load_groups(workspace) if lookup.knows(topic_text(group))]
    topics = group_topics(groups, lookup)
    done = {task for task in PLANS if (workspace.adapters / adapter_name(task)).exists()}
    jobs: list[tuple[str, ...]] = [
        ("text-matching",),
        ("separation",),
        ("classification",),
        ("retrieval.query", "retrieval.passage"),
    ]
    for tasks in jobs:
        if done.issuperset(tasks):
            continue
        torch.manual_seed(SEED)
        tokenizer = AutoTokenizer.from_pretrained(workspace.base)
        model = AutoModel.from_pretrained(workspace.base, dtype=torch.float32)
        sampler = Sampler(groups, topics)
        train = train_retrieval if len(tasks) == 2 else train_adapter
        train(model, tokenizer, sampler, lookup, *tasks)
        for task in tasks:
            save_adapter(model, task, workspace.adapters / adapter_name(task))
    workspace.mark_done("adapters", steps={task: plan.steps for task, plan in PLANS.items()})


def train_adapter(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    sampler: Sampler,
    lookup: TeacherLookup,
    task: str,
    plan: Plan | None = None,
) -> None:
    """Shape the similarities of one task."""
    plan = plan or PLANS[task]
    add_adapters(model, task)
    optimizer, schedule = _optimizer(model, plan)
    use_all_cores()
    with tqdm(total=plan.steps, desc=f"adapter: {task}", unit="step") as bar:
        for _ in range(plan.steps):
            paraphrased = 30 if task == "text-matching" else 12
            batch = sampler.paraphrases(paraphrased) + sampler.translations(24)
            vectors = _encode(model, tokenizer, batch, TASK_INSTRUCTIONS[task], MAX_TOKENS_SHORT)
            teacher = lookup.similarities([item.text for item in batch])
            loss = shape_loss(vectors, teacher, Pairs.of(batch), plan.shape)
            _update(loss, optimizer, schedule, bar)


def train_retrieval(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    sampler: Sampler,
    lookup: TeacherLookup,
    query_task: str,
    passage_task: str,
    steps: int | None = None,
) -> None:
    """Train both sides at once: queries find passages, and each side keeps its own shape."""
    plans = PLANS[query_task], PLANS[passage_task]
    steps = steps or plans[0].steps
    add_adapters(model, query_task, passage_task)
    optimizer, schedule = _optimizer(model, Plan(plans[0].shape, steps, plans[0].rate))
    use_all_cores()
    with tqdm(total=steps, desc="adapters: retrieval", unit="step") as bar:
        for _ in range(steps):
            queries, passages = sampler.questions(40)
            shaped = sampler.translations(14, languages=3)
            teacher = lookup.similarities([item.text for item in shaped])
            loss = torch.zeros(())
            sides, echoes = [], []
            for task, side, other, plan, longest in (
                (query_task, queries, passages, plans[0], MAX_TOKENS_SHORT),
                (passage_task, passages, queries, plans[1], MAX_TOKENS_PASSAGE),
            ):
                model.set_adapter(adapter_name(task))
                prefix = TASK_INSTRUCTIONS[task]
                sides.append(_encode(model, tokenizer, side, prefix, longest))
                echoes.append(_encode(model, tokenizer, other, prefix, MAX_TOKENS_SHORT))
                vectors = _encode(model, tokenizer, shaped, prefix, MAX_TOKENS_SHORT)
                loss = loss + 2 * shape_loss(vectors, teacher, Pairs.of(shaped), plan.shape)
            # A query wants its passage, not a question like itself; a passage likewise.
            loss = loss + contrastive_loss(sides[0], sides[1], echoes[1]) / 2
            loss = loss + contrastive_loss(sides[1], sides[0], echoes[0]) / 2
            _train_only_adapters(model)
            _update(loss, optimizer, schedule, bar)


def add_adapters(model: JinaEmbeddingsV3Model, *tasks: str) -> None:
    """Add fresh adapters of the published kind; only they are trained."""
    for task in tasks:
        config = LoraConfig(
            r=ADAPTER_RANK, lora_alpha=ADAPTER_ALPHA, lora_dropout=0.0, target_modules=list(TARGET_MODULES)
        )
        model.add_adapter(config, adapter_name=adapter_name(task))
    model.set_adapter(adapter_name(tasks[-1]))
    model.train()
    _train_only_adapters(model)


def save_adapter(model: JinaEmbeddingsV3Model, task: str, folder: Path) -> None:
    """Write one adapter as the published checkpoint has it."""
    name = adapter_name(task)
    state = {
        f"base_model.model.{key.removeprefix('base_model.model.')}": tensor.detach().to(torch.float16).contiguous()
        for key, tensor in get_peft_model_state_dict(model, adapter_name=name).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "base_model_name_or_path": None,
            "r": ADAPTER_RANK,
            "lora_alpha": ADAPTER_ALPHA,
            "lora_dropout": 0.0,
            "target_modules": list(TARGET_MODULES),
        },
    )


def _encode(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    batch: Sequence[Example],
    prefix: str,
    max_tokens: int,
) -> Tensor:
    texts = [item.text for item in batch]
    return encode(model, tokenizer, texts, prefix=prefix, max_tokens=max_tokens, batch_size=32)


def _train_only_adapters(model: JinaEmbeddingsV3Model) -> None:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


def _optimizer(
    model: JinaEmbeddingsV3Model, plan: Plan
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 20) * max(0.02, 1 - step / plan.steps)
    )
    return optimizer, schedule


def _update(
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    bar: tqdm[None],
) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    schedule.step()
    bar.update()
    bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
