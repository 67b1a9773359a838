"""Bounds that were measured on all texts hold on any half of them, which a baseline may be compared on."""

import numpy as np
import pytest

from fixtures.comparing import drift
from fixtures.comparing.compare import LEAST_SHARE
from fixtures.runtimes.jina_v3.variations import variations

HALVES = 20


@pytest.mark.parametrize(
    "name", ["classification", "retrieval.passage", "retrieval.query", "separation", "text-matching"]
)
def test_harmless_runs_stay_within_bounds_on_any_half_of_the_texts(laboratory, name):
    texts, draw = list(laboratory.anchors.texts.values()), np.random.default_rng(0)
    count = round(LEAST_SHARE * len(texts))
    bounds = {
        statistic: bound.value
        for statistic, bound in laboratory.baseline.bounds("float32", count).items()
        if bound.value is not None
    }
    before = laboratory.encoder.encode(texts, name)
    halves = [np.sort(draw.choice(len(texts), count, replace=False)) for _ in range(HALVES)]
    for variation in variations(laboratory.encoder, thorough=True):
        now = variation.encode(laboratory.encoder, texts, name)
        for rows in halves:
            beyond = {
                statistic: (value, bounds[statistic])
                for statistic, value in drift.measure(before[rows], now[rows]).items()
                if value > bounds.get(statistic, np.inf)
            }
            assert not beyond, (variation.name, beyond)
