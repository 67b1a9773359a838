"""Models of the Hub: every way in which one can't be had is one line that says what to do."""

import errno
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from huggingface_hub import errors

from fixtures.errors import CheckpointError
from fixtures.models import hub
from tests.checkpoints import write_native_checkpoint
from tests.places import ROOT
from tests.runs import refusal, run_apart

httpx = pytest.importorskip("httpx2")  # the HTTP client of huggingface_hub 2
REPOSITORY = "someone/some-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def http_error(kind: type[Exception], status: int) -> Exception:
    request = httpx.Request("GET", f"https://hub.invalid/api/models/{REPOSITORY}")
    return kind(f"{status} Client Error\nand more lines", response=httpx.Response(status, request=request))


def not_cached(cause: Exception | None) -> Exception:
    error = errors.LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder\nand more")
    error.__cause__ = cause
    return error


def refusal_of_a_download(monkeypatch, error: Exception, revision: str | None = None) -> str:
    def download(*arguments, **options):
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(CheckpointError) as caught:
        hub.fetch(REPOSITORY, revision)
    message = str(caught.value)
    assert message.startswith(f"{REPOSITORY}@{revision} " if revision else f"{REPOSITORY} ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (http_error(errors.GatedRepoError, 403), "is gated: accept its terms"),
        (http_error(errors.RepositoryNotFoundError, 404), "doesn't exist on the Hub, or is private"),
        (http_error(errors.HfHubHTTPError, 401), "can't be read with this login (HTTP 401)"),
        (http_error(errors.HfHubHTTPError, 403), "can't be read with this login (HTTP 403)"),
        (http_error(errors.HfHubHTTPError, 503), "the Hub answered with HTTP 503: run again later"),
        (not_cached(http_error(errors.HfHubHTTPError, 502)), "the Hub answered with HTTP 502: run again later"),
        (not_cached(errors.OfflineModeIsEnabled("offline")), "isn't in the Hub cache and can't be downloaded"),
        (not_cached(httpx.ConnectError("no route to host")), "isn't in the Hub cache and can't be downloaded"),
        (not_cached(None), "run `hf download someone/some-model` where there is a network"),
        (errors.IncompleteSnapshotError("2 files missing", "/x"), "is in the Hub cache only in part"),
        (errors.HFValidationError("Repo id must not have --"), "can't be a Hub id"),
        (OSError(errno.ENOSPC, "No space left on device"), "doesn't fit on the disk of the Hub cache"),
        (PermissionError(errno.EACCES, "Permission denied"), "is not writable: set HF_HOME"),
        (OSError(errno.EROFS, "Read-only file system"), "is not writable: set HF_HOME"),
        (httpx.ReadTimeout("timed out"), "timed out): run again, a download resumes"),
        (httpx.RemoteProtocolError("peer closed connection"), "peer closed connection): run again"),
        (OSError("Consistency check failed: 5 bytes"), "to its end (Consistency check failed: 5 bytes)"),
        (RuntimeError("xet: connection reset"), "to its end (xet: connection reset): run again"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_failure_says_what_to_do(monkeypatch, error, said):
    assert said in refusal_of_a_download(monkeypatch, error)


def test_unknown_revision_is_named(monkeypatch):
    message = refusal_of_a_download(monkeypatch, http_error(errors.RevisionNotFoundError, 404), revision="v9")
    assert message == f"{REPOSITORY}@v9 has no such revision: give a branch, a tag or a commit to --revision"


def test_too_small_a_disk_is_told_before_the_download(monkeypatch):
    def download(*arguments, **options):
        warnings.warn("Not enough free disk space to download the file. The expected file size is: 1 MB", stacklevel=1)
        raise AssertionError("started the download")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(CheckpointError, match="doesn't fit on the disk of the Hub cache"):
        hub.fetch(REPOSITORY, None)


def test_repository_with_pickled_weights_only_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *arguments, **options: str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"has no safetensors files; pickled weights \(pytorch_model.bin\)"):
        hub.fetch(REPOSITORY, None)


def test_only_files_that_are_read_are_asked_for(monkeypatch, tmp_path):
    asked = {}

    def download(repository, **options):
        asked.update(options, repository=repository)
        (tmp_path / "model.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert hub.fetch(REPOSITORY, "v1") == (tmp_path, tmp_path.name)
    assert (asked["repository"], asked["revision"]) == (REPOSITORY, "v1")
    assert not any(pattern.endswith((".bin", "*", ".onnx", ".py")) for pattern in asked["allow_patterns"])


# --- a cache on disk, without a network ---------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    """An HF_HOME whose cache holds one revision of a model."""
    snapshot = tmp_path / "home" / "hub" / "models--someone--some-model" / "snapshots" / COMMIT
    write_native_checkpoint(snapshot)
    references = snapshot.parent.parent / "refs"
    references.mkdir()
    (references / "main").write_text(COMMIT)
    return tmp_path / "home"


def run_offline(home: Path, *arguments: str) -> pytest.RunResult:
    variables = {"HF_HOME": str(home), "HF_HUB_CACHE": None, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return run_apart("-p", "no:cacheprovider", "--device=cpu", *arguments, start=ROOT, **variables)


def contents(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


def test_cached_model_is_evaluated_at_its_commit_and_nothing_is_written(home, tmp_path, monkeypatch):
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    before = contents(tmp_path) | contents(ROOT / "snapshots")
    finished = run_offline(home, "evals/test_contract.py", "--model", REPOSITORY, "-k", "norm and separation")
    assert finished.ret == pytest.ExitCode.OK
    assert f"revision main (cached: {COMMIT}; " in str(finished.stdout)
    assert f"{REPOSITORY} is commit {COMMIT} of the Hub repository" in str(finished.stdout)
    assert contents(tmp_path) | contents(ROOT / "snapshots") == before


def test_revision_that_is_not_in_the_cache_is_one_line(home):
    line = refusal(run_offline(home, "evals", "--model", REPOSITORY, "--revision", "v9"))
    assert line.startswith(f"--model: {REPOSITORY}@v9 isn't in the Hub cache")


def test_offline_with_an_empty_cache_is_one_line(tmp_path):
    line = refusal(run_offline(tmp_path, "evals", "--model", REPOSITORY))
    assert "Hub cache" in line and "run `hf download someone/some-model` where there is a network" in line
    assert not contents(tmp_path)


VARIABLES = {"HF_HOME": "", "HF_HUB_CACHE": "hub", "HUGGINGFACE_HUB_CACHE": "hub", "XDG_CACHE_HOME": ".."}
"""Variables that say where the cache is, as huggingface_hub reads them, and what they name beside HF_HOME's folder."""


@pytest.mark.parametrize("variable", VARIABLES)
def test_cached_commit_follows_the_environment(home, variable):
    shutil.copytree(home, home.parent / "huggingface")
    script = (
        "from fixtures.models.hub import cached_commit\n"
        f"print(*(cached_commit({REPOSITORY!r}, revision) for revision in (None, 'v9', {COMMIT!r})))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment[variable] = str(home / VARIABLES[variable])
    asked = [sys.executable, "-c", script]
    ran = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [COMMIT, "None", COMMIT]
