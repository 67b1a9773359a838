"""What a callable's module, or a conftest.py, changes of the process changes nothing of what the suite does."""

import sys

import pytest

from tests.conftest import ROOT
from tests.field.recording.conftest import DRIFT

USUAL = """
import numpy
from tests.callables import DIMENSION, encode as plain

def encode(texts, task):
    vectors = plain(texts, task) * numpy.geomspace(1, 1e-12, DIMENSION)  # what moves underflows in float16
    return (vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)).astype(numpy.float32)
"""
CHANGES = {
    "numpy raises, stdout is wrapped anew": """
import io, sys
import numpy as np
np.seterr(all="raise")
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
""",
    "streams are taken apart, closed, and written to": """
import io, sys
sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="latin-1")
sys.stderr.close()
sys.stderr = None
usual = encode
def encode(texts, task):
    print("texts:", len(texts))
    return usual(texts, task)
""",
    "numpy calls, in another folder": """
import os
import numpy as np
np.seterr(all="call")
np.seterrcall(lambda *what: 1 / 0)
os.makedirs("elsewhere", exist_ok=True)
os.chdir("elsewhere")
""",
}
CHECKED = """
import os, sys
import numpy as np
np.seterr(all="raise")
os.makedirs("elsewhere", exist_ok=True)
os.chdir("elsewhere")
class Own:
    def write(self, text): pass
    def flush(self): pass
sys.stdout = own = Own()
usual = encode
def encode(texts, task):
    assert set(np.geterr().values()) == {"raise"} and sys.stdout is own
    assert os.path.basename(os.getcwd()) == "elsewhere"
    return usual(texts, task)
"""


class Callable:
    """Runs on a callable of a module in the working directory."""

    def __init__(self, project: pytest.Pytester) -> None:
        self.project = project
        (project.path / "tests").symlink_to(ROOT / "tests")
        (project.path / "map.toml").write_text("precision = 'float32'\n")

    def run(self, module: str, *arguments: str) -> pytest.RunResult:
        (self.project.path / "theirs.py").write_text(USUAL + module)
        options = ["--model=python:theirs:encode", "--task-map=map.toml", "-p", "no:cacheprovider"]
        return self.project.run(sys.executable, "-m", "pytest", *options, *arguments)


@pytest.fixture
def callable_(project):
    return Callable(project)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_module_changes_of_the_process_changes_no_recording(callable_, change):
    recorded = callable_.run(change, DRIFT, "--snapshot-update", "--quick-recording", "--report=report")
    text = recorded.stdout.str() + recorded.stderr.str()
    assert recorded.ret == pytest.ExitCode.OK and "Traceback" not in text, text
    recorded.stdout.fnmatch_lines(
        [
            "note      recorded anchors in snapshots/theirs.encode, with bounds from a new null set",
            "note      report: */report/report.json",
        ]
    )
    assert (callable_.project.path / "report" / "report.json").is_file()
    usual = callable_.run("", DRIFT)
    assert usual.ret == pytest.ExitCode.OK
    usual.stdout.fnmatch_lines(["drift     embedding on own: identical"])


def test_what_a_module_changed_holds_whenever_it_is_called(callable_):
    result = callable_.run(CHECKED, "evals/test_contract.py", "-k", "unit_norm or order or threads")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()


def test_arithmetic_of_the_suite_is_the_usual_one_whatever_a_conftest_set(project):
    with (project.path / "conftest.py").open("a") as file:
        file.write("\nimport numpy\nnumpy.seterr(all='raise')\n")
    recorded = Callable(project).run("", DRIFT, "--snapshot-update", "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK, recorded.stdout.str()
