"""Findings on the suite's anchors, whose vectors are those of a callable or any others, against made-up bounds."""

from collections.abc import Mapping

import numpy as np

from fixtures.comparing import statistics
from fixtures.comparing.bounds import Bound
from fixtures.comparing.compare import compare_task
from fixtures.comparing.counterparts import Counterpart
from fixtures.comparing.diagnosis import Finding
from fixtures.comparing.reference import Reference
from fixtures.models.spec import Input, ModelSpec
from fixtures.observing.observation import Observation
from fixtures.texts.anchors import AnchorSet, anchor_set, hashes
from tests import callables

ANCHORS = anchor_set(512)
TEXTS = list(ANCHORS.texts.values())
TASK = "embedding"
SAME_TASK = Counterpart(TASK, TASK)
SPEC = ModelSpec("m", "made up", {TASK: Input()}, dimension=callables.DIMENSION, max_length=512, source="m")
BOUND = 1e-3


def observed(vectors: np.ndarray, anchors: AnchorSet = ANCHORS, tokens: Mapping | None = None) -> Observation:
    known = {"texts": hashes(anchors.texts), "token_texts": hashes(anchors.token_texts)}
    found = Observation(SPEC, tokens=tokens, **known)
    found.keep(list(anchors.texts.values()), TASK, vectors)
    return found


def reference(observation: Observation) -> Reference:
    bounds = dict.fromkeys(statistics.STATISTICS, Bound(BOUND, "made up"))
    return Reference("snapshots/m", observation, tasks=(TASK,), bounds=lambda new, texts: bounds)


def finding(now: np.ndarray, before: np.ndarray | None = None, anchors: AnchorSet = ANCHORS) -> Finding:
    old = callables.encode(list(anchors.texts.values()), TASK) if before is None else before
    return compare_task(reference(observed(old, anchors)), observed(now, anchors), anchors, SAME_TASK)
