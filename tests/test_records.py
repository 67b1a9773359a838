"""Records of speed as files: read back as they were, never over another, and refused in a line where they can't be."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.errors import RecordError
from fixtures.speed import record
from fixtures.speed.record import VERSION, files_of, load, save
from tests.records import made_up, regime


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The file of a record, in the folder where the test stands."""
    monkeypatch.chdir(tmp_path)
    return save(made_up(), Path("records"))


def changed(path: Path, **entries: object) -> Path:
    """The file with other entries; one that is ``...`` is taken out."""
    content = {**json.loads(path.read_text()), **entries}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not ...}))
    return path


def refused(path: Path) -> str:
    with pytest.raises(RecordError) as caught:
        load(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


# --- written and read back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        made_up(),
        made_up(failed="opening: no such model", regimes={}, sweep=None, latency=None, memory=None, drift=None),
        made_up(load_seconds=None, first_call_seconds=None, notes=["a note"]),
        made_up(regimes={"mixed": regime(3.5, tokens=None, padding_share=0.25, gemm_share=0.5)}),
    ],
    ids=["whole", "failed", "without times", "another regime"],
)
def test_a_record_is_read_back_as_it_was(tmp_path, written):
    assert load(save(written, tmp_path / "not" / "there" / "yet")) == replace(written, notes=list(written.notes))


def test_a_file_is_named_by_when_what_and_where(stored):
    stem, _, digest = stored.stem.rpartition("-")
    assert stem == "20261130-142233-tiny-float32-cpu" and len(digest) == 8
    assert list(stored.parent.iterdir()) == [stored]  # nothing unfinished is left
    assert stored.stat().st_mode & 0o777 == 0o644


def test_a_name_with_slashes_and_colons_is_no_path(tmp_path):
    path = save(made_up(system={"name": "../org/model: x", "device": "cuda:1"}), tmp_path)
    assert path.parent == tmp_path and path.name.startswith("20261130-142233-org-model-x-float32-cuda-1-")


@pytest.mark.parametrize("with_links", [True, False], ids=["links", "no links"])
def test_nothing_is_written_over(tmp_path, monkeypatch, with_links):
    def no_link(*_):
        raise PermissionError(1, "no links here")

    if not with_links:
        monkeypatch.setattr(record.os, "link", no_link)
    first = save(made_up(), tmp_path)
    first.write_text("somebody's")
    second, third = save(made_up(), tmp_path), save(made_up(), tmp_path)
    assert first.read_text() == "somebody's"
    assert len({first, second, third}) == 3 and sorted(tmp_path.iterdir()) == sorted([first, second, third])
    assert second.stem == f"{first.stem}-2" and load(third) == load(second)


def test_a_folder_that_takes_nothing_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("records").write_text("a file")
    with pytest.raises(RecordError, match=r"^records: the record can't be written: \w"):
        save(made_up(), Path("records"))


# --- read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "unreadable (empty); record or copy it again"),
        ('{"record": "speed", "vers', "unreadable (cut off, as its JSON has no end); record or copy it again"),
        ("[1, 2]", "needs a JSON object, holds a list"),
        ('{"version": 2, "rows": []}', "no record of speed; give files that --record wrote"),
        ('{"benchmarks": []}', "no record of speed; give files that --record wrote"),
        ('{"record": "speed"}', "version is None, needs a whole number of at least 1"),
    ],
)
def test_what_is_no_record_is_refused(stored, content, said):
    stored.write_text(content)
    assert refused(stored) == f"records/{stored.name}: {said}"


def test_a_record_of_a_later_version_is_refused(stored):
    assert refused(changed(stored, version=VERSION + 1)) == (
        f"records/{stored.name}: a record of version {VERSION + 1}, and this suite reads up to {VERSION}; "
        "use a later suite"
    )


def test_an_entry_that_only_a_later_suite_writes_is_left_out(stored):
    assert load(changed(stored, joules=3.5)) == load(stored)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"system": ...}, ": system is None, needs an object"),
        ({"system": {"device": "cpu"}}, ": system: model is None, needs a text"),
        ({"system": {"device": "cpu", "model": "m", "dtype": ["float32"]}}, ": system: dtype is ['float32'], needs"),
        ({"machine": {"key": "k"}}, ": machine: processor is None, needs a text"),
        ({"regimes": {"short": 3}}, ": regimes is {'short': 3}, needs an object of objects"),
        ({"regimes": {"short": {}}}, ": short: texts is None, needs a whole number"),
        ({"gemm": {"start": {"float32": "fast"}}}, ": gemm: start is {'float32': 'fast'}, needs an object of numbers"),
        ({"throttled": {"end": [3]}}, ": throttled: end is [3], needs a list of texts"),
        ({"latency": {"median": -1, "p95": 1}}, ": latency: median is -1, needs a number of at least 0"),
        ({"memory": {"bytes": True}}, ": memory: bytes is True, needs a whole number of at least 0"),
        ({"sweep": {"curve": [[512]]}}, ": sweep: curve needs pairs of tokens and tokens per second"),
        ({"drift": {"tasks": {"t": {"share": 1}}}}, ": drift: outcome is None, needs a text"),
        ({"failed": True}, ": failed is True, needs a text"),
    ],
)
def test_a_damaged_record_is_refused_at_its_entry(stored, entries, said):
    assert refused(changed(stored, **entries)).startswith(f"records/{stored.name}{said}")


def test_a_rate_that_is_no_number_is_refused(stored):
    regimes = json.loads(stored.read_text())["regimes"]
    regimes["short"]["sentences_per_second"] = "fast"
    assert refused(changed(stored, regimes=regimes)) == (
        f"records/{stored.name}: short: sentences_per_second is 'fast', needs a number"
    )


# --- folders ------------------------------------------------------------------------------------------------------


def test_a_folder_stands_for_its_records_in_their_order(stored):
    second = save(made_up(made="2026-12-01T00:00:00Z"), stored.parent)
    (stored.parent / ".unfinished.json").write_text("{")
    (stored.parent / "notes.txt").write_text("mine")
    assert files_of(stored.parent) == [stored, second] and files_of(stored) == [stored]


def test_a_folder_without_a_record_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("empty")
    with pytest.raises(RecordError) as caught:
        files_of(Path("empty"))
    assert str(caught.value) == "empty: no record in this folder; make one with --record=empty"
