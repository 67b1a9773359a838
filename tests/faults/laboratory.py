"""A healthy model under the gate, and the tables that the runs add up to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fixtures.baselines.baseline import Baseline
from fixtures.baselines.reference import reference_of
from fixtures.comparing.compare import compare_task
from fixtures.comparing.counterparts import Counterpart
from fixtures.comparing.diagnosis import Finding
from fixtures.comparing.reference import Reference
from fixtures.observing.observation import Observation as Answers
from fixtures.observing.observation import listed_tokens
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.texts.anchors import AnchorSet
from fixtures.texts.corpus import shown_sentences
from tests.faults.rivals import RIVALS, Observation

ROOT = Path(__file__).parents[2]
OURS = "this suite"


@dataclass
class Laboratory:
    """A healthy encoder and the gate under test."""

    encoder: TorchEncoder
    baseline: Baseline
    anchors: AnchorSet
    shown: dict[str, np.ndarray]
    """Healthy embeddings of the seven sentences by task."""

    @property
    def prefixes(self) -> dict[str, str]:
        return self.encoder.spec.prompts

    def judge(self, task: str, vectors: np.ndarray, tokens: Sequence[Sequence[int]]) -> Finding:
        """Run the gate on a task's embeddings of the anchors and the token ids behind them."""
        listed = dict(zip(self.anchors.token_texts, tokens, strict=True))
        answers = Answers(self.encoder.spec, tokens=listed_tokens(listed))
        answers.keep(list(self.anchors.texts.values()), task, vectors)
        return compare_task(self.old, answers, self.anchors, Counterpart(task, task))

    @cached_property
    def old(self) -> Reference:
        """The baseline as what is compared with."""
        return reference_of(self.baseline)

    def answer(self, encoder: TorchEncoder, task: str) -> tuple[np.ndarray, list[list[int]]]:
        """Have an encoder, faulty or not, answer on the anchors: embeddings under a task, token ids."""
        vectors = encoder.encode(list(self.anchors.texts.values()), task)
        return vectors, encoder.tokenize(list(self.anchors.token_texts.values()), None)

    def observe(self, encoder: TorchEncoder, task: str) -> tuple[Finding, Observation]:
        """Run our gate on an encoder, faulty or not; return the finding, and the embeddings that other gates judge."""
        vectors, tokens = self.answer(encoder, task)
        shown = encoder.encode(list(shown_sentences().values()), task)
        seen = Observation(self.baseline.anchors()[task], vectors, self.shown[task], shown)
        return self.judge(task, vectors, tokens), seen


@dataclass
class Tables:
    """What the runs found.

    Attributes:
        faults: a row per fault.
        alarms: a row per fault or null run and task: its class, and whether each gate raised an alarm.
        floors: a row per dtype and noise level.
    """

    faults: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    floors: list[dict[str, Any]] = field(default_factory=list)

    def add_alarms(self, kind: str, finding: Finding, seen: Observation) -> None:
        rivals = {name: alarm(seen) for name, alarm in RIVALS.items()}
        self.alarms.append({"class": kind, OURS: not finding.verdict.acceptable, **rivals})


def rates(alarms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row per gate: its alarm rate per class, with the 95% Clopper-Pearson interval."""
    table = pd.DataFrame(alarms)
    rows = []
    for gate_name in (OURS, *RIVALS):
        row: dict[str, Any] = {"gate": gate_name}
        for kind, group in table.groupby("class", sort=False):
            count, total = int(group[gate_name].sum()), len(group)
            interval = binomtest(count, total).proportion_ci()
            row[kind] = f"{count}/{total} = {count / total:.1%} [{interval.low:.1%}, {interval.high:.1%}]"
        rows.append(row)
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join(lines + [f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows])
