"""Did it get worse? One measure a role on 200 items in six languages, beside the old side's on the same items.

With ``--expect no-loss`` the verdicts gate; else all of it is reported. What each measure is, and how it is judged:
docs/quality.md. Texts: ``fixtures/texts/data/evidence`` and its card.
"""

import pytest

from fixtures.comparing import judged_data, quality, quality_rows, thresholds
from fixtures.models.spec import Role

ROLES = ", ".join((Role.QUERY, Role.DOCUMENT))
pytestmark = pytest.mark.gates_under("no-loss")


def test_questions_find_what_answers_them(observation, device, quality_compared, settings, accept_loss, claims):
    _judge(quality.RETRIEVAL, observation, quality_compared, settings, accept_loss, claims)


def test_paraphrases_are_told_from_near_misses(observation, device, quality_compared, settings, accept_loss, claims):
    _judge(quality.SIMILARITY, observation, quality_compared, settings, accept_loss, claims)


def test_texts_of_a_topic_lie_together(observation, device, quality_compared, settings, accept_loss, claims):
    _judge(quality.CLUSTERING, observation, quality_compared, settings, accept_loss, claims)


def test_topics_of_held_out_items_are_named(observation, device, quality_compared, settings, accept_loss, claims):
    _judge(quality.CLASSIFICATION, observation, quality_compared, settings, accept_loss, claims)


def test_own_queries_find_what_answers_them(device, own_queries, quality_compared, settings, accept_loss, claims):
    sides = quality_compared.sides.get(judged_data.NAME)
    if own_queries is None and not sides:
        pytest.skip("not asked: --data gives no queries of your own")
    if own_queries and own_queries.why_not and not sides:
        pytest.skip(f"not applicable: {own_queries.why_not}")
    if own_queries and own_queries.broken:
        claims.hold(quality_rows.broken_row(judged_data.NAME, own_queries.broken, ROLES))
    rows = quality_rows.rows_of(judged_data.NAME, quality_compared, _by_id_of(own_queries), ROLES, accept_loss)
    if sides and sides.can_be_paired:
        rows += thresholds.rows_of(judged_data.NAME, sides.old, sides.new, settings.thresholds, ROLES)
    if own_queries and own_queries.answers:
        rows += quality_rows.rows_on_data(own_queries.answers, own_queries.data, ROLES)
    claims.hold(*rows)


def test_no_language_got_worse(observation, device, own_queries, quality_compared, accept_loss, claims):
    texts = _by_id(observation) | _by_id_of(own_queries)
    row = quality_rows.worst_language_row(quality_compared, texts, accept_loss)
    if row is None:
        pytest.skip(quality_compared.nothing or "no measure has two sides to compare")
    claims.hold(row)


def _judge(measure, observation, compared, settings, accept_loss, claims):
    texts = quality.texts_for(observation.spec)
    role, sides = ", ".join(measure.asked), compared.sides.get(measure.name)
    reason = quality.why_not(measure, observation.spec, texts)
    if reason and not sides:
        pytest.skip(f"not applicable: {reason}")
    rows = quality_rows.rows_of(measure.name, compared, _by_id(observation), role, accept_loss)
    if sides and sides.can_be_paired:
        rows += thresholds.rows_of(measure.name, sides.old, sides.new, settings.thresholds, role)
    if not reason and not (sides and sides.broken):
        rows += quality_rows.measured_rows(measure, observation, texts, role, sides and sides.new)
    claims.hold(*rows)


def _by_id(observation):
    return {text.id: text for text in quality.texts_for(observation.spec).texts}


def _by_id_of(own_queries):
    return {text.id: text for text in own_queries.data.texts.texts} if own_queries else {}
