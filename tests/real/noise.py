"""Noise on what a baseline stores: from which size on it is drift, and whether every bound can be broken.

The size is counted in floors: the least bound on "vector max", the distance that a text's embedding moves by, for the
precision in which the system computes and for its depth.
"""

from collections.abc import Mapping

import numpy as np

from fixtures.comparing.bounds import Bound
from fixtures.comparing.compare import compare
from fixtures.comparing.drift import DRIFTED
from fixtures.comparing.floors import FURTHEST, floors
from fixtures.comparing.reference import Reference
from fixtures.comparing.statistics import statistics_of
from fixtures.observing.observation import Observation
from fixtures.texts.anchors import anchor_set, hashes

TIMES = (1, 2, 3, 5, 10)
"""Sizes that are tried, in floors; the last one has to be drift."""


def least_drift(reference: Reference) -> int | None:
    """Return the least of ``TIMES`` from which on noise is drift under every task; None where the last isn't either."""
    told = [outcomes(reference, times) == {DRIFTED} for times in TIMES]
    false = [times for times, one in zip(TIMES, told, strict=True) if not one]
    return next((times for times in TIMES if times > max(false, default=0)), None)


def outcomes(reference: Reference, times: float) -> set[str]:
    """Return the verdicts, over all tasks, on vectors that lie so many floors from where a baseline has them."""
    old = reference.observation
    anchors = anchor_set(old.spec.max_length)
    known = anchors.only(name for name, text in hashes(anchors.texts).items() if old.texts.get(name) == text)
    size = times * floors(old.spec.precision, old.spec.layers, own_past=True)[FURTHEST]
    draw = np.random.default_rng(0)
    new = Observation(old.spec, tokens=old.tokens, texts=old.texts, token_texts=old.token_texts)
    texts = list(known.texts.values())
    for task in old.tasks:
        new.keep(texts, task, noisy(old.vectors(texts, task), size, draw))
    return {finding.verdict.outcome for finding in compare(reference, new, known).values()}


def noisy(vectors: np.ndarray, size: float, draw: np.random.Generator) -> np.ndarray:
    """Return vectors (n, dim) turned, each in a direction of its own, by a distance at unit length; norms stay."""
    wide = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    aside = draw.standard_normal(wide.shape)
    aside -= wide * (aside * wide).sum(axis=1, keepdims=True) / norms**2
    aside *= size / np.linalg.norm(aside, axis=1, keepdims=True)
    turned = wide / norms + aside
    return (turned / np.linalg.norm(turned, axis=1, keepdims=True) * norms).astype(vectors.dtype)


def weak_bounds(bounds: Mapping[str, Bound]) -> list[str]:
    """Return the statistics whose bound is half of their largest possible value or more, or says no source."""
    reaches = {
        name: one.reach for unit_length in (True, False) for name, one in statistics_of(unit_length=unit_length).items()
    }
    return [
        name
        for name, bound in bounds.items()
        if not bound.source or (bound.value is not None and not bound.value < reaches[name] / 2)
    ]
