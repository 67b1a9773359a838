"""The recipe's training steps, on a scale of seconds."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs peft")
pytest.importorskip("tqdm", reason="training shows progress with tqdm")

from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: E402

from fixtures.runtimes.jina_v3.known_models import adapter_folder  # noqa: E402
from recipe import adapters, base, retrieval  # noqa: E402
from recipe.batching import endless_batches, epoch_batches, tokenize  # noqa: E402
from recipe.catalogues import Group  # noqa: E402
from recipe.export import export  # noqa: E402
from recipe.model import TASK_INSTRUCTIONS, StudentShape, encode_all  # noqa: E402
from recipe.pairs import Pair  # noqa: E402
from recipe.texts import TrainingText  # noqa: E402
from recipe.workspace import Workspace, write_json_lines  # noqa: E402

from .conftest import SENTENCES, HashingTeacher  # noqa: E402

SMALL = StudentShape(layers=1, heads=2, dimensions=32, intermediate=64)


@pytest.fixture
def groups() -> list[Group]:
    meanings = [
        Group("tale", {lang: [texts[n], texts[n].rstrip(".。")] for lang, texts in SENTENCES.items()}) for n in range(3)
    ]
    joined = {lang: ["".join(texts)] for lang, texts in SENTENCES.items()}
    return [*meanings, Group("joined", joined), Group("joined", {**joined, "en": ["Bread and a boat."]})]


@pytest.fixture
def workspace(tmp_path: Path, groups, tiny_tokenizer, monkeypatch) -> Workspace:
    """A work directory that has got as far as the teacher's vectors."""
    monkeypatch.setattr(base, "Teacher", HashingTeacher)
    found = Workspace(tmp_path)
    texts = [
        TrainingText(text, language, "story", number)
        for number, group in enumerate(groups)
        for language, wordings in group.texts.items()
        for text in wordings
    ]
    write_json_lines(found.texts, map(asdict, texts))
    write_json_lines(found.groups, map(asdict, groups))
    questions = [Pair("What is warm?", "The bread is warm."), Pair("¿Qué hay de barco?", "湖上有一条船。")]
    write_json_lines(found.pairs, map(asdict, questions))
    both = [text for pair in questions for text in (pair.question, pair.passage)]
    np.save(found.pairs_teacher, HashingTeacher().encode(both).astype(np.float16))
    np.save(found.teacher, HashingTeacher().encode([text.text for text in texts]).astype(np.float16))
    tiny_tokenizer.save_pretrained(found.tokenizer)
    return found


@pytest.fixture
def few_steps() -> base.Distillation:
    """A distillation of a few steps."""
    return base.Distillation(
        embeddings=base.Phase(4, 256, 1e-2, 0.0, 2, 2), model=base.Phase(6, 256, 1e-2, 1e-3, 2, 2), save_every=2
    )


def test_batches_hold_every_text_once_within_the_budget():
    lengths = np.random.default_rng(0).integers(2, 40, size=500)
    batches = epoch_batches(lengths, 200, seed=3)
    assert sorted(np.concatenate(batches)) == list(range(500))
    assert all(len(batch) * lengths[batch].max() <= 200 for batch in batches)


def test_batches_go_on_where_they_were_left():
    lengths = np.full(30, 10)
    whole = endless_batches(lengths, 100, seed=0)
    expected = [next(whole).tolist() for _ in range(9)][5:]
    resumed = endless_batches(lengths, 100, seed=0, skip=5)
    assert [next(resumed).tolist() for _ in range(4)] == expected


def test_padding_does_not_move_a_vector(tiny_student, tiny_tokenizer):
    alone = encode_all(tiny_student, tiny_tokenizer, ["The bread is warm."])
    padded = encode_all(tiny_student, tiny_tokenizer, ["The bread is warm.", "A boat on the lake. " * 4])
    assert torch.allclose(alone[0], padded[0], atol=1e-6)


def test_tokenized_texts_are_padded_as_the_tokenizer_pads(tiny_tokenizer):
    texts = SENTENCES["en"] + SENTENCES["zh"]
    input_ids, mask = tokenize(tiny_tokenizer, texts, 64).padded([0, 4])
    expected = tiny_tokenizer([texts[0], texts[4]], padding=True, return_tensors="pt")
    assert torch.equal(input_ids, expected["input_ids"])
    assert torch.equal(mask, expected["attention_mask"])


def test_tokenizer_treats_text_as_xlm_roberta_does(tiny_tokenizer):
    assert tiny_tokenizer("")["input_ids"] == [0, 2]
    assert tiny_tokenizer("☃")["input_ids"][-2:] == [3, 2]
    assert tiny_tokenizer("ｄｏｏｒ")["input_ids"] == tiny_tokenizer("door")["input_ids"]
    assert tiny_tokenizer("Door")["input_ids"] != tiny_tokenizer("door")["input_ids"]
    assert len(tiny_tokenizer("bread " * 2000, truncation=True)["input_ids"]) == 1024


