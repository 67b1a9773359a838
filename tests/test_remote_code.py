"""A model's own ``encode``: what is asked of it, refused and skipped. Runs with transformers 4 too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fixtures.errors import CheckpointError, EncodeError
from fixtures.models.checkpoint import HIDDEN_STATES, REMOTE_CODE, inspect_checkpoint
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.runtimes.remote_code import RemoteCodeEncoder
from tests.layouts import MATRYOSHKA, PREFIXES, TASKS, edit_json, write_tokenizer

ROOT = Path(__file__).parent.parent
CODE_REPOSITORY = "someone/some-code"
CODE_COMMITS = {"main": "a" * 40, "v1": "b" * 40}
TEXTS = ["Follow the white rabbit.", "Hello", "", "the query for the document " * 12]


@pytest.fixture(autouse=True)
def _own_module_cache(tmp_path, monkeypatch):
    """The code is copied to a cache of modules before it is run: not to the user's."""
    cache = tmp_path / "modules"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(cache))
    monkeypatch.syspath_prepend(cache)
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def folder(tmp_path):
    """A checkpoint that brings its own code."""
    folder = tmp_path / "small"
    shutil.copytree(ROOT / "tests" / "remote_code_model", folder, ignore=shutil.ignore_patterns("__pycache__"))
    draw = torch.Generator().manual_seed(0)
    tensors = {
        "words.weight": torch.randn(300, 32, generator=draw),
        "turns": torch.randn(5, 32, 32, generator=draw) * 0.1,
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder)
    (folder / "config.json").write_text("{}")
    edit_json(
        folder / "config.json",
        architectures=["SmallModel"],
        auto_map={"AutoConfig": "modeling_small.SmallConfig", "AutoModel": "modeling_small.SmallModel"},
        model_type="small_remote_code",
        vocab_size=300,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=32,
        max_position_embeddings=1026,
        matryoshka_dimensions=list(MATRYOSHKA),
        task_instructions=PREFIXES,
    )
    return folder


def open_encoder(folder, **options) -> RemoteCodeEncoder:
    checkpoint = inspect_checkpoint(folder, trust_remote_code=True, **options)
    assert checkpoint.layout == REMOTE_CODE
    return RemoteCodeEncoder(load_model(checkpoint))


def expected(folder, text, task, token_ids) -> np.ndarray:
    tensors = load_file(folder / "model.safetensors")
    mean = tensors["words.weight"][token_ids].mean(dim=0)
    if task:
        mean = mean + tensors["turns"][TASKS.index(task)] @ mean
    return (mean / mean.norm()).numpy()


def test_embeddings_are_those_of_the_models_own_code(folder):
    encoder = open_encoder(folder)
    for task in (*TASKS, None):
        vectors = encoder.encode(TEXTS, task)
        ids = encoder.tokenize(TEXTS, task)
        wanted = [expected(folder, text, task, row) for text, row in zip(TEXTS, ids, strict=True)]
        np.testing.assert_allclose(vectors, np.stack(wanted), rtol=0, atol=1e-6)


def test_one_string_and_matryoshka_cut(folder):
    encoder = open_encoder(folder)
    full = encoder.encode("Hello", "separation")
    cut = encoder.encode("Hello", "separation", truncate_dim=8)
    np.testing.assert_allclose(cut, full[:8] / np.linalg.norm(full[:8]), atol=1e-6)
    assert full.shape == (32,)


def test_only_some_tasks(folder):
    assert open_encoder(folder, only_tasks=["separation"]).tasks == ("separation",)


@pytest.mark.parametrize("options", [{"prefix": "x: "}, {"padding_side": "left"}])
def test_what_the_code_decides_cannot_be_asked_for(folder, options):
    with pytest.raises(EncodeError, match="the model's own code encodes"):
        open_encoder(folder).encode("Hello", "separation", **options)


def test_there_are_no_hidden_states(folder):
    with pytest.raises(EncodeError, match=f"no {HIDDEN_STATES}"):
        open_encoder(folder).hidden_states("Hello", None)


def test_unknown_task_is_refused_before_the_code_sees_it(folder):
    with pytest.raises(EncodeError, match="unknown task 'clustering'"):
        open_encoder(folder).encode("Hello", "clustering")


def test_batches_shrink_when_memory_runs_out(folder):
    encoder = open_encoder(folder)
    encoder.loaded.model.largest_batch = 2
    reference = [encoder.encode(text, "separation") for text in TEXTS]
    np.testing.assert_array_equal(encoder.encode(TEXTS, "separation"), np.stack(reference))
    assert any("out of memory on cpu: batches halved to 2048 tokens" in note for note in encoder.notes)
    encoder.loaded.model.largest_batch = 0
    with pytest.raises(EncodeError, match="out of memory on cpu with one text at a time"):
        encoder.encode("Hello", "separation")


def test_warnings_of_the_code_are_noted_once(folder):
    edit_json(folder / "config.json", fault="warns")
    encoder = open_encoder(folder)
    encoder.encode("Hello", "separation")
    encoder.encode("Hello", "classification")
    assert encoder.notes.count("the model's own code warns: flash_attn is not installed") == 1


