"""A model may state any maximum length: no run builds a text that nobody reads."""

import shutil
import signal

import pytest

from tests.checkpoints import change_json
from tests.field.recording.conftest import DRIFT, WHOLE
from tests.places import ROOT
from tests.resealing import reseal
from tests.runs import notes, run

LONGEST_WAIT = 60  # seconds; a text of a billion words takes ten minutes, where there is memory for it
MAP = "precision = 'float32'\nlanguages = ['en']\nmax_length = 1_000_000\n"
REASON = "it takes a text of {} words, and none of more than 300,000 is built"
NOT_JUDGED = f"not judged: what lies beyond the model's maximum length ({REASON})"


@pytest.fixture(autouse=True)
def _time_limit():
    def give_up(*_):
        pytest.fail("the run hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST_WAIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_tokenizer_without_a_limit_is_recorded_and_what_is_not_judged_is_said(fresh):
    change_json(fresh.model / "tokenizer_config.json", model_max_length=10**30)
    change_json(fresh.model / "config.json", max_position_embeddings=2**24)
    recorded = fresh.record(DRIFT, "evals/test_contract.py", "-k", "drift or cut_at", "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK
    assert NOT_JUDGED.format("16,777,217") in notes(recorded)
    asked = REASON.format("16,777,226")
    recorded.stdout.fnmatch_lines([f"skipped   *: not asked beyond the maximum length: {asked}"])
    assert "over-length" not in fresh.manifest()["tokens_only"]
    again = fresh.compare()
    assert again.ret == pytest.ExitCode.OK and NOT_JUDGED.format("16,777,217") in notes(again)


def test_task_map_without_a_limit_is_recorded(project):
    (project.path / "tests").symlink_to(ROOT / "tests")
    (project.path / "map.toml").write_text(MAP)
    model = ["--model=python:tests.callables:encode", "--task-map=map.toml"]
    result = run(project, DRIFT, *model, "--snapshot-update", "--quick-recording")
    assert result.ret == pytest.ExitCode.OK
    assert NOT_JUDGED.format("1,000,001") in notes(result)


def test_manifest_that_states_a_trillion_is_read(project, baseline_of_format_1, tmp_path):
    folder = shutil.copytree(baseline_of_format_1, tmp_path / "baselines" / "mini")
    reseal(folder, lambda manifest: manifest.update(max_length=10**12))
    stored = f"--snapshots={folder.parent}"
    assert run(project, *WHOLE, stored, model="mini").ret == pytest.ExitCode.OK
    compared = run(project, DRIFT, "-k", "drift and separation", stored, model="mini")
    assert compared.ret == pytest.ExitCode.TESTS_FAILED
    told = "the baseline was recorded on texts that this version of the suite doesn't know"
    assert told in compared.stdout.str()
