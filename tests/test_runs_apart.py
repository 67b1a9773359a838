"""Is it slower than recorded runs? Verdicts on made-up records: against scipy, and what isn't judged at all."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fixtures.errors import RecordError
from fixtures.run import compare_command
from fixtures.speed import record
from fixtures.speed.runs_apart import FEWEST_RUNS, LOST, judge, notes_on, side_of, why_not_judged, why_void
from fixtures.speed.side_by_side import Named
from fixtures.speed.slowdown import CANT_TELL, NOT_SLOWER, SLOWER
from tests.places import ROOT
from tests.records import made_up, regime

ALLOWED = 0.05


def runs(count, noise=0.01, slower=1.0, seed=0, **more):
    """Records of so many runs, apart by noise, of a system that takes so many times as long."""
    draw = np.random.default_rng(seed)
    speeds = 50 / slower * np.exp(draw.normal(0, noise, count))
    return [made_up(speed=float(speed), load_seconds=float(number), **more) for number, speed in enumerate(speeds)]


def side(called, records):
    return side_of(called, [Named(f"{called}/{number}.json", one) for number, one in enumerate(records)])


def seconds(records):
    return [-math.log(one.regimes["short"].sentences_per_second) for one in records]


# --- the verdict ----------------------------------------------------------------------------------------------------


def test_figures_are_scipys_of_two_samples():
    old, new = runs(7, seed=1), runs(3, slower=1.04, seed=2)
    verdict = judge(side("old", old), side("new", new), ALLOWED)["short"]
    found = stats.ttest_ind(seconds(new), seconds(old))
    low, high = found.confidence_interval(0.9)
    assert (verdict.low, verdict.high) == pytest.approx((math.exp(low), math.exp(high)))
    above = stats.ttest_ind(np.array(seconds(new)) - math.log1p(ALLOWED), seconds(old), alternative="greater")
    assert verdict.p_slower == pytest.approx(above.pvalue)


def test_a_single_new_run_has_the_spread_of_the_old_ones():
    old = runs(6, seed=3)
    verdict = judge(side("old", old), side("new", runs(1, slower=1.1, seed=4)), ALLOWED)["short"]
    assert verdict.spread == pytest.approx(np.std(seconds(old), ddof=1))
    assert math.log(verdict.high / verdict.low) / 2 == pytest.approx(
        stats.t.isf(0.05, 5) * verdict.spread * math.sqrt(1 + 1 / 6)
    )


@pytest.mark.parametrize(
    ("slower", "noise", "outcome", "faster"),
    [
        (1.0, 0.005, NOT_SLOWER, False),
        (1.2, 0.01, SLOWER, False),
        (0.8, 0.01, NOT_SLOWER, True),
        (1.05, 0.05, CANT_TELL, False),
    ],
)
def test_outcomes(slower, noise, outcome, faster):
    verdict = judge(side("old", runs(8, noise, seed=5)), side("new", runs(4, noise, slower, seed=6)), ALLOWED)["short"]
    assert (verdict.outcome, verdict.faster) == (outcome, faster)
    assert (verdict.runs_needed is not None) == (outcome == CANT_TELL)


def test_runs_needed_show_with_80_percent_that_equal_systems_are():
    verdict = judge(side("old", runs(6, 0.05, seed=21)), side("new", runs(2, 0.05, seed=22)), ALLOWED)["short"]
    assert verdict.outcome == CANT_TELL
    spread, needed = verdict.spread, verdict.runs_needed
    shown = 0
    for seed in range(200):
        old, new = (runs(needed, spread, seed=2 * seed + which) for which in (1000, 1001))
        shown += judge(side("old", old), side("new", new), ALLOWED)["short"].outcome == NOT_SLOWER
    assert 0.72 < shown / 200 < 0.9


def test_too_few_old_runs_have_no_spread_to_judge_by():
    verdict = judge(side("old", runs(FEWEST_RUNS - 1)), side("new", runs(3, slower=3.0, seed=1)), ALLOWED)["short"]
    assert verdict.outcome == CANT_TELL and verdict.p_slower == 1


def test_null_runs_seldom_fail_and_a_slowdown_is_found():
    """Of 300 pairs that differ in nothing at most one lies beyond 5%; at just 5% some 2.5% do, at 20% nearly all."""
    outcomes = {slower: [] for slower in (1.0, 1.05, 1.2)}
    for slower, found in outcomes.items():
        for seed in range(300):
            old, new = runs(6, 0.02, seed=2 * seed), runs(2, 0.02, slower, seed=2 * seed + 1)
            found.append(judge(side("old", old), side("new", new), ALLOWED)["short"].outcome)
    assert outcomes[1.0].count(SLOWER) <= 1
    assert outcomes[1.05].count(SLOWER) / 300 == pytest.approx(0.025, abs=0.025)
    assert outcomes[1.2].count(SLOWER) / 300 > 0.95


@pytest.mark.parametrize(("old", "new", "seen"), [(5, 1, 0.18), (10, 10, 0.085)])
def test_smallest_slowdowns_are_those_of_the_page(old, new, seen):
    """Of four regimes, with a standard deviation of 2% from run to run."""
    names = ("short", "medium", "long", "mixed")

    def exactly_apart(count):
        places = np.arange(count) - (count - 1) / 2
        logs = 0.02 * places / (np.std(places, ddof=1) if count > 1 else 1)
        speeds = {math.exp(place): {name: regime(50 * math.exp(place)) for name in names} for place in logs}
        return [replace(made_up(), regimes=regimes, load_seconds=speed) for speed, regimes in speeds.items()]

    verdicts = judge(side("old", exactly_apart(old)), side("new", exactly_apart(new)), ALLOWED)
    assert {round(verdict.smallest_slowdown, 3 if seen < 0.1 else 2) for verdict in verdicts.values()} == {seen}
    page = (ROOT / "docs" / "throughput.md").read_text(encoding="utf-8")
    assert f"a slowdown has to be {0.18:.0%}" in page and f"bring that down to {0.085:.1%}" in page


def test_each_regime_is_judged_on_the_runs_that_timed_it():
    """A run that timed some of the texts alone hides no regime, and makes none a lost one."""
    old = [
        replace(one, regimes={"short": regime(50.0), "long": regime(5.0)}, load_seconds=float(n))
        for n, one in enumerate(runs(5))
    ]
    old.append(replace(old[0], regimes={"short": regime(50.0)}, load_seconds=9.0))
    new = [replace(one, regimes={"short": regime(50.0), "long": regime(1.0)}) for one in runs(1, seed=8)]
    new.append(replace(new[0], regimes={"short": regime(50.0)}, load_seconds=9.0))
    found = judge(side("old", old), side("new", new), ALLOWED)
    assert (found["long"].outcome, found["long"].old_runs, found["long"].new_runs) == (SLOWER, 5, 1)
    assert (found["short"].outcome, found["short"].old_runs, found["short"].new_runs) == (NOT_SLOWER, 6, 2)


def test_speeds_beyond_all_measure_are_figures():
    fast, slow = (
        [replace(one, regimes={"short": regime(speed)}, load_seconds=float(n)) for n, one in enumerate(runs(5))]
        for speed in (1e300, 1e-300)
    )
    verdict = judge(side("old", fast), side("new", slow), ALLOWED)["short"]
    assert verdict.outcome == SLOWER and math.isfinite(verdict.ratio)


def test_a_regime_that_only_the_old_runs_have_is_lost():
    long = {"short": regime(50.0), "long": regime(5.0)}
    old = [replace(one, regimes=long, load_seconds=float(number)) for number, one in enumerate(runs(5))]
    assert judge(side("old", old), side("new", runs(1, seed=9)), ALLOWED)["long"].outcome == LOST


# --- which runs count -----------------------------------------------------------------------------------------------


def gemm(start, end):
    return {"by": "torch 2.13.0", "start": {"float32": start}, "end": {"float32": end}}


def test_copies_failed_runs_and_an_unsteady_machine_are_left_out_with_the_reason():
    records = runs(4)
    records += [records[0], replace(records[1], failed="memory: broke"), replace(records[2], gemm=gemm(1e11, 1.05e11))]
    found = side("old", records)
    assert len(found.runs) == 4
    assert found.left_out == (
        "old/4.json: a copy of old/0.json",
        "old/5.json: its run failed: memory: broke",
        "old/6.json: the GEMM rate rose by 5% during the run",
    )


def test_where_all_runs_were_unsteady_they_are_told_and_void():
    found = side("new", [replace(one, gemm=gemm(1e11, 0.9e11)) for one in runs(2)])
    assert len(found.runs) == 2
    assert why_void(side("old", runs(5)), found) == "new/0.json: the GEMM rate fell by 10% during the run"


def test_a_machine_at_another_rate_today_voids_the_verdict():
    old, new = side("old", runs(5)), side("new", [replace(one, gemm=gemm(0.9e11, 0.9e11)) for one in runs(2)])
    assert "at 100 GFLOP/s in old and at 90 in new, more than 3% apart" in why_void(old, new)
    assert why_void(old, side("new", runs(2))) == ""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"machine": {"key": "e" * 12}}, "two machines: both A Processor, 2 cores, which differ in another part"),
        (
            {"machine": {"key": "e" * 12, "processor": "Another"}},
            "two machines: A Processor, 2 cores and Another, 2 cores",
        ),
        ({"machine": {"host": "e" * 12}}, "two machines: two hosts of one kind, A Processor, 2 cores"),
        (
            {"regimes": {"short": regime(50.0, texts_sha256="f" * 64)}},
            "other texts: short, which --benchmark-tokens decides",
        ),
    ],
)
def test_two_machines_or_workloads_are_not_judged(more, says):
    old, new = side("old", runs(5)), side("new", [made_up(**more)])
    assert says in why_not_judged(old, new)
    with pytest.raises(RecordError, match="old: its records are of"):
        side("old", [*runs(5), made_up(**more)])


def test_two_systems_on_one_side_are_refused():
    with pytest.raises(RecordError, match="two systems, which differ in dtype, identity; give the records of one"):
        side("old", [*runs(2), made_up(system={"dtype": "bfloat16", "identity": "0" * 64})])


def test_hosts_are_told_apart_whichever_run_states_them():
    host = [None, "a" * 12, "a" * 12, "a" * 12, "a" * 12]
    old = [made_up(machine={"host": one}, load_seconds=float(n)) for n, one in enumerate(host)]
    new = [made_up(machine={"host": "b" * 12}, load_seconds=9.0)]
    assert "two hosts of one kind" in why_not_judged(side("old", old), side("new", new))
    with pytest.raises(RecordError, match="two hosts of one kind"):
        side("old", [*old, *new])


@pytest.mark.parametrize(
    ("more", "differs"), [({"suite": "0.1.0"}, "suite"), ({"system": {"task": "separation"}}, "task")]
)
def test_runs_of_another_suite_or_task_are_of_no_one_system(more, differs):
    with pytest.raises(RecordError, match=f"which differ in {differs}"):
        side("old", [*runs(5), made_up(**more)])


def test_two_tasks_are_not_judged_and_two_suites_are_noted():
    old = side("old", runs(5))
    task = side("new", [made_up(system={"task": "separation"})])
    assert why_not_judged(old, task) == "old and new timed two tasks, None and separation; record both under one"
    other = side("new", [made_up(suite="0.1.0")])
    assert why_not_judged(old, other) is None
    assert any(note.startswith("recorded by two versions of the suite, ") for note in notes_on(old, other))


def test_what_is_not_known_is_noted():
    old = side("old", runs(5, system={"identity": None}))
    (note,) = notes_on(old, side("new", runs(1, seed=1)))
    assert note.startswith("old: its weights aren't known")
    without = side("new", [replace(made_up(), gemm={})])
    assert any("as fast as it was isn't known" in note for note in notes_on(side("old", runs(5)), without))


def test_old_runs_of_one_session_are_noted_beside_a_later_one():
    later = [made_up(made="2026-12-03T09:00:00Z")]
    assert any("were made within an hour" in note for note in notes_on(side("old", runs(5)), side("new", later)))
    assert notes_on(side("old", runs(5)), side("new", runs(1, seed=1))) == []


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(RecordError, match=r"old/0\.json: short: sentences_per_second is .*, needs a number above 0"):
        side("old", [made_up(speed=speed)])


def test_rates_are_compared_in_a_dtype_that_both_sides_measured():
    """A system that states no dtype; two of two dtypes, where torch measures each; and one run that knows no rate."""
    unstated = {"system": {"dtype": None}}
    old, new = runs(5, **unstated), [replace(one, gemm=gemm(0.5e11, 0.5e11)) for one in runs(1, seed=1, **unstated)]
    assert "float32 matrices at 100 GFLOP/s in old and at 50 in new" in why_void(side("old", old), side("new", new))
    assert side("old", [*runs(4, **unstated), made_up(**unstated, gemm=gemm(1e11, 0.5e11))]).left_out
    half = [replace(one, gemm=gemm(0.5e11, 0.5e11)) for one in runs(1, seed=1, system={"dtype": "bfloat16"})]
    assert "at 50 in new" in why_void(side("old", runs(5)), side("new", half))
    assert "at 50 in new" in why_void(
        side("old", [*runs(5), replace(made_up(), gemm={"by": "torch 2.13.0"})]), side("new", new)
    )


def test_an_unknown_host_is_no_other_one():
    assert why_not_judged(side("old", runs(5, machine={"host": None})), side("new", runs(1, seed=2))) is None


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def slower(tmp_path, monkeypatch, capsys):
    """Give ``slower(old records, new records, option, ...)``: exit code, lines of the output and of the errors."""
    monkeypatch.chdir(tmp_path)

    def run(old, new, *options):
        for name, records in (("old", old), ("new", new)):
            for one in records:
                record.save(one, tmp_path / name)
        code = compare_command.main(["slower", "old", "new", *options])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    return run


def test_command_says_both_sides_each_verdict_and_what_was_left_out(slower):
    failed = replace(runs(1)[0], failed="sweep: broke")
    code, out, err = slower([*runs(6, 0.003), failed], runs(2, 0.003, seed=1), "--max-slowdown=5%")
    assert (code, err) == (0, [])
    assert out[:2] == [
        "old       old: tiny (jina-v3, float32, cpu), 6 runs",
        "new       new: tiny (jina-v3, float32, cpu), 2 runs",
    ]
    assert out[2].startswith("speed     short: not slower by more than 5%: ") and "6 runs, then 2" in out[2]
    assert out[3].startswith("note      left out: ") and out[3].endswith("its run failed: sweep: broke")


@pytest.mark.parametrize(
    ("old", "new", "options", "expected"),
    [
        (runs(6), runs(2, slower=1.3, seed=1), (), 1),
        (runs(3), runs(2, seed=1), (), 6),
        (runs(3), runs(2, seed=1), ("--inconclusive=pass",), 0),
        (runs(6), [replace(one, gemm=gemm(1e11, 0.9e11)) for one in runs(2, slower=1.3, seed=1)], (), 6),
        (runs(6), [made_up(machine={"key": "e" * 12})], (), 4),
        (runs(6), runs(1), (), 4),
        ([], runs(1), (), 4),
        (runs(6), [replace(runs(1, seed=1)[0], regimes={})], (), 1),
        ([replace(one, regimes={}) for one in runs(6)], runs(1, seed=1), (), 4),
    ],
    ids=["slower", "few", "few passes", "void", "machine", "in common", "none", "no regime left", "no regime"],
)
def test_exit_codes(slower, old, new, options, expected):
    code, _, err = slower(old, new, "--max-slowdown=5%", *options)
    assert code == expected and len(err) == (code == 4)


def test_a_lost_regime_fails_even_where_nothing_can_be_told(slower):
    both = {"short": regime(50.0), "long": regime(5.0)}
    code, out, _ = slower([replace(one, regimes=both) for one in runs(3)], runs(1, seed=1), "--max-slowdown=5%")
    assert code == 1 and "speed     long: lost: the old system was timed on it, the new one wasn't" in out


@pytest.mark.parametrize("said", [("--max-slowdown=0",), ("--max-slowdown=5%", "--inconclusive=fail"), ()])
def test_what_cannot_be_meant_is_one_line(slower, said):
    code, out, (line,) = slower(runs(5), runs(1, seed=1), *said)
    assert (code, out) == (4, []) and line.startswith("ERROR: ")
