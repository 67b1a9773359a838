"""--expect no-loss: what gates, by which exit code, and that nothing but a verdict on quality ends in 0."""

import re

import pytest

from tests.callables import knowing
from tests.field import no_loss_runs
from tests.field.no_loss_runs import (
    AGAINST,
    DRIFT,
    EVALS,
    HALF_SURE,
    LANGUAGES,
    NAME,
    NO_LOSS,
    NOTHING_GATES,
    OWN_NAME,
    QUALITY,
    apart,
    mapped,
    options,
    upgraded,
    variables,
    verdict_line,
    verdicts,
)
from tests.places import put
from tests.runs import failed, lines, notes, printed, report_in, rows_in, section

OK, FAILED, CANT_TELL = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, 6
BOTH = (DRIFT, QUALITY)
KNOWN_FAILURES = f"snapshots/{OWN_NAME}/known-failures.txt"


def failing(project) -> set[str]:
    return {measure for measure, row in verdicts(project).items() if row["verdict"] == "doesn't hold"}


# --- nothing is worse -------------------------------------------------------------------------------------------------


def healthy(project, result: pytest.RunResult, measures: int = 4) -> None:
    assert result.ret == OK
    found = verdicts(project)
    assert len(found) == measures + 1 and {row["verdict"] for row in found.values()} == {"holds"}
    assert all(row["gates"] for row in found.values())
    for measure, row in found.items():
        cells = row["detail"]["cells"] if measure == "worst language" else [row["detail"]]
        assert {cell["difference"] for cell in cells} == {0.0}


@pytest.mark.parametrize("old", ["stored", "against"])
def test_same_answers_differ_by_nothing(project, stored, old):
    result = upgraded(project, *([AGAINST] if old == "against" else []), evals=BOTH)
    healthy(project, result)
    assert verdict_line(result) == ("not worse by more than 0.05 in four of four measures; stored vectors can be kept")
    assert lines(result, "quality ") == [
        *(f"quality   {measure}: no item differs, 1.000" for measure in list(EVALS)[:4]),
        "quality   worst language: no item differs in any",
    ]
    assert report_in(project.path / "out")["run"]["expect"] == "no-loss"
    head = printed(result).partition("collected")[0]
    assert "expect: no-loss: no measure worse by more than 0.05; planned as if old and new correlated by 0.5" in head
    assert "planned: between model families" in head


@pytest.mark.parametrize("more", [["-n2"], ["-n2", "--dist=loadgroup"]], ids=["load", "loadgroup"])
def test_workers_come_to_the_same_verdict(project, stored, more):
    healthy(project, apart(project, *more))
    wrong, margin = HALF_SURE
    result = apart(project, margin, *more, NEW_WRONG=wrong)
    assert result.ret == CANT_TELL
    assert "retrieval: can't tell (-0.020, " in verdict_line(result)


def test_of_two_devices_each_has_a_verdict(project, old, new, monkeypatch):
    monkeypatch.setenv("LIVING_MODELS", str(project.path / "living.txt"))
    (project.path / "tests").symlink_to(no_loss_runs.ROOT / "tests")
    two = ["-p", "tests.two_devices", "--device=all", "--against=old", f"--model={new}", NO_LOSS]
    result = no_loss_runs.run_apart(QUALITY, *two)
    assert result.ret == OK
    assert lines(result, "verdict ") == [
        f"verdict   on {device}: not worse by more than 0.05 in two of two measures; not judged: retrieval, similarity"
        for device in ("cpu:0", "cpu")
    ]


def test_from_another_repository(service, knowing_store, monkeypatch):
    variables(monkeypatch)
    (service.folder / "tests" / "callables").symlink_to(no_loss_runs.ROOT / "tests" / "callables")
    (service.folder / "tests" / "__init__.py").touch()
    put(service.folder, {"new.toml": knowing.task_map(LANGUAGES)})
    result = no_loss_runs.run_apart(
        f"suite/{QUALITY}", f"--snapshots={knowing_store}", *options(NO_LOSS), NEW_WRONG="retrieval:0-40"
    )
    assert result.ret == FAILED and failed(result)[0] == f"{EVALS['retrieval']}[own]"
    left_out = no_loss_runs.run_apart(
        "suite/evals", f"--snapshots={knowing_store}", *options(NO_LOSS), PYTEST_ADDOPTS="-k embeddings"
    )
    assert left_out.ret == FAILED
    assert f"{NOTHING_GATES}no eval of test_quality.py has run; leave it in" in notes(left_out)


