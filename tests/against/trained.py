"""A copy of the bundled model in which one adapter has been trained further, as a fine-tuning does it."""

import shutil
from pathlib import Path

from fixtures.runtimes.jina_v3.known_models import adapter_folder

RATE = 3e-4
TEMPERATURE = 0.05
TEXTS_A_STEP = 16


def write_trained_further(source: Path, folder: Path, task: str, steps: int) -> Path:
    """Copy a checkpoint and train the adapter of one task: translations are to be nearest to each other.

    The same steps give the same weights, up to rounding: texts come in the order of the corpus, nothing is drawn.
    Weights are written in float16, as those of the bundled model are.
    """
    import torch
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import save_file

    from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder
    from fixtures.runtimes.jina_v3.loading import load_model

    shutil.copytree(source, folder, dirs_exist_ok=True)
    encoder = TorchEncoder(load_model(inspect_checkpoint(source)))
    encoder.select(task)
    model, name = encoder.loaded.model, adapter_folder(task)
    # Not the word embeddings: their gradient takes most of a step.
    ours = {key: value for key, value in model.named_parameters() if "lora_" in key and f".{name}" in key}
    learning = [value for key, value in ours.items() if "word_embeddings" not in key]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(learning, lr=RATE, weight_decay=0.0)

    def embedded(texts: list[str]) -> torch.Tensor:
        return encoder.finish(encoder.pool(*encoder.forward(encoder.tokenize(texts, task), "right")), None)

    pairs = _translations()
    for step in range(steps):
        first = step * TEXTS_A_STEP % (len(pairs) - TEXTS_A_STEP)
        english, others = map(list, zip(*pairs[first : first + TEXTS_A_STEP], strict=True))
        likeness = embedded(english) @ embedded(others).T / TEMPERATURE
        loss = torch.nn.functional.cross_entropy(likeness, torch.arange(TEXTS_A_STEP))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = {
        f"base_model.model.{key.removeprefix('base_model.model.')}": tensor.detach().to(torch.float16).contiguous()
        for key, tensor in get_peft_model_state_dict(model, adapter_name=name).items()
    }
    save_file(state, folder / name / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


def _translations() -> list[tuple[str, str]]:
    """English texts and what they are in another language: a language after the other, no text twice in one step."""
    from fixtures.texts.corpus import TEXT, meaning_set

    found = meaning_set()
    others = [text for text in found.of_kind(TEXT) if text.language != "en"]
    return [(found.by_place[other.group, "en", TEXT].text, other.text) for other in others]
