"""``--model python:module:function``: a second runtime, through whole runs."""

import pytest

from tests.places import ROOT, put
from tests.runs import MAP, failed, refusal, rows_in, run_apart, run_callable

CONTRACT = ["evals/test_contract.py"]
FLOOR, WIDEST = 2.5e-6, 4.4e-2
"""The floors of "vector max": float32's, and the widest of all."""


# --- a healthy one ------------------------------------------------------------------------------------------------


def test_contract_holds_and_what_cannot_be_asked_is_said_once(project):
    result = run_callable(project, "encode", *CONTRACT)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "model: python:tests.callables:encode, a Python callable; tasks: query, passage, same",
            "not asked: token ids, *hidden states*another dtype* (the python runtime doesn't offer it)",
            "not asked: the roles classification, clustering (no task of the model is named for them; --task-map can)",
            "not asked: languages other than en, de (its task map says)",
            "run: float32, devices: own, threads: *",
            "loaded    python:tests.callables:encode on own (where it runs is its own choice): once",
        ]
    )


def test_roles_of_the_map_are_what_behaviours_ask_for(project):
    evals = ["evals/test_behavior.py", "evals/test_jina_v3.py"]
    result = run_callable(project, "encode", *evals, "--junit-xml=report.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # words in common are no meaning
    rows = rows_in(project.path / "report.xml")
    asked = [name for name in rows if name.startswith("test_question_finds_its_passage")]
    reasons = {name: {row.reason for row in rows[name]} for name in asked}
    assert reasons.pop("test_question_finds_its_passage_in_every_language[own-fr]") == {
        "not applicable: the model is for en, de"
    }
    figures = {row.name for name in asked for row in rows[name]}
    assert "nDCG@10 of de questions, mean of 2 languages of passages" in figures
    result.stdout.fnmatch_lines(["skipped   *: needs *text-matching; this run's model has query, passage, same"])


def test_without_a_map_it_has_one_task_no_role_and_the_widest_floors(project):
    result = run_callable(project, "encode", *CONTRACT, task_map=None)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "model: *; tasks: embedding",
            "run: precision not stated: judged by the widest floors, devices: own, *",
            "note      its precision is not stated (precision in a task map): judged by the widest floors",
        ]
    )


def test_it_is_recorded_and_compared_like_any_model(project, monkeypatch):
    monkeypatch.setenv("NOISE", str(10 * FLOOR))
    recorded = run_callable(project, "encode", "evals/test_drift.py", "--snapshot-update")
    assert recorded.ret == pytest.ExitCode.OK
    assert (project.path / "snapshots" / "tests.callables.encode" / "anchors.safetensors").is_file()
    again = run_callable(project, "encode", "evals/test_drift.py", "evals/test_similarity.py")
    assert again.ret == pytest.ExitCode.OK
    again.stdout.fnmatch_lines(
        ["drift     query on own: identical", "compared  4 tables on own *: 4 within tolerance*"]
    )
    other = run_callable(project, "noisy", "evals/test_drift.py", "--baseline=tests.callables.encode")
    assert other.ret == pytest.ExitCode.TESTS_FAILED


def test_throughput_is_measured_without_token_counts(project):
    options = ["-k", "short and query", "--benchmark-tokens=50", "--junit-xml=report.xml"]
    result = run_callable(project, "encode", "evals/test_throughput.py", *options)
    assert result.ret == pytest.ExitCode.OK
    (found,) = [rows for rows in rows_in(project.path / "report.xml").values() if rows]
    figures = {row.name: row.new for row in found}
    assert figures["sentences_per_second"] > 0 and figures["tokens_per_second"] is None


def test_array_that_is_filled_anew_at_each_call_is_not_compared_with_itself(project, monkeypatch):
    monkeypatch.setenv("NOISE", str(10 * FLOOR))
    result = run_callable(project, "one_buffer", *CONTRACT, "-k", "twice or order")
    result.assert_outcomes(failed=6, deselected=result.parseoutcomes()["deselected"])


def test_what_a_callable_warns_of_is_a_note(project):
    result = run_callable(project, "warns", *CONTRACT, "-k", "unit_norm")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["note      the callable warns: task will be removed"])