# --- worse ------------------------------------------------------------------------------------------------------------


def test_loss_fails_its_eval_with_the_texts_that_flipped(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="retrieval:0-40")
    result = upgraded(project, evals=BOTH)
    assert result.ret == FAILED
    assert failing(project) == {"retrieval", "worst language"}
    assert failed(result) == [f"{EVALS['retrieval']}[own]", f"{EVALS['worst language']}[own]"]
    row = verdicts(project)["retrieval"]
    detail = row["detail"]
    assert (row["old"], row["new"], detail["difference"]) == pytest.approx((1, 0.8, -0.2))
    assert detail["outcome"] == "doesn't hold" and detail["worse"] and detail["high"] < 0
    assert detail["languages"] == pytest.approx(dict.fromkeys(LANGUAGES, -0.2))
    told = section(result, "FAILURES")
    assert f"retrieval: worse: -0.200 ({detail['low']:+.3f} to {detail['high']:+.3f}), 1.000 -> 0.800" in told
    flip = re.search(r'^    (?:ar|de) ".*" \(".*"\): right ".*", now ".*"$', told, re.MULTILINE)
    assert flip, told
    ends = f"({-detail['high']:.3f} to {-detail['low']:.3f})"
    worst = verdicts(project)["worst language"]["detail"]["cells"][0]
    assert verdict_line(result).split("; ") == [
        "not worse by more than 0.05 in three of four measures",
        f"retrieval lost 0.200 {ends}",
        f"retrieval in {worst['language']} lost {-worst['difference']:.3f} "
        f"({-worst['high']:.3f} to {-worst['low']:.3f})",
        "stored vectors can be kept",
    ]


def test_loss_within_one_language_is_seen_by_the_worst_language_alone(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="retrieval:0-20:ar")
    result = upgraded(project)
    assert result.ret == FAILED
    assert failing(project) == {"worst language"}
    row = verdicts(project)["worst language"]
    assert row["language"] == "ar" and row["detail"]["cells"][0]["difference"] == pytest.approx(-0.1)
    assert "surely worse, though by less" in verdicts(project)["retrieval"]["detail"]["told"]
    assert "retrieval in ar lost 0.100" in verdict_line(result)


def test_language_that_the_new_side_leaves_out_is_lost(project, stored):
    mapped(project, knowing.task_map(["de", "en"]))
    result = upgraded(project)
    assert result.ret == FAILED and failing(project) == set(EVALS) - {"worst language"}
    assert "retrieval: lost: the languages ar, in which the old side was measured" in section(result, "FAILURES")
    assert "retrieval is lost" in verdict_line(result)


def test_role_that_the_new_side_has_no_task_for_is_lost(project, stored):
    mapped(project, knowing.task_map(LANGUAGES, without="similarity"))
    result = upgraded(project, evals=BOTH)
    assert result.ret == FAILED and failing(project) == {"similarity"}
    assert failed(result)[-2:] == [
        "test_what_the_old_system_served_is_served[own-role:similarity]",
        f"{EVALS['similarity']}[own]",
    ]
    assert "similarity is lost" in verdict_line(result)


def test_role_that_tasks_leave_out_is_not_lost_and_the_first_line_says_so(project, stored):
    result = upgraded(project, "--tasks=search,label")
    assert result.ret == OK
    assert verdict_line(result) == (
        "not worse by more than 0.05 in two of two measures; not judged: similarity, clustering"
    )
    assert {verdicts(project)[name]["verdict"] for name in ("similarity", "clustering")} == {"not judged"}
    assert verdicts(project)["clustering"]["reason"] == (
        "clustering: not judged: --tasks leaves tasks of the model out"
    )


def test_nan_is_broken_and_the_first_line_says_so(project, stored, monkeypatch):
    variables(monkeypatch, NAN="retrieval")
    result = upgraded(project)
    assert result.ret == FAILED
    assert verdicts(project)["retrieval"]["verdict"] == "broken"
    assert verdict_line(result) == "not worse by more than 0.05 in three of four measures; retrieval is broken"
    assert "Traceback" not in printed(result)


def test_languages_that_the_old_side_was_not_measured_in_are_listed(project, stored):
    mapped(project, knowing.task_map())
    result = upgraded(project)
    healthy(project, result)
    assert f"quality isn't judged in es, fr, zh: snapshots/{NAME} was measured on no texts in them" in notes(result)
    mapped(project, knowing.task_map([*LANGUAGES, "sv"]))
    assert f"quality isn't judged in sv: snapshots/{NAME} was measured on no texts in it" in notes(upgraded(project))


