"""What a run says of quality: rows with intervals, of the roles and languages that a model is for; nothing gates."""

import pytest

from tests.places import put
from tests.runs import MAP, closing_lines, report_in, run_callable

QUALITY = "evals/test_quality.py"
ALL_ROLES = """
precision = "float32"
languages = ["en"]

[tasks]
one = {}

[roles]
query = "one"
document = "one"
similarity = "one"
clustering = "one"
classification = "one"
"""
BREAKS = """
import numpy as np

from tests.callables import encode as healthy

def encode(texts, task):
    vectors = healthy(texts, task)
    if len(vectors) and any("Hive 4 at Ekeby" in text for text in texts):
        vectors[0] = np.nan
    return vectors
"""


def rows_of(project) -> list[dict]:
    rows = report_in(project.path / "out")["rows"]
    return sorted(rows, key=lambda row: (row["eval"], row["name"], row["language"] or ""))


def test_roles_that_a_model_serves_have_rows_with_intervals_in_its_languages(project):
    result = run_callable(project, "encode", QUALITY, "--report=out")
    result.assert_outcomes(passed=2, skipped=4)  # no queries of one's own, and no old side to lose to
    assert result.ret == pytest.ExitCode.OK
    rows = [row for row in rows_of(project) if row["verdict"] == "measured"]
    assert not any(row["gates"] for row in rows)
    assert {row["language"] for row in rows} == {None, "en", "de"}
    gated = {
        "nDCG@10 of the question, passages of its own language": ("query, document", 200),
        "paraphrase nearer to its text than to the near miss (number, time, cause)": ("similarity", 120),
    }
    for name, (role, items) in gated.items():
        found = {row["language"]: row for row in rows if row["name"] == name}
        assert found.keys() == {None, "en", "de"}
        assert {(row["role"], row["n"]) for row in found.values()} == {(role, items)}
        for row in found.values():
            assert 0 <= row["detail"]["low"] < row["new"] < row["detail"]["high"] <= 1
            assert row["detail"]["confidence"] == 0.9
        assert found[None]["new"] == pytest.approx((found["en"]["new"] + found["de"]["new"]) / 2)
        assert len(found[None]["evidence"]) == 3 and all(case["item"] for case in found[None]["evidence"])
    beside = {row["name"] for row in rows} - gated.keys()
    assert beside == {
        "recall@10",
        "MRR",
        "nDCG@10 among passages of another language",
        "first hits in the question's language, passages of all languages",
        "paraphrase nearer to its text than to the near miss, all kinds",
        "pair AUC, paraphrases against near misses",
        "translation accuracy@1",
    }
    told = [line for line in closing_lines(result) if line.startswith("skipped")]
    assert len([line for line in told if "no task serves the role cl" in line]) == 2
    assert {line.partition(": ")[2] for line in told if "role cl" not in line} == {
        "not asked: --data gives no queries of your own",
        "there is no baseline to compare with",
    }


def test_figures_are_the_same_in_parallel(project):
    assert run_callable(project, "encode", QUALITY, "--report=out", task_map=ALL_ROLES).ret == pytest.ExitCode.OK
    alone = rows_of(project)
    assert {row["language"] for row in alone} == {None, "en"} and len({row["eval"] for row in alone}) == 6
    assert not any("another language" in row["name"] or "accuracy" in row["name"] for row in alone)
    parallel = run_callable(project, "encode", QUALITY, "--report=out", "-n2", task_map=ALL_ROLES)
    assert parallel.ret == pytest.ExitCode.OK and rows_of(project) == alone


def test_model_for_no_language_of_the_texts_is_skipped_with_the_reason(project):
    result = run_callable(project, "encode", QUALITY, task_map=MAP.replace('["en", "de"]', '["nl"]'))
    result.assert_outcomes(skipped=6)
    assert "not applicable: the texts have none of the model's languages (nl)" in str(result.stdout)


def test_answer_that_is_not_finite_breaks_the_rows_of_its_role_alone(project):
    put(project.path, {"breaks.py": BREAKS})
    result = run_callable(project, "breaks:encode", QUALITY, "--report=out")
    result.assert_outcomes(passed=1, failed=1, skipped=4)
    (broken,) = [row for row in rows_of(project) if row["verdict"] == "broken"]
    assert broken["role"] == "query, document" and "NaN or infinity under passage" in broken["reason"]
    assert "Traceback" not in str(result.stdout)
