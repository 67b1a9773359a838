"""Floors of the behaviours are those that docs/floors.md shows, as its command printed them."""

import re

import pytest

from evals import test_behavior as behaviours
from tests.places import ROOT

PAGE = (ROOT / "docs" / "floors.md").read_text(encoding="utf-8")
SECTIONS = {
    "translations above unrelated pairs, sd": behaviours.TRANSLATION_GAP,
    "translation beats an unrelated pair": behaviours.TRANSLATION_OVER_UNRELATED,
    "translation nearest (accuracy@1)": behaviours.TRANSLATION_NEAREST,
    "the seven above other texts, sd": behaviours.SHOWN_GAP,
    "translated paraphrases above unrelated pairs, sd": behaviours.PARAPHRASE_GAP,
    "nDCG@10, own language": behaviours.RETRIEVAL,
    "paraphrase nearer than the near miss (number, time, cause)": behaviours.OVER_NEAR_MISS,
    **{f"nearest after rewriting: {name}": floor for name, floor in behaviours.REWRITTEN.items()},
}
DAMAGE = {
    behaviours.ANOTHER_POOLING: "CLS pooling",
    behaviours.LOST_LANGUAGE: "a language cut from the vocabulary",
    behaviours.MIXED_UP: "vectors of a language shuffled",
    behaviours.LAST_LAYER: "without its last layer",
}


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].partition("\n## ")[0]


@pytest.mark.parametrize("title", SECTIONS)
def test_floor_is_the_one_that_the_rule_gives(title):
    floor = SECTIONS[title]
    assert re.search(rf"^Floor: {floor.value:.3f}\.$", section(title), re.MULTILINE)
    (row,) = [line for line in section(title).splitlines() if line.startswith(f"| {DAMAGE[floor.damage]} |")]
    assert row.endswith("| gates |") and f"| {floor.value:.3f} |" in row


def test_claims_without_a_floor_are_reported_alone():
    for title in ("own paraphrase above translated ones, sd",):
        assert "\nFloor: none; reported." in section(title)
