"""What docs/task-maps.md promises, on whole runs of its example and of a callable that counts what it is asked."""

import json
import re

from tests.places import ROOT
from tests.runs import failed, run_apart, run_callable

PAGE = (ROOT / "docs" / "task-maps.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "english_words"
BEHAVIOR = "evals/test_behavior.py"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_page_shows_the_example_as_it_is():
    code, shown = EXAMPLE.with_suffix(".py").read_text("utf-8"), blocks("python")
    assert len(shown) == 1 and code.endswith("\n\n" + shown[0])
    assert len([line for line in shown[0].splitlines() if line.strip()]) == 6
    assert EXAMPLE.with_suffix(".toml").read_text("utf-8") in blocks("toml")


def test_languages_are_the_line_without_which_fifteen_more_behaviours_fail(project):
    (project.path / "examples").symlink_to(ROOT / "examples")
    stated = EXAMPLE.with_suffix(".toml").read_text("utf-8")
    (project.path / "all.toml").write_text(stated.replace('languages = ["en"]\n', ""))
    options = [BEHAVIOR, "--model=python:examples.english_words:encode", "-q"]
    own = set(failed(run_apart(*options, "--task-map=examples/english_words.toml")))
    every = set(failed(run_apart(*options, "--task-map=all.toml")))
    assert own == {"test_question_finds_its_passage_in_every_language[own-en]"}
    assert own < every and len(every) - len(own) == 15 and "15 more behaviours fail on it" in PAGE


def test_page_says_what_a_callable_is_asked(project, monkeypatch):
    task_map = EXAMPLE.with_suffix(".toml").read_text("utf-8")
    monkeypatch.setenv("COUNTED", str(project.path / "counted"))

    def count(*arguments: str) -> dict[str, int]:
        run_callable(project, "counted", "-q", *arguments, task_map=task_map)
        return json.loads((project.path / "counted").read_text())

    thorough = count("evals/test_drift.py", "--snapshot-update")
    compared = count("evals/test_drift.py", "evals/test_similarity.py")
    every = count("evals", "--deselect=evals/test_throughput.py")
    (project.path / "snapshots" / "tests.callables.counted" / "manifest.json").unlink()
    quick = count("evals/test_drift.py", "--snapshot-update", "--quick-recording")
    said = {
        name: f"{found['texts']:,} texts of {found['words']:,} words in {found['calls']} calls"
        for name, found in {"thorough": thorough, "quick": quick, "compared": compared, "every": every}.items()
    }
    assert all(line in re.sub(r"\s+", " ", PAGE) for line in said.values()), said
