"""Stage `base`: distil the teacher into the student.

First the word embeddings alone learn, as a bag of pieces, which is fast; then the whole model.
The target of a text is the teacher's vector of it mixed with the mean vector of its translations,
projected to the student's width with the leading principal directions first, so that truncated
vectors keep most of the meaning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoTokenizer, JinaEmbeddingsV3Model, PreTrainedTokenizerBase

from recipe.batching import TokenizedTexts, endless_batches, tokenize
from recipe.model import MATRYOSHKA_DIMENSIONS, create_student, mean_pool
from recipe.teach import Teacher
from recipe.texts import load_texts
from recipe.threads import available_cores
from recipe.training_state import save_state
from recipe.workspace import Workspace

SEED = 0
TRUNCATION_WEIGHT = 0.15


@dataclass(frozen=True)
class Phase:
    """A stretch of training: warm-up, a constant learning rate, then a linear cool-down."""

    steps: int
    tokens_per_batch: int
    embedding_rate: float
    layer_rate: float
    warmup: int
    cooldown: int
    similarity_weight: float = 1.0

    def factor(self, step: int) -> float:
        """Share of the peak learning rate at `step`."""
        return min(1.0, (step + 1) / self.warmup) * min(1.0, (self.steps - step) / self.cooldown)


@dataclass(frozen=True)
class Distillation:
    """Settings of the stage."""

    max_tokens: int = 128
    translation_share: float = 0.4
    truncation_weight: float = TRUNCATION_WEIGHT
    embeddings: Phase = field(default=Phase(1_000, 16_384, 1e-2, 0.0, 40, 600, similarity_weight=0.0))
    model: Phase = field(default=Phase(6_400, 6_144, 2e-3, 1e-3, 150, 2_000))
    save_every: int = 100


def base(workspace: Workspace, settings: Distillation | None = None) -> None:
    """Train, resume from the last saved state if there is one, and save the base model."""
    settings = settings or Distillation()
    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(workspace.tokenizer)
    texts = load_texts(workspace)
    vectors = np.load(workspace.teacher, mmap_mode="r")
    projection = principal_directions(vectors, create_student(len(tokenizer)).config.hidden_size)
    groups = np.array([-1 if text.group is None else text.group for text in texts])
    targets = projected_targets(vectors, groups, projection, settings.translation_share)
    tokens = _tokens(workspace, tokenizer, [text.text for text in texts], settings.max_tokens)
    print(f"{len(tokens)} texts, {tokens.lengths.mean():.1f} tokens on average")

    model = create_student(len(tokenizer))
    state = workspace.root / "base-state.pt"
    if not state.exists():
        start_from_teacher(model, tokenizer, Teacher(), projection)
        save_state(state, {"model": model.state_dict()})
    model.train()
    trainer = Trainer(model, tokens, targets, settings, state)
    trainer.run("embeddings", settings.embeddings, bag_of_pieces)
    cosine = trainer.run("model", settings.model, forward)
    model.save_pretrained(workspace.base)
    tokenizer.save_pretrained(workspace.base)
    workspace.mark_done("base", cosine_to_teacher=round(cosine, 4), steps=settings.model.steps)


def _tokens(
    workspace: Workspace, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int
) -> TokenizedTexts:
    """The tokenised texts, from the file if an earlier run has left one."""
    path = workspace.root / "tokens.npz"
    if not path.exists():
        tokens = tokenize(tokenizer, texts, max_tokens)
        np.savez(path, ids=tokens.ids, offsets=tokens.offsets)
    with np.load(path) as arrays:
        return TokenizedTexts(arrays["ids"], arrays["offsets"])


def principal_directions(vectors: np.ndarray, dimensions: int, sample: int = 80_000) -> np.ndarray:
    """The leading directions of the teacher's vectors, most energy first."""
    chosen = np.asarray(vectors[:sample], dtype=np.float32)
    _, directions = np.linalg.eigh(chosen.T @ chosen)
    leading: np.ndarray = directions[:, ::-1][:, :dimensions]
    return np.ascontiguousarray(leading)


def projected_targets(
    vectors: np.ndarray, groups: np.ndarray, projection: np.ndarray, translation_share: float
) -> np.ndarray:
    """Unit targets: own vector and mean of the group's vectors, mixed; -1 means no group."""
    targets: np.ndarray = np.asarray(vectors, dtype=np.float32) @ projection
    targets /= np.linalg.norm(targets, axis=1, keepdims=True) + 1e-8
    members = np.flatnonzero(groups >= 0)
    if len(members):
        sums = np.zeros((int(groups.max()) + 1, targets.shape[1]), dtype=np.float32)
        np.add.at(sums, groups[members], targets[members])
        sums /= np.linalg.norm(sums, axis=1, keepdims=True) + 1e-8
        mixed = (1 - translation_share) * targets[members] + translation_share * sums[groups[members]]
        targets[members] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return targets.astype(np.float16)


