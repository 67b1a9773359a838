"""A recording is one whole, whatever was selected; and what the summary says was recorded is on the disk."""

import json

import pytest

from fixtures.baselines import recording
from fixtures.hardware import devices
from fixtures.models import task_maps
from fixtures.runtimes.jina_v3 import checkpoint
from tests.checkpoints import change_json
from tests.field.recording.conftest import DRIFT, PARTS, TABLE, TASK
from tests.places import contents
from tests.resealing import reseal
from tests.runs import notes, refusal, run

SIMILARITY = "evals/test_similarity.py"
ONE_TABLE = f"{SIMILARITY}::test_similarity_matrix_is_that_of_the_baseline[cpu-{TASK}]"
BOTH = [DRIFT, SIMILARITY]


@pytest.mark.parametrize("selected", [[SIMILARITY], [ONE_TABLE], ["evals", "-k", "similarity_matrix_is_that"]])
def test_first_recording_is_of_the_whole_baseline_whatever_is_selected(fresh, selected):
    result = fresh.record(*selected)
    assert result.ret == pytest.ExitCode.OK
    assert fresh.files().keys() == PARTS == {*fresh.manifest()["files"], "manifest.json"}
    said = fresh.manifest()["spec"]
    assert said["name"] == "own" and said["precision"] == "float32"
    result.stdout.fnmatch_lines(["compared  1 tables on cpu with snapshots/own: 1 recorded*"])
    assert "recorded anchors in snapshots/own, with bounds from a new null set" in notes(result)


def test_recorded_baseline_holds_for_all_evals_that_compare(recorded):
    result = recorded.compare(*BOTH)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"drift     {TASK} on cpu: identical", "compared  1 tables *: 1 within tolerance*"])


def test_one_table_is_never_replaced_alone(recorded):
    before = recorded.files()
    recorded.move_model()
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.TESTS_FAILED
    assert recorded.record(ONE_TABLE).ret == pytest.ExitCode.OK
    unchanged = {name for name, content in recorded.files().items() if before[name] == content}
    assert unchanged <= {"tokens.json", "task-differences.txt"}
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.OK
    assert len(recorded.files()["ledger.jsonl"].splitlines()) == 2


def test_update_that_selects_no_eval_that_records_says_so(recorded):
    before = recorded.files()
    result = recorded.record("evals/test_contract.py", "-k", "unit_norm")
    assert result.ret == pytest.ExitCode.OK and recorded.files() == before
    expected = "nothing was recorded: evals/test_drift.py or evals/test_similarity.py has to run for that"
    assert expected in notes(result)


def test_recording_what_is_stored_already_changes_nothing_and_says_so(recorded):
    before = recorded.files()
    result = recorded.record()
    assert result.ret == pytest.ExitCode.OK and recorded.files() == before
    assert "nothing was recorded: snapshots/own holds already what this run obtained" in notes(result)


def test_tables_that_moved_alone_can_be_accepted(recorded):
    (recorded.folder / TABLE).write_bytes(recorded.files()[TABLE].replace(b"Similar", b"Another"))
    reseal(recorded.folder)
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.TESTS_FAILED
    assert recorded.record().ret == pytest.ExitCode.OK
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.OK


def test_damaged_part_is_recorded_anew(recorded):
    (recorded.folder / TABLE).write_bytes(b"\xff\xfe\x00")
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.TESTS_FAILED
    assert recorded.record(SIMILARITY).ret == pytest.ExitCode.OK
    assert recorded.compare(*BOTH).ret == pytest.ExitCode.OK


def test_tables_without_a_model_as_earlier_versions_recorded_them_are_read_and_replaced_whole(recorded):
    recorded.keep_tables_only()
    result = recorded.compare(*BOTH)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["compared  1 tables *: 1 within tolerance*", "skipped   1: snapshots/own holds *"])
    assert recorded.record(ONE_TABLE).ret == pytest.ExitCode.OK
    assert recorded.files().keys() == PARTS


def test_files_of_others_stay_as_they_are(fresh):
    strays = ["other/similarity/separation.txt", "own/similarity/unknown-task.txt", "own/notes.txt", "notes.txt"]
    for name in strays:
        (fresh.snapshots / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh.snapshots / name).write_text("theirs")
    assert fresh.record().ret == pytest.ExitCode.OK
    found = contents(fresh.snapshots)
    assert all(found[name] == b"theirs" for name in strays)
    assert found.keys() == {*strays, *(f"own/{name}" for name in PARTS)}


