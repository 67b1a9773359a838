"""``--dim N`` through whole runs: a cut has a baseline of its own, and whole embeddings aren't taken for it."""

import json
import re
import shutil

import pytest
import sentence_transformers  # noqa: F401  pytester forgets what is first imported inside a run

from tests.checkpoints import change_json, write_json
from tests.checkpoints.onnx_graphs import write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import ROOT, contents, put
from tests.runs import (
    closing_lines,
    collected,
    failed,
    lines,
    notes,
    refusal,
    report_in,
    run,
    run_apart,
    verdicts,
)

DRIFT = "evals/test_drift.py"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
RECORD = ["--snapshot-update", "--quick-recording"]
WAYS = pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


# --- the bundled model ------------------------------------------------------------------------------------------------


@WAYS
def test_cut_of_mini_is_recorded_and_compared_and_never_taken_for_the_whole(project, parallel):
    stored = project.path / "snapshots"
    shutil.copytree(ROOT / "snapshots" / "mini", stored / "mini")
    before = contents(stored / "mini")
    options = [DRIFT, "--dim=128", "--device=cpu", *parallel]
    recorded = run_apart(*options, *RECORD)
    assert recorded.ret == pytest.ExitCode.OK
    assert lines(recorded, "embeddings: ") == ["embeddings: cut to 128 of 256 components"]
    said = manifest(stored / "mini--dim128")
    assert (said["spec"]["dimension"], said["spec"]["whole"]["dimension"], said["environment"]["dim"]) == (
        128,
        256,
        128,
    )
    again = run_apart(*options)
    assert again.ret == pytest.ExitCode.OK
    assert lines(again, "baseline: ") == ["baseline: snapshots/mini--dim128"]
    assert lines(again, "loaded ")[0].startswith("loaded    mini (cut to 128) on cpu (")
    assert len(lines(again, "drift ")) == 5 and all("identical" in line for line in lines(again, "drift "))
    confused = run_apart(*options, "--baseline=mini")
    assert confused.ret == pytest.ExitCode.TESTS_FAILED
    assert len(failed(confused)) == 5
    assert confused.outlines.count("  vectors are not comparable: 256 and 128 dimensions") == 5
    own = "snapshots/mini is of whole embeddings and stays as it is; record mini's own baseline with: "
    command = f"pytest {DRIFT} --model=mini --dim=128 --device=cpu --snapshot-update"
    assert f"  {own}{command}" in confused.outlines
    refused = run_apart(*options, *RECORD, "--baseline=mini")
    assert refusal(refused) == (
        "--baseline: 'mini' is the name that whole embeddings are recorded by, this run's are cut to 128: leave it out "
        "to record mini--dim128, or give a new name"
    )
    assert contents(stored / "mini") == before and {one.name for one in stored.iterdir()} == {"mini", "mini--dim128"}


def test_claims_that_mini_misses_at_128_components_are_those_that_the_page_says(project):
    result = run_apart("evals/test_behavior.py", "evals/test_jina_v3.py", "--dim=128", "--device=cpu")
    question = "test_question_finds_its_passage_in_every_language"
    assert sorted(failed(result)) == sorted(
        [
            *(f"{question}[cpu-{language}]" for language in ("en", "ar", "de", "es", "fr")),
            "test_translation_is_nearer_than_any_other_meaning[cpu-text-matching-zh]",
            "test_chinese_paraphrase_is_the_closest_pair_under_text_matching[cpu]",
        ]
    )
    listed = (ROOT / "snapshots" / "mini" / "known-failures.txt").read_text(encoding="utf-8")
    assert listed.count(question) == 5


# --- a small one ------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(project, native_checkpoint):
    """The tiny checkpoint of 32 components in a copy, from which a run starts."""
    return shutil.copytree(native_checkpoint, project.path / "model")


@WAYS
def test_claims_on_the_wiring_hold_for_a_cut(project, model, parallel):
    result = run_apart("evals/test_contract.py", "--dim=16", "--report=out", *parallel, model="model")
    assert result.ret == pytest.ExitCode.OK
    said = report_in(project.path / "out")
    assert said["run"]["model"]["dimension"] == 16 and said["run"]["baseline"] == "model--dim16"
    found = {row["name"] for row in said["rows"] if "matryoshka" in row["eval"]}
    assert found == {"shape", *(f"largest difference of a component at {size} dimensions" for size in (8, 16))}


