import pytest

from fixtures.run.known_failures import FILE, MOVED, KnownFailure, deviceless_name, read_known_failures
from tests.places import ROOT, put
from tests.runs import run

EVAL = """
import pytest

from fixtures.comparing.rows import at_least

@pytest.mark.parametrize("language", ["de", "ar"])
def test_claim(device, language, claims):
    claims.hold(at_least("share", {"de": 0.9, "ar": 0.5}[language], 0.8))
"""


@pytest.mark.parametrize(
    ("node_id", "name"),
    [
        ("evals/test_a.py::test_b[cpu]", "test_a.py::test_b"),
        ("evals/test_a.py::test_b[cpu-retrieval.query-de]", "test_a.py::test_b[retrieval.query-de]"),
        ("evals/test_a.py::test_b[cuda:1-separation]", "test_a.py::test_b[separation]"),
        ("evals/test_a.py::test_b", "test_a.py::test_b"),
    ],
)
def test_names_leave_folder_and_device_out(node_id, name):
    assert deviceless_name(node_id, ["cuda:1", "cpu"]) == name


def test_name_of_an_eval_that_has_moved_is_that_of_today():
    moved = "test_separation_and_classification_lift_same_meaning[separation]"
    assert deviceless_name(f"evals/test_behavior.py::{moved}", []) == f"test_jina_v3.py::{moved}"
    assert all((ROOT / "evals" / now).is_file() for _, now in MOVED.values())


def test_line_with_the_earlier_file_of_an_eval_counts(tmp_path):
    (tmp_path / FILE).write_text("test_behavior.py::test_separation_and_classification_differ_least # weak\n")
    (known,) = read_known_failures(tmp_path / FILE)
    assert known.name == "test_jina_v3.py::test_separation_and_classification_differ_least"


def test_lines_are_names_with_reasons(tmp_path):
    (tmp_path / FILE).write_text("# a note\n\ntest_a.py::test_b[x] # weak there\n")
    assert read_known_failures(tmp_path / FILE) == [KnownFailure(3, "test_a.py::test_b[x]", None, "weak there")]
    assert read_known_failures(tmp_path / "none" / FILE) == []


@pytest.mark.parametrize("line", ["test_a.py::test_b", "test_b # why", "test_a.py::test_b # "])
def test_line_without_test_or_reason_is_refused(tmp_path, line):
    (tmp_path / FILE).write_text(f"{line}\n")
    with pytest.raises(pytest.UsageError, match=f"{FILE}, line 1: "):
        read_known_failures(tmp_path / FILE)


@pytest.fixture
def run_with(project, native_checkpoint):
    def run_with(*lines: str) -> pytest.RunResult:
        listed = "".join(f"{line}\n" for line in lines)
        put(project.path, {"evals/test_listed.py": EVAL, f"snapshots/tiny/{FILE}": listed})
        return run(project, "evals/test_listed.py", model=native_checkpoint)

    return run_with


def test_known_failure_is_expected_and_shown(run_with):
    result = run_with("test_listed.py::test_claim[ar] # too few Arabic texts")
    result.assert_outcomes(passed=1, xfailed=1)
    assert "too few Arabic texts" in result.stdout.str() and result.ret == pytest.ExitCode.OK


def test_known_failure_that_holds_fails_the_run(run_with):
    result = run_with("test_listed.py::test_claim[ar] # weak", "test_listed.py::test_claim[de] # was weak")
    result.assert_outcomes(failed=1, xfailed=1)
    assert "[XPASS(strict)] was weak" in result.stdout.str()


def test_unlisted_failure_still_fails(run_with):
    run_with().assert_outcomes(passed=1, failed=1)


def test_line_that_is_no_eval_is_told(run_with):
    result = run_with("test_listed.py::test_gone # renamed since", "test_listed.py::test_claim[ar] # weak")
    assert "lists a known failure that matches no eval: test_listed.py::test_gone" in result.stdout.str()
