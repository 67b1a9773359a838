"""One set of random weights in every layout: the same embeddings, and a clear line for what can't be loaded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from fixtures.baselines import accepting, recording
from fixtures.baselines.baseline import Baseline
from fixtures.baselines.folder_update import FolderUpdate
from fixtures.baselines.reference import reference_of
from fixtures.comparing.compare import compare
from fixtures.errors import EncodeError
from fixtures.models import task_maps
from fixtures.models.source import Source
from fixtures.models.spec import Ability, Target
from fixtures.observing.observation import observe
from fixtures.runtimes import registry
from fixtures.runtimes.jina_v3 import checkpoint as checkpoints
from fixtures.runtimes.jina_v3 import variations
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.describing import describe
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.known_models import task_map_of_published
from fixtures.runtimes.jina_v3.layouts import jina_hf
from fixtures.runtimes.jina_v3.layouts.jina_hf import TARGET_MODULES
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.anchors import anchor_set
from tests import runs
from tests.checkpoints import (
    ADAPTER_FILE,
    PUBLISHED,
    TASKS,
    TEXTS,
    Size,
    change_json,
    change_tensors,
    open_encoder,
    random_weights,
    refusal,
    vocabulary,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.encoders.plain import embedding
from tests.runs import notes, printed, run, run_apart

ROOT = Path(__file__).parent.parent
PUBLISHED_AS = "jinaai/jina-embeddings-v3"
SIZE = Size(vocabulary=len(vocabulary()) + 100)
"""With rows that stand for no token."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same weights in each layout, with the weights themselves."""
    root = tmp_path_factory.mktemp("layouts")
    write_native_checkpoint(root / "native", size=SIZE)
    write_native_checkpoint(root / "published", size=SIZE, base_names=PUBLISHED, adapter_names=PUBLISHED)
    write_native_checkpoint(root / "merged", size=SIZE, merged="separation")
    write_original_checkpoint(root / "original", size=SIZE)
    return root, random_weights(size=SIZE)


@pytest.fixture(scope="module")
def encoders(folders):
    root, _ = folders
    return {name: open_encoder(root / name) for name in ("native", "published", "original")}


@pytest.mark.parametrize("asked", [*TASKS, None])
@pytest.mark.parametrize("layout", ["native", "published", "original"])
def test_embeddings_are_those_of_the_plain_model(encoders, folders, layout, asked):
    _, weights = folders
    encoder = encoders[layout]
    expected = torch.stack([embedding(weights, SIZE, ids, asked) for ids in encoder.tokenize(TEXTS, asked)])
    np.testing.assert_allclose(encoder.encode(TEXTS, asked), expected.float().numpy(), rtol=0, atol=5e-7)


@pytest.mark.parametrize("asked", [*TASKS, None])
@pytest.mark.parametrize("layout", ["published", "original"])
def test_layouts_of_the_same_weights_agree_to_the_last_bit(encoders, layout, asked):
    native, other = (encoders[name].encode(TEXTS, asked) for name in ("native", layout))
    np.testing.assert_array_equal(native, other)


def test_merged_model_answers_as_its_adapter_did(encoders, folders):
    merged = open_encoder(folders[0] / "merged", only_tasks=["separation"])
    np.testing.assert_allclose(
        merged.encode(TEXTS, "separation"), encoders["native"].encode(TEXTS, "separation"), rtol=0, atol=5e-7
    )
    assert merged.tasks == ("separation",)


def test_merged_model_has_no_base_weights(folders):
    merged = open_encoder(folders[0] / "merged", only_tasks=["separation"])
    assert merged.spec.why_not(Ability.NO_ADAPTER)
    with pytest.raises(EncodeError, match="no base weights: this model has no adapters"):
        merged.encode(TEXTS, None)


def test_layout_is_recognised_without_being_told(folders):
    root, _ = folders
    found = {name: inspect_checkpoint(root / name).layout for name in ("native", "published", "original")}
    assert found == {
        "native": checkpoints.NATIVE,
        "published": checkpoints.NATIVE,
        "original": checkpoints.ORIGINAL,
    }
    assert inspect_checkpoint(root / "merged", only_tasks=["separation"]).layout == checkpoints.MERGED


