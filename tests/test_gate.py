"""The gate on a tiny random model: recording, every outcome, what a failure says, and damaged baselines."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from fixtures import VERSION
from fixtures.baselines import accepting, recording
from fixtures.baselines import baseline as stored
from fixtures.baselines.accepting import Accepted
from fixtures.baselines.baseline import Baseline
from fixtures.baselines.folder_update import FolderUpdate
from fixtures.baselines.manifest import FORMAT
from fixtures.baselines.reference import reference_of
from fixtures.comparing import drift, statistics
from fixtures.comparing.bounds import Bound
from fixtures.comparing.compare import compare, compare_task
from fixtures.comparing.counterparts import Counterpart
from fixtures.comparing.diagnosis import Finding
from fixtures.errors import BaselineError
from fixtures.models.model_parts import CONFIGURATION, part_of
from fixtures.models.source import Source
from fixtures.observing.observation import Observation, anchor_tokens, observe
from fixtures.runtimes import registry
from fixtures.runtimes.faults import prefixed
from fixtures.runtimes.jina_v3 import faults, variations
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.anchors import anchor_set, hashes
from tests.faults import pipeline, weights
from tests.resealing import reseal

TASK = "retrieval.query"
SOURCE = Source("models/tiny", "models/tiny-2")


@pytest.fixture(scope="module")
def encoder(native_checkpoint) -> TorchEncoder:
    encoder = TorchEncoder(load_model(inspect_checkpoint(native_checkpoint, name="tiny")))
    encoder.packages = registry.JINA_V3.packages  # as ``registry.opened`` hands them over
    return encoder


@pytest.fixture(scope="module")
def recorded(encoder, tmp_path_factory) -> Path:
    """A baseline of the tiny model, in float32 only."""
    home = tmp_path_factory.mktemp("recorded")
    folder = home / "snapshots" / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(recording, "DTYPES", ("float32",))
        result = update(encoder, folder)
    assert result.notes == ["recorded anchors in snapshots/tiny, with bounds from a new null set"]
    return folder


@pytest.fixture
def folder(recorded, tmp_path, monkeypatch) -> Path:
    """A copy of the baseline that a test may change; updates of it run a short null set."""
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    whole = variations.variations
    monkeypatch.setattr(variations, "variations", lambda encoder, thorough: whole(encoder, thorough=False))
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(recorded, tmp_path / "snapshots" / "tiny"))


def staged(encoder: TorchEncoder, folder: Path, change: FolderUpdate) -> Accepted:
    anchors, known = anchor_set(encoder.spec.max_length), Baseline(folder, change)
    return accepting.stage(observe(encoder, anchors), anchors, encoder, registry.JINA_V3, known, change, source=SOURCE)


def update(encoder: TorchEncoder, folder: Path) -> Accepted:
    change = FolderUpdate(folder)
    result = staged(encoder, folder, change)
    change.commit()
    return result


def judge(encoder: TorchEncoder, folder: Path) -> dict[str, Finding]:
    anchors = anchor_set(encoder.spec.max_length)
    return compare(reference_of(Baseline(folder)), observe(encoder, anchors), anchors)


def problem_of(folder: Path) -> str:
    """What is said of a baseline that can't be used."""
    with pytest.raises(BaselineError) as refused:
        reference_of(Baseline(folder))
    return str(refused.value)


def finding(encoder: TorchEncoder, folder: Path, inject, task: str = TASK) -> Finding:
    with inject(encoder, task) as faulty:
        return compared(encoder, folder, faulty.encode, task)


def compared(encoder: TorchEncoder, folder: Path, answer, task: str) -> Finding:
    """The finding on a task whose embeddings are those of ``answer``, with the encoder's own token ids."""
    anchors = anchor_set(encoder.spec.max_length)
    new = Observation(encoder.spec, answer=answer, tokens=anchor_tokens(encoder, anchors))
    return compare_task(reference_of(Baseline(folder)), new, anchors, Counterpart(task, task))


def test_same_model_is_identical_on_every_task(encoder, folder):
    outcomes = {found.verdict.outcome for found in judge(encoder, folder).values()}
    assert outcomes == {drift.IDENTICAL}


def test_baseline_lists_what_was_recorded(encoder, folder):
    manifest = Baseline(folder).manifest()
    checkpoint = encoder.loaded.checkpoint
    assert manifest["format"] == FORMAT and manifest["suite"] == VERSION
    assert manifest["source"] == {"given": "models/tiny", "resolved": "models/tiny-2"}
    assert manifest["environment"]["device"].startswith("cpu (") and manifest["environment"]["versions"]["torch"]
    recorded = Baseline(folder).recorded()
    assert (recorded.spec.name, recorded.spec.precision, recorded.source) == ("tiny", "float32", SOURCE)
    assert recorded.spec.identity == checkpoint.weights_hash and recorded.spec.prompts == checkpoint.prefixes
    assert recorded.token_texts == hashes(anchor_set(500).token_texts)
    assert str(checkpoint.root) not in json.dumps(manifest)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], stored.MANIFEST}
    Baseline(folder).check_whole()


