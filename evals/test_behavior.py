"""Does it still do its job? What meaning should do to similarity, each claim with its measured margin.

Three kinds of claim, in CheckList's terms (arXiv 2005.04118): minimum functionality, invariance under changes that
keep the meaning, direction under changes that don't. Claims ask for roles and languages, never for a model's own names.
Texts: ``fixtures/texts/data`` and its card.
"""

import unicodedata
from dataclasses import replace

import numpy as np
import pytest

from fixtures.comparing import cases, measures, notebook_pairs
from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.items import gains, mean, share_right, values
from fixtures.comparing.rows import at_least, measured, more_than
from fixtures.comparing.similarity import similarity_matrix
from fixtures.models.spec import Role
from fixtures.texts import corpus
from fixtures.texts.corpus import PARAPHRASE, PASSAGE, QUESTION, TEXT

COUNTED = {6: "six"}
"""Counts spelled out in the names of rows, so that these stay the names of earlier reports."""

# --- minimum functionality: each task ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", corpus.LANGUAGES)
def test_translation_is_nearer_than_any_other_meaning(observation, languages, task, language, claims):
    _needs_translations(languages)
    texts = corpus.meaning_set().within(languages)
    margins = measures.translations(texts, observation.of(texts.of_kind(TEXT), task), language)
    worst = cases.lowest(margins, texts.texts)
    claims.hold(
        measured("mean margin", mean(margins)),
        at_least(f"translations of {language} nearest", share_right(margins), 0.95, worst=worst),
    )


def test_same_meaning_is_more_similar_than_unrelated_texts(observation, languages, task, claims):
    _needs_translations(languages)
    texts = corpus.meaning_set().within(languages)
    vectors = observation.of(texts.of_kind(TEXT), task)
    same, other = measures.same_meaning(texts, vectors), measures.unrelated(texts, vectors)

    def worst():
        return [
            *cases.lowest(same, texts.texts, of="same meaning"),
            *cases.highest(other, texts.texts, of="unrelated"),
        ]

    probability = measures.probability_of_more(values(same), values(other))
    claims.hold(
        measured("same meaning", mean(same)),
        measured("unrelated", mean(other)),
        at_least("gap between the means", mean(same) - mean(other), 0.1, worst=worst),
        at_least("probability that a translation beats an unrelated pair", probability, 0.98, worst=worst),
    )


def test_shown_sentences_are_more_similar_to_each_other_than_to_the_corpus(observation, languages, task, claims):
    if set(languages) < set(corpus.LANGUAGES):
        pytest.skip(f"not applicable: the seven are in six languages, and the model is for {', '.join(languages)}")
    texts = corpus.meaning_set().within(languages).of_kind(TEXT)
    shown = observation.vectors(notebook_pairs.SENTENCES, task)
    others = observation.vectors([text.text for text in texts], task)
    among = measures.pairs_among(similarity_matrix(shown), notebook_pairs.SENTENCES)
    to_others = measures.pairs_between(similarity_matrix(shown, others), notebook_pairs.SENTENCES, texts)

    def worst():
        return [*cases.lowest(among, of="among the seven"), *cases.highest(to_others, texts, of="to another text")]

    gap = mean(among) - mean(to_others)
    claims.hold(at_least("mean similarity among the seven, less that to other texts", gap, 0.1, worst=worst))


# --- minimum functionality: what a role is for ------------------------------------------------------------------


@pytest.mark.requires_roles(Role.SIMILARITY)
def test_text_matching_prefers_paraphrases_to_translations_to_unrelated_texts(
    observation, languages, device, roles, claims
):
    _needs_translations(languages)
    texts = corpus.meaning_set().within(languages)
    vectors = observation.of([*texts.of_kind(TEXT), *texts.of_kind(PARAPHRASE)], roles[Role.SIMILARITY])
    paraphrase, translated = (measures.paraphrases(texts, vectors, translated=across) for across in (False, True))
    other = measures.unrelated(texts, vectors)
    claims.hold(
        more_than(
            "paraphrase in its own language less the same one translated",
            mean(paraphrase) - mean(translated),
            0.0,
            worst=lambda: cases.lowest(paraphrase, texts.texts, of="paraphrase"),
        ),
        at_least(
            "translated paraphrase less unrelated text",
            mean(translated) - mean(other),
            0.1,
            worst=lambda: [
                *cases.lowest(translated, texts.texts, of="translated paraphrase"),
                *cases.highest(other, texts.texts, of="unrelated"),
            ],
        ),
    )