def test_original_layout_is_as_much_as_the_native_one(folders):
    root, _ = folders
    native, original = (inspect_checkpoint(root / name) for name in ("native", "original"))
    for entry in ("prefixes", "matryoshka_dimensions", "max_length", "dimension"):
        assert getattr(native, entry) == getattr(original, entry)
    assert list(original.hashes) == ["model.safetensors", "tokenizer.json", "config.json", "tokenizer_config.json"]


def test_original_layout_with_a_subset_of_tasks_keeps_their_banks(encoders, folders):
    some = open_encoder(folders[0] / "original", only_tasks=["text-matching", "separation"])
    assert some.tasks == ("separation", "text-matching")
    for task in some.tasks:
        np.testing.assert_array_equal(some.encode(TEXTS, task), encoders["native"].encode(TEXTS, task))


@pytest.mark.parametrize("layout", ["native", "original"])
def test_half_precision_keeps_rotary_frequencies_in_float32(folders, layout):
    encoder = open_encoder(folders[0] / layout, dtype="bfloat16")
    model = encoder.loaded.model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    columns = SIZE.hidden // SIZE.heads
    expected = 1.0 / 20000.0 ** (torch.arange(0, columns, 2, dtype=torch.float32) / columns)
    torch.testing.assert_close(model.rotary_emb.inv_freq, expected, rtol=0, atol=0)
    assert model.config._attn_implementation == "sdpa"


def test_half_precision_layouts_agree(folders):
    native, original = (open_encoder(folders[0] / name, dtype="bfloat16") for name in ("native", "original"))
    for task in TASKS:
        np.testing.assert_array_equal(native.encode(TEXTS, task), original.encode(TEXTS, task))


def test_pooler_may_be_missing(tmp_path, encoders):
    for layout, write in {"native": write_native_checkpoint, "original": write_original_checkpoint}.items():
        write(tmp_path / layout, size=SIZE)
        for file in (tmp_path / layout).rglob("*.safetensors"):
            change_tensors(file, lambda tensors: [tensors.pop(name) for name in list(tensors) if "pooler." in name])
    for adapter in (tmp_path / "native").glob("*/adapter_config.json"):
        change_json(adapter, target_modules=[name for name in TARGET_MODULES if name != "dense"])
    for layout in ("native", "original"):
        encoder = open_encoder(tmp_path / layout)
        np.testing.assert_array_equal(
            encoder.encode(TEXTS, "separation"), encoders["native"].encode(TEXTS, "separation")
        )


def test_original_layout_without_a_stated_rotary_base_has_that_of_its_class(tmp_path):
    write_original_checkpoint(tmp_path)
    change_json(tmp_path / "config.json", rotary_emb_base=None)
    assert open_encoder(tmp_path).loaded.model.config.rope_parameters["rope_theta"] == 10000.0


# --- what is refused ----------------------------------------------------------------------------------------------


def test_published_base_without_its_adapters_is_no_merged_model(tmp_path, monkeypatch):
    monkeypatch.setattr("fixtures.runtimes.jina_v3.known_models.PUBLISHED_ARCHITECTURE", {"hidden_size": SIZE.hidden})
    write_native_checkpoint(tmp_path / "jina-embeddings-v3-hf", tasks=[])
    message = refusal(
        tmp_path / "jina-embeddings-v3-hf", only_tasks=["classification"], published_as="jinaai/jina-embeddings-v3-hf"
    )
    assert "the adapter folders of jinaai/jina-embeddings-v3-hf are missing" in message


# --- identity -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "task_map", "published"),
    [
        ("jinaai/jina-embeddings-v3-hf", None, "jinaai/jina-embeddings-v3-hf"),
        ("downloaded", task_map_of_published(), "jinaai/jina-embeddings-v3"),
        ("jina-embeddings-v3", None, None),
        ("mine", None, None),
    ],
)
def test_published_model_is_known_by_its_hub_id_or_task_map_and_never_by_a_folders_name(
    own_checkpoint, monkeypatch, name, task_map, published
):
    monkeypatch.setattr("fixtures.runtimes.jina_v3.known_models.PUBLISHED_ARCHITECTURE", {"hidden_size": 32})
    target = Target(name, task_map=task_map)
    monkeypatch.setattr("fixtures.runtimes.jina_v3.describing.local_folder", lambda name: own_checkpoint)
    assert describe(target).published_as == published


