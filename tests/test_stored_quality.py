"""``quality.json``: what was measured comes back to the last bit, without a text; the bundled model has one."""

import json

import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.baselines.file_names import QUALITY
from fixtures.baselines.reference import reference_of
from fixtures.baselines.stored_quality import RECORDED_BEFORE, read_quality, write_quality
from fixtures.comparing import quality
from fixtures.comparing.no_loss import judge
from fixtures.comparing.paired import paired
from fixtures.comparing.rows import HOLDS
from fixtures.texts.evidence import GATING_KINDS, digests, evidence_set, id_of
from fixtures.texts.text_sets import TextSet
from tests.places import ROOT
from tests.small_text_sets import answering, random_vectors, some_evidence

MINI = ROOT / "snapshots" / "mini"
FORMATS = ROOT / "tests" / "data" / "baselines"


@pytest.fixture(scope="module")
def some() -> TextSet:
    return some_evidence()


@pytest.fixture(scope="module")
def measured(some: TextSet) -> dict[str, quality.Quality]:
    return quality.all_of(answering(some, random_vectors(some)), some)


def test_what_was_measured_comes_back_to_the_last_bit(some, measured):
    back = read_quality(json.loads(write_quality(measured, digests(some))))
    assert back.texts == digests(some) and back.by_measure.keys() == measured.keys()
    for name, found in measured.items():
        read = back.by_measure[name]
        assert read.values == found.values
        assert {key: (item.id, item.found.name) for key, item in read.items.items()} == {
            key: (item.id, item.found.name) for key, item in found.items.items()
        }
        assert read.true_pairs == pytest.approx(found.true_pairs, abs=1e-6)
        assert read.unrelated.keys() == found.unrelated.keys()
        for language, shares in found.unrelated.items():
            assert read.unrelated[language] == pytest.approx(shares, abs=1e-6)
    assert {item.found.similarity for item in back.by_measure["classification"].items.values()} == {None}


def test_same_answers_differ_by_nothing_in_every_role(some, measured):
    back = read_quality(json.loads(write_quality(measured, digests(some)))).by_measure
    sides = {name: paired(back[name].values, measured[name].values) for name in measured}
    assert all((one.difference.mean, one.difference.spread) == (0, 0) for one in sides.values())
    assert {verdict.outcome for verdict in judge(sides).values()} == {HOLDS}


def test_measure_of_a_later_version_is_left_out(some, measured):
    content = json.loads(write_quality(measured, digests(some)))
    content["measures"]["of tomorrow"] = {"items": 5}
    assert read_quality(content).by_measure.keys() == measured.keys()


def test_model_without_roles_has_a_file_without_measures(some):
    back = read_quality(json.loads(write_quality({}, digests(some))))
    assert back.by_measure == {} and back.texts == digests(some)


def test_stored_file_of_the_bundled_model_is_on_todays_texts_small_and_without_them():
    content = (MINI / QUALITY).read_bytes()
    stored = Baseline(MINI).quality()
    texts = evidence_set()
    assert stored.texts == digests(texts)
    assert len(content) < 300_000
    written = content.decode()
    assert not any(json.dumps(text.text, ensure_ascii=False)[1:-1] in written for text in texts.texts)
    assert list(stored.by_measure) == [measure.name for measure in quality.MEASURES]
    fit = {(text.group, text.language) for text in texts.texts if text.kind in GATING_KINDS}
    assert stored.by_measure["similarity"].values.keys() == fit
    every = {(text.group, text.language) for text in texts.texts}
    ids = {text.id for text in texts.texts}
    for name in ("retrieval", "clustering", "classification"):
        assert stored.by_measure[name].values.keys() == every
    for name in ("retrieval", "similarity"):
        assert stored.by_measure[name].true_pairs.keys() == every
        assert stored.by_measure[name].unrelated.keys() == set(texts.languages)
    for name in ("retrieval", "similarity", "clustering"):
        assert {item.found.name for item in stored.by_measure[name].items.values()} <= ids
    assert stored.by_measure["retrieval"].items["bees-01", "de"].id == id_of("bees-01", "question", "de") in ids


@pytest.mark.parametrize("name", ["format-1", "format-2"])
def test_baseline_from_before_quality_was_stored_is_read_and_says_so(name):
    baseline = Baseline(FORMATS / name / "mini")
    baseline.check_whole()
    assert baseline.quality() is None
    assert reference_of(baseline).without_quality == RECORDED_BEFORE
    assert reference_of(Baseline(MINI)).without_quality is None