@torch.no_grad()
def start_from_teacher(
    model: JinaEmbeddingsV3Model,
    tokenizer: PreTrainedTokenizerBase,
    teacher: Teacher,
    projection: np.ndarray,
) -> None:
    """Give each piece the teacher's vector of its text, projected."""
    pieces = [
        piece.replace("▁", " ").strip() or "." for piece in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    ]
    start = torch.from_numpy(teacher.encode(pieces) @ projection)
    start = nn.functional.normalize(start, dim=1) * math.sqrt(start.shape[1])
    # Every text begins and ends with these two, at full length after the layer norm: let them cancel.
    start[tokenizer.eos_token_id] = -start[tokenizer.bos_token_id]
    model.embeddings.word_embeddings.weight.copy_(start)


def bag_of_pieces(model: JinaEmbeddingsV3Model, input_ids: Tensor, mask: Tensor) -> Tensor:
    """Unit vectors of a batch, (n, dim), from the word embeddings alone, without layers."""
    return mean_pool(model.embeddings(input_ids), mask)


def forward(model: JinaEmbeddingsV3Model, input_ids: Tensor, mask: Tensor) -> Tensor:
    """Unit vectors of a batch, (n, dim), from the whole model."""
    return mean_pool(model(input_ids=input_ids, attention_mask=mask).last_hidden_state, mask)


def distillation_loss(
    student: Tensor,
    target: Tensor,
    similarity_weight: float = 1.0,
    truncation_weight: float = TRUNCATION_WEIGHT,
) -> tuple[Tensor, Tensor]:
    """Loss and mean cosine: vectors, their similarities, and truncated vectors should agree."""
    cosine = (student * target).sum(1).mean()
    loss = 1 - cosine
    if similarity_weight:
        loss = loss + similarity_weight * ((student @ student.T - target @ target.T) ** 2).mean()
    for width in MATRYOSHKA_DIMENSIONS:
        if width < student.shape[1]:
            short = nn.functional.cosine_similarity(student[:, :width], target[:, :width]).mean()
            loss = loss + truncation_weight * (1 - short)
    return loss, cosine


class Trainer:
    """Runs phases over the texts, saving state so that an interrupted run can go on."""

    def __init__(
        self,
        model: JinaEmbeddingsV3Model,
        tokens: TokenizedTexts,
        targets: np.ndarray,
        settings: Distillation,
        state: Path,
    ) -> None:
        self.model = model
        self.tokens = tokens
        self.targets = targets
        self.settings = settings
        self.state = state
        self.saved: dict[str, Any] = torch.load(state)
        self.model.load_state_dict(self.saved["model"])

    def run(self, name: str, phase: Phase, embed: Any) -> float:
        """Train one phase; returns the running mean cosine to the target at its end."""
        if name in self.saved.get("finished", []):
            return float(self.saved["cosine"])
        optimizer = self._optimizer(phase)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, phase.factor)
        step, cosine = 0, 0.0
        if self.saved.get("phase") == name:
            optimizer.load_state_dict(self.saved["optimizer"])
            schedule.load_state_dict(self.saved["schedule"])
            step, cosine = self.saved["step"], self.saved["cosine"]
        batches = endless_batches(self.tokens.lengths, phase.tokens_per_batch, SEED, skip=step)
        with tqdm(total=phase.steps, initial=step, desc=f"base: {name}", unit="step") as bar:
            torch.set_num_threads(available_cores())
            while step < phase.steps:
                latest = self.step(next(batches), embed, optimizer, phase)
                schedule.step()
                step += 1
                share = 1 / min(step, 200)
                cosine += share * (latest - cosine)
                bar.update()
                bar.set_postfix(cosine=f"{cosine:.4f}", refresh=False)
                if step % self.settings.save_every == 0 and step < phase.steps:
                    self._save(name, step, cosine, optimizer, schedule)
        finished = [*self.saved.get("finished", []), name]
        self.saved = {"finished": finished, "model": self.model.state_dict(), "cosine": cosine}
        save_state(self.state, self.saved)
        return cosine

    def step(self, batch: np.ndarray, embed: Any, optimizer: torch.optim.Optimizer, phase: Phase) -> float:
        """Learn from one batch; return its mean cosine to the targets before that."""
        input_ids, mask = self.tokens.padded(batch)
        target = torch.from_numpy(self.targets[batch]).float()
        loss, cosine = distillation_loss(
            embed(self.model, input_ids, mask),
            target,
            phase.similarity_weight,
            self.settings.truncation_weight,
        )
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        for group in optimizer.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 1.0)
        optimizer.step()
        return cosine.item()

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        words = self.model.embeddings.word_embeddings.weight
        others = [
            parameter
            for name, parameter in self.model.named_parameters()
            if parameter is not words and "pooler" not in name
        ]
        groups = [{"params": [words], "lr": phase.embedding_rate, "weight_decay": 0.0}]
        if phase.layer_rate:
            groups.append({"params": others, "lr": phase.layer_rate, "weight_decay": 0.01})
        return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-10, fused=True)

    def _save(self, name: str, step: int, cosine: float, *parts: Any) -> None:
        optimizer, schedule = parts
        state = {
            "finished": self.saved.get("finished", []),
            "phase": name,
            "step": step,
            "cosine": cosine,
            "model": self.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        }
        save_state(self.state, state)
