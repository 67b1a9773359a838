"""Long texts and workloads are what they were at 4e49fa0, to the character: baselines and records rest on them."""

import hashlib
import json

import pytest

from fixtures.texts.anchors import anchor_set
from fixtures.texts.long_texts import drawn_text, long_text
from fixtures.texts.workloads import REGIMES, workload


def sha256(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def test_long_texts_are_frozen():
    asked = ((60, 0), (150, 3), (2200, 0), (8200, 0), (530, 0), (1, 23), (40, 25))
    found = [long_text(words, offset=offset) for words, offset in asked]
    assert sha256(found) == "804e0b8f9af6c95e92b464528b68e80b949fd33dd7e0fbcdd6846885a6b7536b"


def test_drawn_texts_are_frozen():
    found = [drawn_text(words, seed) for words, seed in ((4, 1), (16, 2), (80, 3), (390, 4), (390, 5), (5, 6), (7, 7))]
    assert sha256(found) == "47d1de24cd973fe752ba0ffc69a9c46974144b2db61a57f1e40fe02a01061502"


def test_workloads_are_frozen():
    found = {f"{regime}-{tokens}": workload(regime, tokens).texts for regime in REGIMES for tokens in (200, 4000)}
    assert sha256(found) == "8bc744dc82ba18f1ff99745c2f2ffbe069ed346b550fd5b662f461b62ce25fcb"


@pytest.mark.parametrize("words", [1, 30, 1000])
def test_long_text_has_as_many_words_as_asked_for(words):
    assert len(long_text(words).split()) == words


def test_anchors_of_the_bundled_model_are_those_that_its_baseline_was_recorded_on():
    assert anchor_set(1024).digest == "703be0774d734316f6c481d45e9b6190c38f0bd8492a2e063ea584fc54eb36ee"