def test_code_that_ran_is_noted(folder):
    assert any("modeling_small" in note for note in open_encoder(folder).notes)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no lifecycle", "'SmallModel' object has no attribute 'all_tied_weights_keys'"),
        ("no encode", "SmallModel has no encode"),
        ("ignores tasks", "accepts the task 'no such task', so it ignores tasks"),
        ("unset frequencies", "the rotary frequencies inv_freq aren't those of base 20000.0"),
    ],
)
def test_code_that_cannot_be_trusted_to_answer_is_refused(folder, fault, message):
    edit_json(folder / "config.json", fault=fault, rotary_emb_base=20000.0)
    with pytest.raises(CheckpointError) as caught:
        open_encoder(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_breakage_with_transformers_5_names_both_ways_out(folder):
    import transformers

    edit_json(folder / "config.json", fault="no lifecycle")
    with pytest.raises(CheckpointError) as caught:
        open_encoder(folder)
    ways_out = ("leave out --trust-remote-code", "tox run -e remote-code")
    newer = transformers.__version__.startswith("5.")
    assert all((way in str(caught.value)) == newer for way in ways_out)


def test_other_dtype_than_asked_for_is_refused(folder, monkeypatch):
    checkpoint = inspect_checkpoint(folder, trust_remote_code=True)
    monkeypatch.setattr("transformers.PreTrainedModel.eval", lambda model: model.to(torch.bfloat16))
    with pytest.raises(CheckpointError, match=r"its own code loaded torch\.bfloat16; give that to --dtype"):
        load_model(checkpoint)


def test_vectors_of_another_dtype_are_refused(folder):
    edit_json(folder / "config.json", fault="half")
    with pytest.raises(EncodeError, match=r"gave float16 of shape \(1, 32\)"):
        open_encoder(folder).encode("Hello", "separation")


def test_without_trust_the_code_is_not_run(folder):
    with pytest.raises(CheckpointError, match="use --trust-remote-code to run the code that the model brings along"):
        inspect_checkpoint(folder)


def test_contract_holds_and_what_the_code_lacks_is_skipped_with_its_reason(folder, tmp_path):
    finished = run_pytest(
        *("evals/test_contract.py", "--device", "cpu", "--trust-remote-code", "--model", str(folder)),
        *("-k", "not odd and not cut_at and not comes_after"),
        home=tmp_path / "home",
    )
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert "needs another prefix than the task's: the model's own code encodes" in finished.stdout
    assert "note      encoded by the model's own code: transformers_modules." in finished.stdout


def test_code_revision_without_trust_is_a_usage_error(tmp_path):
    finished = run_pytest("evals", "--code-revision", "main", "--collect-only", home=tmp_path)
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--code-revision 'main': needs --trust-remote-code too" in finished.stderr


# --- code in a repository of its own ---------------------------------------------------------------------------------


def name_code_repository(folder: Path) -> None:
    classes = {"AutoConfig": "SmallConfig", "AutoModel": "SmallModel"}
    auto_map = {auto: f"{CODE_REPOSITORY}--modeling_small.{name}" for auto, name in classes.items()}
    edit_json(folder / "config.json", auto_map=auto_map)


@pytest.fixture
def home(folder, tmp_path):
    """An HF_HOME whose cache holds the code at main and, without an encode, at the tag v1."""
    name_code_repository(folder)
    cached = tmp_path / "home" / "hub" / f"models--{CODE_REPOSITORY.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    for (reference, commit), method in zip(CODE_COMMITS.items(), ("def encode(", "def other("), strict=True):
        (cached / "refs" / reference).write_text(commit)
        snapshot = cached / "snapshots" / commit
        snapshot.mkdir(parents=True)
        code = (folder / "modeling_small.py").read_text()
        (snapshot / "modeling_small.py").write_text(code.replace("def encode(", method))
    (folder / "modeling_small.py").unlink()
    return tmp_path / "home"


def evaluate_norms(folder: Path, home: Path, *options: str) -> subprocess.CompletedProcess:
    chosen = ("evals/test_contract.py", "-k", "norm and separation", "--device", "cpu", "--trust-remote-code")
    return run_pytest(*chosen, "--model", str(folder), *options, home=home)


def test_code_of_another_repository_is_run_at_the_commit_that_is_told(folder, home):
    finished = evaluate_norms(folder, home)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr
    assert f"note      its own code is commit {CODE_COMMITS['main']} of {CODE_REPOSITORY}" in finished.stdout


@pytest.mark.parametrize("revision", ["v1", CODE_COMMITS["v1"]])
def test_code_revision_pins_the_code_that_is_run(folder, home, revision):
    finished = evaluate_norms(folder, home, "--code-revision", revision)
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    assert "its own SmallModel has no encode(texts, task=...)" in finished.stdout + finished.stderr


def test_code_that_cannot_be_fetched_is_one_line_that_says_so(folder, tmp_path):
    name_code_repository(folder)
    finished = evaluate_norms(folder, tmp_path / "empty")
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in (finished.stdout + finished.stderr).splitlines() if CODE_REPOSITORY in line]
    assert f"the model's own code: {CODE_REPOSITORY} isn't in the Hub cache and can't be downloaded" in line
    assert line.endswith("or leave out --trust-remote-code")


def test_unknown_code_revision_is_one_line_that_names_it(folder, home):
    finished = evaluate_norms(folder, home, "--code-revision", "v9")
    assert finished.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"the model's own code: {CODE_REPOSITORY}@v9 isn't in the Hub cache" in finished.stdout + finished.stderr


def test_code_revision_of_code_beside_the_weights_is_refused(folder):
    with pytest.raises(CheckpointError, match=r"--code-revision 'v1': its code lies beside its weights"):
        inspect_checkpoint(folder, trust_remote_code=True, code_revision="v1")


def run_pytest(*arguments: str, home: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