def test_what_a_callable_imports_only_when_it_is_called_is_found_where_the_user_stands(project, tmp_path, monkeypatch):
    theirs = "from tests.callables import imports_late\n"
    put(project.path / "home", {"beside_the_user.py": "", "theirs.py": theirs})
    (project.path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(project.path / "home")
    program = "import sys; sys.path[:] = [p for p in sys.path if p]; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    options = ["../evals/test_contract.py", "-k", "unit_norm", "--model=python:theirs:imports_late"]
    result = run_apart(*options, python=("-c", program))
    assert result.ret == pytest.ExitCode.OK


def test_line_of_a_known_failure_is_accepted_as_pytest_prints_it(project):
    line = "evals/test_contract.py::test_odd_input_is_handled[own-empty] # why not\n"
    put(project.path, {"snapshots/tests.callables.encode/known-failures.txt": line})
    result = run_callable(project, "encode", *CONTRACT, "-k", "odd_input")
    result.assert_outcomes(passed=8, failed=1, deselected=result.parseoutcomes()["deselected"])
    assert "[XPASS(strict)] why not" in result.stdout.str() and "matches no eval" not in result.stdout.str()


def test_model_for_languages_that_the_corpus_lacks_skips_what_needs_them(project):
    task_map = MAP.replace('["en", "de"]', '["ja"]')
    result = run_callable(project, "encode", "evals/test_behavior.py", task_map=task_map)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and set(result.parseoutcomes()) == {"skipped"}
    result.stdout.fnmatch_lines(
        [
            "skipped   *: not applicable: the texts have none of the model's languages (ja)",
            "note      failed: none of the suite's evals was judged: all * that ran were skipped, * of them for this *",
        ]
    )


@pytest.mark.parametrize(
    ("workers", "failed"), [(["-n2", "--dist=loadgroup"], 1), (["-n2"], 2)], ids=["loadgroup", "load"]
)
def test_without_a_baseline_one_eval_of_each_worker_that_compares_fails(project, workers, failed):
    result = run_callable(project, "encode", "evals/test_drift.py", "evals/test_similarity.py", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == failed


# --- contract evals encode anew, not from an observation ----------------------------------------------------------


@pytest.mark.parametrize(("task_map", "floor"), [(MAP, FLOOR), (None, WIDEST)], ids=["precision stated", "not stated"])
def test_noise_of_ten_times_the_floor_at_each_call_fails_the_contract(project, monkeypatch, task_map, floor):
    monkeypatch.setenv("NOISE", str(10 * floor))
    result = run_callable(project, "noisy", *CONTRACT, task_map=task_map)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {name.partition("[")[0] for name in failed(result)} >= {
        "test_same_text_twice_gives_the_same_vector",
        "test_batch_size_does_not_change_a_vector",
        "test_order_does_not_change_a_vector",
        "test_neighbours_do_not_change_a_vector",
        "test_threads_that_share_the_model_get_their_own_task",
    }


@pytest.mark.parametrize(("task_map", "floor"), [(MAP, FLOOR), (None, WIDEST)], ids=["precision stated", "not stated"])
def test_noise_of_a_tenth_of_the_floor_fails_nothing(project, monkeypatch, task_map, floor):
    monkeypatch.setenv("NOISE", str(floor / 10))
    assert run_callable(project, "noisy", *CONTRACT, task_map=task_map).ret == pytest.ExitCode.OK


# --- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("transposed", "returned shape (64, 2) for 2 texts under query; needs (2, 2)"),
        ("not_finite", "returned NaN or infinity under query"),
        ("too_few", "returned shape (1, 64) for 2 texts under query; needs (2, 64)"),
        ("raises", "raised under query: the server is gone"),
        ("only_queries", "raised under passage: unknown task passage"),
        ("NOT_CALLABLE", "NOT_CALLABLE is a int, no callable"),
        ("tests.callables.exits:encode", "can't be imported: SystemExit: usage: exits"),
        ("gone", "can't be imported: AttributeError: module 'tests.callables' has no attribute 'gone'"),
    ],
)
def test_callable_that_is_no_encoder_ends_the_run_in_one_line(project, function, says):
    module = function if ":" in function else f"tests.callables:{function}"
    assert refusal(run_callable(project, function, *CONTRACT)).startswith(f"python:{module}: {says}")