def test_baseline_option_names_the_folder_that_is_recorded(fresh):
    assert fresh.record(DRIFT, "--baseline=elsewhere").ret == pytest.ExitCode.OK
    assert {name.partition("/")[0] for name in contents(fresh.snapshots)} == {"elsewhere"}
    assert fresh.compare().ret == pytest.ExitCode.TESTS_FAILED
    assert fresh.compare(DRIFT, "--baseline=elsewhere").ret == pytest.ExitCode.OK


def test_run_that_is_broken_off_records_nothing_and_says_so(fresh):
    (fresh.project.path / "evals" / "test_last.py").write_text(
        "import pytest\n\ndef test_stop(): pytest.exit('stopped')"
    )
    result = fresh.record(SIMILARITY, "evals/test_last.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED and not fresh.snapshots.exists()
    assert "not recorded: the run was broken off" in notes(result)
    assert not any("recorded anchors" in line for line in result.outlines)
    result.stdout.fnmatch_lines(["compared  1 tables *: 1 not recorded*"])


@pytest.mark.parametrize("order", ["cpu,cpu:0", "cpu:0,cpu"])
def test_first_device_records_and_the_next_is_compared_with_it(fresh, monkeypatch, order):
    monkeypatch.setattr(devices, "available_devices", lambda: ["cpu", "cpu:0"])
    arguments = [argument for argument in fresh.arguments(SIMILARITY) if not argument.startswith("--device")]
    result = run(fresh.project, *arguments, f"--device={order}", "--snapshot-update")
    first, second = order.split(",")
    assert result.ret == pytest.ExitCode.OK and fresh.manifest()["environment"]["device"].startswith(f"{first} (")
    expected = {first: "1 recorded", second: "1 within tolerance"}
    told = [f"compared  1 tables on {device} with snapshots/own: {expected[device]}; *" for device in sorted(expected)]
    result.stdout.fnmatch_lines_random(told)


def test_syrupys_other_way_to_write_is_refused(recorded):
    said = refusal(recorded.compare(DRIFT, "--snapshot-update-new-only"))
    assert said.startswith("--snapshot-update-new-only: a baseline is recorded as one whole; use --snapshot-update")


def test_model_that_reads_more_than_the_over_length_anchor_is_recorded_and_compared(fresh):
    change_json(fresh.model / "tokenizer_config.json", model_max_length=3000)
    assert fresh.record().ret == pytest.ExitCode.OK
    assert len(json.loads((fresh.folder / "tokens.json").read_text())) == len(fresh.manifest()["anchors"]) + 1
    fresh.compare().assert_outcomes(passed=3)


def test_model_whose_files_change_while_it_is_measured_is_not_recorded(fresh, monkeypatch):
    measure = recording.measure_tolerance

    def changed_meanwhile(*arguments, **options):
        file = fresh.model / "tokenizer.json"
        file.write_bytes(file.read_bytes() + b"\n")
        return measure(*arguments, **options)

    monkeypatch.setattr(recording, "measure_tolerance", changed_meanwhile)
    result = fresh.record()
    assert result.ret == pytest.ExitCode.TESTS_FAILED and not fresh.folder.exists()
    assert "not recorded: tokenizer.json changed while the model was measured; run again" in result.stdout.str()


UNREADABLE = {"__metadata__": "anchors.safetensors", "<<<<<<<": "task-differences.txt"}
"""Names of tasks that a stored file can't be read back with, and that file."""


@pytest.mark.parametrize(("name", "file"), UNREADABLE.items())
def test_recording_that_could_not_be_read_back_replaces_nothing(recorded, monkeypatch, name, file):
    """Such names are refused as well; whatever else makes files that can't be read ends here."""
    before = recorded.files()
    for module in (task_maps, checkpoint):
        monkeypatch.setattr(module, "refuse_unusable_names", lambda *arguments, **options: None)
    change_json(recorded.model / "config.json", task_instructions={name: ""})
    options = [f"--model={recorded.model}", f"--tasks={name}", "--device=cpu", "--snapshot-update"]
    result = run(recorded.project, DRIFT, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and recorded.files() == before
    (said,) = [note for note in notes(result) if "recorded" in note]
    assert said.startswith(f"not recorded: what was obtained can't be read back (snapshots/own/{file}: ")
