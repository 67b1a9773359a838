"""``--model`` an ONNX file or folder, through whole runs: evaluated, recorded, compared, or refused in one line."""

import json
import re
import shutil

import pytest

from tests.checkpoints import change_json, write_json
from tests.checkpoints.onnx_graphs import ALL_INPUTS, Shape, write_graph, write_onnx_folder
from tests.runs import closing_lines, refusal, rows_in, run_apart

ORDER = ["evals/test_contract.py", "-k", "order"]
"""One eval: the model is opened and asked."""
NOISY = """
import numpy as np

from fixtures.comparing.statistics import STATISTICS
from fixtures.runtimes.onnx.encoder import OnnxEncoder

own = OnnxEncoder.finish


def finish(encoder, vectors, truncate_dim):
    vectors = own(encoder, vectors, truncate_dim).astype(np.float64)
    aside = np.random.default_rng().standard_normal(vectors.shape)
    vectors += aside * 10 * STATISTICS["vector max"].floors["float32"] / np.linalg.norm(aside, axis=1, keepdims=True)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


OnnxEncoder.finish = finish
"""
"""Moves each vector by ten times the floor."""
MAP = 'pooling = "mean"\nmax_length = 100\nlanguages = ["en"]\n'


@pytest.fixture
def run(project, monkeypatch):
    """Run evals on a model that lies in the project's folder; by default on ``model``."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def run(*arguments: str, model: str = "model") -> pytest.RunResult:
        return run_apart("-p", "no:cacheprovider", f"--model={model}", *arguments)

    return run


# --- a healthy one ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_contract_holds_and_the_header_says_what_opens_it(run, project, parallel):
    write_onnx_folder(project.path / "model", graph="onnx/model.onnx")
    result = run("evals/test_contract.py", *parallel)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "model: model, onnx/model.onnx in onnxruntime, sha256 *; tasks: embedding",
            "not asked: a choice of padding side, base weights, hidden states, another dtype (the onnx runtime *",
            "run: float32, devices: cpu, threads: *",
            "versions: onnxruntime *, tokenizers *, numpy *",
        ]
    )


def test_baseline_holds_after_harmless_changes_alone_and_names_another_pooling(run, project, monkeypatch):
    write_onnx_folder(project.path / "model")
    drift = ["evals/test_drift.py", "evals/test_similarity.py"]
    recorded = run(*drift, "--snapshot-update")
    assert recorded.ret == pytest.ExitCode.OK, recorded.stdout.str()
    stored = project.path / "snapshots" / "model" / "manifest.json"
    manifest = json.loads(stored.read_text(encoding="utf-8"))
    assert set(manifest["environment"]["versions"]) == {"onnxruntime", "tokenizers", "numpy"}
    assert str(project.path) not in stored.read_text(encoding="utf-8")
    (project.path / "noisy.py").write_text(NOISY)
    noisy = run(*drift, "-p", "noisy")
    assert noisy.ret == pytest.ExitCode.TESTS_FAILED
    assert any(line.startswith("drift     embedding on cpu: drifted (") for line in closing_lines(noisy))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    again = run(*drift, "--batch-tokens=64", model="model/model.onnx")
    assert again.ret == pytest.ExitCode.OK, again.stdout.str()
    assert any(line.startswith("drift     embedding on cpu: ") for line in closing_lines(again))
    shutil.copytree(project.path / "model", project.path / "cls")
    change_json(project.path / "cls" / "1_Pooling" / "config.json", pooling_mode="cls")
    moved = run(*drift, "--baseline=model", model="cls")
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    moved.stdout.fnmatch_lines(["  looks like: CLS pooling on embedding"])


def test_mean_in_place_of_the_first_token_is_named(run, project):
    write_onnx_folder(project.path / "model", pooling="cls")
    assert run("evals/test_drift.py", "--snapshot-update", "--quick-recording").ret == pytest.ExitCode.OK
    (project.path / "map.toml").write_text('pooling = "mean"\n')
    moved = run("evals/test_drift.py", "--task-map=map.toml")
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    moved.stdout.fnmatch_lines(["  looks like: mean pooling on embedding"])


def test_model_of_integers_is_recorded_and_compared_in_int8(run, project):
    write_onnx_folder(project.path / "model", Shape(integers=True))
    recorded = run("evals/test_drift.py", "--snapshot-update", "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK, recorded.stdout.str()
    recorded.stdout.fnmatch_lines(
        ["texts go through one by one: its operator DynamicQuantizeLinear scales all *", "run: int8, devices: cpu, *"]
    )
    compared = run("evals/test_drift.py", "evals/test_similarity.py")
    assert compared.ret == pytest.ExitCode.OK, compared.stdout.str()


def test_texts_that_act_on_each_other_are_the_contracts_to_find_and_nothing_else_moves(run, project):
    write_onnx_folder(project.path / "model", Shape(integers=True, coarse=True))
    result = run("evals/test_contract.py", "--junit-xml=report.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    rows = rows_in(project.path / "report.xml")
    failed = {name.partition("[")[0] for name, found in rows.items() if any(row.fails for row in found)}
    assert failed == {"test_batch_size_does_not_change_a_vector", "test_neighbours_do_not_change_a_vector"}
    assert run("evals/test_drift.py", "--snapshot-update", "--quick-recording").ret == pytest.ExitCode.OK
    assert run("evals/test_drift.py").ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "shape",
    [Shape(dimension=2), Shape(positions=32), Shape(inputs=("input_ids",)), Shape(output="sentence_embedding")],
    ids=["two dimensions", "32 tokens", "without a mask", "pooled by the graph"],
)
def test_unusual_model_is_evaluated(run, project, shape):
    write_onnx_folder(project.path / "model", shape)
    result = run("evals/test_contract.py", "--junit-xml=report.xml")
    failed = {
        (name, row.name) for name, rows in rows_in(project.path / "report.xml").items() for row in rows if row.fails
    }
    assert (result.ret, failed) == (pytest.ExitCode.OK, set())


def test_file_elsewhere_with_a_task_map_is_evaluated_from_another_folder(run, project, tmp_path):
    write_onnx_folder(tmp_path / "away" / "minilm", modules=False, graph="model_int8.onnx")
    (tmp_path / "map.toml").write_text(MAP)
    snapshots = tmp_path / "baselines"
    options = [f"--task-map={tmp_path / 'map.toml'}", f"--snapshots={snapshots}"]
    model = str(tmp_path / "away" / "minilm" / "model_int8.onnx")
    recorded = run("evals/test_drift.py", *options, "--snapshot-update", "--quick-recording", model=model)
    assert recorded.ret == pytest.ExitCode.OK, recorded.stdout.str()
    assert [path.name for path in snapshots.iterdir()] == ["minilm-model_int8"]
    assert run("evals/test_drift.py", *options, model=model).ret == pytest.ExitCode.OK


def test_baseline_stays_the_links_behind_which_another_graph_lies(run, project):
    for name, pooling in (("first", "mean"), ("second", "cls")):
        write_onnx_folder(project.path / "releases" / name, pooling=pooling)
    link = project.path / "current"
    link.symlink_to(project.path / "releases" / "first")
    recorded = run("evals/test_drift.py", "--snapshot-update", "--quick-recording", model="current")
    assert recorded.ret == pytest.ExitCode.OK
    link.unlink()
    link.symlink_to(project.path / "releases" / "second")
    moved = run("evals/test_drift.py", model="current")
    assert moved.ret == pytest.ExitCode.TESTS_FAILED
    moved.stdout.fnmatch_lines(["  looks like: CLS pooling on embedding"])


def test_looking_around_imports_no_onnxruntime(project):
    write_onnx_folder(project.path / "model")
    script = (
        "import sys, pytest\n"
        "pytest.main(['evals', '-q', '--model=model', '--collect-only'])\n"
        "print(sorted({'onnxruntime', 'onnx', 'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    result = run_apart(python=("-c", script))
    assert result.outlines[-1] == "[]"


# --- one line -----------------------------------------------------------------------------------------------------


def _cut(folder):
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])


def _damaged(folder):
    content = bytearray((folder / "model.onnx").read_bytes())
    at = content.index(b"Softmax")
    content[at : at + 7] = b"Sorfmax"
    (folder / "model.onnx").write_bytes(content)


def _without_external(folder):
    write_graph(folder / "model.onnx", external="weights.bin")
    (folder / "weights.bin").unlink()


def _short_external(folder):
    write_graph(folder / "model.onnx", external="weights.bin")
    (folder / "weights.bin").write_bytes((folder / "weights.bin").read_bytes()[:1000])


def _another_tokenizer(folder):
    write_graph(folder / "model.onnx", Shape(words=50))


def _two_graphs(folder):
    write_graph(folder / "onnx" / "model_int8.onnx")


def _shape(**entries):
    return lambda folder: write_graph(folder / "model.onnx", Shape(**entries))


def _dense(folder):
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    (folder / "2_Dense").mkdir()
    write_json(folder / "2_Dense" / "config.json", {"in_features": 32, "out_features": 8})
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    write_json(folder / "modules.json", [*modules[:2], dense])


def _no_modules(folder):
    for name in ("modules.json", "config.json", "sentence_bert_config.json", "tokenizer_config.json"):
        (folder / name).unlink()


REFUSED = {
    "cut off": (_cut, r"model\.onnx: cut off, or no ONNX file; fetch or export it again"),
    "damaged": (_damaged, r"model\.onnx: onnxruntime can't open it: .*Sorfmax"),
    "without its other file": (_without_external, r"its weights lie in 'weights\.bin', which isn't beside it; fetch"),
    "with a part of its other file": (_short_external, r"model\.onnx: onnxruntime can't open it: "),
    "another output": (
        _shape(output="logits"),
        r"the graph has no output last_hidden_state, token_embeddings or sentence_embedding; its outputs are logits "
        r"\(float32, 3 axes\)",
    ),
    "another input": (_shape(inputs=(*ALL_INPUTS, "position_ids")), r"the graph needs position_ids; its inputs are "),
    "no ids": (_shape(inputs=("input_ids",), ids="INT16"), r"its input input_ids takes int16; .* int64 or int32"),
    "fixed axes": (_shape(fixed=(1, 16)), r"input_ids has the shape \(1, 16\), needs any number"),
    "NaN": (_shape(spoiled=float("nan")), r"model\.onnx: it gives NaN or infinity under embedding"),
    "infinity": (_shape(spoiled=float("inf")), r"model\.onnx: it gives NaN or infinity under embedding"),
    "a tokenizer from elsewhere": (_another_tokenizer, r"it takes no token \d+, the last one of .*another model's"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), r"no tokenizer\.json beside it or in the "),
    "no tokenizer in its file": (
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
        r"tokenizer\.json: no tokenizer \(.*\); fetch or export it again",
    ),
    "an unknown padding token": (
        lambda folder: change_json(folder / "tokenizer_config.json", pad_token="[PAD]"),
        r"tokenizer_config\.json: pad_token is '\[PAD\]', which is no token of tokenizer\.json",
    ),
    "fewer positions than its length": (_shape(positions=32), r"it takes no text of 500 tokens, and .* cut at 500"),
    "two graphs": (
        _two_graphs,
        r"it has several graphs: model\.onnx, onnx/model_int8\.onnx; choose .*=model/model",
    ),
    "a dense layer": (_dense, r"modules\.json: its module Dense is none of Transformer, Pooling, Normalize, Dropout"),
    "another dimension": (_shape(dimension=16), r"its modules give 32 components; the embeddings of .* have 16"),
    "nobody says how": (
        _no_modules,
        r"nothing says how token states become a vector and after how many tokens a text is cut, .* write "
        r'pooling = "mean" \(or "cls", "last"\) and max_length = 512 \(its own number\) into a map and give --task-map',
    ),
    "a Git LFS pointer": (
        lambda folder: (folder / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\n"),
        r"model\.onnx: is a Git LFS pointer, .*; run git lfs pull",
    ),
}


@pytest.mark.parametrize(("spoil", "line"), REFUSED.values(), ids=REFUSED)
def test_model_that_cannot_be_evaluated_is_one_line(run, project, spoil, line):
    folder = write_onnx_folder(project.path / "model")
    spoil(folder)
    said = refusal(run(*ORDER))
    assert re.search(line, said), said


@pytest.mark.parametrize("name", ["another output", "NaN"])
def test_it_is_one_line_from_parallel_workers_too(run, project, name):
    spoil, line = REFUSED[name]
    spoil(write_onnx_folder(project.path / "model"))
    result = run(*ORDER, "-n2", "--dist=loadgroup")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert re.search(line, text) and "Traceback" not in text and "INTERNALERROR" not in text


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--dtype=float16"], "--dtype: the onnx runtime takes no such option; leave it out"),
        (["--attn-implementation=eager"], "--attn-implementation: the onnx runtime takes no such option; leave it out"),
        (["--device=cuda"], "--device: "),
        (["--revision=main"], "--revision 'main': only Hub models have one, 'model' is local"),
        (["--tasks=query"], "--tasks: unknown task 'query'; model has: embedding"),
    ],
    ids=["dtype", "attention", "device", "revision", "task"],
)
def test_option_that_it_lacks_is_one_line(run, project, options, line):
    write_onnx_folder(project.path / "model")
    assert refusal(run(*ORDER, *options)).startswith(line)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ('model = "a"', "--task-map: model is 'a'; here --model decides it: take the entry out"),
        ("texts_a_call = 3", "--task-map: texts_a_call is 3; here --batch-tokens decides it: take the entry out"),
        ("dimension = 16", "--task-map: dimension is 16; the embeddings of model/model.onnx have 32"),
    ],
)
def test_entry_that_something_else_decides_is_one_line(run, project, entry, line):
    write_onnx_folder(project.path / "model")
    (project.path / "map.toml").write_text(entry)
    assert refusal(run(*ORDER, "--task-map=map.toml")).startswith(line)


def test_pooling_of_a_map_for_a_graph_that_pools_is_one_line(run, project):
    write_onnx_folder(project.path / "model", Shape(output="sentence_embedding"))
    (project.path / "map.toml").write_text('pooling = "cls"')
    assert "pools by itself (sentence_embedding): take the entry out" in refusal(run(*ORDER, "--task-map=map.toml"))


def test_missing_file_and_missing_library_are_one_line(run, project, monkeypatch):
    for gone in ("gone.onnx", "model/gone.onnx"):  # the latter has the form of a Hub id
        assert f"{gone}: no such file; give the path of an ONNX file" in refusal(run(*ORDER, model=gone))
    write_onnx_folder(project.path / "model")
    absent = "import importlib.metadata as m\nown = m.version\n"
    absent += "def version(name):\n    if name == 'onnxruntime':\n        raise m.PackageNotFoundError(name)\n"
    (project.path / "absent.py").write_text(f"{absent}    return own(name)\nm.version = version\n")
    said = refusal(run(*ORDER, "-p", "absent"))
    assert "this model takes onnxruntime>=1.27, which is not installed: pip install 'onnxruntime>=1.27'" in said
