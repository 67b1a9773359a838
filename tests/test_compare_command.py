"""The command that compares kept sides, on made-up ones: exit codes, what can't be used, what isn't known any more."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fixtures.models.spec import Ability
from fixtures.observing import folder
from fixtures.observing.observation import Asked, Observation
from fixtures.run import compare_command
from fixtures.texts import corpus
from fixtures.texts.anchors import anchor_set, hashes
from tests import callables
from tests.compared_anchors import SPEC, TASK
from tests.places import ROOT, put
from tests.runs import finished

MINI = str(ROOT / "snapshots" / "mini")
FORMAT_1 = str(ROOT / "tests" / "data" / "baselines" / "format-1" / "mini")
SENTENCES = list(corpus.shown_sentences().values())


def unchanged(vectors: np.ndarray) -> np.ndarray:
    return vectors


def kept(
    where: Path,
    turned: float = 0.0,
    *,
    texts: dict[str, str] | None = None,
    sentences: list[str] = SENTENCES,
    changed: Callable[[np.ndarray], np.ndarray] = unchanged,
    **spec,
) -> str:
    """Keep what a made-up system answers; ``turned`` is how far each vector is turned towards another task's."""
    anchors = anchor_set(SPEC.max_length, texts)
    found = Observation(
        replace(SPEC, precision="float32", layers=2, lacks={Ability.NO_ADAPTER: "made up"}, **spec),
        texts=hashes(anchors.texts),
        token_texts=hashes(anchors.token_texts),
        environment={"device": "cpu"},
        asked=Asked("m,device=cpu", "cpu"),
    )
    for asked in (list(anchors.texts.values()), sentences):
        vectors = callables.encode(asked, TASK) + turned * callables.encode(asked, "another")
        at_unit_length = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found.keep(asked, TASK, changed(at_unit_length).astype(np.float32))
    folder.save(found, where)
    return str(where)


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own; gives its exit code and the lines that it prints."""
    monkeypatch.chdir(tmp_path)

    def compare(*arguments: str) -> tuple[int, list[str]]:
        code = compare_command.main(["compare", *arguments])
        printed = capsys.readouterr()
        assert not (printed.out and printed.err)
        return code, (printed.out + printed.err).splitlines()

    return compare


def test_sides_that_agree_are_identical(compare, tmp_path):
    code, lines = compare(kept(tmp_path / "old"), kept(tmp_path / "new"))
    assert code == 0
    assert lines[0] == f"old       {tmp_path}/old: m,device=cpu, in float32"
    assert lines[2] == f"differs   on cpu, from {tmp_path}/old: nothing that both sides state"
    assert "embedding on cpu: identical" in lines and "drift     embedding on cpu: identical" in lines
    assert f"vectors   on cpu: interchangeable with those of {tmp_path}/old" in lines


def test_each_figure_stands_beside_its_bound_and_a_failure_is_shown_as_a_run_shows_it(compare, tmp_path):
    code, lines = compare(kept(tmp_path / "old"), kept(tmp_path / "new", 0.1))
    assert code == 1
    figures = [re.fullmatch(r"  (\w+ \w+) +(\S+) +([\d,.]+(?:x|%)) of (\S+) \((.+)\)", line) for line in lines]
    found = {one[1]: one.groups() for one in figures if one}
    assert {"matrix max", "vector rms", "norm max"} < {*found} and found["norm max"][2].endswith("%")
    assert found["vector max"][4].startswith("floor of float32")
    failure = lines.index(f"embedding on cpu: drift: drifted in float32, against {tmp_path}/old")
    assert any(line.startswith("  beyond its bound: ") for line in lines[failure:])
    assert any("; from fixtures.again import stored, text; " in line for line in lines[failure:])
    assert (
        lines.index("embedding on cpu: drifted")
        < failure
        < lines.index(f"vectors   on cpu: not interchangeable with those of {tmp_path}/old: re-index")
    )


def rotated(vectors: np.ndarray) -> np.ndarray:
    return vectors @ np.linalg.qr(np.random.default_rng(2).standard_normal((vectors.shape[1],) * 2))[0]


def one_is_not_finite(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.copy()
    vectors[1] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("changed", "shown", "figure"),
    [
        (rotated, "old.distance(new, a)", r"^ +(\d\.\de[-+]\d\d)  \""),
        (lambda vectors: vectors * 1.01, "old.norm(a), new.norm(a)", r"^ +norm (\d\.\d+) -> (\d\.\d+) "),
        (one_is_not_finite, "new.vector(a)", r"^ +\"()()"),
    ],
    ids=["rotated", "longer", "not finite"],
)
def test_lines_of_python_show_what_the_first_case_says(tmp_path, changed, shown, figure):
    old, new = kept(tmp_path / "old"), kept(tmp_path / "new", changed=changed)
    result = finished([sys.executable, "-m", "fixtures", "compare", old, new], cwd=ROOT)
    assert result.ret == 1
    at = next(at for at, line in enumerate(result.outlines) if "see it again" in line)
    assert result.outlines[at + 3].endswith(f"; print({shown})")
    printed = str(finished([sys.executable, "-c", "\n".join(result.outlines[at + 1 : at + 4])], cwd=ROOT).stdout)
    said = re.search(figure, str(result.stdout), re.MULTILINE)
    if shown == "new.vector(a)":
        assert said and {*re.findall(r"\w+", printed)} == {"nan"}
    else:
        assert [float(one) for one in printed.split()] == pytest.approx([*map(float, said.groups())], rel=0.05)


@pytest.mark.parametrize("sides", [(MINI, MINI), (FORMAT_1, MINI)], ids=["twice the same", "of an earlier format"])
def test_baselines_are_sides_too(compare, sides):
    code, lines = compare(*sides)
    assert code == 0 and len([line for line in lines if re.match(r"drift .* (identical|within tolerance)", line)]) == 5
    assert any(line.startswith("compared  6 tables on cpu with ") for line in lines)


def test_role_that_the_new_side_lacks_is_lost(compare, tmp_path):
    old = kept(tmp_path / "old", roles={"query": TASK})
    code, lines = compare(old, kept(tmp_path / "new"))
    assert code == 1
    assert any(
        line.startswith("cpu: served by the new system: lost: the role query (its task embedding)") for line in lines
    )


# --- what isn't known -------------------------------------------------------------------------------------------------


def test_texts_that_nobody_knows_any_more_are_told(compare, tmp_path, monkeypatch):
    sides = kept(tmp_path / "old"), kept(tmp_path / "new")
    read = corpus.read_data

    def later(name):
        data = read(name)
        if name != "anchors":
            return data
        first, second, *others = data["anchors"]
        return {**data, "anchors": [{**first, "text": "Another text."}, {**second, "id": "renamed"}, *others]}

    monkeypatch.setattr(corpus, "read_data", later)
    code, lines = compare(*sides)
    assert code == 0
    told = "was asked 2 texts that this version of the suite doesn't know: latin-english-river, latin-english-market"
    assert f"note      {sides[1]} {told}" in lines
    assert f"note      {sides[1]} wasn't asked 1 of today's texts: renamed" in lines


def test_texts_of_ones_own_are_asked_for_and_taken(compare, tmp_path):
    own = {"heron": "The heron stands at the lock."}
    sides = kept(tmp_path / "old", texts=own), kept(tmp_path / "new", texts=own)
    put(tmp_path, {"own.jsonl": json.dumps({"id": "heron", "text": own["heron"]}) + "\n"})
    told = f"note      {sides[1]} was asked 1 texts of yours (own:heron): give them with --texts FILE"
    code, lines = compare(*sides)
    assert code == 1 and told in lines  # a run was judged on them too
    assert "note      failed: 1 texts of yours, which both sides were asked, are not compared" in lines
    code, lines = compare(*sides, "--texts=own.jsonl")
    assert code == 0 and not [line for line in lines if line.startswith("note")]


def test_tables_of_other_sentences_are_not_compared(compare, tmp_path):
    sides = kept(tmp_path / "old"), kept(tmp_path / "new", sentences=SENTENCES[1:])
    code, lines = compare(*sides)
    assert code == 0 and not [line for line in lines if line.startswith("compared  ")]
    assert f"note      {sides[1]}: not asked the notebook's sentences of today; no table is compared" in lines


# --- what can't be used -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: OLD, NEW; python -m fixtures compare --help shows what it takes"),
        (["kept/old", "kept/new", "more"], "unrecognized arguments: more; python -m fixtures compare --help shows"),
        (
            ["none", "kept/new"],
            "OLD: none: neither a kept observation (observation.json) nor a baseline (manifest.json)",
        ),
        (
            ["kept/old", "file"],
            "NEW: file: neither a kept observation (observation.json) nor a baseline (manifest.json)",
        ),
        (
            ["kept", "kept/new"],
            "OLD: kept: neither a kept observation (observation.json) nor a baseline (manifest.json) ",
        ),
        (["damaged", "kept/new"], "OLD: damaged/vectors.safetensors: not the content that observation.json lists"),
        (["half", "kept/new"], "OLD: half/signatures.safetensors: No such file or directory; give the folder of an "),
        (["baseline", "kept/new"], "OLD: baseline/anchors.safetensors: not the content that manifest.json lists"),
        (["kept/old", "tables"], "tables: it holds tables only; name it as the first folder"),
        (["kept/old", "kept/new", "--texts=none"], "--texts: none: unreadable (No such file or directory)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_be_used_is_one_line(compare, tmp_path, arguments, told):
    for name in ("kept/old", "kept/new", "damaged", "half"):
        kept(tmp_path / name)
    put(tmp_path, {"file": "no folder"})
    vectors = tmp_path / "damaged" / "vectors.safetensors"
    vectors.write_bytes(vectors.read_bytes()[:-1])
    (tmp_path / "half" / "signatures.safetensors").unlink()
    shutil.copytree(MINI, tmp_path / "baseline")
    (tmp_path / "baseline" / "anchors.safetensors").write_bytes(b"no tensors")
    shutil.copytree(ROOT / "snapshots" / "jina-embeddings-v3", tmp_path / "tables")
    code, lines = compare(*arguments)
    assert code == 4 and len(lines) == 1 and lines[0].startswith(f"ERROR: {told}")


def test_folder_above_names_what_lies_in_it(compare, tmp_path):
    for name in ("kept/old", "kept/new"):
        kept(tmp_path / name)
    assert compare("kept", "kept/new")[1][0].endswith("lies there; give one of new, old in it")


def test_sides_without_anything_in_common_are_no_success(compare, tmp_path):
    code, lines = compare(MINI, kept(tmp_path / "new"))
    assert code == 1
    assert any("has none of the model's tasks, and none of their roles" in line for line in lines)


# --- a process of its own ---------------------------------------------------------------------------------------------

SCRIPT = """
import runpy, sys
sys.argv = ["fixtures", *sys.argv[1:]]
try:
    runpy.run_module("fixtures", run_name="__main__")
