"""A claim that fails says what was measured, what is needed, on what and how far off; every figure is recorded."""

import numpy as np
import pytest

from fixtures.run.claims import Claims


class Recorder(dict):
    def __call__(self, name, value):
        self[name] = value


@pytest.fixture
def recorded():
    return Recorder()


@pytest.fixture
def claims(recorded):
    return Claims(recorded, "separation on cpu")


def failure(claim, *arguments, **options):
    with pytest.raises(pytest.fail.Exception) as failed:
        claim(*arguments, **options)
    assert failed.value.pytrace is False
    return str(failed.value)


def test_figure_that_is_too_low_is_told(claims):
    message = failure(claims.at_least, "accuracy", 0.9123456, 0.95)
    assert message == "separation on cpu: accuracy: measured 0.9123, needs >= 0.95 (off by 0.038)"


def test_figure_that_must_be_more_may_not_be_equal(claims):
    claims.more_than("margin", 0.1, 0.0)
    message = failure(claims.more_than, "margin", 0.0, 0.0)
    assert message == "separation on cpu: margin: measured 0, needs > 0 (off by 0)"
    assert "needs > 0" in failure(claims.more_than, "margin", float("nan"), 0.0)


def test_figure_that_is_too_high_is_told(claims):
    message = failure(claims.at_most, "distance", 2.5e-6, 1e-6)
    assert message == "separation on cpu: distance: measured 2.5e-06, needs <= 1e-06 (off by 1.5e-06)"


def test_thing_that_is_not_equal_is_told(claims):
    assert failure(claims.equal, "shape", (2, 3), (2, 4)) == "separation on cpu: shape: found (2, 3), needs (2, 4)"


def test_worst_cases_follow_indented(claims):
    message = failure(claims.at_least, "accuracy", 0.5, 1.0, worst=["one", "two"])
    assert message.splitlines()[1:] == ["  one", "  two"]


@pytest.mark.parametrize("value", [float("nan"), np.float32("nan")])
def test_nan_holds_no_claim(claims, value):
    assert "measured nan, needs >= 0" in failure(claims.at_least, "accuracy", value, 0)
    assert "measured nan, needs <= 0" in failure(claims.at_most, "accuracy", value, 0)


def test_bound_itself_holds(claims):
    claims.at_least("accuracy", 0.95, 0.95)
    claims.at_most("accuracy", 0.95, 0.95)
    claims.equal("shape", (2, 3), (2, 3))


def test_figures_are_recorded_as_plain_values_whether_the_claim_holds_or_not(claims, recorded):
    claims.measured("alone", 7)
    claims.at_least("holds", np.float64(0.5), 0.1)
    failure(claims.at_most, "fails", np.float32(0.5), 0.1)
    failure(claims.equal, "shape", (2, 3), (2, 4))
    claims.equal("type", "float32", "float32")
    assert recorded == {"alone": 7, "holds": 0.5, "fails": 0.5, "shape": "(2, 3)", "type": "float32"}
    assert type(recorded["holds"]) is type(recorded["fails"]) is float
