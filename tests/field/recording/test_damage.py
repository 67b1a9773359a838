"""A damaged baseline is one line, whoever reads it, and stays as it is. The damage: ``bad_stored_files.py``."""

import shutil

import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.baselines.reference import reference_of
from fixtures.errors import BaselineError
from tests.conftest import ROOT
from tests.field.bad_stored_files import DAMAGE
from tests.field.recording.conftest import WHOLE
from tests.field.recording.leftovers import everything, leave_update
from tests.field.test_bad_inputs import refuse_traces
from tests.resealing import resealed
from tests.runs import refusal, run
from tests.table_runs import Tables, said

SIMILARITY = "evals/test_similarity.py"


def failure(result, folder):
    """The one line of each eval that failed, which a closing line may repeat."""
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str() + result.stderr.str()
    refuse_traces(text)
    shown = f"snapshots/{folder.name}/"
    lines = [line for line in text.splitlines() if shown in line and "record it anew" in line]
    lines = [line for line in lines if not line.startswith("broken ")]
    assert len(lines) == result.parseoutcomes()["failed"]
    (line,) = set(lines)
    return line


@pytest.fixture
def whole(project):
    """Ask the eval that reads every file of the bundled model's baseline."""
    folder = shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    return folder, lambda: failure(run(project, *WHOLE, model="mini"), folder)


@pytest.fixture
def compared(recorded):
    """Ask the evals that compare tables."""
    return recorded.folder, lambda: failure(recorded.compare(SIMILARITY), recorded.folder)


@pytest.fixture
def judged(recorded):
    """Read it as what a model is compared with."""

    def ask():
        with pytest.raises(BaselineError) as refused:
            reference_of(Baseline(recorded.folder))
        assert "\n" not in str(refused.value)
        return str(refused.value)

    return recorded.folder, ask


@pytest.fixture
def table(project, native_checkpoint):
    """Ask an eval that compares one table, which the manifest lists as it lies there."""
    tables = Tables(project, native_checkpoint)
    tables.record()

    def ask():
        result = tables.run("-k", "separation")
        assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
        line, *rest = said(result)
        assert rest == [f"Restore it from version control, or record it anew with: {tables.command()}"]
        return line

    return tables.folder, ask


@pytest.fixture
def interrupted(recorded, other_baseline):
    """The model of ``recorded`` where a recording was interrupted that had moved anchors to write."""
    moved = other_baseline["anchors.safetensors"].replace(b"1", b"2")
    leave_update(recorded.folder, resealed({**other_baseline, "anchors.safetensors": moved}))
    return recorded


@pytest.fixture
def left(interrupted):
    """Ask a run that compares."""
    return interrupted.folder, lambda: refusal(interrupted.compare(*WHOLE))


@pytest.fixture
def recorded_over(interrupted):
    """Ask a run that records."""
    return interrupted.folder, lambda: refusal(interrupted.record())


@pytest.mark.parametrize("kind", DAMAGE, ids=lambda kind: kind.tried)
def test_damaged_baseline_is_one_line_and_stays_as_it_is(request, pytester, kind):
    folder, ask = request.getfixturevalue(kind.asked)
    kind.make(folder)
    before = everything(pytester.path)
    line = ask().replace(f"snapshots/{folder.name}", "STORED")
    assert kind.says(line), line
    assert everything(pytester.path) == before
