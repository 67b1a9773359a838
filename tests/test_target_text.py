"""The argument that asks for a system again: it says all that decides its answers, or there is none."""

import os
import shutil
from dataclasses import replace

import pytest

from fixtures.baselines.store import Store
from fixtures.models.spec import Target
from fixtures.models.task_maps import named_task_map
from fixtures.run.asked_system import system_asked_for
from fixtures.run.target_text import parse_target, text_of
from fixtures.runtimes.system import System, system_of
from tests.checkpoints import write_native_checkpoint
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import put

CALLABLE = "python:tests.callables:encode"
MAP = 'precision = "float32"\n[tasks]\nquery = {}\n'


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "snapshots", tmp_path / "snapshots")


@pytest.fixture
def models(native_checkpoint, tmp_path):
    """Folders to be named: of jina-v3, of sentence-transformers."""
    shutil.copytree(native_checkpoint, tmp_path / "own")
    write_sentence_transformers(tmp_path / "st")
    return tmp_path


def asked(text: str, store: Store) -> System:
    return system_asked_for(parse_target(text), store)


def as_computed(system: System) -> dict[str, object]:
    """All that decides what a system answers, as plain values."""
    found = system.dump()
    del found["spec"], found["options"]["threads"]
    return found


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("mini", "mini,device=cpu,threads=3"),
        ("mini,dtype=bfloat16,device=cpu", "mini,dtype=bfloat16,device=cpu,threads=3"),
        (
            "own,attn-implementation=eager,batch-tokens=77",
            "own,attn-implementation=eager,batch-tokens=77,device=cpu,",
        ),
        ("own,dim=16,runtime=jina-v3,threads=1", "own,dim=16,runtime=jina-v3,threads=3,device=cpu"),
        ("own,task-map=jina-v3", "own,task-map=jina-v3,device=cpu,threads=3"),
        ("st,trust-remote-code=yes", "st,trust-remote-code=yes,device=cpu,threads=3"),
        (f"{CALLABLE},precision=int8", f"{CALLABLE},precision=int8,device=own"),
    ],
)
def test_argument_asks_for_what_was_asked_for(models, store, typed, text):
    system = asked(typed, store)
    found = text_of(system, 3, store, typed)
    assert found.startswith(text)
    assert as_computed(asked(found, store)) == as_computed(system)
    assert parse_target(found).settings.get("threads") == (None if CALLABLE in typed else 3)


def test_system_of_options_is_asked_for_alike(models, store):
    system = system_of(Target("own", runtime="jina-v3", dim=16)).on("cpu").described()
    system = system.computed(system.runtime.options(dtype="float16", batch_tokens=12))
    found = text_of(system, 2, store)
    assert found == "own,runtime=jina-v3,dim=16,device=cpu,dtype=float16,batch-tokens=12,threads=2"
    assert as_computed(asked(found, store)) == as_computed(system)


def test_task_map_beside_its_baseline_is_named(store, tmp_path):
    put(tmp_path, {"snapshots/tests.callables.encode/task-map.toml": MAP})
    system = asked(CALLABLE, store)
    found = text_of(system, 2, store, CALLABLE)
    assert found == f"{CALLABLE},device=own,task-map=snapshots/tests.callables.encode/task-map.toml"
    assert (
        as_computed(asked(found, Store(tmp_path / "none", tmp_path / "none")))["target"]["task_map"]["tasks"]
        == (as_computed(system)["target"]["task_map"]["tasks"])
    )


def test_commit_is_named_wherever_its_branch_goes(store):
    system = asked("mini", store)
    of_the_hub = replace(system, target=replace(system.target, revision="main"))
    found = text_of(of_the_hub.saying(replace(system.spec, revision="c0ffee")), 2, store)
    assert found == "mini,revision=c0ffee,device=cpu,threads=2"


@pytest.mark.parametrize("name", ["own,dtype=bfloat16", "own,b=1"])
def test_name_that_reads_like_one_with_settings_has_no_argument(models, store, name):
    os.rename("own", name)
    assert text_of(asked(name, store), 2, store, name) is None


def test_name_with_commas_has_one(models, store):
    os.rename("own", "a,b")
    assert text_of(asked("a,b", store), 2, store, "a,b") == "a,b,device=cpu,threads=2"


def test_task_map_with_a_comma_in_its_name_has_no_argument(store, tmp_path):
    put(tmp_path, {"a,b.toml": MAP})
    target = Target(CALLABLE, task_map_named="a,b.toml", task_map=named_task_map("a,b.toml"))
    assert text_of(system_of(target).on("own").described(), 2, store) is None


def test_one_task_of_a_merged_model_has_no_argument(store, tmp_path):
    folder = write_native_checkpoint(tmp_path / "merged", merged="separation")
    system = system_of(Target(str(folder), only_tasks=("separation",))).on("cpu").described()
    assert text_of(system, 2, store) is None
