"""Questions ask about what their passage says, and the passage keeps the answer."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="the recipe needs numpy")
pytest.importorskip("tqdm", reason="the recipe shows progress with tqdm")
pytest.importorskip("wordfreq", reason="questions ask for rare words, which wordfreq knows")

from recipe import pairs, questions
from recipe.catalogues import Group
from recipe.corpora import english_definitions
from recipe.sources import CORE_LANGUAGES
from recipe.texts import TrainingText, cut_into_passages, gloss, split_passage
from recipe.workspace import Workspace, write_json_lines

PASSAGE = "The miller sold his flour in town. A heron stood in the shallow water. Nobody had mended the bridge."


@pytest.mark.parametrize("language", CORE_LANGUAGES)
def test_every_language_has_ways_to_ask(language):
    rng = random.Random(0)
    for _ in range(40):
        assert "X1" in questions.ask_about("X1", language, rng)
        asked = questions.ask_whether("1X.", language, rng)
        assert "1X" in asked and "1X." not in asked


def test_sentence_keeps_its_words_when_asked():
    asked = {questions.ask_whether("Der Müller schläft.", "de", random.Random(seed)) for seed in range(30)}
    assert all("Der Müller schläft" in question for question in asked)  # German nouns keep their capitals
    assert len(asked) > 3


def test_rarest_words_come_in_the_order_of_the_text():
    assert pairs.rarest_words("The heron stood in the shallow water", "en", 2) == ["heron", "shallow"]


def test_passage_without_its_sentence_is_still_about_the_question():
    rng = random.Random(1)
    sentences = split_passage(PASSAGE)
    assert len(sentences) == 3
    seen = {pairs._passage(sentences, 1, "en", rng) for _ in range(30)}
    assert seen == {PASSAGE, PASSAGE.replace("A heron stood in the shallow water. ", "")}


def test_pairs_of_groups_cross_languages():
    texts = {"en": [PASSAGE], "es": ["El molinero vendía harina. Nadie arregló el puente."]}
    made = list(pairs.pairs_of_groups([Group("joined", texts), Group("tale", texts)], 60, random.Random(0)))
    assert len(made) == 60
    spanish = [pair for pair in made if pair.passage == texts["es"][0]]
    assert any(pair.question.startswith("¿") for pair in made if pair not in spanish)
    assert any(not pair.question.startswith("¿") for pair in spanish)


def test_pairs_of_passages_stay_in_their_language(tmp_path: Path):
    workspace = Workspace(tmp_path)
    texts = [TrainingText(PASSAGE, "en", "passage"), TrainingText("El pan está caliente.", "es", "story")]
    write_json_lines(workspace.texts, map(asdict, texts))
    (pair,) = pairs.pairs_of_passages(workspace, 5, random.Random(0))
    assert set(pair.passage.split()) <= set(PASSAGE.split())


def test_definitions_are_read_with_their_words(tmp_path: Path):
    workspace = Workspace(tmp_path)
    folder = workspace.package("debian", "wordnet-base")
    folder.mkdir(parents=True)
    (folder / "data.noun").write_text(
        "  1 This is the licence.\n"
        '02 05 n 02 grey_heron 0 heron 0 001 @ 01 n 0000 | a wading bird; "the heron stood still"  \n'
    )
    (entry,) = english_definitions(workspace)
    assert entry.words == ("grey heron", "heron")
    assert entry.definition == "a wading bird"
    assert entry.examples == ("the heron stood still",)


def test_gloss_takes_one_translation_of_each_word():
    lexicon = {"a": ["un, une"], "bird": ["oiseau"]}
    assert gloss("A wading bird", lexicon, " ", random.Random(0)) in {"un oiseau", "une oiseau"}
    assert gloss("A wader", lexicon, " ", random.Random(0)) == ""


def test_passages_are_cut_between_sentences():
    cut = list(cut_into_passages(" ".join([PASSAGE] * 9), "en", random.Random(3)))
    assert len(cut) > 2
    assert " ".join(cut) == " ".join([PASSAGE] * 9)
    assert all(passage.endswith(".") for passage in cut)
