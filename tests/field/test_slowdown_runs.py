"""Runs that ask whether a system is slower than the old one, beside it: exit codes, what is said, what is refused."""

import json

import pytest

from fixtures.hardware.cards import Card
from fixtures.run import slowdown_fixtures
from fixtures.speed import gemm
from tests.places import ROOT, put
from tests.runs import collected, lines, printed, refusal, report_in, run, run_apart

EVAL = "evals/test_slowdown.py"
MAP = 'precision = "float32"\nlanguages = ["en"]\n\n[tasks]\nsame = {}\n\n[roles]\nsimilarity = "same"\n'
PLAIN, SLOWED = "python:tests.callables.slowed:plain", "python:tests.callables.slowed:thrice_as_long"
UNSTEADY = "python:tests.callables.slowed:unsteady"
OK, FAILED, CANT_TELL = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, 6


@pytest.fixture
def speeds(project):
    """Give ``speeds(new, option, ...)``: a run, in a process of its own, of a callable against the plain one."""
    (project.path / "tests").symlink_to(ROOT / "tests")
    put(project.path, {"map.toml": MAP})

    def judged(new, *options, old=PLAIN):
        sides = [f"--model={new}", "--task-map=map.toml", f"--against={old},task-map=map.toml"]
        short = ["--benchmark-tokens=40", "-p", "no:cacheprovider", "-p", "tests.steady_rates"]
        return run_apart(EVAL, *sides, *short, *options, start=project.path, PYTHONPATH=str(project.path))

    return judged


def verdict(result, regime):
    (line,) = [line for line in lines(result, "speed ") if line.removeprefix("speed").strip().startswith(regime)]
    return line.partition(": ")[2]


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_slowed_regime_fails_and_the_others_do_not(speeds, project):
    result = speeds(SLOWED, "--max-slowdown=5%", "--report=report")
    assert result.ret == FAILED
    assert verdict(result, "long").startswith("slower: ") and "needs at most 1.05" in verdict(result, "long")
    for regime in ("short", "medium"):
        assert not verdict(result, regime).startswith("slower")  # other processes beside: it may not know
    rows = {row["detail"]["row"]: row for row in report_in(project.path / "report")["rows"] if row["name"] == "speed"}
    assert set(rows) == {"short", "medium", "long", "mixed"}
    assert 2.5 < rows["long"]["detail"]["ratio"] < 3.5 and rows["long"]["detail"]["outcome"] == "slower"
    assert rows["short"]["detail"]["control"] == pytest.approx(1, abs=0.1)


def test_equal_systems_pass_and_what_would_have_been_seen_is_said(speeds):
    result = speeds(PLAIN, "--max-slowdown=20%")
    assert result.ret == OK
    assert all("would have been seen" in line for line in lines(result, "speed "))


def test_slowdown_that_is_allowed_passes(speeds):
    assert speeds(SLOWED, "--max-slowdown=300%").ret == OK


def test_what_cannot_be_told_has_an_exit_code_of_its_own(speeds):
    """A system beside itself whose calls take from half as long to twice as long: nothing is sure."""
    result = speeds(UNSTEADY, "--max-slowdown=5%", old=UNSTEADY)
    assert result.ret == CANT_TELL and "blocks show that equal systems are" in printed(result)
    assert speeds(UNSTEADY, "--max-slowdown=5%", "--inconclusive=pass", old=UNSTEADY).ret == OK


# --- in this process: what the machine does meanwhile -----------------------------------------------------------------


@pytest.fixture
def beside_itself(project, native_checkpoint):
    """Give ``beside_itself()``: a run of a tiny model against itself, in this process."""

    def judged():
        against = f"--against={native_checkpoint}"
        return run(project, EVAL, against, "--max-slowdown=1000%", "--benchmark-tokens=20", model=native_checkpoint)

    return judged


def test_machine_that_is_at_another_rate_at_the_end_voids_the_verdict(beside_itself, monkeypatch):
    rates = iter([1e11, 0.9e11])
    monkeypatch.setattr(gemm, "best_rates", lambda *_, **__: {"float32": next(rates)})
    result = beside_itself()
    assert result.ret == CANT_TELL
    assert "void: the machine multiplied float32 matrices at 100 GFLOP/s at the start and at 90" in printed(result)


def test_throttled_card_voids_the_verdict(beside_itself, monkeypatch):
    """With a stand-in for the driver: no card was at hand."""
    cards = iter([Card("a card", throttled=()), Card("a card", throttled=("power cap",))])
    monkeypatch.setattr("fixtures.hardware.cards.card_of", lambda device: next(cards))
    monkeypatch.setattr(gemm, "best_rates", lambda *_, **__: {"float32": 1e11})
    result = beside_itself()
    assert result.ret == CANT_TELL and "void: the card was throttled (power cap)" in printed(result)


def test_models_that_do_not_fit_beside_each_other_are_told(beside_itself, monkeypatch):
    monkeypatch.setattr(slowdown_fixtures, "free_memory_bytes", lambda: 1)
    result = beside_itself()
    assert result.ret == FAILED
    assert "can't be opened beside" in printed(result) and "compare on a larger machine" in printed(result)


# --- what is refused, and when it is collected ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--max-slowdown=5%"], "--max-slowdown without --against: two systems are timed in turn; name the old one by"),
        (["--max-slowdown=5%", "--against=mini", "-n", "2"], "--max-slowdown with -n: what runs beside is timed too;"),
        (["--max-slowdown=fast", "--against=mini"], "--max-slowdown: 'fast' is no number above 0 and up to 1000%"),
        (["--max-slowdown=0", "--against=mini"], "--max-slowdown: '0' is no number above 0 and up to 1000%"),
        (["--inconclusive=pass", "--against=mini"], "--inconclusive without --expect no-loss"),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(project, options, line):
    assert line in refusal(run(project, EVAL, "--model=mini", *options))


def test_eval_is_collected_with_the_option_alone(project):
    assert not any(
        "slowdown" in one for one in collected(run(project, "evals", "--collect-only", "-q", "--model=mini"))
    )
    options = ["--against=mini", "--max-slowdown=5%"]
    (one,) = collected(run(project, EVAL, "--collect-only", "-q", "--model=mini", *options))
    assert one.startswith(f"{EVAL}::test_it_is_not_slower_than_the_old_system")


def test_report_is_plain_json(speeds, project):
    speeds(PLAIN, "--max-slowdown=20%", "--report=report")
    json.loads((project.path / "report" / "report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
