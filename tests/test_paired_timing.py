"""Two systems timed in turn: what is called in which order, and the rows that come of it, on made-up clocks."""

import math

import numpy as np
import pytest

from fixtures.comparing.counterparts import Counterpart
from fixtures.comparing.rows import CANT_TELL, FAILS, HOLDS
from fixtures.speed.paired_timing import Timed, rows_to_time, timed_blocks
from fixtures.speed.slowdown import Block, judge
from fixtures.speed.speed_rows import rows_of, why_void
from fixtures.texts.workloads import REGIMES

TWO = (Counterpart("query", "search"), Counterpart("document", "document"))


class Clock:
    """A clock that moves only while a system computes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Timing:
    """A system that takes a time of its own for each call."""

    def __init__(self, name, clock, seconds, log):
        self.name, self.clock, self.seconds, self.log = name, clock, seconds, log

    def encode(self, texts, task):
        self.clock.now += self.seconds
        self.log.append((self.name, task, len(texts)))
        return np.zeros((len(texts), 2), dtype=np.float32)

    def wait(self):
        self.clock.now += 0.5
        self.log.append((self.name, "wait"))


def timed(old_seconds, new_seconds, blocks=2):
    clock, log = Clock(), []
    rows = [Timed("short", ("a", "b"), (("search", "query"),)), Timed("long", ("c",), (("search", "query"),))]
    old, new = Timing("old", clock, old_seconds, log), Timing("new", clock, new_seconds, log)
    return timed_blocks(rows, old, new, blocks, clock=clock), log


def test_each_block_has_one_system_between_two_calls_of_the_other_in_turn():
    found, log = timed(1.0, 2.0)
    inside, outside = Block(1.5, 2.5, 1.5), Block(2.5, 1.5, 2.5, new_inside=False)
    assert found == {name: [inside, outside] for name in ("short", "long")}
    assert inside.log_ratio == outside.log_ratio == pytest.approx(math.log(2.5 / 1.5))
    assert (inside.old, inside.new) == ((1.5, 1.5), (2.5,)) and (outside.old, outside.new) == ((1.5,), (2.5, 2.5))
    calls = [(name, task) for name, task, *_ in log if task != "wait"]
    warm = [("old", "search"), ("new", "query")] * 2
    block = [("old", "search"), ("new", "query"), ("old", "search")]
    swapped = [("new", "query"), ("old", "search"), ("new", "query")]
    assert calls == [*warm, *block * 2, *swapped * 2]


def test_a_first_call_that_takes_longer_favours_neither_system():
    """After texts of other lengths the first call of a block takes 4% longer, whichever system it is of."""
    clock, log = Clock(), []

    class Warming(Timing):
        def encode(self, texts, task):
            cold = not log or log[-1][-1] != texts
            self.clock.now += self.seconds * (1.04 if cold else 1)
            log.append((self.name, texts))

        def wait(self):
            pass

    rows = [Timed(name, (name,), (("t", "t"),)) for name in ("short", "long")]
    systems = [Warming(name, clock, 1.0, log) for name in ("old", "new")]
    found = timed_blocks(rows, *systems, 4, clock=clock)
    for blocks in found.values():
        assert [round(block.log_ratio, 4) for block in blocks] == pytest.approx([-0.0196, 0.0196] * 2)
        assert sum(block.log_control for block in blocks) == pytest.approx(0)


def test_order_of_the_two_calls_of_one_system_flips():
    clock, log = Clock(), []

    class Slowing(Timing):
        def encode(self, texts, task):
            self.seconds += 1
            return super().encode(texts, task)

    rows = [Timed("short", ("a",), (("t", "t"),))]
    found = timed_blocks(rows, Slowing("old", clock, 0.0, log), Timing("new", clock, 1.0, log), 4, clock=clock)
    first, _, third, _ = found["short"]
    assert first.one < first.again and third.one > third.again


def test_each_task_that_both_have_is_in_a_call_and_regimes_that_one_is_not_sent_are_left_out():
    rows = rows_to_time(TWO, 100, None)
    assert [row.regime for row in rows] == list(REGIMES)
    assert {row.tasks for row in rows} == {(("search", "query"), ("document", "document"))}
    assert [row.regime for row in rows_to_time(TWO, 100, 100)] == ["short"]
    assert rows_to_time((), 100, None) == []


@pytest.mark.parametrize(
    ("new", "verdict", "said"),
    [
        (1.0, HOLDS, "short: not slower by more than 5%: 1.000 times as long"),
        (1.3, FAILS, "short: slower: 1.300 times as long (1.300 to 1.300, 8 blocks), needs at most 1.05"),
        (0.5, HOLDS, "short: faster: 0.500 times as long"),
    ],
)
def test_rows_say_the_verdict(new, verdict, said):
    (row,) = rows_of(judge({"short": [Block(1.0, new, 1.0)] * 8}, 0.05), "old on cpu")
    assert (row.verdict, row.gates, row.detail["against"]) == (verdict, True, "old on cpu")
    assert row.detail["told"].startswith(said)
    assert (row.reason == "") == (verdict == HOLDS)


def test_machine_that_changed_meanwhile_voids_each_verdict_and_nothing_passes():
    void = why_void({"float32": 100e9, "bfloat16": 200e9}, {"float32": 90e9, "bfloat16": 200e9}, "float32")
    assert void == (
        "the machine multiplied float32 matrices at 100 GFLOP/s at the start and at 90 at the end, more than 3% apart"
    )
    for new in (1.0, 1.3):
        (row,) = rows_of(judge({"short": [Block(1.0, new, 1.0)] * 8}, 0.05), "old on cpu", void)
        assert row.verdict == CANT_TELL and row.leaves_it_open and row.reason == f"short: void: {void}"


def test_rate_of_the_dtype_that_is_computed_in_counts():
    first, last = {"float32": 100e9, "bfloat16": 200e9}, {"float32": 99e9, "bfloat16": 150e9}
    assert why_void(first, last, "float32") == "" and "bfloat16" in why_void(first, last, "bfloat16")
    assert why_void(first, last, "int8") == "" and why_void({}, {}, "float32") == ""
