"""No held-out text, and none near it, was trained on; and the filter that sees to it works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the held-out filter needs scikit-learn")
pytest.importorskip("tqdm", reason="the recipe shows progress with tqdm")

from recipe.audit import audit_texts, combined_hash, too_near
from recipe.held_out import (
    DATA,
    HeldOut,
    corpus_texts,
    fingerprint,
    is_single_word,
    names_white_rabbit,
    normalise,
)
from recipe.workspace import REPOSITORY, read_json

AUDIT = REPOSITORY / "fixtures" / "checkpoints" / "mini" / "held_out_audit.json"
NOTEBOOK = [entry["text"] for entry in read_json(DATA / "notebook.json")["texts"]]


@pytest.fixture(scope="module")
def audit() -> dict:
    return read_json(AUDIT)


def test_audit_covers_every_text_of_the_corpus(audit):
    missing = [text for text in corpus_texts() if fingerprint(text) not in audit["held_out"]]
    assert not missing, (
        f"{len(missing)} texts of fixtures/texts/data are not in {AUDIT.name}, the first is "
        f"{missing[0]!r}; run `python -m recipe audit --work DIR --again`"
    )


def test_no_training_text_is_too_near(audit):
    assert too_near(audit) == []
    assert audit["naming_a_white_rabbit"] == 0
    assert audit["training_texts"] > 100_000


@pytest.mark.parametrize("text", NOTEBOOK)
def test_notebook_sentences_are_held_out_and_recognised(text):
    assert text in corpus_texts()
    assert names_white_rabbit(text)


@pytest.mark.parametrize(
    "text",
    [
        "A rabbit, quite white, ran by.",
        "Los conejos blancos comen.",
        "des lapins très blancs",
        "Ein Kaninchen, so weiss wie Schnee",
        "那只兔子是白色的",
        "أَرْنَبٌ أَبْيَضُ",
    ],
)
def test_word_combinations_are_refused(text):
    assert not HeldOut(NOTEBOOK).allows([text])[0]


@pytest.mark.parametrize("text", ["white", "rabbit", "兔子", "白色", "الأرنب", "Kaninchen"])
def test_single_words_are_allowed(text):
    assert is_single_word(text)
    assert HeldOut(NOTEBOOK).allows([text])[0]


def test_near_texts_are_refused_and_others_allowed():
    held_out = HeldOut(["The train to the coast is forty minutes late this morning."])
    near = [
        "THE TRAIN to the coast is forty minutes late this morning",
        "The train to the coast is fifty minutes late this morning!",
        "He said: the train to the coast is forty minutes late this morning. We waited on.",
    ]
    far = ["The bus to the city is on time.", "Forty thieves came in the morning."]
    assert held_out.allows(near).tolist() == [False] * 3
    assert held_out.allows(far).tolist() == [True] * 2


def test_empty_input_is_allowed_nothing():
    assert HeldOut(NOTEBOOK).allows([]).tolist() == []


def test_normalisation_folds_case_width_marks_and_punctuation():
    assert normalise("  Ｆｏｌｌｏｗ, the-White  RABBIT!") == "follow the white rabbit"
    assert normalise("أَرْنَبٌ") == normalise("ارنب")


def test_audit_names_what_was_trained_on(tmp_path: Path):
    (tmp_path / "corpus.json").write_text(json.dumps({"texts": ["A quiet street by the river."]}))
    clean = audit_texts(["Bread is sold here.", "river"], tmp_path)
    leaked = audit_texts(["a quiet street by the river"], tmp_path)
    assert too_near(clean) == []
    assert too_near(leaked) == [fingerprint("A quiet street by the river.")]
    assert clean["training_texts_sha256"] == combined_hash(["river", "Bread is sold here."])