@pytest.mark.parametrize(
    ("task_map", "published"),
    [("jina-v3", PUBLISHED_AS), ("copy.toml", PUBLISHED_AS), ("other.toml", None)],
    ids=["by its name", "a copy", "another prompt"],
)
def test_task_map_of_the_published_model_is_known_by_what_it_states(
    project, own_checkpoint, monkeypatch, task_map, published
):
    monkeypatch.setattr("fixtures.runtimes.jina_v3.known_models.PUBLISHED_ARCHITECTURE", {"hidden_size": 32})
    bundled = task_maps.find_task_map("jina-v3").read_text(encoding="utf-8")
    (project.path / "copy.toml").write_text(f"# ours\n{bundled}", encoding="utf-8")
    (project.path / "other.toml").write_text(bundled.replace('prompt = "', 'prompt = "A ', 1), encoding="utf-8")
    options = [f"--task-map={task_map}", "--report=out"]
    run(project, "evals/test_contract.py", "-k", "unit_norm and separation", *options, model=own_checkpoint)
    assert json.loads((project.path / "out" / "report.json").read_text())["run"]["model"]["published_as"] == published


# --- from the command line ----------------------------------------------------------------------------------------


def run_contract(*arguments: str, model: Path) -> pytest.RunResult:
    contract = ("-p", "no:cacheprovider", "evals/test_contract.py")
    return run_apart(*contract, *arguments, model=model, start=ROOT, HF_HUB_OFFLINE="1")


def test_merged_model_runs_with_its_task_and_says_what_it_lacks(folders):
    chosen = ["--tasks", "separation", "-k", "unit_norm or base_weights"]
    finished = run_contract(*chosen, model=folders[0] / "merged")
    assert finished.ret == pytest.ExitCode.OK
    assert "needs base weights: this model has no adapters apart from its weights" in printed(finished)
    assert "no adapters: the model's weights themselves answer for separation" in notes(finished)


def test_merged_model_is_recorded_with_its_one_task_and_compared(folders, tmp_path):
    checkpoint = inspect_checkpoint(folders[0] / "merged", only_tasks=["separation"])
    encoder, folder = TorchEncoder(load_model(checkpoint)), tmp_path / "merged"
    source = Source("merged", "merged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "DTYPES", ("float32",))
        whole = variations.variations
        patch.setattr(variations, "variations", lambda encoder, thorough: whole(encoder, thorough=False))
        update, anchors = FolderUpdate(folder), anchor_set(encoder.spec.max_length)
        stored = Baseline(folder, update)
        recorded = accepting.stage(
            observe(encoder, anchors), anchors, encoder, registry.JINA_V3, stored, update, source=source
        )
        assert recorded.problem is None
        update.commit()
    found = compare(reference_of(Baseline(folder)), observe(encoder, anchors), anchors)
    assert {task: one.verdict.outcome for task, one in found.items()} == {"separation": "identical"}


def test_adapters_are_read_by_the_names_of_the_published_files_or_of_peft(folders, tmp_path):
    folder = folders[0] / "published"
    published = load_file(folder / "separation" / ADAPTER_FILE)
    assert "encoder.layers.0.mixer.out_proj.lora_A.weight" in published
    assert "embeddings.word_embeddings.lora_embedding_B" in published
    plain = open_encoder(folder, only_tasks=["separation"]).encode(TEXTS, "separation")
    for spelling in (jina_hf.peft_name, "roberta.{}".format):
        renamed = Path(shutil.copytree(folder, tmp_path / str(id(spelling))))
        file = renamed / "separation" / ADAPTER_FILE
        change_tensors(file, lambda tensors, to=spelling: [tensors.update({to(n): tensors.pop(n)}) for n in published])
        assert np.array_equal(open_encoder(renamed, only_tasks=["separation"]).encode(TEXTS, "separation"), plain)


def test_original_layout_runs_under_all_its_tasks(folders):
    finished = run_contract("-k", "unit_norm or base_weights or prefix_acts", model=folders[0] / "original")
    assert finished.ret == pytest.ExitCode.OK and finished.parseoutcomes()["passed"] == 15


def test_base_without_adapters_is_a_usage_error_of_one_line(folders):
    assert "name its task with --tasks" in runs.refusal(run_contract(model=folders[0] / "merged"))
