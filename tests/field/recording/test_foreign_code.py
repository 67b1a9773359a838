"""What a callable's module, or a conftest.py, changes of the process changes nothing of what the suite does."""

import pytest

from tests.field.recording.conftest import DRIFT
from tests.places import put
from tests.runs import printed, run_callable

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


def run_theirs(project, module: str, *arguments: str) -> pytest.RunResult:
    """Run on a callable of a module in the working directory."""
    put(project.path, {"theirs.py": USUAL + module})
    return run_callable(project, "theirs:encode", *arguments, task_map="precision = 'float32'\n")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_module_changes_of_the_process_changes_no_recording(project, change):
    recorded = run_theirs(project, change, DRIFT, "--snapshot-update", "--quick-recording", "--report=report")
    text = printed(recorded)
    assert recorded.ret == pytest.ExitCode.OK and "Traceback" not in text, text
    recorded.stdout.fnmatch_lines(
        [
            "note      recorded anchors in snapshots/theirs.encode, with bounds from a new null set",
            "note      report: */report/report.json",
        ]
    )
    assert (project.path / "report" / "report.json").is_file()
    usual = run_theirs(project, "", DRIFT)
    assert usual.ret == pytest.ExitCode.OK
    usual.stdout.fnmatch_lines(["drift     embedding on own: identical"])


def test_what_a_module_changed_holds_whenever_it_is_called(project):
    result = run_theirs(project, CHECKED, "evals/test_contract.py", "-k", "unit_norm or order or threads")
    assert result.ret == pytest.ExitCode.OK


def test_arithmetic_of_the_suite_is_the_usual_one_whatever_a_conftest_set(project):
    with (project.path / "conftest.py").open("a") as file:
        file.write("\nimport numpy\nnumpy.seterr(all='raise')\n")
    recorded = run_theirs(project, "", DRIFT, "--snapshot-update", "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK
