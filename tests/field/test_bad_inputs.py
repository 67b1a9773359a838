"""Bad inputs end a run in one line that says what is wrong, and nothing is written. The kinds: ``bad_inputs.py``."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import huggingface_hub  # noqa: F401  pytester forgets what is first imported inside a run
import peft  # noqa: F401
import pytest
import torch  # noqa: F401
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model  # noqa: F401

from tests.checkpoints import write_original_checkpoint
from tests.conftest import ROOT
from tests.field.bad_checkpoints import CHECKPOINTS, LOADED, ORIGINAL, WITHOUT_LIBRARIES
from tests.field.bad_inputs import DOCUMENT, FAILED, USAGE_ERROR, document
from tests.field.bad_options import OPTIONS
from tests.field.bad_permissions import UNREADABLE
from tests.field.bad_stored_files import KNOWN_FAILURES, STORED
from tests.field.making_bad_inputs import TEN_TIB, BadInput
from tests.runs import give_up_privileges

COLLECT = ("evals/test_contract.py", "--collect-only", "-q", "--device=cpu")
ONE_EVAL = ("evals/test_contract.py", "-k", "odd_input and emoji", "--device=cpu")
WHOLE = ("evals/test_drift.py", "-k", "whole", "--device=cpu")
LONGEST_SHOWN = 4000


def kinds(table):
    return pytest.mark.parametrize("kind", [pytest.param(one, id=name) for name, one in table.items()])


@pytest.fixture(autouse=True)
def _time_limit():
    """End a test that opens a pipe, which waits for ever, by an error that no ``except OSError`` on the way catches."""

    def give_up(*_):
        pytest.fail("the run hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def original_checkpoint(tmp_path_factory):
    """A tiny checkpoint in the original layout. Read only."""
    folder = tmp_path_factory.mktemp("original") / "tiny"
    write_original_checkpoint(folder)
    return folder


def told(text: str, kind: BadInput, folder: Path) -> list[str]:
    """The lines that hold the text of this kind of input, once all else of the output is checked."""
    text = text.replace(str(folder), "FOLDER")
    assert not re.search(r"Traceback|INTERNALERROR|\b[A-Z]\w*(Error|Exception)\b", text), text
    assert max(map(len, text.splitlines())) <= LONGEST_SHOWN
    return [line for line in text.splitlines() if kind.line in line]


def stored(project: pytest.Pytester) -> dict[str, object]:
    def content(path: Path) -> object:
        if not path.is_file():
            return None
        return TEN_TIB if path.stat().st_size == TEN_TIB else path.read_bytes()

    return {str(path): content(path) for path in (project.path / "snapshots").rglob("*")}


def is_refused(project, kind, folder, *arguments, damage=None):
    added = kind.make(damage or folder) or []
    before = stored(project)
    result = project.runpytest_inprocess(f"--model={folder}", *arguments, *added)
    assert result.ret == USAGE_ERROR, result.stdout.str()
    assert len(told(result.stdout.str() + "\n" + result.stderr.str(), kind, folder)) == 1
    assert stored(project) == before


@kinds(OPTIONS | CHECKPOINTS)
def test_bad_input_is_refused_before_anything_runs(project, own_checkpoint, kind):
    is_refused(project, kind, own_checkpoint, *COLLECT)


@kinds(ORIGINAL)
def test_bad_input_in_the_original_layout_is_refused(project, original_checkpoint, tmp_path, kind):
    folder = shutil.copytree(original_checkpoint, tmp_path / "own")
    is_refused(project, kind, folder, *COLLECT)


@kinds(WITHOUT_LIBRARIES)
@pytest.mark.parametrize("absent", ["sentencepiece", "google.protobuf"])
def test_tokenizer_that_takes_absent_libraries_is_refused(project, own_checkpoint, monkeypatch, absent, kind):
    monkeypatch.setitem(sys.modules, absent, None)
    is_refused(project, kind, own_checkpoint, *COLLECT)


@kinds(LOADED)
def test_bad_input_that_loading_shows_ends_the_run(project, own_checkpoint, kind):
    is_refused(project, kind, own_checkpoint, *ONE_EVAL)


@kinds(KNOWN_FAILURES)
def test_known_failures_that_cannot_be_read_are_refused(project, own_checkpoint, kind):
    beside = project.path / "snapshots" / "own"
    beside.mkdir(parents=True)
    is_refused(project, kind, own_checkpoint, *COLLECT, damage=beside)


@kinds(STORED)
def test_stored_file_that_is_no_baseline_fails_what_is_compared_with_it(project, kind):
    folder = shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    kind.make(folder)
    before = stored(project)
    result = project.runpytest_inprocess("--model=mini", *WHOLE)
    assert result.ret == FAILED
    said = told(result.stdout.str() + "\n" + result.stderr.str(), kind, folder)
    (line,) = [one for one in said if not one.startswith("broken ")]  # a closing line repeats what broke the eval
    assert "snapshots/mini/" in line and "record it anew with --snapshot-update" in line
    assert stored(project) == before


@pytest.mark.skipif(sys.platform != "linux", reason="root can give up its privileges on Linux only")
@kinds(UNREADABLE)
def test_what_may_not_be_read_is_refused(project, native_checkpoint, kind):
    model = shutil.copytree(native_checkpoint, project.path / "own")
    kind.make(model)
    arguments = [sys.executable, "-m", "pytest", f"--model={model}", *COLLECT]
    ran = subprocess.run(
        arguments, cwd=project.path, capture_output=True, text=True, timeout=90, preexec_fn=give_up_privileges
    )
    assert ran.returncode == USAGE_ERROR, ran.stdout + ran.stderr
    assert len(told(ran.stdout + "\n" + ran.stderr, kind, model)) == 1


def test_listing_of_bad_inputs_is_the_one_that_is_tried():
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_data_of_the_suite_may_begin_with_a_byte_order_mark(project, native_checkpoint):
    (project.path / "fixtures").unlink()
    shutil.copytree(ROOT / "fixtures", project.path / "fixtures", ignore=shutil.ignore_patterns("checkpoints"))
    for path in (project.path / "fixtures/texts/data").rglob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    result = project.runpytest_subprocess(f"--model={native_checkpoint}", "evals", "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
