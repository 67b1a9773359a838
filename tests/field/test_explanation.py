"""What a failure of drift says by the vectors alone: how many texts moved, which they are, what was done to them."""

import re

import pytest

from tests.runs import run_callable

ALL = "moved: all 92 texts"
CONSTANT = "looks like: one constant added to every vector"
SAYS = {
    "exchanged": [
        r"moved: (all|\d+ of) 92 texts",
        r'looks like: vectors exchanged between texts: \d+ have another\'s, such as ".+" that of ".+"',
    ],
    "longer": [
        r"moved: no text's direction by more than \S+",
        "norms: 1 before, 2 to 8 now",
        "looks like: norms changed, directions as they were",
    ],
    "constant": [ALL, r"norms: 1 before, \S+ to \S+ now", CONSTANT],
    "constant_normalised": [ALL, CONSTANT],
    "cut": [
        r"moved: 5 of 92 texts, the longest ones \(from 551 characters on\)",
        "looks like: long texts cut earlier than before, or encoded otherwise",
    ],
    "hangul": [
        r"moved: 3 of 92 texts, only texts in Hangul script \(3 of 3\)",
        "moved by language: Korean 3 of 3; none in 24 other languages",
    ],
    "numbers": [
        r"moved: 15 of 92 texts, only texts with digits \(15 of 17\)",
        r"cosine to the baseline: .+; nearest neighbour kept by 68 of 92 texts",
    ],
    "everything": [ALL],
    "slightly": [r"moved: (all|\d+ of) 92 texts", ".+; nearest neighbour kept by 92 of 92 texts"],
}
"""Task, named for what the callable does -> the lines that must be there; without one on a cause no cause is named."""


CHANGED = re.compile(
    r"\s+(?:norm )?(?P<before>\S+) -> (?P<now>\S+) \((?P<change>.+?)\)  "
    r"(?P<texts>(?P<first>.+?)(?: \| (?P<second>.+))?)"
)


MAP = 'precision = "float32"\n[tasks]\n' + "".join(f"{task} = {{}}\n" for task in (*SAYS, "healthy"))
DRIFT = "evals/test_drift.py"


def failures(result: pytest.RunResult) -> dict[str, list[str]]:
    """Task -> the lines of its failure."""
    found = re.split(r"\n_+ test_embeddings_are_those_of_the_baseline\[own-(.+)\] _+\n", str(result.stdout))
    blocks = dict(zip(found[1::2], found[2::2], strict=True))
    return {task: re.split(r"\n[_=]", text)[0].splitlines() for task, text in blocks.items()}


def test_explanation_says_how_many_texts_moved_and_recognises_what_was_done(project):
    recorded = run_callable(project, "encode", DRIFT, "--snapshot-update", "--quick-recording", task_map=MAP)
    assert recorded.ret == pytest.ExitCode.OK
    compared = [DRIFT, "evals/test_similarity.py", "--baseline=tests.callables.encode"]
    result = run_callable(project, "tests.callables.altered:altered", *compared, task_map=MAP)
    found = failures(result)
    assert list(found) == list(SAYS)
    for task, patterns in SAYS.items():
        lines = [line.strip() for line in found[task]]
        for pattern in patterns:
            assert [line for line in lines if re.fullmatch(pattern, line)], f"{task}: {pattern}: {lines}"
        assert ("looks like" in "".join(patterns)) == any(line.startswith("looks like") for line in lines), task
        assert all("%" not in line for line in lines if line.startswith("beyond its bound: ")), task
    assert "drift     healthy on own: identical" in result.outlines
    assert "compared  nothing" not in result.stdout.str()
    for task, lines in found.items():
        worst = [one for one in map(CHANGED.fullmatch, lines) if one]
        assert len(worst) == 5 and len({one["texts"] for one in worst}) == 5, task
        assert all(one["first"] != one["second"] for one in worst), task
    changes = [one for one in map(CHANGED.fullmatch, result.outlines) if one]
    assert len(changes) > 5 * len(found)  # of tables, too
    assert all(one["before"] != one["now"] and float(one["change"]) for one in changes)
