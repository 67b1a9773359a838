import numpy as np
import pytest

from fixtures.comparing import drift, statistics
from fixtures.comparing.distances import chord_lengths, cosine_distances

TIGHT = dict.fromkeys(statistics.STATISTICS, 1e-6)


@pytest.fixture
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(0).normal(size=(40, 64)))


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def nudged(vectors: np.ndarray, size: float, seed: int = 1) -> np.ndarray:
    return unit(vectors + size * np.random.default_rng(seed).normal(size=vectors.shape))


def rotation(size: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(2).normal(size=(size, size)))[0]


def test_nothing_moved_is_identical(vectors):
    verdict = drift.judge(vectors, vectors.copy(), TIGHT)
    assert verdict.outcome == drift.IDENTICAL and verdict.acceptable
    assert {name: value for name, value in verdict.statistics.items() if value} == {
        "norm max": pytest.approx(0, abs=1e-6)
    }


def test_movement_within_every_bound_is_within_tolerance(vectors):
    observed = nudged(vectors, 1e-7)
    bounds = {name: 2 * value + 1e-9 for name, value in drift.measure(vectors, observed).items()}
    verdict = drift.judge(vectors, observed, bounds)
    assert verdict.outcome == drift.WITHIN and 0 < verdict.worst[1] <= 0.5


@pytest.mark.parametrize("statistic", statistics.STATISTICS)
def test_one_statistic_beyond_its_bound_is_drift(vectors, statistic):
    observed = nudged(vectors, 1e-2) * np.float32(1.001)
    measured = drift.measure(vectors, observed)
    bounds = {name: 2 * value + 1e-9 for name, value in measured.items()} | {statistic: measured[statistic] / 2}
    verdict = drift.judge(vectors, observed, bounds)
    assert verdict.outcome == drift.DRIFTED and verdict.worst == (statistic, pytest.approx(2))


@pytest.mark.parametrize("turn", [rotation(64), np.eye(64)[::-1]], ids=["rotated", "components permuted"])
def test_rotated_space_is_told_from_damage(vectors, turn):
    observed = (vectors.astype(np.float64) @ turn).astype(np.float32)
    verdict = drift.judge(vectors, observed, TIGHT)
    assert verdict.outcome == drift.ROTATED and not verdict.acceptable
    assert verdict.statistics["matrix max"] < 1e-6 < 0.5 < verdict.statistics["vector max"]


def test_statistic_without_a_bound_is_measured_and_not_judged(vectors):
    observed = unit(nudged(vectors, 1e-2))
    bounds = {name: 1.0 for name in statistics.STATISTICS if name != "vector max"}
    verdict = drift.judge(vectors, observed, bounds)
    assert verdict.outcome == drift.WITHIN and "vector max" not in verdict.shares
    assert verdict.statistics["vector max"] > 0


def test_rotation_with_damage_is_drift(vectors):
    observed = nudged((vectors.astype(np.float64) @ rotation(64)).astype(np.float32), 1e-2)
    assert drift.judge(vectors, observed, TIGHT).outcome == drift.DRIFTED


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_has_moved_infinitely_far(vectors, value):
    observed = vectors.copy()
    observed[3, 5] = value
    verdict = drift.judge(vectors, observed, TIGHT)
    assert verdict.outcome == drift.DRIFTED and set(verdict.statistics.values()) == {np.inf}


def test_zero_vectors_are_drift_without_a_warning(vectors):
    observed = vectors.copy()
    observed[3] = 0
    verdict = drift.judge(vectors, observed, TIGHT)
    assert verdict.outcome == drift.DRIFTED and verdict.statistics["norm max"] == 1


def test_weak_common_shift_shows_in_the_mean_more_than_in_the_maximum(vectors):
    common = unit(vectors + 0.02 * np.random.default_rng(3).normal(size=64))
    alone = nudged(vectors, 0.02)
    shifted, scattered = drift.measure(vectors, common), drift.measure(vectors, alone)
    assert shifted["matrix mean"] / shifted["matrix max"] > 5 * scattered["matrix mean"] / scattered["matrix max"]


def test_order_inversions_count_pairs_that_turned_round():
    values = np.arange(5.0)
    assert statistics.order_inversions(values, values) == pytest.approx(0, abs=1e-12)
    assert statistics.order_inversions(values, -values) == pytest.approx(1)
    assert statistics.order_inversions(values, np.array([1.0, 0, 2, 3, 4])) == pytest.approx(1 / 10)
    assert statistics.order_inversions(values, np.zeros(5)) == 1


def test_neighbour_flips_are_the_share_of_texts_with_another_nearest_text():
    before = unit(np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 1, 0.1]]))
    after = before[[0, 2, 1, 3]]
    assert statistics.neighbour_flips(before, before) == 0
    assert statistics.neighbour_flips(before, after) == 1


def test_distances_are_exact_where_cosines_cancel():
    first = np.array([[1.0, 0.0]])
    second = np.array([[np.cos(1e-7), np.sin(1e-7)]])
    assert chord_lengths(first, second)[0] == pytest.approx(1e-7, rel=1e-6)
    assert cosine_distances(first, second)[0] == pytest.approx(5e-15, rel=1e-6)
