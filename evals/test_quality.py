"""How well does it do its work? One measure a role on 200 items in six languages, each with its interval.

Nothing here gates: a figure on its own says little of an upgrade. What each measure is: docs/quality.md. Texts:
``fixtures/texts/data/evidence`` and its card.
"""

import math
from collections.abc import Iterator

import pytest

from fixtures.comparing import beside, cases, quality
from fixtures.comparing.items import Item, by_language
from fixtures.comparing.paired import CONFIDENCE, by_item, estimate
from fixtures.comparing.rows import Row, measured
from fixtures.models.spec import Role
from fixtures.texts.text_sets import TextSet

WORST = 3
"""Items that stand with a row."""


@pytest.mark.requires_roles(Role.QUERY, Role.DOCUMENT)
def test_questions_find_what_answers_them(observation, device, claims):
    _report(quality.RETRIEVAL, observation, claims)


@pytest.mark.requires_roles(Role.SIMILARITY)
def test_paraphrases_are_told_from_near_misses(observation, device, claims):
    _report(quality.SIMILARITY, observation, claims)


@pytest.mark.requires_roles(Role.CLUSTERING)
def test_texts_of_a_topic_lie_together(observation, device, claims):
    _report(quality.CLUSTERING, observation, claims)


@pytest.mark.requires_roles(Role.CLASSIFICATION)
def test_topics_of_held_out_items_are_named(observation, device, claims):
    _report(quality.CLASSIFICATION, observation, claims)


def _report(measure: quality.Measure, observation, claims) -> None:
    texts = quality.texts_for(observation.spec)
    if reason := quality.why_not(measure, observation.spec, texts):
        pytest.skip(f"not applicable: {reason}")
    vectors = quality.vectors_for(measure, observation, texts)
    found = quality.quality_of(measure, texts, vectors)
    figures = quality.figures_beside(measure, texts, vectors, found)
    claims.hold(*_of_the_measure(measure, texts, list(found.items.values())), *_customary(figures))


def _of_the_measure(measure: quality.Measure, texts: TextSet, items: list[Item]) -> Iterator[Row]:
    """The row over all languages, with the worst items, then one a language."""
    yield _with_interval(measure.gated, items, evidence=cases.lowest(_worst(items), texts.texts))
    for language, of_it in by_language(items).items():
        yield _with_interval(measure.gated, of_it, language=language)


def _with_interval(name: str, items: list[Item], **more) -> Row:
    """The mean over items of the item's mean over its languages; a single item has no interval."""
    found = estimate(by_item({(item.group, item.language): item.value for item in items}))
    ends = {end: value if math.isfinite(value) else None for end, value in (("low", found.low), ("high", found.high))}
    return measured(name, found.mean, n=found.items, detail={**ends, "confidence": CONFIDENCE}, **more)


def _worst(items: list[Item]) -> list[Item]:
    """The items furthest from right; none where found and expected are names of topics, as no similarity says how far.

    Of many items that are all wrong, those come first whose wrong answer is the most similar beyond the right one.
    """
    known = [item for item in items if item.expected.similarity is not None]
    return sorted(known, key=lambda item: (item.value, item.expected.similarity - item.found.similarity))[:WORST]


def _customary(figures: beside.Figures) -> Iterator[Row]:
    for name, of_it in figures.items():
        yield measured(name, beside.over_languages(of_it))
        if len(of_it) > 1:
            for language, figure in of_it.items():
                yield measured(name, figure, language=language)
