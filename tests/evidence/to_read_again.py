"""Texts that someone who knows the language reads again: two models agree that something may be wrong with them.

What is mended is a text that says something else than it should, never one that a model gets wrong.
"""

from collections.abc import Iterator, Mapping

from fixtures.comparing.items import Vectors, two_texts
from fixtures.comparing.measures import translations
from fixtures.comparing.per_item import paraphrase_over_near_miss, rank_of_right_passage
from fixtures.texts.text_sets import TextSet

DEEPEST_PASSAGE = 3


def to_read_again(texts: TextSet, models: Mapping[str, Vectors]) -> Iterator[tuple[str, str]]:
    """Yield (id, why) of texts to read again: under every model, or for questions under any.

    - a translation whose nearest text, of the language that it is looked for in, is another item's under every model;
    - a question whose passage isn't among the first three of its own language under some model;
    - a paraphrase that is nearer to the near miss than to its text under every model.
    """
    lost = [
        {two_texts(item) for one in texts.languages for item in translations(texts, found, one) if item.value < 0}
        for found in models.values()
    ]
    for text, other in sorted(set.intersection(*lost)):
        yield text, f"its translation {other} isn't the nearest under any model"
    for name, found in models.items():
        for question, rank in rank_of_right_passage(texts, found).items():
            if rank > DEEPEST_PASSAGE:
                yield question, f"its passage comes at place {rank} under {name}"
    wrong = [
        {item.found.name for item in paraphrase_over_near_miss(texts, found) if not item.value}
        for found in models.values()
    ]
    for miss in sorted(set.intersection(*wrong)):
        yield miss, "nearer to the paraphrase than the text is, under every model"
