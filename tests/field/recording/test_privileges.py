"""Runs of a user who may not write: a recording is refused before the model is loaded, a comparison needs nothing."""

import shutil
import sys

import pytest

from tests.field.recording.conftest import DRIFT, TABLE
from tests.places import ROOT
from tests.runs import printed, refusal, run_apart

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="root can give up its privileges on Linux only")

COMPARED = [DRIFT, "evals/test_similarity.py"]


@pytest.fixture
def lock_up():
    """Give ``lock_up(folder, ...)``: from then on nobody may write in these folders, nor to what lies below them."""
    locked = []

    def lock(*folders):
        for folder in folders:
            below = [path for path in folder.rglob("*") if not path.is_symlink()]
            for path in (*below, folder):
                locked.append((path, path.stat().st_mode))
                path.chmod(0o555 if path.is_dir() else 0o444)

    yield lock
    for path, mode in reversed(locked):
        path.chmod(mode)


def all_below(*folders):
    """Path -> content of everything in these folders; pytest-benchmark makes itself an empty one where it can."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.name != ".benchmarks"]
    return {path: path.is_file() and path.read_bytes() for path in paths}


# --- recording --------------------------------------------------------------------------------------------------------


def refused(recordings, *arguments):
    """The one line of a recording that was refused before the model was loaded, in folders that stay as they are."""
    before = all_below(recordings.project.path)
    options = ["-p", "no:cacheprovider", "--snapshot-update", *arguments]
    variables = {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = run_apart(*recordings.arguments(DRIFT), *options, unprivileged=True, **variables)
    assert "loaded " not in str(ran.stdout) and "recording " not in str(ran.stdout)
    assert all_below(recordings.project.path) == before
    return refusal(ran)


def says(folder):
    return (
        f"{folder}: Permission denied; nothing can be recorded there: allow writing, or name another folder with "
        "--snapshots"
    )


def test_recording_into_a_baseline_that_cannot_be_written_is_refused_at_once(recorded, lock_up):
    recorded.move_model()
    lock_up(recorded.folder)
    assert refused(recorded) == says("snapshots/own")


def test_recording_into_a_baseline_whose_tables_cannot_be_written_is_refused_at_once(recorded, lock_up):
    recorded.move_model()
    lock_up((recorded.folder / TABLE).parent)
    assert refused(recorded) == says("snapshots/own/similarity")


@pytest.mark.parametrize("below", ["", "/team/models"], ids=["the folder itself", "one below it that isn't there"])
def test_recording_into_a_store_that_cannot_be_written_is_refused_at_once(fresh, lock_up, below):
    store = fresh.project.path / "baselines"
    store.mkdir()
    lock_up(store)
    assert refused(fresh, f"--snapshots=baselines{below}") == says("baselines")


# --- comparing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def suite(recorded):
    """A copy of the suite that shares no file with this one, with a baseline."""
    suite = recorded.project.path
    (suite / "fixtures").unlink()
    shutil.copytree(ROOT / "fixtures", suite / "fixtures", ignore=shutil.ignore_patterns("__pycache__"))
    return recorded


@pytest.mark.parametrize("cache", [["-p", "no:cacheprovider"], []], ids=["", "pytest's own cache"])
@pytest.mark.parametrize("form", [1, 2])
def test_comparison_passes_and_writes_nothing_where_nothing_can_be_written(
    suite, baseline_of_format_1, tmp_path, lock_up, form, cache
):
    model = ["--model=fixtures/checkpoints/mini", "--device=cpu"] if form == 1 else suite.arguments()
    store, home, away = (tmp_path / name for name in ("store", "home", "away"))
    shutil.copytree(baseline_of_format_1 if form == 1 else suite.folder, store / ("mini" if form == 1 else "own"))
    home.mkdir()
    away.mkdir()
    folders = [suite.project.path, suite.model, store, home, away]
    lock_up(*folders)
    before = all_below(*folders)
    paths = [str(suite.project.path / name) for name in COMPARED]
    model = [option.replace("=fixtures", f"={suite.project.path}/fixtures") for option in model]
    chosen = [*paths, *model, f"--snapshots={store}", *cache]
    ran = run_apart(*chosen, start=away, unprivileged=True, HOME=str(home))
    assert ran.ret == pytest.ExitCode.OK
    assert "Traceback" not in printed(ran) and "within tolerance" in str(ran.stdout)
    assert all_below(*folders) == before
    warned = [line for line in ran.outlines if "Warning:" in line]
    assert all("PytestCacheWarning: could not create cache path" in line for line in warned)
    assert bool(warned) == (not cache)