# --- can't tell -------------------------------------------------------------------------------------------------------


@pytest.fixture
def half_sure(stored, monkeypatch):
    """The option of a run that can't tell whether search got worse."""
    variables(monkeypatch, NEW_WRONG=HALF_SURE[0])
    return HALF_SURE[1]


def test_cant_tell_is_a_skip_with_its_reason_and_an_exit_code_of_its_own(project, half_sure):
    result = upgraded(project, half_sure, "--junitxml=report.xml", "-rs")
    assert result.ret == CANT_TELL
    result.assert_outcomes(passed=4, skipped=2)  # queries of one's own too
    row = verdicts(project)["retrieval"]
    assert (row["verdict"], row["gates"]) == ("can't tell", True)
    needed = row["detail"]["items_needed"]
    assert needed > 200
    reason = (
        f"retrieval: can't tell whether worse by more than 0.03: -0.020 (-0.036 to -0.004), 1.000 -> 0.980; {needed}"
    )
    assert any(f"{reason} items like these would decide" in line for line in lines(result, "SKIPPED"))
    xml = (project.path / "report.xml").read_text(encoding="utf-8")
    assert re.search(rf'<skipped [^>]*message="{re.escape(reason.replace(">", "&gt;"))}', xml)
    (judged,) = [row for row in rows_in(project.path / "report.xml")[f"{EVALS['retrieval']}[own]"] if row.gates]
    assert judged.verdict == "can't tell"
    assert verdict_line(result) == "not worse by more than 0.03 in three of four measures; retrieval: can't tell " + (
        "(-0.020, -0.036 to -0.004)"
    )
    assert "can't tell in 1 rows: exit code 6" in notes(result)
    assert report_in(project.path / "out")["run"]["exit_code"] == 6


def test_inconclusive_pass_takes_it_for_the_rest(project, half_sure):
    result = upgraded(project, half_sure, "--inconclusive=pass")
    assert result.ret == OK
    assert "can't tell in 1 rows: --inconclusive=pass: the run passes" in notes(result)
    assert verdicts(project)["retrieval"]["verdict"] == "can't tell"


@pytest.mark.parametrize("more", [[], ["--inconclusive=pass"], ["-x"], ["--maxfail=1"]], ids=lambda more: "".join(more))
def test_what_fails_goes_before_it(project, half_sure, monkeypatch, more):
    variables(monkeypatch, NEW_WRONG=f"{HALF_SURE[0]} clustering:0-40")
    assert upgraded(project, half_sure, *more).ret == FAILED


@pytest.mark.parametrize("more", [["--runxfail"], ["-p", "no:terminal"], ["--lf"], ["-x"]], ids=lambda more: more[-1])
def test_no_option_of_pytest_makes_a_pass_of_it(project, half_sure, more):
    result = upgraded(project, half_sure, *more)
    assert result.ret == CANT_TELL


def test_reruns_leave_it_as_it_is(project, half_sure):
    folders = [*no_loss_runs.plugins_beside()]
    if not folders:
        pytest.skip("PLUGINS_BESIDE names no folder with pytest-rerunfailures: tox run -e tests makes one")
    result = apart(project, half_sure, "--reruns=2", PYTHONPATH=folders[0])
    assert "rerunfailures-" in printed(result) and result.ret == CANT_TELL


def test_known_failures_do_not_cover_it_and_cover_a_loss(project, half_sure, monkeypatch):
    put(project.path, {KNOWN_FAILURES: f"test_quality.py::{EVALS['retrieval']} # weak\n"})
    assert upgraded(project, half_sure).ret == CANT_TELL
    variables(monkeypatch, NEW_WRONG="retrieval:0-40")
    put(
        project.path,
        {KNOWN_FAILURES: "".join(f"test_quality.py::{EVALS[one]} # weak\n" for one in ("retrieval", "worst language"))},
    )
    result = upgraded(project)
    assert result.ret == OK
    result.assert_outcomes(passed=3, skipped=1, xfailed=2)
    assert re.search(r"retrieval lost 0\.200 \(.*\) \(a known failure\)", verdict_line(result))
    variables(monkeypatch)
    assert upgraded(project).ret == FAILED  # it holds again
