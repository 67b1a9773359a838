"""The text of a failed comparison is whole, whichever ini file pytest found and whether it rewrites asserts or not."""

import pytest

TABLE_EVAL = ["evals/test_similarity.py", "-k", "matrix_is_that"]


@pytest.mark.parametrize("options", [[], ["-c", "other.ini"], ["--assert=plain"]], ids=["its own", "another", "plain"])
def test_moved_table_is_told_to_its_last_line(recorded, monkeypatch, options):
    monkeypatch.delenv("CI", raising=False)  # pytest shortens messages less there
    (recorded.project.path / "other.ini").write_text("[pytest]\ntruncation_limit_lines = 2\n")
    recorded.move_model()
    result = recorded.compare(*TABLE_EVAL, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert "entries differ by more than" in text and text.count(" -> ") == 5
    assert "If the change is wanted: pytest evals/test_drift.py" in text and "truncated" not in text