def test_baseline_that_an_earlier_version_recorded_with_less_in_it_is_current(encoder, folder):
    """Else --snapshot-update of an unchanged model would record it anew, which takes minutes to hours."""

    def as_before(manifest):
        del manifest["spec"]["pooling_modes"], manifest["environment"]["threads"]
        files = manifest["spec"]["details"]["model_files"]
        for name in [name for name in files if part_of(name) == CONFIGURATION]:
            del files[name]

    reseal(folder, as_before)
    change = FolderUpdate(folder)
    assert (staged(encoder, folder, change).problem, dict(change.contents())) == (None, {})


def test_bounds_name_the_variations_behind_them(folder):
    tolerance = json.loads((folder / stored.TOLERANCE).read_text())["float32"]
    assert tolerance["runs"] == 5 * len(tolerance["variations"]) >= 5 * 11
    assert all(tolerance["bounds"][name] >= 2 * seen for name, seen in tolerance["largest_seen"].items())
    assert all(0 <= count <= tolerance["runs"] for count in tolerance["moved"].values())


def test_other_batches_are_within_tolerance(encoder, folder):
    batched = TorchEncoder(encoder.loaded, batch_tokens=300)
    outcomes = {found.verdict.outcome for found in judge(batched, folder).values()}
    assert outcomes <= set(drift.ACCEPTABLE)


def test_moved_weights_are_drift_with_the_worst_pairs_and_their_texts(encoder, folder):
    found = finding(encoder, folder, weights.noise(1e-3))
    assert found.verdict.outcome == drift.DRIFTED
    assert found.explanation[0].startswith("beyond its bound: ") and "x)" in found.explanation[0]
    assert found.explanation[1].startswith("cosine to the baseline: lowest 0.99")
    shifts = [abs(case.figures["now"] - case.figures["before"]) for case in found.worst]
    assert len(shifts) == 5 and shifts == sorted(shifts, reverse=True) and shifts[-1] > 0
    anchors = set(anchor_set(500).texts.values())
    assert all(len({*case.texts.values()} & anchors) == 2 for case in found.worst)


@pytest.mark.parametrize(
    ("inject", "says"),
    [
        (faults.answered_by("separation"), "the separation adapter"),
        (faults.answered_by(None), "the base weights"),
        (prefixed(lambda own, _: ""), "prefix missing on retrieval.query"),
        (faults.replaced(faults.ClsPooling), "CLS pooling on retrieval.query"),
        (faults.truncated(128), "cut at 128 tokens on retrieval.query"),
    ],
)
def test_known_fault_is_named(encoder, folder, inject, says):
    found = finding(encoder, folder, inject)
    assert any(line.startswith("looks like: ") and says in line for line in found.explanation), found.explanation


def test_answers_of_another_task_are_named(encoder, folder):
    found = finding(encoder, folder, faults.answered_by("classification"), task="separation")
    assert "looks like: separation answers with the classification adapter" in found.explanation


def test_answers_of_a_task_with_another_prefix_are_named_with_it(encoder, folder):
    found = compared(encoder, folder, lambda texts, task: encoder.encode(texts, "separation"), TASK)
    assert f"looks like: {TASK} answers with the separation adapter and prefix" in found.explanation


def test_rotated_space_needs_a_new_index(encoder, folder):
    found = finding(encoder, folder, pipeline.rotated)
    assert found.verdict.outcome == drift.ROTATED


def test_nan_names_the_texts(encoder, folder):
    found = finding(encoder, folder, faults.replaced(pipeline.NanInLongestRow))
    assert "looks like: overflow or a kernel fault: check the device and dtype" in found.explanation
    assert any(line.startswith("not finite on ") for line in found.explanation)


def test_other_token_ids_are_told_from_a_moved_model(encoder, folder):
    class Lowered(TorchEncoder):
        def tokenize(self, texts, task, *, prefix=None):
            return super().tokenize([text.lower() for text in texts], task, prefix=prefix)

    found = judge(Lowered(encoder.loaded), folder)[TASK]
    assert found.verdict.outcome == drift.TOKENIZER
    assert any(line.startswith("token ids differ on ") for line in found.explanation)


@pytest.mark.parametrize(
    ("length", "says"),
    [
        (512, "cut at 500 tokens, was 512"),
        (None, "cut at 500 tokens; the old system stated no maximum length"),
    ],
)
def test_texts_that_one_side_cuts_are_compared_apart(encoder, folder, length, says):
    reseal(folder, lambda manifest: manifest["spec"].update(max_length=length))
    found = judge(encoder, folder)[TASK]
    assert found.verdict.outcome == drift.IDENTICAL
    assert found.beyond.told == says and found.beyond.moved == 0 and found.beyond.texts
    assert not [text for text in found.beyond.texts if len(text) < 500]


