"""A Hub model is evaluated under the tasks that its own files name, known before anything is collected."""

import fnmatch
import json
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import change_json, write_native_checkpoint
from tests.places import put
from tests.runs import collected, refusal, run, run_apart

REPOSITORY = "someone/some-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PREFIXES = {"clustering": "Group: ", "my-task": ""}
NORM = ["evals/test_contract.py", "-k", "unit_norm"]


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The Hub's cache, empty, without a network."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def snapshot(cache) -> Path:
    """A revision of a repository in the cache whose config names tasks of its own."""
    repository = cache / f"models--{REPOSITORY.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return write_native_checkpoint(repository / "snapshots" / COMMIT, prefixes=PREFIXES, tasks=list(PREFIXES))


def tasks_of(result: pytest.RunResult) -> list[str]:
    return [one.partition("[cpu-")[2].rstrip("]") for one in collected(result)]


def test_cached_model_is_evaluated_under_exactly_its_own_tasks(project, snapshot):
    result = run(project, *NORM, model=REPOSITORY)
    result.assert_outcomes(passed=2, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["model: *; tasks: clustering, my-task", "skipped   nothing"])
    assert tasks_of(run(project, *NORM, "--collect-only", "-q", model=REPOSITORY)) == ["clustering", "my-task"]


def test_workers_collect_the_same_tasks(project, snapshot):
    put(project.path, {"evals/test_own.py": "def test_own(device, task, record_property): pass"})
    result = run_apart(f"--model={REPOSITORY}", "--device=cpu", "evals/test_own.py", "-n2", "--dist=loadgroup", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(["*test_own?cpu-clustering?*", "*test_own?cpu-my-task?*"])


@pytest.mark.parametrize("lost", ["model.safetensors", "clustering/adapter_model.safetensors"])
def test_collecting_needs_no_weights(project, snapshot, lost):
    (snapshot / lost).unlink()
    assert tasks_of(run(project, *NORM, "--collect-only", "-q", model=REPOSITORY)) == ["clustering", "my-task"]


def test_tasks_of_the_original_layout_come_in_the_order_of_its_banks(project, snapshot):
    for name in PREFIXES:
        shutil.rmtree(snapshot / name.replace("-", "_"))
    change_json(snapshot / "config.json", model_type="xlm-roberta", lora_adaptations=["my-task", "clustering"])
    assert tasks_of(run(project, *NORM, "--collect-only", "-q", model=REPOSITORY)) == ["my-task", "clustering"]


def test_only_small_json_files_are_fetched_before_collection(project, snapshot, monkeypatch):
    asked = []

    def download(repository, *, revision, allow_patterns, ignore_patterns):
        asked.append((repository, revision, allow_patterns))
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    listed = run(project, *NORM, "--revision=v1", "--collect-only", "-q", model=REPOSITORY)
    assert tasks_of(listed) == ["clustering", "my-task"]
    ((repository, revision, patterns),) = asked  # looked at once, not once for each eval
    assert (repository, revision) == (REPOSITORY, "v1")
    large = ["model.safetensors", "tokenizer.json", "vocab.json", "sentencepiece.bpe.model", "modeling.py"]
    assert not [name for name in large if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    read = ["config.json", "config_sentence_transformers.json", "modules.json", "clustering/adapter_config.json"]
    assert all(any(fnmatch.fnmatch(name, pattern) for pattern in patterns) for name in read)


def test_what_was_looked_up_is_what_is_evaluated(project, snapshot, monkeypatch):
    revisions = []

    def download(repository, *, revision, **options):
        revisions.append(revision)
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert run(project, *NORM, model=REPOSITORY).ret == pytest.ExitCode.OK
    assert revisions == [None, COMMIT]


@pytest.mark.parametrize("options", [[], ["--collect-only"], ["--tasks=clustering"]], ids=" ".join)
def test_model_that_cannot_be_had_is_one_line(project, cache, options):
    assert refusal(run(project, "evals", *options, model=REPOSITORY)).startswith(
        f"--model: {REPOSITORY} isn't in the Hub cache and can't be downloaded (no network, or "
    )


@pytest.mark.parametrize("options", [[], ["--collect-only"]], ids=" ".join)
def test_task_that_the_model_does_not_have_is_one_line(project, snapshot, options):
    assert refusal(run(project, "evals", "--tasks=separation", *options, model=REPOSITORY)) == (
        "--tasks: unknown task 'separation'; some-model has: clustering, my-task"
    )


def test_repository_that_is_no_model_is_one_line(project, snapshot):
    (snapshot / "config.json").unlink()
    line = refusal(run(project, "evals", "--collect-only", model=REPOSITORY))
    assert "no config.json, so not a model checkpoint" in line


def test_weights_that_are_not_of_the_stated_tasks_end_the_run(project, snapshot, monkeypatch):
    other = write_native_checkpoint(snapshot.parent / "other", prefixes={"my-task": ""}, tasks=["my-task"])
    monkeypatch.setattr("fixtures.models.hub.fetch", lambda repository, revision, **options: (other, COMMIT))
    assert refusal(run(project, *NORM, model=REPOSITORY)) == (
        f"--model: {REPOSITORY}: its JSON files state the tasks clustering, my-task, its weights my-task; "
        "choose with --tasks"
    )


@pytest.mark.parametrize("option", ["--help", "--version", "--markers"])
def test_help_looks_nothing_up(project, cache, option):
    assert run(project, option, model=REPOSITORY).ret == pytest.ExitCode.OK


def test_looking_a_model_up_imports_neither_torch_nor_transformers(project, snapshot):
    script = (
        "import json, sys, pytest\n"
        "code = pytest.main(sys.argv[1:])\n"
        "print(json.dumps([int(code), sorted({'torch', 'transformers', 'peft', 'pandas'} & set(sys.modules))]))\n"
    )
    result = run_apart("evals", "-q", "--collect-only", model=REPOSITORY, python=("-c", script))
    assert json.loads(result.outlines[-1]) == [0, []]
