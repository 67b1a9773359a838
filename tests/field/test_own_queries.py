"""--data: queries of one's own beside the suite's, recorded as hashes, compared, gating; what can't be used of them."""

import json
import shutil

import pytest

from fixtures.texts.beir import read_judged_data
from tests.callables import knowing
from tests.field.no_loss_runs import (
    AGAINST,
    DRIFT,
    LANGUAGES,
    NAME,
    NEW,
    NO_LOSS,
    OLD,
    QUALITY,
    apart,
    in_place,
    mapped,
    options,
    recorded_store,
    upgraded,
    variables,
    verdicts,
)
from tests.judged_folders import CORPUS, QRELS, QUERIES, write_folder
from tests.places import ROOT, contents, put
from tests.resealing import reseal
from tests.runs import closing_lines, lines, notes, printed, refusal, report_in, run

SEARCH_DATA = ROOT / "examples" / "own-repository" / "search-data"
DATA = "--data=asked"
OWN = "own queries"
OK, FAILED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder of baselines with that of ``old``, recorded with the example's queries. Read only."""
    return recorded_store(tmp_path_factory.mktemp("recorded") / "suite", f"--data={SEARCH_DATA}")


@pytest.fixture
def stored(project, store, monkeypatch):
    """The project with that baseline, and with the queries; the baseline's folder."""
    variables(monkeypatch)
    shutil.copytree(SEARCH_DATA, project.path / "asked")
    return in_place(project, store)


def record(project, *more: str) -> pytest.RunResult:
    return run(project, DRIFT, f"--model={OLD}", "--task-map=old.toml", "--snapshot-update", "--quick-recording", *more)


# --- recorded ---------------------------------------------------------------------------------------------------------


def test_recording_holds_no_text_and_no_id(stored):
    written = (stored / "data.json").read_text(encoding="utf-8")
    data = read_judged_data(SEARCH_DATA)
    for text in data.texts.texts:
        for name in (text.text, text.id.partition(":")[2], text.group.partition(":")[2]):
            assert name not in written
    assert data.name not in written


def test_recording_anew_when_nothing_moved_writes_nothing(project, stored):
    before = contents(stored)
    result = record(project, DATA)
    assert result.ret == OK
    assert f"nothing was recorded: snapshots/{NAME} holds already what this run obtained" in notes(result)
    assert contents(stored) == before


def test_recording_without_the_queries_over_a_baseline_that_has_some_is_refused(project, stored):
    stored_quality = json.loads((stored / "quality.json").read_text())
    stored_quality["texts"]["en"] = "other texts"
    (stored / "quality.json").write_text(json.dumps(stored_quality))
    reseal(stored)  # so that it isn't current
    before = contents(stored)
    result = record(project)
    assert result.ret == FAILED
    assert f"not recorded: snapshots/{NAME} holds what was achieved on queries of yours, this run has none: give " in (
        printed(result)
    )
    assert contents(stored) == before
    assert record(project, DATA).ret == OK
    assert contents(stored)["data.json"] == before["data.json"]


def test_queries_are_added_to_a_baseline_without_any_though_nothing_moved(project, stored):
    kept = contents(stored)["data.json"]
    (stored / "data.json").unlink()
    manifest = json.loads((stored / "manifest.json").read_text())
    del manifest["files"]["data.json"]
    (stored / "manifest.json").write_text(json.dumps(manifest))
    reseal(stored)
    assert record(project, DATA).ret == OK
    assert contents(stored)["data.json"] == kept


# --- compared ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", ["stored", "against"])
def test_same_answers_differ_by_nothing(project, stored, old):
    result = upgraded(project, DATA, *([AGAINST] if old == "against" else []))
    assert result.ret == OK
    row = verdicts(project)[OWN]
    assert (row["verdict"], row["gates"], row["detail"]["difference"], row["n"]) == ("holds", True, 0.0, 15)
    assert closing_lines(result)[0].startswith("verdict   on own: not worse by more than 0.05 in five of five measures")
    assert {row["new"] for row in report_in(project.path / "out")["rows"] if row["name"] == "MRR (own queries)"}