@pytest.mark.requires_roles(Role.QUERY, Role.DOCUMENT)
@pytest.mark.parametrize("language", corpus.LANGUAGES)
def test_question_finds_its_passage_in_every_language(observation, languages, device, roles, language, claims):
    texts = corpus.retrieval_set().within(languages)
    vectors = _asked_as(observation, texts, roles[Role.QUERY], roles[Role.DOCUMENT])
    margins = measures.passage_margins(texts, vectors, language)
    scores = [mean(measures.retrieval(texts, vectors, language, other)) for other in texts.languages]
    pooled = f"mean of {COUNTED.get(len(scores), len(scores))} languages of passages"
    worst = cases.lowest(margins, texts.texts)
    claims.hold(
        measured("mean margin within the language", mean(margins)),
        at_least(f"nDCG@10 of {language} questions, {pooled}", np.mean(scores), 0.8, worst=worst),
    )


@pytest.mark.requires_roles(Role.QUERY, Role.DOCUMENT)
def test_two_retrieval_adapters_find_better_than_one(observation, languages, device, roles, claims):
    query, document = roles[Role.QUERY], roles[Role.DOCUMENT]
    if query == document:
        pytest.skip(f"not applicable: {query} serves queries and documents alike")
    texts = corpus.retrieval_set().within(languages)

    def margins(asked, found):
        return measures.standardised_margins(texts, _asked_as(observation, texts, asked, found))

    both = margins(query, document)
    gained = {task: gains(both, margins(task, task)) for task in (query, document)}
    claims.hold(
        *(
            more_than(
                f"standardised margin with both adapters less that with {task} on both sides",
                mean(gain),
                0.0,
                worst=cases.lowest(gain, texts.texts, of="gain"),
            )
            for task, gain in gained.items()
        )
    )


# --- invariance: the same meaning written another way -----------------------------------------------------------

REWRITTEN = frozenset(meaning.id for meaning in corpus.meanings()[::7])
REWRITINGS = {
    "final-punctuation-dropped": lambda text: text.rstrip(".!?。！？؟"),
    "spaces-around": lambda text: f"  {text} ",
    "decomposed-accents": lambda text: unicodedata.normalize("NFD", text),
    "lower-case": str.lower,
    "quoted": lambda text: f'"{text}"',
}


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_rewriting_keeps_the_meaning(observation, languages, task, rewriting, claims):
    texts = [text for text in corpus.meaning_set().within(languages).of_kind(TEXT) if text.group in REWRITTEN]
    rewritten = [replace(text, id=f"{text.id}-{rewriting}", text=REWRITINGS[rewriting](text.text)) for text in texts]
    asked, found = (observation.vectors([text.text for text in some], task) for some in (rewritten, texts))
    similarities = similarity_matrix(asked, found)
    margins = measures.nearest(measures.translations_left_out(similarities, texts), rewritten, texts)
    nearer = "rewritten texts nearer to the original than to any other meaning"
    claims.hold(
        measured("mean similarity to the original", np.diag(similarities).mean()),
        measured("mean margin over another meaning", mean(margins)),
        at_least(nearer, share_right(margins), 0.95, worst=cases.lowest(margins, [*texts, *rewritten])),
    )


# --- direction: another meaning in almost the same words --------------------------------------------------------

# A near miss must move the vector by more than rounding ever does, or the model reads words and not sentences (a bag of
# words scores a role swap 1). How far is reported, not required: published jina-v3 moves a swapped pair by 0.012 only.
LEAST_DROP = 1e-3


@pytest.mark.parametrize("kind", corpus.NEAR_MISSES)
def test_near_miss_lowers_similarity(observation, languages, task, kind, claims):
    originals, changed = zip(*corpus.near_misses(kind, languages), strict=True)
    vectors = (observation.vectors([text.text for text in texts], task) for texts in (originals, changed))
    drops = measures.paired(cosine_distances(*vectors), originals, changed)
    worst = cases.lowest(drops, [*originals, *changed], kind=cases.DISTANCE)
    claims.hold(
        measured("mean drop", mean(drops)),
        at_least("median drop of similarity", float(np.median(values(drops))), LEAST_DROP, worst=worst),
    )


def _asked_as(observation, texts, query: str, document: str) -> dict[str, np.ndarray]:
    """Vectors of the questions under one task and of the passages under another, by id."""
    return observation.of(texts.of_kind(QUESTION), query) | observation.of(texts.of_kind(PASSAGE), document)


def _needs_translations(languages) -> None:
    if len(languages) < 2:
        pytest.skip(f"not applicable: a claim on translations, and the model is for {', '.join(languages) or 'none'}")