def test_targets_of_translations_come_closer():
    vectors = HashingTeacher().encode(["warm bread", "pan caliente", "open door"])
    projection = base.principal_directions(vectors, 3)
    apart = base.projected_targets(vectors, np.array([0, 0, -1]), projection, 0.0).astype(np.float32)
    mixed = base.projected_targets(vectors, np.array([0, 0, -1]), projection, 0.5).astype(np.float32)
    assert mixed[0] @ mixed[1] > apart[0] @ apart[1]
    assert np.allclose(mixed[2], apart[2])
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-2)


def test_loss_is_nothing_for_the_target_itself():
    target = torch.nn.functional.normalize(torch.randn(4, 32), dim=1)
    loss, cosine = base.distillation_loss(target, target, 1.0, 0.1)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert cosine.item() == pytest.approx(1)


def test_learning_rate_rises_then_falls():
    phase = base.Phase(100, 1, 1.0, 1.0, 10, 50)
    factors = [phase.factor(step) for step in range(100)]
    assert factors[0] < factors[5] < factors[9]
    assert factors[20] == factors[40] == 1
    assert factors[60] > factors[80] > factors[99] > 0


def similarities(target: adapters.Target) -> np.ndarray:
    """Similarities of the targets of three texts of one group and one of another."""
    texts = [
        TrainingText("The bread is warm.", "en", "story", 0),
        TrainingText("The bread is hot.", "en", "story", 0),
        TrainingText("El pan está caliente.", "es", "story", 0),
        TrainingText("Un barco en el lago.", "es", "word", 1),
    ]
    teacher = HashingTeacher().encode([text.text for text in texts])
    projection = base.principal_directions(teacher, 32)
    vectors = adapters.TaskTargets(texts, teacher, projection, target).of(np.arange(4)).numpy()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    return vectors @ vectors.T


@pytest.mark.parametrize("lifting", ["separation", "classification"])
def test_targets_of_separation_and_classification_lift_every_similarity(lifting):
    plans = adapters.Training().distilled
    lifted, plain = similarities(plans[lifting].target), similarities(adapters.Target())
    assert (lifted[np.triu_indices(4, 1)] > plain[np.triu_indices(4, 1)]).all()
    assert lifted[0, 2] > lifted[0, 3]


def test_targets_of_text_matching_put_a_paraphrase_above_a_translation():
    target = adapters.Training().distilled["text-matching"].target
    matched, plain = similarities(target), similarities(replace(target, language=0.0))
    assert matched[0, 1] - matched[0, 2] > plain[0, 1] - plain[0, 2] + 0.1
    assert matched[2, 3] > plain[2, 3] and matched[0, 3] < plain[0, 3]


def test_contrast_is_least_where_questions_find_their_passages():
    passages = torch.eye(4, 32)
    plan = retrieval.RetrievalPlan(teacher_share=0.0)
    found, lost = (
        retrieval.contrast_loss(questions, passages, torch.eye(4), plan) for questions in (passages, passages.flip(0))
    )
    assert found < 1e-6 < lost


def test_contrast_spares_passages_that_answer_as_well():
    plan = retrieval.RetrievalPlan(teacher_share=1.0)
    twins = torch.eye(4)
    twins[0, 1] = twins[1, 0] = 1.0
    apart = torch.eye(4, 32)
    merged = apart[[0, 0, 2, 3]]
    assert retrieval.contrast_loss(merged, merged, twins, plan) < retrieval.contrast_loss(apart, apart, twins, plan)
    strict = torch.eye(4)
    assert retrieval.contrast_loss(merged, merged, strict, plan) > retrieval.contrast_loss(apart, apart, strict, plan)


def test_sampler_draws_every_language_alike():
    texts = [
        TrainingText(f"{sentence} {number}", language, "story")
        for number in range(5)
        for language, sentences in SENTENCES.items()
        for sentence in sentences
    ]
    numbers = adapters.Sampler(texts, {"story": 1.0}).draw(60, np.random.default_rng(0))
    languages = [texts[number].language for number in numbers]
    assert [languages.count(language) for language in SENTENCES] == [10, 10, 10]


def test_some_texts_are_asked():
    text = TrainingText("The bread is warm.", "en", "story")
    assert adapters.worded(text, 0.0, random.Random(0)) == text.text
    asked = adapters.worded(text, 1.0, random.Random(0))
    assert asked.endswith("?") and "bread is warm" in asked


