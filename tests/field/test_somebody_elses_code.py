"""Callables as others write them: they skip, raise, change what they are given and where they run, and return much."""

import re

import pytest

from tests.places import put
from tests.runs import MAP, printed, refusal, rows_in, run_callable

CONTRACT = ["evals/test_contract.py"]
ONE_EVAL = [*CONTRACT, "-k", "unit_norm"]
OK, FAILED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED
HEALTHY = "import numpy as np\nfrom tests.callables import encode as healthy\n"
ENCODE = f"{HEALTHY}\ndef encode(texts, task):\n    "


def run_theirs(project, code: str, *arguments: str, task_map: str | None = None) -> pytest.RunResult:
    """Run the evals on a module of the user's."""
    put(project.path, {"theirs.py": code})
    return run_callable(project, "theirs:encode", *arguments, task_map=task_map)


# --- what it raises -----------------------------------------------------------------------------------------------

SKIPS = {
    "importorskip": (
        "import pytest\npytest.importorskip('no_such_module')\n",
        "can't be imported: Skipped: could not import 'no_such_module'",
        2,
    ),
    "skip": (
        "import pytest\npytest.skip('no GPU', allow_module_level=True)\n",
        "can't be imported: Skipped: no GPU",
        2,
    ),
    "xfail in a call": (
        "import pytest\ndef encode(texts, task):\n    pytest.xfail('known')\n",
        "raised under embedding: XFailed: known",
        3,
    ),
    "cancelled": (
        "import asyncio\ndef encode(texts, task):\n    raise asyncio.CancelledError\n",
        "raised under embedding: CancelledError: ",
        3,
    ),
    "text that raises": (
        "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\n"
        "def encode(texts, task):\n    raise Odd\n",
        "raised under embedding: Odd: ",
        5,
    ),
    "in a library": (
        "import json\ndef encode(texts, task):\n    return json.loads('{')\n",
        "raised under embedding: Expecting property name",
        3,
    ),
}


@pytest.mark.parametrize("kind", SKIPS)
def test_what_it_raises_ends_the_run_in_one_line_with_its_place(project, kind):
    code, says, line = SKIPS[kind]
    result = run_theirs(project, code, *ONE_EVAL)
    said = refusal(result)
    assert said.startswith(f"python:theirs:encode: {says}") and said.endswith(f"(theirs.py:{line})")
    assert "skipped   " not in result.stdout.str() and "note      " not in result.stdout.str()


@pytest.mark.parametrize("more", [["-n2", "--dist=loadgroup"], ["evals/test_drift.py", "--snapshot-update"]])
def test_module_that_skips_ends_parallel_runs_and_recordings_too(project, more):
    said = refusal(run_theirs(project, SKIPS["importorskip"][0], *CONTRACT, *more))
    assert said.startswith("python:theirs:encode: can't be imported: Skipped: ")
    assert not (project.path / "snapshots").exists()


def test_what_it_raises_later_is_a_broken_row_and_no_skip(project):
    code = f"{ENCODE}import pytest\n    return healthy(texts, task) if len(texts) < 3 else pytest.skip('busy')\n"
    result = run_theirs(project, code, *ONE_EVAL, "--junit-xml=report.xml", task_map=MAP)
    assert result.ret == FAILED and result.parseoutcomes()["failed"] == 3
    rows = rows_in(project.path / "report.xml")
    (row,) = rows["test_embeddings_are_finite_float32_of_unit_norm[own-passage]"]
    assert row.verdict == "broken"
    assert row.reason == "python:theirs:encode: raised under passage: Skipped: busy (theirs.py:6)"


# --- what it does to its surroundings -----------------------------------------------------------------------------

SURROUNDINGS = {
    "the list it is given": f"{ENCODE}vectors = healthy(texts, task)\n    texts.clear()\n    return vectors\n",
    "the folder it stands in": (
        f"import os\nos.mkdir('apart')\nos.chdir('apart')\n{ENCODE}assert os.getcwd().endswith('apart')\n"
        "    return healthy(texts, task)\n"
    ),
    "standard output": (
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\n"
        f"{ENCODE}print('encoding')\n    return healthy(texts, task)\n"
    ),
}


@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_what_it_changes_around_it_changes_nothing_of_the_run(project, kind):
    result = run_theirs(project, SURROUNDINGS[kind], "evals/test_drift.py", "--snapshot-update", "--quick-recording")
    assert result.ret == OK
    assert "Traceback" not in printed(result)
    recorded = "note      recorded anchors in snapshots/theirs.encode, with bounds from a new null set"
    result.stdout.fnmatch_lines(["drift     embedding on own: identical", recorded])


def test_numpys_way_with_errors_is_its_own_inside_its_calls_and_the_suites_outside(project, monkeypatch):
    monkeypatch.setenv("NOISE", "1e-6")
    code = (
        "import numpy as np\nfrom tests.callables import noisy\nnp.seterr(all='raise')\n"
        "def encode(texts, task):\n    try:\n        np.float32(1e38) ** 2\n"
        "    except FloatingPointError:\n        return noisy(texts, task)\n"
    )
    result = run_theirs(project, code, "evals/test_drift.py", "--snapshot-update", task_map=MAP)
    assert result.ret == OK


# --- what it returns ----------------------------------------------------------------------------------------------


