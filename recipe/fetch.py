"""Stage `fetch`: download every source package and unpack it below the work directory."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from recipe.sources import SOURCES
from recipe.workspace import Workspace

_PARALLEL_DOWNLOADS = 4


def fetch(workspace: Workspace) -> None:
    """Download and unpack all sources; packages already unpacked are left alone."""
    wanted = [(source.registry, package) for source in SOURCES for package in source.packages]
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        runs = [pool.submit(_fetch_package, workspace, *package) for package in wanted]
        for run in tqdm(as_completed(runs), total=len(runs), desc="fetch", unit="package"):
            run.result()
    workspace.mark_done("fetch", packages=len(wanted))


def package_files(workspace: Workspace, registry: str, package: str, pattern: str) -> Iterator[Path]:
    """Files of an unpacked package that match `pattern`, in a stable order."""
    return iter(sorted(workspace.package(registry, package).rglob(pattern)))


def _fetch_package(workspace: Workspace, registry: str, package: str) -> None:
    target = workspace.package(registry, package)
    if target.exists():
        return
    downloads = workspace.downloads / registry / _file_name(package)
    downloads.mkdir(parents=True, exist_ok=True)
    _download(registry, package, downloads)
    partial = target.with_name(target.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    for archive in downloads.iterdir():
        _unpack(archive, partial)
        archive.unlink()
    partial.rename(target)


def _file_name(package: str) -> str:
    return package.replace("/", "_").replace("@", "_").replace("==", "_")


def _download(registry: str, package: str, folder: Path) -> None:
    commands = {
        "debian": ["apt-get", "download", "-q", package],
        "npm": ["npm", "pack", "--silent", package],
        "pypi": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", package],
    }
    try:
        subprocess.run(commands[registry], cwd=folder, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise RuntimeError(f"cannot fetch {package} from {registry}: {reason[0]}") from error


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(archive) as tarball:
            tarball.extractall(folder, filter="data")