def test_dtype_without_measured_bounds_is_not_comparable(encoder, folder):
    half = TorchEncoder(load_model(encoder.loaded.checkpoint, dtype="bfloat16"))
    found = judge(half, folder)[TASK]
    assert found.explanation[0] == "no bounds were measured for bfloat16 when snapshots/tiny was recorded"
    assert found.explanation[1].startswith("moved, not judged: matrix max ") and len(found.explanation) == 3
    assert found.verdict.statistics["vector max"] > 0 and found.verdict.shares == {}


# --- accepting ----------------------------------------------------------------------------------------------------


def test_accepted_drift_is_told_and_written_down(encoder, folder):
    with weights.noise(1e-3)(encoder, TASK) as moved:
        result = update(moved, folder)
        assert result.notes[0] == "accepted into snapshots/tiny, with bounds from a new null set:"
        assert result.notes[1].startswith("  retrieval.query: drifted; matrix max ")
        assert {found.verdict.outcome for found in judge(moved, folder).values()} == {drift.IDENTICAL}
    first, second = Baseline(folder).ledger()
    assert first["accepted"] == {} and second["accepted"][TASK]["outcome"] == drift.DRIFTED
    assert second["accepted"][TASK]["vector max"] > 0


def test_update_without_drift_writes_nothing(encoder, folder):
    before = contents(folder)
    assert update(encoder, folder).notes == []
    assert contents(folder) == before


def test_what_is_not_finite_is_never_recorded(encoder, folder):
    before = contents(folder)
    broken = pipeline.NanInLongestRow(encoder.loaded)
    assert update(broken, folder).problem.startswith("not recorded: embeddings hold NaN or infinity under retrieval.")
    assert contents(folder) == before


def test_model_that_changes_while_it_is_measured_is_never_recorded(encoder, folder, monkeypatch):
    before = contents(folder)
    file = encoder.loaded.checkpoint.folder / "tokenizer.json"
    original, measure = file.read_bytes(), recording.measure_tolerance

    def changed_meanwhile(*arguments, **options):
        file.write_bytes(original + b"\n")
        return measure(*arguments, **options)

    monkeypatch.setattr(recording, "measure_tolerance", changed_meanwhile)
    change = FolderUpdate(folder)
    try:
        with weights.noise(1e-2)(encoder, TASK) as moved:
            result = staged(moved, folder, change)
    finally:
        file.write_bytes(original)
    assert result.problem == "not recorded: tokenizer.json changed while the model was measured; run again"
    change.commit()
    assert contents(folder) == before


def test_what_a_library_warns_of_while_it_loads_another_dtype_is_a_note(encoder, monkeypatch):
    def warned(*arguments, **options):
        warnings.warn("load_adapter will be removed", FutureWarning, stacklevel=1)
        return load_model(*arguments, **options)

    monkeypatch.setattr("fixtures.runtimes.jina_v3.encoder.load_model", warned)
    monkeypatch.setattr(encoder, "notes", [])
    assert encoder.in_dtype("bfloat16").loaded.dtype == "bfloat16"
    assert encoder.notes == ["a library warns: load_adapter will be removed"]


def test_tables_of_a_recording_are_those_of_the_model(encoder, folder):
    with weights.noise(1e-2)(encoder, TASK) as moved, torch.no_grad():
        update(moved, folder)
    Baseline(folder).check_whole()
    assert "similarity/separation.txt" in Baseline(folder).manifest()["files"]


# --- damage -------------------------------------------------------------------------------------------------------


def test_run_in_another_dtype_does_not_replace_a_float32_baseline(encoder, folder, monkeypatch):
    before = contents(folder)
    rounded = TorchEncoder(load_model(encoder.loaded.checkpoint, dtype="bfloat16"))
    monkeypatch.setattr(
        Baseline, "bounds", lambda self, *asked: dict.fromkeys(statistics.STATISTICS, Bound(1e-9, "made up"))
    )
    assert update(rounded, folder).problem.startswith("not recorded: snapshots/tiny is in float32, ")
    assert contents(folder) == before


@pytest.mark.parametrize("name", [stored.ANCHORS, stored.LEDGER, stored.SIGNATURES, "similarity/separation.txt"])
def test_update_replaces_a_damaged_baseline(encoder, folder, name):
    (folder / name).write_bytes(b"not what was recorded")
    assert update(encoder, folder).problem is None
    Baseline(folder).check_whole()
    assert {found.verdict.outcome for found in judge(encoder, folder).values()} == {drift.IDENTICAL}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bounds_of_the_tiny_model_are_tight(folder):
    bounds = {name: bound.value for name, bound in Baseline(folder).bounds("float32").items()}
    assert bounds["matrix max"] < 1e-4 and np.isfinite(list(bounds.values())).all()
