"""Bad inputs are refused in one line that says what is wrong, and nothing is written. The kinds: ``bad_*.py``."""

import re
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import huggingface_hub  # noqa: F401  pytester forgets what is first imported inside a run
import peft  # noqa: F401
import pytest
import torch  # noqa: F401
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model  # noqa: F401

from fixtures.errors import CheckpointError
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.loading import load_model
from tests import checkpoints
from tests.conftest import ROOT
from tests.field.bad_configs import CONFIGS
from tests.field.bad_model_files import MODEL_FILES, WITHOUT_LIBRARIES
from tests.field.bad_options import KNOWN_FAILURES, OPTIONS
from tests.field.bad_permissions import UNREADABLE
from tests.field.bad_weights import WEIGHTS
from tests.field.making_bad_inputs import CALLED, COLLECTED, EVALUATED, LOADED, MERGED, NATIVE, ORIGINAL, TEN_TIB, TINY
from tests.runs import printed, run, run_apart

COLLECT = ("evals/test_contract.py", "--collect-only", "-q", "--device=cpu")
ONE_EVAL = ("evals/test_contract.py", "-k", "unit_norm", "--device=cpu")
LONGEST_SHOWN = 4000
ERROR = re.compile(r"(?:ERROR: |!+ _pytest\.outcomes\.Exit: )(?:--model: (?=FOLDER))?(.*?)(?: !+)?")


def kinds(table):
    return pytest.mark.parametrize("kind", table, ids=lambda kind: kind.tried)


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
def sound(native_checkpoint, tmp_path_factory):
    """Sound checkpoints by the names of ``making_bad_inputs.py``. Read only."""
    folder = tmp_path_factory.mktemp("sound")
    return {
        TINY: native_checkpoint,
        NATIVE: checkpoints.write_native_checkpoint(folder / "native"),
        ORIGINAL: checkpoints.write_original_checkpoint(folder / "original"),
        MERGED: checkpoints.write_native_checkpoint(folder / "merged", merged="separation"),
    }


def written(project: pytest.Pytester) -> dict[Path, object]:
    """Path -> content of all that a run could have written, but for what pytest itself writes."""
    others = {"fixtures", "__pycache__", ".pytest_cache"}

    def content(path: Path) -> object:
        if not path.is_file():
            return None
        return TEN_TIB if path.stat().st_size == TEN_TIB else path.read_bytes()

    return {path: content(path) for path in project.path.rglob("*") if not others & {*path.parts}}


def refuse_traces(text: str) -> None:
    """Fail if a run's output holds a traceback, the name of an exception, or a line that nobody reads to its end."""
    assert not re.search(r"Traceback|INTERNALERROR|\b[A-Z]\w*(Error|Exception)\b", text), text
    assert max(map(len, text.splitlines())) <= LONGEST_SHOWN


def the_one_line(text: str, folder: Path) -> str:
    """The line that ends a run, once all else of its output is checked."""
    text = text.replace(str(folder), "FOLDER")
    refuse_traces(text)
    (line,) = [found[1] for found in map(ERROR.fullmatch, text.splitlines()) if found]
    assert text.count(line) == 1
    return line


def said_by_a_run(project: pytest.Pytester, folder: Path, *arguments: str) -> str:
    before = written(project)
    result = run(project, f"--model={folder}", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR, printed(result)
    assert written(project) == before
    return the_one_line(printed(result), folder)


def said_by_a_call(call, folder: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        call(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value).replace(str(folder), "FOLDER")


@kinds([*MODEL_FILES, *CONFIGS, *WEIGHTS])
def test_bad_checkpoint_is_refused_in_one_line(request, sound, tmp_path, kind):
    folder = shutil.copytree(sound[kind.model], tmp_path / "own")
    added = kind.make(folder) or []
    inspect = partial(inspect_checkpoint, only_tasks=kind.tasks.split(",") if kind.tasks else ())
    added += [f"--tasks={kind.tasks}"] if kind.tasks else []
    ask = {
        CALLED: lambda: said_by_a_call(inspect, folder),
        LOADED: lambda: said_by_a_call(lambda _: load_model(inspect(folder, name="a-model")), folder),
        COLLECTED: lambda: said_by_a_run(request.getfixturevalue("project"), folder, *COLLECT, *added),
        EVALUATED: lambda: said_by_a_run(request.getfixturevalue("project"), folder, *ONE_EVAL, *added),
    }
    line = ask[kind.asked]()
    assert kind.says(line), line


@pytest.mark.parametrize("absent", ["sentencepiece", "google.protobuf"])
def test_tokenizer_that_takes_absent_libraries_is_refused(project, own_checkpoint, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    WITHOUT_LIBRARIES.make(own_checkpoint)
    assert WITHOUT_LIBRARIES.says(said_by_a_run(project, own_checkpoint, *COLLECT))


@kinds(OPTIONS)
def test_bad_option_is_refused_before_anything_runs(project, own_checkpoint, kind):
    line = said_by_a_run(project, own_checkpoint, *COLLECT, *kind.make(own_checkpoint))
    assert kind.says(line), line


@kinds(KNOWN_FAILURES)
def test_known_failures_that_cannot_be_read_are_refused(project, own_checkpoint, kind):
    beside = project.path / "snapshots" / "own"
    beside.mkdir(parents=True)
    kind.make(beside)
    line = said_by_a_run(project, own_checkpoint, *COLLECT)
    assert kind.says(line), line


@pytest.mark.skipif(sys.platform != "linux", reason="root can give up its privileges on Linux only")
@kinds(UNREADABLE)
def test_what_may_not_be_read_is_refused(project, native_checkpoint, kind):
    model = shutil.copytree(native_checkpoint, project.path / "own")
    kind.make(model)
    ran = run_apart(f"--model={model}", *COLLECT, unprivileged=True)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    line = the_one_line(printed(ran), model)
    assert kind.says(line), line


def test_data_of_the_suite_may_begin_with_a_byte_order_mark(project, native_checkpoint):
    (project.path / "fixtures").unlink()
    shutil.copytree(ROOT / "fixtures", project.path / "fixtures", ignore=shutil.ignore_patterns("checkpoints"))
    for path in (project.path / "fixtures/texts/data").rglob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run_apart(f"--model={native_checkpoint}", "evals", "--collect-only", "-q").ret == pytest.ExitCode.OK
