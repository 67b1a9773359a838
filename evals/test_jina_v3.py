"""What is true of jina-embeddings-v3 and its five adapters; skipped for any other architecture, whatever its tasks.

"needs ..." for a model that lacks one of the five.

The notebook's seven sentences, how far its tasks differ, and which of them raise similarities of the same meaning.
"""

from collections.abc import Iterable

import numpy as np
import pytest

from fixtures.comparing import cases, measures, notebook_pairs
from fixtures.comparing.items import gains, mean, values
from fixtures.comparing.rows import at_least, measured, more_than
from fixtures.comparing.similarity import task_differences
from fixtures.texts import corpus

RETRIEVAL = ("retrieval.query", "retrieval.passage")
LIFTING = ("separation", "classification")
"""The two adapters that draw texts of the same meaning together."""
FIVE = (*RETRIEVAL, *LIFTING, "text-matching")
ARCHITECTURE = "jina-embeddings-v3"


@pytest.fixture(autouse=True)
def _of_this_architecture(spec):
    if spec.architecture != ARCHITECTURE:
        pytest.skip(f"not applicable: claims on {ARCHITECTURE}, and this is {spec.architecture or 'no model of it'}")


@pytest.mark.requires_tasks("text-matching")
def test_chinese_paraphrase_is_the_closest_pair_under_text_matching(observation, device, claims):
    vectors = observation.vectors(notebook_pairs.SENTENCES, "text-matching")
    pair, others = notebook_pairs.chinese_pair_and_others(vectors)
    worst = notebook_pairs.beside_the_chinese_pair(pair, others)
    difference = pair.value - values(others).max()
    claims.hold(more_than("similarity of the Chinese pair less that of the next pair", difference, 0.0, worst=worst))


@pytest.mark.requires_tasks(*FIVE)
def test_paraphrase_stands_out_most_under_text_matching(observation, device, claims):
    shown = {task: observation.vectors(notebook_pairs.SENTENCES, task) for task in FIVE}
    found = {task: notebook_pairs.chinese_pair_and_others(vectors) for task, vectors in shown.items()}
    contrasts = {task: pair.value - mean(others) for task, (pair, others) in found.items()}
    figures = [measured(f"contrast under {task}", contrast) for task, contrast in contrasts.items()]
    own = contrasts.pop("text-matching")
    rival = max(contrasts, key=contrasts.get)
    worst = [
        f"text-matching {own:.3f}, {rival} {contrasts[rival]:.3f}; under text-matching:",
        *notebook_pairs.beside_the_chinese_pair(*found["text-matching"]),
    ]
    margin = own - contrasts[rival]
    claims.hold(*figures, more_than("contrast under text-matching less the next task's", margin, 0.0, worst=worst))


@pytest.mark.requires_tasks(*FIVE)
@pytest.mark.parametrize("lifting", LIFTING)
def test_separation_and_classification_lift_same_meaning(observation, device, lifting, claims):
    texts = corpus.meaning_set()
    same = {task: measures.same_meaning(texts, observation.of(texts.of_kind(corpus.TEXT), task)) for task in FIVE}
    lifts = {task: gains(same[lifting], same[task]) for task in (*RETRIEVAL, "text-matching")}
    claims.hold(
        *(
            at_least(
                f"same meaning under {lifting} less under {task}",
                mean(lift),
                0.05,
                worst=cases.lowest(lift, texts.texts, of="lift"),
            )
            for task, lift in lifts.items()
        )
    )


@pytest.mark.requires_tasks(*FIVE)
def test_separation_and_classification_differ_least(notebook_matrices, device, claims):
    differences = _differences_of_the_five(notebook_matrices)
    least = differences.pop(frozenset(LIFTING))
    closest = min(differences, key=differences.get)
    worst = notebook_pairs.most_different(notebook_matrices, *LIFTING)
    margin = differences[closest] - least
    claims.hold(
        measured("separation to classification", least),
        more_than(f"the next smallest ({_named(closest)}) less it", margin, 0.0, worst=worst),
    )


@pytest.mark.requires_tasks(*FIVE)
def test_largest_task_differences_are_between_lifting_tasks_and_the_rest(notebook_matrices, device, claims):
    differences = _differences_of_the_five(notebook_matrices)
    across = {pair: value for pair, value in differences.items() if len(pair & set(LIFTING)) == 1}
    within = {pair: value for pair, value in differences.items() if pair not in across}
    smallest, largest = min(across, key=across.get), max(within, key=within.get)
    worst = [
        *notebook_pairs.most_different(notebook_matrices, *sorted(largest)),
        f"{_named(smallest)}: {across[smallest]:.3f} in the mean",
    ]
    margin = across[smallest] - within[largest]
    claims.hold(more_than("smallest of these six less the largest of the other four", margin, 0.0, worst=worst))


def _differences_of_the_five(matrices: dict[str, np.ndarray]) -> dict[frozenset[str], float]:
    """Task difference of each pair of the five tasks, whatever their order in the model."""
    differences = task_differences({task: matrices[task] for task in FIVE})
    return {frozenset(pair): value for pair, value in differences.items()}


def _named(tasks: Iterable[str]) -> str:
    return " to ".join(sorted(tasks))