def test_callable_that_is_no_encoder_ends_a_parallel_run_in_the_same_line(project):
    said = refusal(run_callable(project, "too_few", *CONTRACT, "-n2", "--dist=loadgroup"))
    assert said == "python:tests.callables:too_few: returned shape (1, 64) for 2 texts under query; needs (2, 64)"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("python:", "'python:' names no callable; needs python:package.module:function"),
        ("python:os.path", "'python:os.path' names no callable; needs python:package.module:function"),
        (
            "python:no_such_module:encode",
            "python:no_such_module:encode: there is no module no_such_module; it is looked ",
        ),
        ("python:no.such:encode", "python:no.such:encode: no.such can't be imported: No module named 'no'"),
    ],
)
def test_module_that_is_not_there_is_one_line(project, model, says):
    said = refusal(run_apart(f"--model={model}", *CONTRACT))
    assert said.startswith(f"--model: {says}")


def test_what_goes_wrong_during_the_run_is_a_failed_row(project):
    result = run_callable(project, "turns_after", *CONTRACT, "-k", "unit_norm", "--junit-xml=report.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED and "Traceback" not in result.stdout.str()
    (row,) = rows_in(project.path / "report.xml")["test_embeddings_are_finite_float32_of_unit_norm[own-query]"]
    assert (row.verdict, row.gates) == ("broken", True)
    assert row.reason.startswith("python:tests.callables:turns_after: returned a complex64 array of shape ")


@pytest.mark.parametrize("option", ["--dtype=float32", "--attn-implementation=eager", "--batch-tokens=5"])
def test_option_that_a_callable_does_not_take_is_refused(project, option):
    assert refusal(run_callable(project, "encode", *CONTRACT, option)) == (
        f"{option.partition('=')[0]}: the python runtime takes no such option; leave it out"
    )


def test_device_of_a_callable_is_its_own(project):
    assert refusal(run_callable(project, "encode", *CONTRACT, "--device=cpu")) == (
        "--device: device 'cpu' is not available here; available: own (or auto, all)"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[roles]\nreader = "query"\n', "unknown role 'reader'; the roles are: query, document, classification, "),
        (
            '[tasks]\nquery = {}\n[roles]\nquery = "ask"\n',
            "role query is served by 'ask', which is no task; there is: ",
        ),
        ("[tasks]\nquery = 7\n", "task 'query' is 7, needs a table with a prompt, or same_as, or nothing"),
        ('[tasks]\nquery = { promt = "a" }\n', "task 'query' is {'promt': 'a'}, needs a table with a prompt"),
        (
            '[roles]\nquery = "nonexistent"\n',
            "role query is served by 'nonexistent', which is no task; there is: embedding",
        ),
        ('[tasks]\n"search:query" = {}\n', "'search:query' can't be the name of a task"),
        ('[tasks]\n"../up" = {}\n', "'../up' can't be the name of a task"),
        ('[tasks]\n"search query" = {}\n', "'search query' can't be the name of a task"),
        ('[tasks]\n"a|b" = {}\n', "'a|b' can't be the name of a task"),
        ('precision = "float64"\n', "precision is 'float64'; allowed: float32, float16, bfloat16, int8"),
        ("dimension = 0\n", "dimension is 0, needs a whole number of at least 1"),
        ("languages = [1]\n", "languages is [1], needs a list of texts"),
        ("colour = 1\n", "unknown entry 'colour'; a task map has: precision, dimension, "),
        ("tasks = [\n", "not a task map in TOML ("),
    ],
)
def test_task_map_that_cannot_be_is_one_line(project, content, says):
    said = refusal(run_callable(project, "encode", *CONTRACT, task_map=content))
    assert said.removeprefix("map.toml: ").removeprefix("--task-map: ").startswith(says)


def test_task_map_that_is_not_there_is_one_line(project):
    assert refusal(run_callable(project, "encode", *CONTRACT, "--task-map=gone.toml", task_map=None)) == (
        "--task-map: 'gone.toml' is neither a file nor one of the bundled maps: jina-v3, minilm, multilingual-e5, "
        "use-multilingual"
    )
