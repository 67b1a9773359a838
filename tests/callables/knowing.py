"""Callables that know the evidence texts, and answer all items right but those that a variable names.

``OLD_WRONG`` is that of ``old``, ``NEW_WRONG`` that of ``new``: ``measure:first-last[:language,language]``, several of
them apart by spaces, such as ``retrieval:0-20 similarity:5-9:ar``. With ``NAN``, the measure that it names is answered
with NaN by ``new``; with ``MOVED``, all its vectors are turned over, which changes no similarity.
Questions that aren't the suite's it reads from behind, or answers with NaN, where ``OTHER_QUESTIONS`` is ``ASKEW`` or
``NAN``.
"""

import functools
import os

import numpy as np

from fixtures.texts.corpus import PARAPHRASE, PASSAGE, QUESTION, TEXT
from fixtures.texts.evidence import evidence_set, topic_of
from fixtures.texts.text_sets import Text
from tests.callables import _direction, encode

TASKS = {"search": "retrieval", "meaning": "similarity", "group": "clustering", "label": "classification"}
"""Task -> the measure that asks it."""
TASK_MAP = """
precision = "float32"
{languages}
[tasks]
search = {{}}
meaning = {{}}
group = {{}}
label = {{}}

[roles]
query = "search"
document = "search"
similarity = "meaning"
clustering = "group"
classification = "label"
"""
ABOUT = {"retrieval": QUESTION, "similarity": PARAPHRASE, "clustering": TEXT, "classification": TEXT}


def task_map(languages: list[str] | None = None, without: str | None = None) -> str:
    """The task map of both; of some languages, and without a role where these are given."""
    lines = TASK_MAP.format(languages=f"languages = {languages}" if languages else "").splitlines()
    return "\n".join(line for line in lines if not (without and line.startswith(f"{without} ="))) + "\n"


def old(texts: list[str], task: str) -> np.ndarray:
    return _answered(texts, task, os.environ.get("OLD_WRONG", ""))


def new(texts: list[str], task: str) -> np.ndarray:
    vectors = _answered(texts, task, os.environ.get("NEW_WRONG", ""))
    if TASKS[task] in os.environ.get("NAN", "").split():
        vectors[[text in _known() for text in texts]] = np.nan
    for at, text in enumerate(texts):
        if text.endswith("?") and text not in _known():
            vectors[at] = {"NAN": np.nan, "ASKEW": encode([text[::-1]], task)[0]}.get(
                os.environ.get("OTHER_QUESTIONS", ""), vectors[at]
            )
    return vectors[:, ::-1].copy() if os.environ.get("MOVED") else vectors


def _answered(texts: list[str], task: str, wrong: str) -> np.ndarray:
    """A text of an item lies where its topic and its item do; any other is a bag of words."""
    found = _wrong(wrong, TASKS[task])
    return np.stack([_vector(text, task, found) for text in texts]).astype(np.float32)


def _vector(text: str, task: str, wrong: frozenset[tuple[str, str]]) -> np.ndarray:
    one = _known().get(text)
    if one is None:
        return encode([text], task)[0]
    astray = one.kind == ABOUT[TASKS[task]] and (one.group, one.language) in wrong
    return _placed(one.id, task, astray)


@functools.cache
def _placed(name: str, task: str, astray: bool) -> np.ndarray:
    one = _by_id()[name]
    group, noise = one.group, 0.1 * _direction(one.id)
    if astray and one.kind == PARAPHRASE:
        noise = _of_the_near_miss(group)
    elif astray:
        group = _groups()[(_groups().index(group) + 100) % len(_groups())]
        noise = _direction(one.id) if one.kind == TEXT else noise
    elif one.kind not in (PASSAGE, QUESTION, TEXT, PARAPHRASE):
        noise = _of_the_near_miss(group)
    vector = 1.5 * _direction(topic_of(group)) + _direction(group) + noise
    return vector / np.linalg.norm(vector)


def _of_the_near_miss(group: str) -> np.ndarray:
    return _direction(f"near miss of {group}")


@functools.cache
def _wrong(said: str, measure: str) -> frozenset[tuple[str, str]]:
    found = set()
    for one in said.split():
        about, between, *only = one.split(":")
        first, last = map(int, between.split("-"))
        languages = only[0].split(",") if only else evidence_set().languages
        if about == measure:
            found |= {(group, language) for group in _groups()[first:last] for language in languages}
    return frozenset(found)


@functools.cache
def _known() -> dict[str, Text]:
    return {text.text: text for text in evidence_set().texts}


@functools.cache
def _by_id() -> dict[str, Text]:
    return {text.id: text for text in evidence_set().texts}


@functools.cache
def _groups() -> list[str]:
    return list(dict.fromkeys(text.group for text in evidence_set().texts))
