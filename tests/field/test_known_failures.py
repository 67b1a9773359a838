"""A known failure is a claim that doesn't hold, nothing else; a line of the list means what its author meant."""

import re

import pytest

from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from tests.checkpoints import TASKS
from tests.places import put
from tests.resealing import reseal
from tests.runs import failed, lines, notes, refusal, run

EVALS = """
import pytest

from fixtures.comparing.rows import at_least, measured

@pytest.fixture
def broken():
    raise ValueError("not an encoder")

@pytest.mark.parametrize("language", ["de", "ar"])
def test_claim(device, language, claims):
    claims.hold(at_least("share", {"de": 0.9, "ar": 0.5}[language], 0.8))

def test_task(device, task, claims):
    claims.hold(measured("nothing wrong", 1))

def test_library(device, claims):
    raise ValueError("not an encoder")

def test_fixture(device, broken, claims):
    pass

def test_loading(device, claims):
    pytest.fail("the model can't be loaded", pytrace=False)

def test_not_a_number(device, claims):
    claims.hold(at_least("share", float("nan"), 0.8))
"""
NO_DEVICE = """
from fixtures.comparing.rows import at_least

def test_claim(spec, claims):
    claims.hold(at_least("share", 0.5, 0.8))
"""
FILE = "evals/test_listed.py"
WEAK = "test_listed.py::test_claim[ar] # weak"
GONE = "test_listed.py::test_clam[ar] # renamed"
FIGURE = "share: measured 0.5, needs >= 0.8 (off by 0.3)"
NO_EVAL = "snapshots/tiny lists a known failure that matches no eval: "


@pytest.fixture
def run_with(project, native_checkpoint):
    """Run the evals, or what is chosen, with these lines of known failures."""
    put(project.path, {FILE: EVALS})

    def run_with(lines: list[str], *arguments: str, line_end: str = "\n") -> pytest.RunResult:
        listed = project.path / "snapshots" / "tiny" / "known-failures.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_bytes("".join(line + line_end for line in lines).encode())
        return run(project, *(arguments or [FILE]), model=native_checkpoint)

    return run_with


def expected(result: pytest.RunResult) -> list[str]:
    return [line.removeprefix("XFAIL ") for line in lines(result, "XFAIL")]


# --- which failures are expected --------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["library", "loading", "not_a_number"])
def test_what_is_no_claim_that_does_not_hold_fails_though_it_is_listed(run_with, test):
    run_with([f"test_listed.py::test_{test} # known"], FILE, "-k", test).assert_outcomes(failed=1, deselected=10)


def test_fixture_that_breaks_is_an_error_though_its_eval_is_listed(run_with):
    run_with(["test_listed.py::test_fixture # known"], FILE, "-k", "fixture").assert_outcomes(errors=1, deselected=10)


def test_broken_environment_leaves_no_behaviour_expected(run_with, monkeypatch):
    def break_down(*arguments, **options):
        raise ValueError("text input must be of type str")

    monkeypatch.setattr(TorchEncoder, "encode", break_down)
    lines = ["test_behavior.py::test_question_finds_its_passage_in_every_language[de] # weak"]
    result = run_with(lines, "evals/test_behavior.py", "-k", "passage_in_every_language")
    result.assert_outcomes(failed=6, deselected=result.parseoutcomes()["deselected"])


def test_table_that_moved_is_expected_and_one_without_baseline_is_not(run_with, project):
    lines = ["test_similarity.py::test_similarity_matrix_is_that_of_the_baseline[separation] # other weights"]
    table = ["evals/test_similarity.py", "-k", "baseline and separation"]
    run_with(lines, *table).assert_outcomes(failed=1, deselected=11)
    run_with([], *table, "--snapshot-update").assert_outcomes(passed=1, deselected=11)
    stored = project.path / "snapshots" / "tiny" / "similarity" / "separation.txt"
    stored.write_text(re.sub(r"0\.\d{9}", "0.123456789", stored.read_text()))
    reseal(stored.parents[1])
    run_with(lines, *table).assert_outcomes(xfailed=1, deselected=11)
    stored.write_text("torn")
    run_with(lines, *table).assert_outcomes(failed=1, deselected=11)


# --- which eval a line is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "evals/test_listed.py::test_claim[cpu-ar]",
        "test_listed.py::test_claim[cpu-ar]",
        "evals/test_listed.py::test_claim[ar]",
        "./evals/test_listed.py::test_claim[cpu-ar]@cpu",
    ],
)
def test_line_as_pytest_prints_it_is_understood(run_with, name):
    result = run_with([f"{name} # weak"], FILE, "-k", "claim")
    assert expected(result) == [f"evals/test_listed.py::test_claim[cpu-ar] - {FIGURE} # weak"] and not notes(result)


@pytest.mark.parametrize("other", ["cuda", "cuda:1", "mps"])
def test_line_with_a_device_is_of_that_device_only(run_with, other):
    result = run_with([f"evals/test_listed.py::test_claim[{other}-ar] # weak there"], FILE, "-k", "claim")
    result.assert_outcomes(passed=1, failed=1, deselected=9)
    assert not notes(result)


