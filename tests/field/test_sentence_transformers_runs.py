"""Runs on folders of sentence-transformers: recorded, compared, refused; what the header says of them."""

import re

import pytest
import torch  # noqa: F401  pytester forgets what is first imported inside a run
from transformers import BertModel  # noqa: F401

from tests.checkpoints import change_json, write_json
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.runs import refusal, run_apart

CONTRACT = ("evals/test_contract.py",)
DRIFT = ("evals/test_drift.py",)
HEAVY = ("torch", "transformers", "sentence_transformers")


@pytest.fixture
def folder(project):
    """A tiny folder whose prompt for documents is called passage, and whose card states languages."""
    prompts = {"query": "query: ", "passage": "passage: "}
    folder = write_sentence_transformers(project.path / "model", dense=(24,), prompts=prompts)
    (folder / "README.md").write_text("---\nlanguage:\n- en\n- de\n---\n# A tiny one\n", encoding="utf-8")
    return folder


@pytest.fixture
def run(project):
    """Run evals on the folder, in a process of their own."""

    def run(*arguments: str, model: str = "model") -> pytest.RunResult:
        return run_apart("-p", "no:cacheprovider", *arguments, model=model)

    return run


@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_every_claim_on_the_wiring_holds_and_the_header_says_what_is_sent(run, folder, parallel):
    result = run(*CONTRACT, *parallel)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "model: model, Transformer + Pooling (mean) + Dense + Normalize, files sha256 *; tasks: query, document",
            "tasks: query is what encode_query sends, 'query: ' before each text; document is what encode_document and "
            "encode send, bare",
            "not sent: the prompt 'passage', *; a task map that states all tasks would send it with passage = "
            '{ prompt = "passage: " } under * and document = "passage" under *',
            "not asked: base weights (*)",
            "not asked: languages other than en, de (its card, README.md, says)",
            "run: float32, the library's attention, devices: cpu, threads: *, batches of 4096 tokens",
            "versions: torch *, transformers *, sentence-transformers *, tokenizers *, numpy *",
        ]
    )


@pytest.mark.parametrize(
    "kind",
    [{"dense": (2,)}, {"max_length": 32}, {"pooling": "cls", "normalise": False}, {"pooling": "lasttoken"}],
    ids=["two dimensions", "32 tokens", "first token unnormalised", "last token"],
)
def test_every_claim_on_the_wiring_holds_for_an_unusual_model(run, project, kind):
    write_sentence_transformers(project.path / "model", **kind)
    assert run(*CONTRACT).ret == pytest.ExitCode.OK


def test_baseline_lets_another_run_pass_and_names_another_pooling(run, folder):
    assert run(*DRIFT, "--snapshot-update", "--quick-recording").ret == pytest.ExitCode.OK
    again = run(*DRIFT, "--batch-tokens=300", "--attn-implementation=eager")
    assert again.ret == pytest.ExitCode.OK
    again.stdout.fnmatch_lines(["drift     query on cpu: within tolerance *"])
    change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")
    moved = run(*DRIFT)
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    moved.stdout.fnmatch_lines(["  looks like: CLS pooling on query"])


def test_thorough_recording_has_bounds_for_every_dtype(run, folder):
    assert run(*DRIFT, "--snapshot-update").ret == pytest.ExitCode.OK
    for dtype in ("bfloat16", "float16"):
        assert run(*DRIFT, f"--dtype={dtype}").ret == pytest.ExitCode.OK


def test_damaged_folder_ends_the_run_in_one_line(run, folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert refusal(run(*CONTRACT)).startswith(
        "--model: model: holds pickled weights only (pytorch_model.bin), which can run code when loaded and are refused"
    )


@pytest.mark.parametrize("inside", ["", "0_Transformer"], ids=["config.json beside it", "config.json below it"])
@pytest.mark.parametrize(
    ("content", "holds"),
    [({"0": {"path": ""}}, '{"0": {"path": ""}}'), ("Transformer", '"Transformer"'), (None, "null"), ([{}, 3], "3")],
    ids=["object", "text", "null", "number in a list"],
)
def test_modules_that_are_no_list_end_the_run_in_one_line(run, folder, inside, content, holds):
    if inside:
        (folder / inside).mkdir()
        for name in ("config.json", "model.safetensors"):
            (folder / name).rename(folder / inside / name)
    write_json(folder / "modules.json", content)
    assert refusal(run(*CONTRACT)) == (
        f"--model: model/modules.json: needs a list of JSON objects, holds {holds}; fetch or export it again"
    )


def test_length_above_the_positions_ends_the_run_in_one_line(run, project):
    write_sentence_transformers(project.path / "model", architecture="roberta", positions=60, max_length=60)
    assert refusal(run(*CONTRACT)) == (
        "model: texts are cut at 60 tokens, and it has positions for 58 (60 rows, of which the first 2 are the "
        "padding's); state at most 58: max_seq_length in sentence_bert_config.json, or max_length in a task map "
        "(--task-map)"
    )


def test_code_of_its_own_needs_the_option_which_is_in_the_printed_command(run, folder):
    (folder / "own.py").write_text(
        "from sentence_transformers.base.modules import Normalize\n\n\nclass Own(Normalize):\n    pass\n"
    )
    (folder / "4_Own").mkdir()
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "4_Own", "type": "own.Own"},
    ]
    write_json(folder / "modules.json", modules)
    assert refusal(run(*DRIFT)) == (
        "--model: model: its module own.Own is code of its own, which doesn't run unasked: read it, then give "
        "--trust-remote-code"
    )
    trusted = run(*DRIFT, "--trust-remote-code")
    trusted.stdout.fnmatch_lines(["run: *, its own code runs (--trust-remote-code)"])
    (command,) = {line for line in trusted.outlines if line.startswith("Record one with: ")}
    assert re.search(r" --trust-remote-code --snapshot-update$", command)


def test_missing_library_ends_the_run_in_one_line(run, folder, project):
    (project.path / "hides.py").write_text(
        "from fixtures.hardware import library_versions\n"
        "installed = library_versions.installed_version\n"
        "library_versions.installed_version = (\n"
        "    lambda name: 'not installed' if name == 'sentence-transformers' else installed(name)\n"
        ")\n"
    )
    assert refusal(run(*CONTRACT, "-p", "hides")) == (
        "this model takes sentence-transformers>=6,<7, which is not installed: pip install "
        "'sentence-transformers>=6,<7', or pip install --group sentence-transformers where the suite lies"
    )


@pytest.mark.parametrize("arguments", [["--collect-only"], ["--help"], ["--dtype=float64"], ["--tasks=none"]])
def test_looking_around_imports_no_library(project, folder, arguments):
    script = (
        "import sys, pytest\n"
        "code = pytest.main(sys.argv[1:])\n"
        f"print('heavy:', sorted({set(HEAVY)!r} & set(sys.modules)), 'code:', int(code))\n"
    )
    result = run_apart("evals", "-q", "--model=model", *arguments, python=("-c", script))
    expected = 0 if arguments[0] in ("--collect-only", "--help") else 4
    assert result.outlines[-1] == f"heavy: [] code: {expected}"
