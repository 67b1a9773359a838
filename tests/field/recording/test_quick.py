"""Quick recordings say what they can't judge and are replaced by thorough ones; and how large a baseline is."""

import json

import pytest
from tokenizers import Tokenizer

from fixtures.texts.anchors import PROBES, anchor_set
from tests.checkpoints import TASKS, change_json, write_native_checkpoint
from tests.checkpoints.weights import Size
from tests.field.recording.conftest import DRIFT, Recordings
from tests.places import ROOT
from tests.runs import notes, refusal, run

MINI = ROOT / "fixtures" / "checkpoints" / "mini"
SAID = (
    "recorded quickly: bounds for float32 alone, from few harmless runs, so they are wider; runs in any other dtype "
    "can't be compared with it"
)


@pytest.fixture
def quick(fresh) -> Recordings:
    assert SAID in notes(fresh.record(DRIFT, "--quick-recording"))
    return fresh


def bounds(recorded: Recordings) -> dict:
    return json.loads(recorded.files()["tolerance.json"])


def test_quick_recording_has_four_variations_in_one_dtype(quick):
    assert {dtype: len(entry["variations"]) for dtype, entry in bounds(quick).items()} == {"float32": 4}
    # Nothing else moves the mean of the similarities as far as another processor does.
    assert "without oneDNN" in bounds(quick)["float32"]["variations"]
    assert quick.compare().ret == pytest.ExitCode.OK


def test_run_in_another_dtype_is_not_comparable_with_it(quick):
    result = quick.compare(DRIFT, "--dtype=bfloat16")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "no bounds were measured for bfloat16 when snapshots/own was recorded" in result.stdout.str()


def test_thorough_recording_replaces_it_though_nothing_moved_and_not_the_other_way_round(quick):
    assert quick.record().ret == pytest.ExitCode.OK
    assert set(bounds(quick)) == {"float32", "bfloat16", "float16"} and quick.manifest()["null_set"] == "thorough"
    before = quick.files()
    assert quick.record(DRIFT, "--quick-recording").ret == pytest.ExitCode.OK and quick.files() == before
    assert quick.compare(DRIFT, "--dtype=bfloat16").ret == pytest.ExitCode.OK


def test_option_without_a_recording_is_refused(fresh):
    told = "--quick-recording: nothing is recorded without --snapshot-update; add it, or leave this out"
    assert refusal(fresh.compare(DRIFT, "--quick-recording")) == told


def test_page_counts_the_tokens_of_a_recording():
    anchors, tokenizer = anchor_set(1024), Tokenizer.from_file(str(MINI / "tokenizer.json"))
    lengths = {name: min(1024, len(tokenizer.encode(text).ids)) for name, text in anchors.texts.items()}
    every, over_length = sum(lengths.values()), sum(lengths[name] for name in anchors.over_length)
    ran = json.loads((ROOT / "snapshots" / "mini" / "tolerance.json").read_text())
    counts = {dtype: len(entry["variations"]) for dtype, entry in ran.items()}
    assert counts == {"float32": 12, "bfloat16": 4, "float16": 4}
    probes = sum(lengths[name] for name in PROBES)
    told = [every, 12 * every + 8 * (every - over_length), 4 * every, 19 * probes, 23 * probes]
    page = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
    assert [figure for figure in told if f"{figure:,}" not in page] == []


def test_baseline_of_1024_dimensions_and_five_tasks_takes_at_most_3_megabytes(project, tmp_path):
    size = Size(hidden=1024, layers=1, heads=16, inner=256, matryoshka=(1024,))
    folder = write_native_checkpoint(tmp_path / "own", size=size)
    change_json(folder / "tokenizer_config.json", model_max_length=64)
    recorded = Recordings(project, folder)
    assert run(project, DRIFT, "--snapshot-update", "--quick-recording", model=folder).ret == pytest.ExitCode.OK
    assert set(recorded.manifest()["spec"]["tasks"]) == set(TASKS) and recorded.manifest()["spec"]["dimension"] == 1024
    assert 2e6 < sum(len(content) for content in recorded.files().values()) <= 3e6