def test_line_of_an_eval_that_needs_no_device_is_about_it(run_with, project):
    (project.path / FILE).write_text(NO_DEVICE)
    result = run_with(["test_listed.py::test_claim # weak"])
    result.assert_outcomes(xfailed=1)
    assert not notes(result)


def test_line_of_the_device_gives_the_reason(run_with):
    lines = [WEAK, "evals/test_listed.py::test_claim[cpu-ar] # weaker on cpu"]
    assert expected(run_with(lines)) == [f"evals/test_listed.py::test_claim[cpu-ar] - {FIGURE} # weaker on cpu"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "   \n"])
@pytest.mark.parametrize(
    ("reason", "said"), [(" # issue #12 # and more", "issue #12 # and more"), ("\t#why", "why"), ("   #  why", "why")]
)
def test_reason_is_what_follows_the_first_number_sign(run_with, line_end, reason, said):
    lines = ["# of the model", "", "  # indented", f"test_listed.py::test_claim[ar]{reason}"]
    result = run_with(lines, FILE, "-k", "claim", line_end=line_end)
    assert expected(result) == [f"evals/test_listed.py::test_claim[cpu-ar] - {FIGURE} # {said}"]


@pytest.mark.parametrize(
    "line", ["test_listed.py::test_claim[ar]", "test_claim[ar] # weak", "FAILED evals/a.py::b # c", "evals/::b # c"]
)
@pytest.mark.parametrize("workers", [[], ["-n1"]])
def test_line_that_says_no_eval_or_no_reason_is_refused(run_with, project, line, workers):
    assert refusal(run_with(["", line], FILE, *workers)) == (
        f"snapshots/tiny/known-failures.txt, line 2: {line!r}; a line is 'test_file.py::test_name[...] # reason'"
    )


def test_list_that_is_no_text_is_refused(project, native_checkpoint):
    (project.path / "snapshots" / "tiny").mkdir(parents=True)
    (project.path / "snapshots" / "tiny" / "known-failures.txt").write_bytes(b"\xff\xfe # weak\n")
    said = refusal(run(project, "evals", model=native_checkpoint))
    assert said.startswith("snapshots/tiny/known-failures.txt: unreadable (")


# --- floors -----------------------------------------------------------------------------------------------------

FLOORS = """
from fixtures.comparing.rows import at_least, at_most, equal

def test_above(device, claims):
    claims.hold(at_least("nDCG of 'en'", 0.5, 0.8))

def test_below(device, claims):
    claims.hold(at_least("nDCG of 'en'", 0.098, 0.8))

def test_ceiling(device, claims):
    claims.hold(at_most("distance", 0.3, 0.1))

def test_above_its_ceiling(device, claims):
    claims.hold(at_most("distance", 0.5, 0.1))

def test_wrong_side(device, claims):
    claims.hold(at_most("distance", 0.3, 0.1))

def test_no_figure(device, claims):
    claims.hold(equal("type", "float16", "float32"))

def test_other_row(device, claims):
    claims.hold(at_least("share", 0.5, 0.8), at_least("gap", 0.01, 0.1))

def test_rows_of_their_own(device, claims):
    claims.hold(at_least("share", 0.5, 0.8), at_least("gap", 0.01, 0.1))

def test_one_row_holds(device, claims):
    claims.hold(at_least("share", 0.5, 0.8), at_least("gap", 0.2, 0.1))

def test_nan(device, claims):
    claims.hold(at_least("share", float("nan"), 0.8))
"""
LINES = """
evals/test_floors.py::test_above[cpu] "nDCG of 'en'" >= 0.275 # weak
test_floors.py::test_below "nDCG of 'en'" >= 0.275 # weak
test_floors.py::test_ceiling "distance" <= 4e-1 # far
test_floors.py::test_above_its_ceiling "distance" <= .4 # far
test_floors.py::test_wrong_side "distance" >= 0.1 # far
test_floors.py::test_no_figure "type" >= 1 # other
test_floors.py::test_other_row "share" >= 0.4 # weak
test_floors.py::test_rows_of_their_own "share" >= 0.4 # weak
test_floors.py::test_rows_of_their_own # narrow
test_floors.py::test_one_row_holds "share" >= 0.4 # weak
test_floors.py::test_one_row_holds "gap" >= 0.05 # narrow
test_floors.py::test_nan "share" >= 0.4 # weak
""".strip().split("\n")
NOT_EXPECTED = {
    "below": """worse than known-failures.txt, line 2, allows: "nDCG of 'en'" >= 0.275 # weak""",
    "above_its_ceiling": 'worse than known-failures.txt, line 4, allows: "distance" <= 0.4 # far',
    "wrong_side": 'known-failures.txt, line 5: "distance" >= 0.1: this row takes a floor with <=',
    "no_figure": 'known-failures.txt, line 6: "type" >= 1: this row takes no floor',
    "other_row": 'known-failures.txt lists other rows of this eval: "share"',
    "one_row_holds": "cpu: gap: [XPASS(strict)] narrow: the claim holds, take its line out of known-failures.txt",
    "nan": "cpu: share: measured nan, needs >= 0.8 (off by nan)",
}


