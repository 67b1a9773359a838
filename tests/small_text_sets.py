"""Text sets and vectors small enough to work a measure out by hand: a text is an angle."""

import numpy as np

from fixtures.models.spec import Input, ModelSpec, Role
from fixtures.observing.observation import Observation
from fixtures.texts.corpus import PASSAGE, QUESTION, TEXT
from fixtures.texts.evidence import evidence_set, topic_of
from fixtures.texts.text_sets import Text, TextSet

ROLES = dict.fromkeys(Role, "embedding")

TextsAndVectors = tuple[TextSet, dict[str, np.ndarray]]


def unit(degrees: float) -> list[float]:
    """A vector of length one in this direction."""
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


def text_set(angles: dict[str, tuple[float, ...]], kind: str = TEXT) -> TextsAndVectors:
    """Texts of a kind by language, whose group is their place and whose vector has the angle given."""
    texts = [
        Text(f"{language}{row}-{kind}", f"{kind} {row} in {language}", language, str(row), kind)
        for language, turned in angles.items()
        for row in range(len(turned))
    ]
    turned = [one for turned in angles.values() for one in turned]
    vectors = {text.id: np.array(unit(angle)) for text, angle in zip(texts, turned, strict=True)}
    same = [(one.id, two.id) for one in texts for two in texts if one.group == two.group]
    return TextSet("turned", texts, {(one, two.replace(QUESTION, PASSAGE)): 1 for one, two in same}), vectors


def joined(*sets: TextsAndVectors) -> TextsAndVectors:
    """Several sets as one, with the relevance of the first."""
    texts = [text for one, _ in sets for text in one.texts]
    return TextSet("joined", texts, sets[0][0].relevance), {k: v for _, vectors in sets for k, v in vectors.items()}


def spec(**more) -> ModelSpec:
    """A model whose one task serves every role."""
    return ModelSpec(name="small", **{"tasks": {"embedding": Input()}, "roles": ROLES, "runtime": "", **more})


def answering(texts: TextSet, vectors: dict[str, np.ndarray], **more) -> Observation:
    """An observation of a system that gives each text the vector of its id."""
    by_text = {text.text: vectors[text.id] for text in texts.texts}
    return Observation(spec(**more), answer=lambda asked, task: np.stack([by_text[text] for text in asked]))


def random_vectors(texts: TextSet, seed: int = 0) -> dict[str, np.ndarray]:
    """Vectors that have nothing to do with the texts."""
    drawn = np.random.default_rng(seed).standard_normal((len(texts.texts), 16)).astype(np.float32)
    return dict(zip((text.id for text in texts.texts), drawn, strict=True))


def some_evidence() -> TextSet:
    """Four topics of the evidence texts, in three of their languages."""
    whole = evidence_set().within(["en", "ar", "zh"])
    chosen = sorted({topic_of(text.group) for text in whole.texts})[:4]
    return TextSet("some", [text for text in whole.texts if topic_of(text.group) in chosen], whole.relevance)
