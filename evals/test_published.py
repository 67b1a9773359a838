"""Does the published model give the numbers that were published for it?

Run for jinaai/jina-embeddings-v3 in either layout, skipped for every other model; sources:
``fixtures/comparing/published.py``.
"""

import pytest

from fixtures.comparing import published
from fixtures.comparing.similarity import similarity_matrix
from fixtures.models.checkpoint import BASE_WEIGHTS, HIDDEN_STATES, OWN_PREFIX
from fixtures.texts.corpus import shown_sentences

SENTENCES = list(shown_sentences().values())
UNKNOWN_OF_THE_NOTEBOOK = "(the notebook ran on mps; it states neither its dtype nor its revision)"


@pytest.fixture(autouse=True)
def _published_model(checkpoint):
    reason = published.why_not_applicable(checkpoint)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def _in_float32(settings):
    if settings.dtype != "float32":
        pytest.skip(f"published in float32, this run is in {settings.dtype}")


def test_similarities_are_those_of_the_notebook(embeddings, task, settings, claims):
    departure = published.notebook_similarity(embeddings.vectors(SENTENCES, task), task, settings.dtype)
    _close(claims, departure, UNKNOWN_OF_THE_NOTEBOOK)


@pytest.mark.parametrize(
    "pair", [pytest.param(pair, marks=pytest.mark.requires_tasks(*pair)) for pair in published.notebook_pairs()]
)
def test_task_differences_are_those_of_the_notebook(embeddings, device, pair, settings, claims):
    first, second = (similarity_matrix(embeddings.vectors(SENTENCES, task)) for task in pair)
    _close(claims, published.notebook_difference(first, second, pair, settings.dtype), UNKNOWN_OF_THE_NOTEBOOK)


@pytest.mark.requires_ability(OWN_PREFIX)
@pytest.mark.usefixtures("_in_float32")
def test_vectors_are_those_of_fastembed(encoder, task, claims):
    _close(claims, published.fastembed_vectors(encoder, task))


@pytest.mark.requires_ability(HIDDEN_STATES)
@pytest.mark.usefixtures("_in_float32")
def test_hidden_states_are_those_of_transformers(encoder, task, claims):
    _close(claims, published.transformers_hidden_states(encoder, task))


@pytest.mark.requires_ability(HIDDEN_STATES, BASE_WEIGHTS)
@pytest.mark.usefixtures("_in_float32")
def test_hidden_states_of_the_base_weights_are_those_of_transformers(encoder, device, claims):
    _close(claims, published.transformers_hidden_states(encoder, None))


def _close(claims, departure: published.Departure, *remarks: str) -> None:
    __tracebackhide__ = True
    claims.measured("largest difference from the published figures", departure.largest)
    claims.at_most(
        "largest difference as a share of the allowed one", departure.share, 1.0, worst=[*departure.worst, *remarks]
    )