def test_cut_below_all_sizes_says_that_it_is_cut_no_further(project, model):
    result = run(project, "evals/test_contract.py", "-k", "matryoshka or finite", "--dim=5", model="model")
    assert result.ret == pytest.ExitCode.OK
    told = "the model states no Matryoshka dimensions of up to 5, which it is cut to"
    assert f"skipped   5: {told}" in closing_lines(result)
    assert "--dim 5: 5 isn't one of the sizes that model was trained for: 8, 16, 32" in notes(result)


def test_throughput_is_measured_of_a_cut(project, model):
    result = run(
        project, "evals/test_throughput.py", "-k", "short", "--dim=16", "--benchmark-json=b.json", model="model"
    )
    assert result.ret == pytest.ExitCode.OK
    assert json.loads((project.path / "b.json").read_text())["machine_info"]["evals"]["dim"] == 16


OWN = """
from fixtures.comparing.rows import at_least

def test_weak(device, claims):
    claims.hold(at_least("share", 0.5, 0.8))
"""


def test_known_failures_are_those_of_the_cut(project, model):
    put(project.path, {"evals/test_own.py": OWN, "snapshots/model/known-failures.txt": "test_own.py::test_weak # weak"})
    options = ["evals/test_own.py", "-rA"]
    assert verdicts(run(project, *options, model="model")) == {"test_weak": "XFAIL"}
    assert verdicts(run(project, *options, "--dim=16", model="model")) == {"test_weak": "FAILED"}
    put(project.path, {"snapshots/model--dim16/known-failures.txt": "test_own.py::test_weak # weak"})
    assert verdicts(run(project, *options, "--dim=16", model="model")) == {"test_weak": "XFAIL"}


MAP = '[tasks]\nseparation = { prompt = "mapped: " }\n'


def test_task_map_is_the_models_however_it_is_cut(project, model):
    one = ["evals/test_contract.py", "-k", "unit_norm"]
    put(project.path, {"snapshots/model/task-map.toml": MAP})
    result = run(project, *one, "--dim=16", model="model")
    assert lines(result, "task map: ") == ["task map: task-map.toml, beside its baseline"]
    (project.path / "snapshots" / "model--dim16").mkdir()
    (project.path / "snapshots" / "model" / "task-map.toml").rename(
        project.path / "snapshots" / "model--dim16" / "task-map.toml"
    )
    result = run(project, *one, "--dim=16", model="model")
    assert not lines(result, "task map: ")
    assert notes(result)[0] == (
        "snapshots/model--dim16/task-map.toml isn't taken: a model's task map lies in snapshots/model, however its "
        "embeddings are cut; move it there, or give --task-map=snapshots/model--dim16/task-map.toml"
    )


def test_cut_is_recorded_in_another_repository(project, model):
    put(project.path, {"service/pyproject.toml": '[tool.jina-v3-evals]\nsnapshots = "baselines"\n'})
    service = project.path / "service"
    options = [f"../{DRIFT}", "--dim=16", "--model=../model", "--device=cpu"]
    assert run_apart(*options, *RECORD, start=service).ret == pytest.ExitCode.OK
    again = run_apart(*options, start=service)
    assert again.ret == pytest.ExitCode.OK
    assert lines(again, "baseline: ") == ["baseline: baselines/model--dim16"]


# --- other runtimes ---------------------------------------------------------------------------------------------------


def of_sentence_transformers(folder):
    write_sentence_transformers(folder, dense=(24,))
    return lambda: change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")


def of_a_graph(folder):
    write_onnx_folder(folder)
    return lambda: change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")


