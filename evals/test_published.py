"""Does the published model give the numbers that were published for it?

Run for jinaai/jina-embeddings-v3 in either layout, skipped for every other model; sources:
``fixtures/comparing/published.py``.
"""

import pytest

from fixtures.comparing import published
from fixtures.comparing.rows import at_most, measured
from fixtures.comparing.similarity import similarity_matrix
from fixtures.models.spec import Ability
from fixtures.texts.corpus import shown_sentences

SENTENCES = list(shown_sentences().values())
UNKNOWN_OF_THE_NOTEBOOK = "(the notebook ran on mps; it states neither its dtype nor its revision)"


@pytest.fixture(autouse=True)
def _published_model(spec):
    reason = published.why_not_applicable(spec)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def _in_float32(precision):
    if precision != "float32":
        pytest.skip(f"published in float32, this run is in {precision}")


@pytest.fixture
def _whole(spec):
    if reason := published.why_not_of_a_cut(spec):
        pytest.skip(reason)


@pytest.mark.usefixtures("_whole")
def test_similarities_are_those_of_the_notebook(observation, task, precision, claims):
    departure = published.notebook_similarity(observation.vectors(SENTENCES, task), task, precision)
    claims.hold(*_close(departure, UNKNOWN_OF_THE_NOTEBOOK))


@pytest.mark.parametrize(
    "pair", [pytest.param(pair, marks=pytest.mark.requires_tasks(*pair)) for pair in published.notebook_pairs()]
)
@pytest.mark.usefixtures("_whole")
def test_task_differences_are_those_of_the_notebook(observation, device, pair, precision, claims):
    first, second = (similarity_matrix(observation.vectors(SENTENCES, task)) for task in pair)
    claims.hold(*_close(published.notebook_difference(first, second, pair, precision), UNKNOWN_OF_THE_NOTEBOOK))


@pytest.mark.requires_ability(Ability.OTHER_PROMPT)
@pytest.mark.usefixtures("_whole", "_in_float32")
def test_vectors_are_those_of_fastembed(encoder, task, claims):
    vectors = encoder.encode(published.fastembed_texts(), task, prefix="")
    claims.hold(*_close(published.fastembed_vectors(vectors, task)))


@pytest.mark.requires_ability(Ability.HIDDEN_STATES)
@pytest.mark.usefixtures("_in_float32")
def test_hidden_states_are_those_of_transformers(encoder, task, claims):
    states = encoder.hidden_states(published.transformers_text(), task, prefix="")
    claims.hold(*_close(published.transformers_hidden_states(states, task)))


@pytest.mark.requires_ability(Ability.HIDDEN_STATES, Ability.NO_ADAPTER)
@pytest.mark.usefixtures("_in_float32")
def test_hidden_states_of_the_base_weights_are_those_of_transformers(encoder, device, claims):
    states = encoder.hidden_states(published.transformers_text(), None, prefix="")
    claims.hold(*_close(published.transformers_hidden_states(states, None)))


def _close(departure: published.Departure, *remarks: str):
    worst = [*departure.worst, *remarks]
    return (
        measured("largest difference from the published figures", departure.largest),
        at_most("largest difference as a share of the allowed one", departure.share, 1.0, worst=worst),
    )