def test_line_with_a_floor_is_about_its_row_down_to_the_floor(run_with, project):
    (project.path / "evals" / "test_floors.py").write_text(FLOORS)
    result = run_with(LINES, "evals/test_floors.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED and not notes(result)
    at = "evals/test_floors.py::test_"
    assert expected(result) == [
        f"{at}above[cpu] - nDCG of 'en': measured 0.5, needs >= 0.8 (off by 0.3) # weak",
        f"{at}ceiling[cpu] - distance: measured 0.3, needs <= 0.1 (off by 0.2) # far",
        f"{at}rows_of_their_own[cpu] - {FIGURE}; gap: measured 0.01, needs >= 0.1 (off by 0.09) # weak; narrow",
    ]
    assert failed(result) == [f"test_{name}[cpu]" for name in NOT_EXPECTED]
    for said in NOT_EXPECTED.values():
        assert said in [line.strip() for line in result.outlines]


@pytest.mark.parametrize(
    "floor", ['"share" > 0.4', '"share" >= weak', '"share" >= 1e999', '"share"', ">= 0.4", '"share >= 0.4', '"" >= 1']
)
def test_floor_that_is_none_is_refused(run_with, floor):
    line = f"test_listed.py::test_claim[ar] {floor} # weak"
    assert refusal(run_with([line], FILE, "-k", "claim")) == (
        f"snapshots/tiny/known-failures.txt, line 1: {line!r}; a floor for a row is "
        "'\"name of the row\" >= 0.6', between the eval and the reason"
    )


# --- messages on the lines themselves ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chosen", [[FILE], ["evals", "-k", "claim"], [FILE, "-k", "task"], [FILE, "--deselect", f"{FILE}::test_claim"]]
)
def test_line_that_names_nothing_is_told_with_its_number_and_the_nearest_name(run_with, chosen):
    assert notes(run_with([WEAK, "", GONE], *chosen)) == [
        f"{NO_EVAL}test_listed.py::test_clam[ar] (line 3 of known-failures.txt; the nearest eval is "
        "test_listed.py::test_claim[ar])"
    ]


@pytest.mark.parametrize("file", ["test_drift.py", "test_lsted.py", "[.py", ".."])
def test_line_that_names_a_test_of_another_file_is_told(run_with, file):
    result = run_with([f"{file}::test_claim[ar] # weak"], "evals", "-k", "test_claim")
    (said,) = notes(result)
    assert said.startswith(f"{NO_EVAL}{file}::test_claim[ar] (line 1 ")
    assert said.endswith("; the nearest eval is test_listed.py::test_claim[ar])")


def test_line_unlike_every_name_is_told_without_one(run_with):
    assert notes(run_with(["test_listed.py::zzz # gone"])) == [
        f"{NO_EVAL}test_listed.py::zzz (line 1 of known-failures.txt)"
    ]


@pytest.mark.parametrize(
    "chosen",
    [
        [f"{FILE}::test_claim[cpu-ar]"],
        [FILE, "-k", "claim"],
        [FILE, "-m", "xdist_group", "-k", "claim"],
        [FILE, "--deselect", f"{FILE}::test_task", "-k", "claim"],
        [FILE, "-k", "claim", f"--tasks={TASKS[0]}"],
        ["evals/test_published.py", "-k", "fastembed"],
        ["--ignore", "evals/test_behavior.py", "evals", "-k", "test_claim"],
    ],
    ids=["test", "-k", "-m", "--deselect", "--tasks", "file", "--ignore"],
)
def test_line_that_a_run_did_not_collect_is_not_told(run_with, chosen):
    names = [f"test_listed.py::test_task[{TASKS[1]}]", "test_listed.py::test_library", "test_behavior.py::test_x[de]"]
    assert not notes(run_with([WEAK, *(f"{name} # weak" for name in names)], *chosen))


def test_last_failures_tell_nothing_of_other_lines(run_with):
    lines = [WEAK, "test_similarity.py::test_gone # weak", GONE]
    run_with([], FILE, "-k", "test_claim")
    assert not notes(run_with(lines, "evals", "--lf", "-k", "test_claim"))


def test_line_that_is_there_twice_is_told(run_with):
    result = run_with([WEAK, "", "evals/test_listed.py::test_claim[ar] # again"], FILE, "-k", "claim")
    assert notes(result) == [
        "snapshots/tiny lists a known failure twice, in lines 1 and 3: test_listed.py::test_claim[ar]"
    ]


def test_workers_tell_each_note_once(run_with, project):
    result = run_with([GONE], FILE, "-n2", "-k", "claim")
    assert len(notes(result)) == 1