@pytest.fixture
def few_lessons() -> adapters.Training:
    """A few steps, every lesson among them."""
    together, matching_alone = adapters.Training().stretches.values()
    return adapters.Training(
        stretches={
            "together": replace(together, steps=22, warmup=2, save_every=5),
            "matching": replace(matching_alone, steps=3, warmup=1, save_every=2),
        }
    )


@pytest.fixture
def distilled(workspace, few_steps, monkeypatch) -> Workspace:
    """A work directory that has got as far as the base."""
    shape = base.create_student
    monkeypatch.setattr(base, "create_student", lambda pieces: shape(pieces, SMALL))
    base.base(workspace, few_steps)
    return workspace


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")  # loading a second adapter
def test_recipe_from_vectors_to_checkpoint(distilled, few_lessons):
    workspace = distilled
    adapters.adapters(workspace, few_lessons)
    export(workspace)

    config = AutoConfig.from_pretrained(workspace.checkpoint)
    assert config.task_instructions == TASK_INSTRUCTIONS
    assert config.matryoshka_dimensions == [32]
    assert config.max_position_embeddings == 1026
    assert config.rope_parameters["rope_theta"] == 20_000

    tokenizer = AutoTokenizer.from_pretrained(workspace.checkpoint)
    assert tokenizer.model_max_length == 1024
    stored = json.loads((workspace.checkpoint / "tokenizer.json").read_text())
    assert (stored["truncation"], stored["padding"]) == (None, None)
    model = AutoModel.from_pretrained(workspace.checkpoint, dtype=torch.float32)
    plain = encode_all(model, tokenizer, SENTENCES["en"])
    for task in TASK_INSTRUCTIONS:
        name = adapter_folder(task)
        model.load_adapter(str(workspace.checkpoint), adapter_name=name, adapter_kwargs={"subfolder": name})
        model.set_adapter(name)
        assert not torch.allclose(encode_all(model, tokenizer, SENTENCES["en"]), plain)


def test_training_goes_on_from_its_last_saved_state(workspace, few_steps, monkeypatch):
    shape = base.create_student
    monkeypatch.setattr(base, "create_student", lambda pieces: shape(pieces, SMALL))
    base.base(workspace, few_steps)
    whole = AutoModel.from_pretrained(workspace.base, dtype=torch.float32).state_dict()

    (workspace.root / "base-state.pt").unlink()
    step = base.Trainer.step
    calls = iter(range(1000))

    def interrupted(self, *arguments):
        if next(calls) == 9:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(base.Trainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        base.base(workspace, few_steps)
    monkeypatch.setattr(base.Trainer, "step", step)
    base.base(workspace, few_steps)
    resumed = AutoModel.from_pretrained(workspace.base, dtype=torch.float32).state_dict()
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


def interrupt_step(monkeypatch, number: int) -> None:
    """Have a joint training interrupted at one of its steps."""
    calls = iter(range(1000))
    activate = adapters.activate

    def interrupted(model, task):
        if next(calls) == number:
            raise KeyboardInterrupt
        activate(model, task)

    monkeypatch.setattr(adapters, "activate", interrupted)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All weights below a folder."""
    files = sorted(folder.rglob("*.safetensors"))
    return {f"{file.parent.name}/{name}": tensor for file in files for name, tensor in load_file(file).items()}


def test_joint_training_goes_on_from_its_last_saved_state(distilled, few_lessons, monkeypatch):
    adapters.adapters(distilled, few_lessons)
    whole = tensors(distilled.adapters) | tensors(distilled.tuned)
    for folder in (distilled.adapters, distilled.tuned):
        shutil.rmtree(folder)
    with monkeypatch.context() as patched:
        interrupt_step(patched, 12)
        with pytest.raises(KeyboardInterrupt):
            adapters.adapters(distilled, few_lessons)
    assert not distilled.tuned.exists()
    adapters.adapters(distilled, few_lessons)
    resumed = tensors(distilled.adapters) | tensors(distilled.tuned)
    assert whole.keys() == resumed.keys()
    assert all(torch.allclose(whole[name].float(), resumed[name].float(), atol=1e-5) for name in whole)


def test_joint_training_moves_the_base_and_every_adapter(distilled, few_lessons):
    before = tensors(distilled.base)
    adapters.adapters(distilled, few_lessons)
    after = tensors(distilled.tuned)
    assert {name.partition("/")[2] for name in before} == {name.partition("/")[2] for name in after}
    moved = [name for name in after if not torch.equal(after[name], before[name.replace("tuned/", "base/")])]
    assert len(moved) > len(after) / 2
    for task in TASK_INSTRUCTIONS:
        weights = load_file(distilled.adapters / adapter_folder(task) / "adapter_model.safetensors")
        assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_B" in name), task