except SystemExit as end:
    heavy = {"torch", "transformers", "sentence_transformers", "onnxruntime"} & {*sys.modules}
    print("heavy:", sorted(heavy), "code:", end.code)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["compare", MINI, MINI], 0), (["compare", "none", MINI], 4), (["--help"], 0), ([], 4)],
    ids=["compared", "refused", "help", "nothing said"],
)
def test_neither_torch_nor_another_library_of_models_is_imported(arguments, code):
    result = finished([sys.executable, "-c", SCRIPT, *arguments], cwd=ROOT)
    assert result.outlines[-1] == f"heavy: [] code: {code}"
    assert "Traceback" not in str(result.stderr)


def test_output_may_be_cut_short_and_texts_may_be_beyond_the_terminal(tmp_path):
    old, new = kept(tmp_path / "old"), kept(tmp_path / "new", 0.1)
    command = f"PYTHONIOENCODING=ascii {sys.executable} -m fixtures compare {old} {new}"
    result = finished(["bash", "-c", command], cwd=ROOT)
    assert result.ret == 1 and str(result.stderr) == ""
    result = finished(["bash", "-c", f"{command} | head -n 1"], cwd=ROOT)
    assert result.outlines == [f"old       {old}: m,device=cpu, in float32"] and str(result.stderr) == ""