def test_what_numpy_turns_into_float32_without_loss_is_taken_and_said_once(project):
    kinds = {
        "half": "vectors.astype(np.float16)",
        "double": "vectors.astype(np.float64)",
        "big": "vectors.astype('>f4')",
        "lists": "vectors.tolist()",
        "matrix": "np.matrix(vectors)",
        "unmasked": "np.ma.masked_array(vectors)",
        "tensor": "torch.from_numpy(vectors)",
    }
    tasks = "".join(f"{name} = {{}}\n" for name in kinds)
    task_map = f'precision = "float16"\n[tasks]\n{tasks}'
    answers = ", ".join(f"'{name}': lambda vectors: {answer}" for name, answer in kinds.items())
    encode = "def encode(texts, task):\n    return ANSWERS[task](healthy(texts, ''))\n"
    code = f"import torch\n{HEALTHY}ANSWERS = {{{answers}}}\n{encode}"
    result = run_theirs(project, code, *ONE_EVAL, task_map=task_map)
    assert result.ret == OK
    said = re.findall(r"note      the callable returns (.*): taken as float32", result.stdout.str())
    arrays = [f"a {kind} array" for kind in ("float16", "float64", ">f4")]
    assert said == [*arrays, "a list", "a float32 matrix", "a float32 MaskedArray", "a Tensor"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("np.ma.masked_less(healthy(texts, task), 0)", "returned a float32 MaskedArray of shape (2, 64) with masked"),
        ("healthy(texts, task)[:, :0]", "returned shape (2, 0) for 2 texts under embedding; needs (2, 1)"),
        ("healthy(texts, task) * np.float32(3e38)", "returned components of up to "),
        ("[[1.0, 2.0], [3.0]]", "returned a list (NumPy: setting an array element with a sequence."),
        ("(text for text in texts)", "returned a generator under embedding; needs a NumPy array of shape (n, dim)"),
        ("[texts.pop()] and healthy(texts, task)", "returned shape (1, 64) for 2 texts under embedding; needs (2, 64)"),
    ],
    ids=["masked", "no components", "too large", "ragged", "a generator", "shortened"],
)
def test_what_is_no_embedding_is_refused_in_one_line(project, answer, says):
    said = refusal(run_theirs(project, f"{ENCODE}return {answer}\n", *ONE_EVAL))
    assert said.startswith(f"python:theirs:encode: {says}")


# --- calls, lengths -----------------------------------------------------------------------------------------------


def test_callable_that_mixes_up_its_texts_from_the_second_batch_on_fails_the_contract(project):
    chosen = [*CONTRACT, "-k", "batch_size and query"]
    result = run_callable(project, "forgets_the_order", *chosen)
    assert result.ret == FAILED and result.parseoutcomes()["failed"] == 1
    failed = set(
        re.findall(r"largest cosine distance, (calls of \d+ texts(?:, in another order)?):", result.stdout.str())
    )
    assert {"calls of 33 texts", "calls of 129 texts, in another order", "calls of 92 texts"} <= failed


@pytest.mark.parametrize(
    ("function", "words", "stated", "passes"),
    [
        ("cuts", 512, 512, True),
        ("cuts", 500, 512, True),
        ("cuts", 256, 512, False),
        ("cuts", 512, 256, False),
        ("cuts_from_the_left", 512, 512, False),
        ("cuts", 10_000, 8192, True),
    ],
)
def test_stated_length_that_is_clearly_wrong_fails(project, monkeypatch, function, words, stated, passes):
    monkeypatch.setenv("WORDS", str(words))
    task_map = MAP.replace('"\n', f'"\nmax_length = {stated}\n', 1)
    result = run_callable(project, function, *CONTRACT, "-k", "cut_at_the_maximum", "--report=out", task_map=task_map)
    assert result.ret == (OK if passes else FAILED)
    result.assert_outcomes(passed=passes, failed=not passes, skipped=2, deselected=result.parseoutcomes()["deselected"])
    if not passes:
        said = result.stdout.str()
        assert f"needs {'>=' if words < stated else '<='}" in said and f"max_length is {stated}" in said
        assert (
            "answers in windows, cuts from the left, or drops words; max_length may be left out of the task map" in said
        )


def test_server_that_takes_few_and_short_texts_is_recorded_and_holds_the_contract(project):
    narrow = "max_length = 256\ntexts_a_call = 32\nwithhold_beyond_max_length = true\n"
    task_map = narrow + 'precision = "float32"\n[tasks]\nquery = {}\n'
    for evals in (
        ["evals/test_drift.py", "--snapshot-update", "--quick-recording"],
        [*CONTRACT, "evals/test_drift.py", "evals/test_throughput.py"],
    ):
        result = run_callable(project, "narrow_server", *evals, task_map=task_map)
        assert result.ret == OK
    result.stdout.fnmatch_lines(["skipped   *: the task map withholds texts that may be longer than max_length"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"dimension = {'9' * 5000}\n", "not a task map in TOML (Exceeds the limit"),
        (f"dimension = 0x{'f' * 5000}\n", "dimension is a number of thousands of digits, needs a whole number"),
        ("max_length = 1000000000\n", "max_length is more than 1,000,000; needs a whole number up to that"),
        ("texts_a_call = 0\n", "texts_a_call is 0, needs a whole number of at least 1"),
        ("withhold_beyond_max_length = true\n", "withhold_beyond_max_length is true, and there is no max_length"),
    ],
    ids=["digits", "digits in hex", "too long", "no text a call", "withheld beyond nothing"],
)
def test_task_map_with_an_impossible_number_is_one_line(project, content, says):
    assert refusal(run_callable(project, "encode", *ONE_EVAL, task_map=content)).startswith(f"map.toml: {says}")
