"""Folders as sentence-transformers saves them: read as the model inside them, or refused."""

import numpy as np
import pytest
import torch

from fixtures.models.spec import Target
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.describing import checkpoint_of, describe, fetch, spec_of
from tests.checkpoints import (
    TASKS,
    TEXTS,
    TINY,
    change_json,
    open_encoder,
    write_json,
    write_modules,
    write_native_checkpoint,
    write_original_checkpoint,
)


@pytest.mark.parametrize("inside", ["", "0_Transformer"])
@pytest.mark.parametrize("layout", ["native", "original"])
def test_sentence_transformers_folder_is_read_natively(tmp_path, layout, inside):
    write = {"native": write_native_checkpoint, "original": write_original_checkpoint}[layout]
    write(tmp_path / "saved" / inside)
    write_modules(tmp_path / "saved", inside=inside)
    write_native_checkpoint(tmp_path / "plain")
    saved, plain = (open_encoder(tmp_path / name).encode(TEXTS, "separation") for name in ("saved", "plain"))
    np.testing.assert_array_equal(saved, plain)


def test_sentence_transformers_itself_gives_the_same_embeddings(tmp_path, recwarn):
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer, models

    write_native_checkpoint(tmp_path / "merged", merged="separation")
    transformer = models.Transformer(str(tmp_path / "merged"), model_kwargs={"dtype": torch.float32})
    modules = [transformer, models.Pooling(TINY.hidden, pooling_mode="mean"), models.Normalize()]
    theirs = SentenceTransformer(modules=modules, device="cpu")
    theirs.save(str(tmp_path / "saved"))
    ours = open_encoder(tmp_path / "saved", only_tasks=["separation"])
    np.testing.assert_allclose(ours.encode(TEXTS, "separation"), theirs.encode(TEXTS), rtol=0, atol=5e-7)


def test_older_spelling_of_mean_pooling_is_understood(tmp_path):
    write_native_checkpoint(tmp_path)
    write_modules(tmp_path, pooling={"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False})
    assert inspect_checkpoint(tmp_path).tasks == TASKS


def test_sentence_transformers_folder_states_its_maximum_length(tmp_path):
    write_native_checkpoint(tmp_path)
    write_modules(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 100, "do_lower_case": false}')
    assert inspect_checkpoint(tmp_path).max_length == 100


def test_folder_of_sentence_transformers_is_the_same_model_when_it_is_opened_as_when_it_was_described(tmp_path):
    write_native_checkpoint(tmp_path / "0_Transformer", tasks=[])
    change_json(tmp_path / "0_Transformer" / "config.json", task_instructions=None)
    write_modules(tmp_path, inside="0_Transformer")
    write_json(tmp_path / "config_sentence_transformers.json", {"prompts": {"separation": "mine: "}})
    write_json(tmp_path / "0_Transformer" / "sentence_bert_config.json", {"max_seq_length": 128})
    target = Target(str(tmp_path), only_tasks=("separation",))
    spec = fetch(describe(target), target)
    opened = spec_of(checkpoint_of(spec, target), target)
    assert opened == spec and (spec.max_length, spec.prompts) == (128, {"separation": "mine: "})
