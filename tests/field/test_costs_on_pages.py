"""What pages say that a run sends through a model of sentence-transformers, or a graph, counted on tiny ones."""

import json
import re
import shutil

import pytest

from tests.checkpoints.onnx_graphs import Shape, write_onnx_folder
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.places import ROOT, put
from tests.runs import run_apart

LENGTH = 512
"""Tokens after which the models cut texts, as most that people use do."""
MINI = ROOT / "fixtures" / "checkpoints" / "mini"
"""Its tokenizer was trained on many languages: words are as many tokens as for a model that people use."""
COUNTS = """
import atexit, json, os
from pathlib import Path

COUNTED = {"texts": 0, "tokens": 0, "calls": 0}
atexit.register(lambda: Path(os.environ["COUNTED"]).write_text(json.dumps(COUNTED)))


def count(mask):
    COUNTED["texts"] += len(mask)
    COUNTED["tokens"] += int(mask.sum())
    COUNTED["calls"] += 1
"""
"""The beginning of a plugin that counts what goes through a model, and leaves the counts as the process ends."""
OF_TORCH = """
from fixtures.runtimes.sentence_transformers import opening

load = opening.load_model


def load_model(*arguments):
    from sentence_transformers.base.modules import Transformer

    if not hasattr(Transformer, "counted"):
        Transformer.counted, forward = True, Transformer.forward

        def counting(module, features, **named):
            count(features["attention_mask"])
            return forward(module, features, **named)

        Transformer.forward = counting
    return load(*arguments)


opening.load_model = load_model
"""
OF_GRAPHS = """
from fixtures.runtimes.onnx.encoder import OnnxEncoder

answer = OnnxEncoder.answer


def counting(encoder, ids, mask):
    count(mask)
    return answer(encoder, ids, mask)


OnnxEncoder.answer = counting
"""


def _transformer(folder):
    return write_sentence_transformers(folder, words=54_000, max_length=LENGTH, positions=LENGTH)


def _graph(folder):
    return write_onnx_folder(folder, Shape(words=54_000, positions=LENGTH))


@pytest.mark.parametrize(
    ("page", "write", "plugin"),
    [("sentence-transformers", _transformer, OF_TORCH), ("onnx", _graph, OF_GRAPHS)],
    ids=["sentence-transformers", "onnx"],
)
def test_page_says_what_goes_through_the_model(project, monkeypatch, page, write, plugin):
    folder = write(project.path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(MINI / name, folder)
    put(project.path, {"counts.py": COUNTS + plugin})
    monkeypatch.setenv("COUNTED", str(project.path / "counted"))

    def count(*arguments: str) -> dict[str, int]:
        run_apart("-p", "counts", "-p", "no:cacheprovider", "-q", "--model=model", "--device=cpu", *arguments)
        return json.loads((project.path / "counted").read_text())

    quick = count("evals/test_drift.py", "--snapshot-update", "--quick-recording")
    thorough = count("evals/test_drift.py", "--snapshot-update")
    compared = count("evals/test_drift.py", "evals/test_similarity.py")
    every = count("evals", "--deselect=evals/test_throughput.py")
    said = {
        name: f"{found['texts']:,} texts of {found['tokens']:,} tokens in {found['calls']:,} calls"
        for name, found in {"thorough": thorough, "quick": quick, "compared": compared, "every": every}.items()
    }
    text = re.sub(r"\s+", " ", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    assert all(line in text for line in said.values()), said
