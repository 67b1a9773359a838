"""Code that a model of sentence-transformers brings along may raise, print and change what a callable may."""

import pytest

from tests.checkpoints import write_json
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import put
from tests.runs import printed, refusal, rows_in, run_apart

TRUSTED = ("--model=model", "--device=cpu", "--trust-remote-code", "-p", "no:cacheprovider")
ONE_EVAL = ("evals/test_contract.py", "-k", "unit_norm", "--tasks=embedding")
PARALLEL = ("-n2", "--dist=loadgroup")

MODULE = """
import torch
from sentence_transformers.base.modules import Module

{first}


class Own(Module):
    def forward(self, features):
        {call}
        return features

    def save(self, output_path, *arguments, **options):
        pass
"""


@pytest.fixture
def theirs(project, monkeypatch):
    """Run evals on a model whose last module is code of its own; it is given what that does first, and in a call."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(project.path / "modules"))
    folder = write_sentence_transformers(project.path / "model", max_length=16)
    (folder / "3_Own").mkdir()
    modules = [("sentence_transformers.models.Transformer", ""), ("sentence_transformers.models.Pooling", "1_Pooling")]
    modules += [("sentence_transformers.models.Normalize", "2_Normalize"), ("own.Own", "3_Own")]
    (folder / "2_Normalize").mkdir(exist_ok=True)
    write_json(
        folder / "modules.json",
        [{"idx": at, "name": str(at), "path": path, "type": kind} for at, (kind, path) in enumerate(modules)],
    )

    def run(*arguments: str, first: str = "", call: str = "pass") -> pytest.RunResult:
        put(folder, {"own.py": MODULE.format(first=first, call=call.replace("\n", "\n        "))})
        return run_apart(*TRUSTED, *arguments)

    return run


# --- what it changes around it --------------------------------------------------------------------------------------

SURROUNDINGS = {
    "numpy raises": (
        'import numpy as np\nnp.seterr(all="raise")',
        'import numpy as np\nassert set(np.geterr().values()) == {"raise"}',
    ),
    "another folder": (
        'import os\nos.makedirs("apart", exist_ok=True)\nos.chdir("apart")',
        'import os\nassert os.getcwd().endswith("apart")',
    ),
    "standard output is wrapped anew": (
        'import io, sys\nsys.stdout = own = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")',
        'import sys\nprint("encoding")\nassert sys.stdout is own',
    ),
    "standard error is closed": ("import sys\nsys.stderr.close()", "pass"),
}


@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_what_it_changes_around_it_changes_nothing_of_the_run(theirs, kind):
    first, call = SURROUNDINGS[kind]
    recording = ("evals/test_drift.py", "--snapshot-update", "--quick-recording")
    result = theirs(*recording, "--report=out", first=first, call=call)
    assert result.ret == pytest.ExitCode.OK and "Traceback" not in printed(result)
    recorded = "note      recorded anchors in snapshots/model, with bounds from a new null set"
    result.stdout.fnmatch_lines(["drift     embedding on cpu: identical", recorded])


# --- what it raises -------------------------------------------------------------------------------------------------

RAISES = {
    "skips when it is imported": ('import pytest\npytest.skip("no GPU", allow_module_level=True)', "pass"),
    "exits when it is imported": ('raise SystemExit("no GPU")', "pass"),
    "exits in a call": ("", 'raise SystemExit("no GPU")'),
    "skips in a call": ("", 'import pytest; pytest.skip("no GPU")'),
    "raises in a call": ("", 'raise KeyError("no GPU")'),
}


@pytest.mark.parametrize("kind", RAISES)
def test_what_it_raises_ends_the_run_in_one_line_with_its_place(theirs, kind):
    first, call = RAISES[kind]
    result = theirs(*ONE_EVAL, first=first, call=call)
    said, imported = refusal(result), "imported" in kind
    assert said.startswith("model: can't be loaded: " if imported else "model: can't encode under embedding: ")
    assert "no GPU" in said and "own.py:" in said
    assert "skipped   " not in printed(result)


def test_module_that_exits_ends_a_parallel_run_too(theirs):
    result = theirs(*ONE_EVAL, *PARALLEL, first=RAISES["exits when it is imported"][0])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "can't be loaded: SystemExit: no GPU (" in printed(result) and "Traceback" not in printed(result)


def test_what_it_raises_later_is_a_broken_row_and_no_skip(theirs, project):
    many = 'import pytest\nlen(features["sentence_embedding"]) < 3 or pytest.skip("busy")'
    result = theirs(*ONE_EVAL, "--junit-xml=report.xml", call=many)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and result.parseoutcomes()["failed"] == 1
    rows = rows_in(project.path / "report.xml")
    (row,) = rows["test_embeddings_are_finite_float32_of_unit_norm[cpu-embedding]"]
    assert row.verdict == "broken" and "can't encode under embedding: Skipped: busy (" in row.reason
