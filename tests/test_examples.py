"""The examples do what their first lines say."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from tests.checkpoints import JINA_V3_PREFIXES, vocabulary, write_json, write_tokenizer
from tests.places import ROOT
from tests.runs import run_apart


@pytest.fixture
def own_code(tmp_path):
    """A model that brings its own code."""
    folder = shutil.copytree(ROOT / "tests" / "remote_code_model", tmp_path / "small")
    draw = torch.Generator().manual_seed(0)
    tensors = {
        "words.weight": torch.randn(len(vocabulary()), 32, generator=draw),
        "turns": torch.randn(5, 32, 32, generator=draw) * 0.1,
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder)
    config = {
        "architectures": ["SmallModel"],
        "auto_map": {"AutoConfig": "modeling_small.SmallConfig", "AutoModel": "modeling_small.SmallModel"},
        "model_type": "small_remote_code",
        "vocab_size": len(vocabulary()),
        "hidden_size": 32,
        "task_instructions": JINA_V3_PREFIXES,
    }
    write_json(folder / "config.json", config)
    return folder


def test_a_models_own_code_is_evaluated_through_a_callable(project, own_code, tmp_path, monkeypatch):
    (project.path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("OWN_CODE_MODEL", str(own_code))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    options = ["--model", "python:examples.own_code:encode", "--task-map", "examples/own_code.toml"]
    result = run_apart("evals/test_contract.py", *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["model: *; tasks: retrieval.query, retrieval.passage, separation, classification, *"])
