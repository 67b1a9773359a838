"""The example's repository upgrades its model: a new version that drifts passes, one that lost a language fails."""

import shutil

import numpy as np
import pytest
from tokenizers import Tokenizer

from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from fixtures.texts.evidence import evidence_set
from tests.checkpoints import change_tensors
from tests.field.own_repository import EVALS, MODEL, clone_of, example_in_git, suite_in_git
from tests.runs import closing_lines, printed

UPGRADE = f"pytest {EVALS}/test_quality.py {EVALS}/test_drift.py --model={MODEL} --device=cpu --expect no-loss"
DATA = "--data=search-data"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upgrades")
    return example_in_git(folder / "service", suite_in_git(folder))


@pytest.fixture
def upgraded(service, tmp_path):
    """Gives a clone whose model is the bundled one with other weights."""

    def make(file, change):
        clone = clone_of(service, tmp_path / "clone")
        folder = shutil.copytree(BUNDLED_FOLDER, clone.folder / MODEL)
        change_tensors(folder / file, change)
        return clone

    return make


def grow(tensors):
    """As a little more training would: everything that the adapter adds is a twentieth larger."""
    for name in tensors:
        if "lora_B" in name:
            tensors[name] = (tensors[name] * 1.05).astype(tensors[name].dtype)


def forget_german(tensors):
    """Pieces of words that German texts have and English ones lack become those of others."""
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    texts = evidence_set()
    german, english = (
        {one for text in texts.within([language]).texts for one in tokenizer.encode(text.text).ids}
        for language in ("de", "en")
    )
    (name,) = (name for name in tensors if name.endswith("word_embeddings.weight"))
    rows = np.array(sorted(german - english))
    tensors[name][rows] = tensors[name][rows[::-1]]


def test_new_version_that_drifts_and_does_its_work_passes(upgraded):
    clone = upgraded("text_matching/adapter_model.safetensors", grow)
    result = clone.run(f"{UPGRADE} {DATA}")
    assert result.ret == 0
    lines = closing_lines(result)
    assert lines[0].startswith("verdict   on cpu: not worse by more than 0.05 in five of five measures")
    assert any(line.startswith("drift     text-matching on cpu: drifted") for line in lines)
    same = clone.run(f"{UPGRADE} {DATA}".replace("no-loss", "same"))
    assert same.ret == 1


def test_new_version_that_lost_a_language_fails_and_says_which(upgraded):
    clone = upgraded("model.safetensors", forget_german)
    result = clone.run(f"{UPGRADE} {DATA}")
    assert result.ret == 1
    assert " in de lost " in closing_lines(result)[0] or "most in de" in closing_lines(result)[0]
    assert "worst language: " in printed(result) and " in de: -" in printed(result)


def test_queries_of_its_own_must_be_given(upgraded):
    clone = upgraded("text_matching/adapter_model.safetensors", lambda tensors: None)
    result = clone.run(UPGRADE)
    assert result.ret == 1
    assert "was recorded with queries of yours: give that folder with --data" in printed(result)
