"""A service that pins the suite keeps its baselines: recorded, committed, compared in a fresh clone, accepted."""

import json
import re
import shutil

import pytest

from tests.checkpoints import ADAPTER_FILE, change_json, change_tensors, write_native_checkpoint
from tests.field.own_repository import EVALS, EXAMPLE, MODEL, SUITE, clone_of, example_in_git, suite_in_git
from tests.runs import printed

DRIFT = f"{EVALS}/test_drift.py"
CLEAN = ("", "")


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """A model with an adapter that is recorded in seconds: it cuts texts early."""
    folder = tmp_path_factory.mktemp("small") / "embedder"
    write_native_checkpoint(folder, prefixes={"separation": ""}, tasks=["separation"])
    change_json(folder / "tokenizer_config.json", model_max_length=16)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, small_model):
    """The example with a baseline that was recorded there and committed."""
    folder = tmp_path_factory.mktemp("own")
    service = example_in_git(folder / "service", suite_in_git(folder), baseline=False)
    service.put_model(small_model)
    result = service.run(f"pytest {DRIFT} evals --model {MODEL} --device cpu --snapshot-update")
    assert result.ret == 0
    assert "recorded anchors in baselines/embedder, with bounds from a new null set" in printed(result)
    service.git("add baselines")
    service.git("commit --quiet --message baseline")
    return service


@pytest.fixture(scope="module")
def clone(recorded, small_model):
    service = clone_of(recorded, recorded.folder.parent / "clone")
    service.put_model(small_model)
    return service


def test_submodule_is_the_one_that_the_example_names(recorded):
    theirs, ours = ((folder / ".gitmodules").read_text() for folder in (recorded.folder, EXAMPLE))
    assert re.sub("url = .*", "", theirs) == re.sub("url = .*", "", ours)


def test_recording_writes_own_baselines_and_leaves_nothing_else(recorded):
    written = recorded.git("show --name-only --format= HEAD").splitlines()
    assert "baselines/embedder/anchors.safetensors" in written
    assert all(name.startswith("baselines/embedder/") for name in written)
    assert recorded.status() == CLEAN


@pytest.mark.parametrize(
    ("start", "typed"),
    [
        (".", f"{DRIFT} evals --model {MODEL}"),
        (".", f"evals {DRIFT} --model={MODEL} -n 2"),
        ("service", f"../{DRIFT} --model=../{MODEL}"),
    ],
)
def test_fresh_clone_passes_and_stays_as_it_is(clone, start, typed):
    result = clone.run(f"pytest {typed} --device cpu", start)
    assert result.ret == 0
    assert "drift     separation on cpu: identical" in printed(result)
    assert ("skipped   2: needs retrieval.query" in printed(result)) == ("evals " in typed.replace(EVALS, ""))
    assert clone.status() == CLEAN


def test_changed_adapter_fails_and_is_accepted_by_the_printed_command(clone):
    service = clone_of(clone, clone.folder.parent / "changed")
    model = shutil.copytree(clone.folder / MODEL, service.folder / MODEL)

    def grow(tensors):
        for name in tensors:
            tensors[name] *= 1.5

    change_tensors(model / "separation" / ADAPTER_FILE, grow)
    compared = f"pytest {DRIFT} evals --model {MODEL} --device cpu"
    failed = service.run(compared)
    assert failed.ret == 1
    assert "separation on cpu: drift: drifted in float32, against baselines/embedder" in failed.outlines
    (command,) = set(re.findall("If the change is wanted: (.*)", printed(failed)))
    assert command == f"pytest {DRIFT} --model={MODEL} --device=cpu --snapshot-update"
    assert service.status() == CLEAN
    accepted = service.run(command)
    assert accepted.ret == 0 and "accepted into baselines/embedder, with bounds" in printed(accepted)
    assert service.run(compared).ret == 0
    changed, in_submodule = service.status()
    assert changed and all(line.startswith(" M baselines/embedder/") for line in changed.splitlines())
    assert in_submodule == ""


@pytest.mark.parametrize("workers", ["", "-n 2 --dist loadgroup"])
def test_old_system_beside_the_new_one_needs_no_baseline_and_has_its_bounds_where_there_is_one(clone, workers):
    """The committed baseline is of the very system that --against names: its bounds are found by what it is."""
    service = clone_of(clone, clone.folder.parent / f"against{len(workers)}")
    shutil.copytree(clone.folder / MODEL, service.folder / "models" / "old")
    shutil.copytree(clone.folder / MODEL, service.folder / MODEL)
    result = service.run(
        f"pytest {DRIFT} evals --model {MODEL} --against=models/old --device cpu --report=out {workers}"
    )
    assert result.ret == 0
    assert "drift     separation on cpu: identical" in printed(result)
    report = json.loads((service.folder / "out" / "report.json").read_text(encoding="utf-8"))
    sources = {row["source"] for row in report["rows"] if row["name"] == "vector max"}
    assert len(sources) == 1 and sources.pop().endswith(", of baselines/embedder")
    shutil.rmtree(service.folder / "out")
    assert service.status() == CLEAN


def test_folder_of_the_submodule_is_no_place_that_commands_lead_to(recorded):
    """From inside the submodule its own pyproject.toml is the nearest, and says nothing of a service's baselines."""
    result = recorded.run(f"pytest evals/test_drift.py --model=../../{MODEL} --device=cpu -k whole", SUITE)
    assert result.ret == 1
    assert "has no baseline in snapshots/embedder" in printed(result)
