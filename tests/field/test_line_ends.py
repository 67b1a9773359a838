"""A checkout that ends its lines as Windows does is judged as any other."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.runs import run

MINI = ROOT / "fixtures" / "checkpoints" / "mini"


def copy_with_crlf(source: Path, target: Path) -> Path:
    """Copy a folder, each line of its text files ended by CR LF; weights are linked."""
    for file in (path for path in source.rglob("*") if path.is_file()):
        copied = target / file.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".safetensors":
            copied.symlink_to(file)
        else:
            copied.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return target


def test_model_and_baseline_with_crlf_lines_give_the_same_verdicts(project):
    copy_with_crlf(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    model = copy_with_crlf(MINI, project.path / "mini")
    chosen = "of_the_baseline and (matrix or differences or separation) or whole or in_every_language and cpu-ar"
    result = run(project, "evals", "-k", chosen, model=model)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["compared  6 tables on cpu with snapshots/mini: 6 within tolerance; *"])
    result.assert_outcomes(passed=8, xfailed=1, deselected=result.parseoutcomes()["deselected"])


@pytest.mark.parametrize("file", ["script", "table.txt", "manifest.json", "weights.safetensors"])
def test_git_checks_files_out_as_they_were_committed_whatever_autocrlf_says(tmp_path, file):
    content = b"one\r\ntwo\n" if file.endswith("safetensors") else b"one\ntwo\n"
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    (tmp_path / file).write_bytes(content)
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.safecrlf=false"]
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    (tmp_path / file).unlink()
    subprocess.run([*git, "checkout", "--", file], cwd=tmp_path, check=True)
    assert (tmp_path / file).read_bytes() == content
