"""--expect no-loss: what gates, by which exit code, and that nothing but a verdict on quality ends in 0."""

import json
import re

import pytest

from fixtures.run import compare_command
from tests.callables import knowing
from tests.field import no_loss_runs
from tests.field.no_loss_runs import (
    AGAINST,
    DRIFT,
    EVALS,
    HALF_SURE,
    LANGUAGES,
    NAME,
    NEW,
    NO_LOSS,
    OWN_NAME,
    QUALITY,
    apart,
    in_place,
    mapped,
    options,
    recorded_store,
    upgraded,
    variables,
    verdicts,
    without_quality,
)
from tests.places import contents, put
from tests.runs import closing_lines, failed, lines, notes, printed, refusal, report_in, rows_in, run, section

OK, FAILED, CANT_TELL = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, 6
BOTH = (DRIFT, QUALITY)
NOTHING_GATES = "failed: --expect no-loss, and no measure of quality gates: "
KNOWN_FAILURES = f"snapshots/{OWN_NAME}/known-failures.txt"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder of baselines with that of ``old``, which has all items right. Read only."""
    return recorded_store(tmp_path_factory.mktemp("recorded") / "suite")


@pytest.fixture
def stored(project, store, monkeypatch):
    """The project with that baseline; its folder."""
    variables(monkeypatch)
    return in_place(project, store)


def verdict_line(result: pytest.RunResult) -> str:
    """The first of the closing lines, which has to be the verdict of the one device."""
    line, *others = closing_lines(result)
    assert line.startswith("verdict   on own: ") and not any(one.startswith("verdict ") for one in others)
    return line.removeprefix("verdict   on own: ")


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


def test_from_another_repository(service, store, monkeypatch):
    variables(monkeypatch)
    (service.folder / "tests" / "callables").symlink_to(no_loss_runs.ROOT / "tests" / "callables")
    (service.folder / "tests" / "__init__.py").touch()
    put(service.folder, {"new.toml": knowing.task_map(LANGUAGES)})
    result = no_loss_runs.run_apart(
        f"suite/{QUALITY}", f"--snapshots={store}", *options(NO_LOSS), NEW_WRONG="retrieval:0-40"
    )
    assert result.ret == FAILED and failed(result)[0] == f"{EVALS['retrieval']}[own]"
    left_out = no_loss_runs.run_apart(
        "suite/evals", f"--snapshots={store}", *options(NO_LOSS), PYTEST_ADDOPTS="-k embeddings"
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


# --- what gates -------------------------------------------------------------------------------------------------------


def test_drift_gates_under_same_alone_and_quality_under_no_loss_alone(project, stored, monkeypatch):
    variables(monkeypatch, MOVED="1")
    moved = upgraded(project, evals=(*BOTH, "evals/test_similarity.py"))
    assert moved.ret == OK and lines(moved, "drift ")[0] != "drift     search on own: identical"
    assert verdict_line(moved).endswith("four of four measures; stored vectors must be re-indexed")
    assert run(project, *BOTH, *options()).ret == FAILED
    variables(monkeypatch, NEW_WRONG="retrieval:0-40")
    lost = run(project, *BOTH, *options())
    assert lost.ret == OK and not lines(lost, "verdict ")
    row = verdicts(project)["retrieval"]
    assert (row["verdict"], row["gates"]) == ("doesn't hold", False)


def test_list_of_known_failures_is_about_what_gates(project, stored, monkeypatch):
    drift = [f"test_drift.py::test_embeddings_are_those_of_the_baseline[{task}] # moved\n" for task in knowing.TASKS]
    quality = f"test_quality.py::{EVALS['clustering']} # weak\n"
    put(project.path, {KNOWN_FAILURES: "".join(drift)})
    assert upgraded(project, evals=BOTH).ret == OK
    put(project.path, {KNOWN_FAILURES: quality})
    assert run(project, *BOTH, *options()).ret == OK


# --- nothing gates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evals", "more"),
    [
        (BOTH, ["-k", "embeddings"]),
        (BOTH, [f"--deselect={QUALITY}"]),
        (("evals",), [f"--ignore={QUALITY}", "-k", "embeddings"]),
        ((DRIFT,), []),
    ],
    ids=["k", "deselect", "ignore", "drift alone"],
)
def test_run_without_an_eval_of_quality_fails(project, stored, evals, more):
    result = upgraded(project, *more, evals=evals)
    assert result.ret == FAILED
    assert f"{NOTHING_GATES}no eval of test_quality.py has run; leave it in" in notes(result)
    assert run(project, *evals, *options(*more)).ret == OK


def test_baseline_from_before_quality_was_stored_gates_nothing_and_drift_is_judged(project, stored, monkeypatch):
    without_quality(stored)
    before = contents(stored)
    result = upgraded(project, evals=BOTH)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert f"snapshots/{NAME}: recorded before quality was stored: record again to include it" in note
    assert lines(result, "drift ")[0] == "drift     search on own: identical"
    assert run(project, *BOTH, *options()).ret == OK
    assert contents(stored) == before


@pytest.mark.parametrize(
    ("task_map", "said"),
    [
        (knowing.task_map(LANGUAGES).partition("[roles]")[0], "no task serves the role"),
        (knowing.task_map(["sv"]), "the texts have none of the model's languages (sv)"),
    ],
    ids=["no roles", "no texts"],
)
def test_two_sides_that_nothing_can_be_asked_of_gate_nothing(project, stored, task_map, said):
    mapped(project, task_map, task_map)
    result = upgraded(project, AGAINST, evals=BOTH)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert said in note


def test_measure_that_is_not_judged_is_named(project, stored):
    result = upgraded(project, "-k", "questions")
    assert result.ret == OK
    assert verdict_line(result) == (
        "not worse by more than 0.05 in one of one measures; not judged: similarity, clustering, classification, "
        "worst language"
    )


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            ["--margin=0.1"],
            "--margin without --expect no-loss: nothing is judged by it; add that, or leave it out",
        ),
        (
            ["--inconclusive=pass"],
            "--inconclusive without --expect no-loss: nothing is judged by it; add that, or leave it out",
        ),
        *(
            ([NO_LOSS, f"--margin={value}"], f"--margin: '{value}' is no number above 0 and below 1")
            for value in ("0", "1", "-0.1", "nan", "inf", "half")
        ),
        *(
            ([f"--threshold={value}"], f"--threshold: '{value}' is no number from -1 to 1, a cosine similarity")
            for value in ("2", "nan", "high")
        ),
        ([NO_LOSS, "--inconclusive=fail"], "--inconclusive: unknown value 'fail'; allowed: exit, pass"),
        (["--expect=better"], "--expect: unknown value 'better'; allowed: same, no-loss"),
        (
            [NO_LOSS, "--snapshot-update"],
            "--expect no-loss with --snapshot-update: a recording accepts what it finds; run once without recording, "
            "then record",
        ),
    ],
    ids=lambda said: " ".join(said) if isinstance(said, list) else "",
)
def test_options_that_cannot_be_meant_are_one_line_and_nothing_is_written(project, said, line):
    before = contents(project.path)
    assert refusal(run(project, QUALITY, f"--model={NEW}", *said)) == line
    assert contents(project.path) == before


def test_damaged_quality_is_one_line_and_gates(project, stored):
    path = stored / "quality.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"retrieval"', '"retrieved"', 1), encoding="utf-8")
    result = upgraded(project)
    assert result.ret == FAILED
    (note,) = [note for note in notes(result) if note.startswith(NOTHING_GATES)]
    assert f"snapshots/{NAME}/quality.json: not the content that manifest.json lists" in note
    assert "Traceback" not in printed(result)


# --- kept -------------------------------------------------------------------------------------------------------------


def compared(capsys, *arguments: str) -> tuple[int, str, str]:
    """The exit code of the command, and what it printed and complained of."""
    capsys.readouterr()
    code = compare_command.main(["compare", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("wrong", ["", "retrieval:0-40", "retrieval:0-20:ar", HALF_SURE[0]])
def test_kept_sides_have_the_same_verdicts_and_exit_code(project, stored, monkeypatch, capsys, wrong):
    """The new side is for more languages than the old one, among whose texts neighbours are others."""
    mapped(project, knowing.task_map())
    variables(monkeypatch, NEW_WRONG=wrong)
    result = upgraded(project, HALF_SURE[1], "--keep=kept", evals=BOTH)
    code, said, _ = compared(capsys, "kept/old", "kept/new", NO_LOSS, HALF_SURE[1])
    assert code == result.ret == {"": OK, HALF_SURE[0]: CANT_TELL}.get(wrong, FAILED)
    again = said.splitlines()
    assert again[0] == f"verdict   on own: {verdict_line(result)}"
    assert [line for line in again if line.startswith("quality ")] == lines(result, "quality ")
    assert "note      quality isn't judged in es, fr, zh: kept/old was measured on no texts in them" in again
    assert any(f"kept/new {NO_LOSS} {HALF_SURE[1]}" in note for note in notes(result))
    if code == CANT_TELL:
        assert compared(capsys, "kept/old", "kept/new", NO_LOSS, HALF_SURE[1], "--inconclusive=pass")[0] == OK


def test_kept_without_quality_gates_nothing_and_says_so(project, stored, capsys):
    assert run(project, *BOTH, *options("--keep=kept")).ret == OK
    code, said, _ = compared(capsys, "kept/old", "kept/new", NO_LOSS)
    assert code == FAILED
    assert (
        "note      failed: no measure of quality gates: kept/new: its quality wasn't asked for: that takes "
        "--expect no-loss"
    ) in said.splitlines()
    assert compared(capsys, "kept/old", "kept/new")[0] == OK


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{}", "needs texts, quantiles and measures"),
        ("[]", ""),
        ("{", ""),
        ("", ""),
        (
            '{"texts": {}, "quantiles": [], "measures": {"retrieval": {}}}',
            "retrieval needs items, true_pairs, unrelated",
        ),
    ],
)
def test_damaged_quality_of_a_kept_side_is_one_line(project, stored, capsys, written, line):
    upgraded(project, "--keep=kept", evals=BOTH)
    for name in ("quality.json", "data.json"):
        put(project.path, {f"kept/new/{name}": written})
        code, said, complained = compared(capsys, "kept/old", "kept/new", NO_LOSS)
        assert (code, said) == (pytest.ExitCode.USAGE_ERROR, "")
        assert complained.startswith(f"ERROR: NEW: kept/new/{name}") and len(complained.splitlines()) == 1
        assert line in complained or name == "data.json"
        (project.path / "kept" / "new" / name).unlink()


@pytest.mark.parametrize(
    "said", [["--margin=0.1"], ["--inconclusive=pass"], [NO_LOSS, "--margin=2"], ["--expect=other"]]
)
def test_command_refuses_what_a_run_refuses(project, capsys, said):
    code, printed_lines, complained = compared(capsys, "kept/old", "kept/new", *said)
    assert (code, printed_lines) == (pytest.ExitCode.USAGE_ERROR, "")
    assert complained.startswith(f"ERROR: {said[-1].partition('=')[0]}") and len(complained.splitlines()) == 1


def test_thresholds_are_told_and_never_gate(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="retrieval:0-10")
    result = upgraded(project, "--threshold=0.5", "--threshold=0.9", "--threshold=0.5", "-k", "questions")
    told = lines(result, "threshold ")
    assert [line.split()[1] for line in told] == ["0.5,", "0.9,"]
    rows = [row for row in report_in(project.path / "out")["rows"] if "threshold" in row["detail"]]
    assert {row["language"] for row in rows} == {None, *LANGUAGES} and not any(row["gates"] for row in rows)
    assert {(row["old"], row["new"]) for row in rows if row["detail"]["threshold"] == 0.5} == {(1.0, 0.95)}


def test_report_is_plain_json(project, stored, monkeypatch):
    variables(monkeypatch, NEW_WRONG="similarity:0-1")
    upgraded(project, "--threshold=1")
    json.loads((project.path / "out" / "report.json").read_text(), parse_constant=pytest.fail)