@pytest.fixture
def worse(project, stored, monkeypatch):
    """Have ``new`` misread questions by whose words ``old`` finds the passages."""
    shutil.rmtree(project.path / "asked")
    numbers = range(40)
    corpus = [{"_id": f"p{one}", "text": f"matter{one} is settled here"} for one in numbers]
    queries = [{"_id": f"q{one}", "text": f"matter{one} matter{one} ?", "language": "en"} for one in numbers]
    judged = "".join(f"q{one}\tp{one}\t1\n" for one in numbers)
    write_folder(project.path / "asked", corpus, queries, f"query-id\tcorpus-id\tscore\n{judged}")
    variables(monkeypatch, OTHER_QUESTIONS="ASKEW")


def test_loss_on_ones_own_queries_alone_fails(project, stored, worse):
    result = upgraded(project, DATA, AGAINST, "--threshold=0.5")
    assert result.ret == FAILED
    found = verdicts(project)
    failing = {name for name, row in found.items() if row["verdict"] == "doesn't hold"}
    assert OWN in failing and failing <= {OWN, "worst language"}
    assert f"{OWN} lost " in closing_lines(result)[0] and "four of five" in closing_lines(result)[0]
    assert any(line.startswith(f"threshold 0.5, {OWN}: ") for line in closing_lines(result))
    flips = [row for row in report_in(project.path / "out")["rows"] if row["name"] == "old right, new wrong"]
    own = next(row for row in flips if row["detail"]["measure"] == OWN)
    known = {text.text for text in read_judged_data(project.path / "asked").texts.texts}
    assert own["evidence"]
    for case in own["evidence"]:
        assert case["texts"]["asked"] in known and case["texts"]["right"] in known and case["texts"]["now"] in known


def test_comparing_without_them_or_with_others_is_broken_and_says_what_to_give(project, stored):
    without = upgraded(project)
    assert without.ret == FAILED and verdicts(project)[OWN]["verdict"] == "broken"
    assert verdicts(project)[OWN]["reason"] == (
        f"own queries: snapshots/{NAME} was recorded with queries of yours: give that folder with --data"
    )
    corpus = project.path / "asked" / "corpus.jsonl"
    first, _, rest = corpus.read_text(encoding="utf-8").partition("\n")
    entry = json.loads(first)
    entry["text"] += " Changed."
    corpus.write_text(f"{json.dumps(entry)}\n{rest}", encoding="utf-8")
    other = upgraded(project, DATA)
    assert other.ret == FAILED
    reason = verdicts(project)[OWN]["reason"]
    assert "recorded with other queries in en, de, or other passages, than those of --data; " in reason
    assert "--data=asked" in reason and "--snapshot-update" in reason
    assert "own queries is broken" in closing_lines(other)[0]
    for more in ([], [DATA]):  # another question than whether the numbers moved
        assert run(project, DRIFT, QUALITY, *options(*more)).ret == OK
        assert verdicts(project)[OWN]["verdict"] == "not judged"


def test_language_that_the_new_side_is_not_for_is_lost(project, stored):
    mapped(project, knowing.task_map(["ar", "en"]))
    result = upgraded(project, DATA)
    assert result.ret == FAILED
    assert verdicts(project)[OWN]["reason"] == (
        f"own queries: lost: its queries in de, which snapshots/{NAME} answered, aren't asked"
    )


def test_role_that_tasks_leave_out_is_not_lost(project, stored):
    result = upgraded(project, DATA, "--tasks=label")
    assert result.ret == OK
    assert verdicts(project)[OWN]["verdict"] == "not judged"
    assert verdicts(project)[OWN]["reason"] == "own queries: not judged: --tasks leaves tasks of the model out"


