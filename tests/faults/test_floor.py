"""The detection floor: the smallest weight noise that is caught in at least 95% of seeds, per dtype."""

import json

import numpy as np
import pytest

from fixtures.baselines.file_names import TOLERANCE
from fixtures.comparing.drift import Verdict
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from tests.faults import weights
from tests.faults.laboratory import Laboratory

SEEDS = 20
MISSES = 1
"""As many seeds may be missed for 95% of them to be caught."""
TASK = "text-matching"
SHOWN = "vector rms"
"""The statistic that is shown beside the floor."""

LEVELS = {
    "float32": (1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4),
    "bfloat16": (3e-3, 1e-2, 3e-2, 1e-1),
    "float16": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
}


@pytest.mark.parametrize("dtype", LEVELS)
def test_noise_is_caught_above_a_floor(laboratory, tables, dtype):
    loaded = laboratory.encoder.loaded
    encoder = laboratory.encoder if dtype == loaded.dtype else TorchEncoder(load_model(loaded.checkpoint, dtype=dtype))
    lab = Laboratory(encoder, laboratory.baseline, laboratory.anchors, laboratory.shown)
    tokens = encoder.tokenize(list(laboratory.anchors.token_texts.values()), None)
    floor = None
    tolerance = json.loads((laboratory.baseline.folder / TOLERANCE).read_text())[dtype]
    for level in LEVELS[dtype]:
        caught, tried, moved = 0, 0, []
        while tried < SEEDS and tried - caught <= MISSES:  # one that is missed too often needs no more seeds
            verdict = _verdict(lab, level, tried, tokens)
            caught += not verdict.acceptable
            moved.append(verdict.statistics[SHOWN])
            tried += 1
        tables.floors.append(
            {
                "dtype": dtype,
                "relative weight noise": f"{level:g}",
                "caught": f"{caught}/{tried}",
                f"{SHOWN}, median": f"{np.median(moved):.1e}",
                "largest in the null set": f"{tolerance['largest_seen'][SHOWN]:.1e}",
                "bound": f"{tolerance['bounds'][SHOWN]:.1e}",
            }
        )
        if tried - caught <= MISSES:
            floor = level
            break
    assert floor is not None, f"no noise up to {LEVELS[dtype][-1]:g} is caught in 95% of {SEEDS} seeds in {dtype}"


def _verdict(lab: Laboratory, level: float, seed: int, tokens: list[list[int]]) -> Verdict:
    with weights.noise(level, seed=seed)(lab.encoder, TASK) as noisy:
        vectors = noisy.encode(list(lab.anchors.texts.values()), TASK)
    return lab.judge(TASK, vectors, tokens).verdict