@pytest.mark.parametrize(
    ("write", "of"), [(of_sentence_transformers, 24), (of_a_graph, 32)], ids=["sentence-transformers", "onnx"]
)
def test_cut_of_another_runtime_is_recorded_compared_and_its_fault_named(project, write, of):
    pool_otherwise = write(project.path / "model")
    options = [DRIFT, "--dim=16", "--model=model", "--device=cpu"]
    recorded = run_apart(*options, *RECORD)
    assert recorded.ret == pytest.ExitCode.OK
    assert lines(recorded, "embeddings: ") == [f"embeddings: cut to 16 of {of} components"]
    assert "--dim 16: model states no sizes that it was trained to be cut to" in notes(recorded)
    again = run_apart(*options, "--batch-tokens=300")
    assert again.ret == pytest.ExitCode.OK
    assert lines(again, "baseline: ") == ["baseline: snapshots/model--dim16"]
    pool_otherwise()
    moved = run_apart(*options)
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    moved.stdout.fnmatch_lines(["  looks like: CLS pooling on embedding"])


def test_cut_that_is_not_normalised_again_is_named(project):
    folder = write_sentence_transformers(project.path / "model")
    assert run_apart(DRIFT, "--dim=16", *RECORD, model="model").ret == pytest.ExitCode.OK
    put(project.path, {"served.py": SERVED_WITHOUT})
    moved = run_apart(DRIFT, "--dim=16", "-p", "served", model="model")
    assert moved.ret == pytest.ExitCode.TESTS_FAILED and folder.is_dir()
    moved.stdout.fnmatch_lines(["  looks like: cut and not normalised again on embedding"])


SERVED_WITHOUT = """
from fixtures.runtimes.cut import Cut

Cut.encode = lambda self, texts, task, **vary: self.sliced(texts, task, **vary)
"""


# --- refused ----------------------------------------------------------------------------------------------------------


def test_model_that_shows_its_length_only_when_it_is_open_is_refused_then(project):
    folder = write_sentence_transformers(project.path / "model")
    put(folder, {"own.py": "from sentence_transformers.base.modules import Normalize\n\nclass Own(Normalize): pass\n"})
    (folder / "3_Own").mkdir()
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    write_json(folder / "modules.json", [*modules[:2], {"idx": 2, "name": "2", "path": "3_Own", "type": "own.Own"}])
    options = ["evals/test_contract.py", "-k", "unit_norm", "--trust-remote-code"]
    held = run_apart(*options, "--dim=16", model="model")
    assert held.ret == pytest.ExitCode.OK
    assert lines(held, "embeddings: ") == ["embeddings: cut to 16 components"]
    for parallel in ([], ["-n2", "--dist=loadgroup"]):
        said = run_apart(*options, "--dim=64", *parallel, model="model")
        assert said.ret == pytest.ExitCode.USAGE_ERROR
        text = f"{said.stdout}\n{said.stderr}"
        line = "--dim: 64 is more than the 32 components of model; it states no sizes to cut to"
        assert len(re.findall(re.escape(line), text)) == 1 and "Traceback" not in text


def test_callable_is_refused_before_it_is_imported(project):
    assert refusal(run(project, DRIFT, "--model=python:no.such:function", "--dim=16")) == (
        "--dim: the python runtime can't cut embeddings: have the callable itself return the first 16 components"
    )


def test_collecting_a_cut_is_collecting_the_model(project, model):
    options = ["evals", "--collect-only", "-q", "--device=cpu", "--model=model"]
    assert collected(run(project, *options, "--dim=16")) == collected(run(project, *options))


@pytest.mark.parametrize("dim", [16, 64])
def test_hub_model_is_cut_once_it_is_fetched(project, native_checkpoint, tmp_path, dim):
    cached = tmp_path / "models--some-org--some-model"
    put(cached, {"refs/main": COMMIT})
    shutil.copytree(native_checkpoint, cached / "snapshots" / COMMIT)
    options = ["evals/test_contract.py", "-k", "unit_norm", f"--dim={dim}", "--model=some-org/some-model"]
    result = run_apart(*options, "--device=cpu", HF_HUB_CACHE=str(tmp_path))
    if dim == 64:
        said = "--dim: 64 is more than the 32 components of some-org/some-model; its sizes are 8, 16, 32"
        assert refusal(result) == said
        return
    assert result.ret == pytest.ExitCode.OK
    assert lines(result, "embeddings: ") == ["embeddings: cut to 16 components"]
    assert lines(result, "baseline: ") == ["baseline: snapshots/some-org--some-model--dim16, which isn't there yet"]
    assert not [note for note in notes(result) if note.startswith("--dim")]