def test_nan_is_broken_whatever_is_expected(project, stored, monkeypatch):
    variables(monkeypatch, OTHER_QUESTIONS="NAN")
    for more in ([NO_LOSS], []):
        assert run(project, QUALITY, *options(DATA, *more)).ret == FAILED
        row = verdicts(project)[OWN]
        assert row["verdict"] == "broken" and "hold NaN or infinity under search" in row["reason"]


def test_against_under_same_says_what_it_takes(project, stored):
    assert run(project, QUALITY, *options(DATA, AGAINST)).ret == OK
    told = report_in(project.path / "out")["rows"]
    (row,) = [row for row in told if row["verdict"] == "not judged"]
    assert row["reason"].endswith(" on own wasn't asked the queries of --data: that takes --expect no-loss")


def test_two_workers_come_to_the_same_verdict(project, stored):
    result = apart(project, DATA, "-n2")
    assert result.ret == OK and "five of five" in closing_lines(result)[0]


def test_damaged_file_is_one_line(project, stored):
    (stored / "data.json").write_text("{}")
    reseal(stored)
    result = upgraded(project, DATA)
    assert result.ret == FAILED and "Traceback" not in printed(result)
    (note,) = [note for note in notes(result) if note.startswith("failed: ")]
    assert f"snapshots/{NAME}/data.json: needs texts, quantiles and measures" in note


def test_kept_sides_have_the_same_verdict_on_them(project, stored, worse, capsys):
    from fixtures.run import compare_command

    result = upgraded(project, DATA, AGAINST, "--keep=kept", evals=(DRIFT, QUALITY))
    capsys.readouterr()
    assert compare_command.main(["compare", "kept/old", "kept/new", NO_LOSS]) == result.ret == FAILED
    again = capsys.readouterr().out.splitlines()
    told = [line for line in lines(result, "quality ") if OWN in line]
    assert told and [line for line in again if line.startswith("quality ") and OWN in line] == told
    (project.path / "kept" / "new" / "data.json").unlink()
    assert compare_command.main(["compare", "kept/old", "kept/new", NO_LOSS]) == FAILED
    assert (
        "own queries: kept/old was asked queries of yours and kept/new wasn't: run again with --data"
        in capsys.readouterr().out
    )


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"corpus": None}, "corpus.jsonl"),
        ({"queries": None}, "queries.jsonl"),
        ({"qrels": None}, "qrels"),
        ({"corpus": [*CORPUS, CORPUS[0]]}, "corpus.jsonl, line 4"),
        ({"queries": [*QUERIES, {"_id": "3", "text": ""}]}, "queries.jsonl, line 3"),
        ({"qrels": QRELS + "2\t99\t1\n"}, "test.tsv, line 5"),
        ({"qrels": QRELS + "99\t1\t1\n"}, "test.tsv, line 5"),
        ({"corpus": "{" * 20}, "corpus.jsonl, line 1"),
        ({"queries": b"\xff\xfe"}, "queries.jsonl"),
        ({"qrels": ""}, "test.tsv"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_folder_that_cannot_be_used_is_one_line_and_nothing_is_written(project, changed, says):
    write_folder(project.path / "bad", **changed)
    before = contents(project.path)
    line = refusal(run(project, DRIFT, f"--model={NEW}", "--data=bad", "--snapshot-update"))
    assert line.startswith("--data: ") and says in line
    assert contents(project.path) == before


def test_folder_that_is_not_there_is_one_line(project):
    for name in ("nowhere", "conftest.py"):
        assert refusal(run(project, QUALITY, f"--model={NEW}", f"--data={name}")).startswith(f"--data: {name} is")


def test_without_tasks_for_search_nothing_is_recorded(project, monkeypatch):
    variables(monkeypatch)
    write_folder(project.path / "asked")
    put(project.path, {"old.toml": knowing.task_map(LANGUAGES, without="document")})
    result = record(project, DATA)
    assert result.ret == FAILED
    assert "not recorded: --data: no task serves the role document; leave that option out" in printed(result)
    assert not (project.path / "snapshots").exists()
