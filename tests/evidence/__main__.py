"""Audit the evidence texts: print each figure of their record, and what has to be read again.

``tox run -e evidence`` asks two real models through their own packages, and the bundled one; some ten minutes on two
idle cores. ``--texts-only`` counts without them. Exit code 1 where a check finds something, or where a text is to be
read again and ``read-again.json`` beside the texts doesn't justify it.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from fixtures.comparing.items import Item, Vectors, by_language, mean
from fixtures.comparing.per_item import MEASURES, paraphrase_over_near_miss, translation
from fixtures.texts import corpus
from fixtures.texts.anchors import anchor_set
from fixtures.texts.evidence import FOLDER, KINDS, evidence_set
from fixtures.texts.text_sets import TextSet
from tests.evidence import models_asked, power, text_checks
from tests.evidence.to_read_again import to_read_again

JUSTIFIED = FOLDER / "read-again.json"
"""Id of a text -> why it stays as it is, in a line; written by whoever read it again."""
KEPT = Path(__file__).resolve().parents[2] / ".tox" / "evidence-vectors"

OF_ONE_LANGUAGE = {name: of for name, of in MEASURES.items() if of is not translation}

SATURATED = 0.98
GATED = (0.6, 0.95)
"""Between these a kind of near miss can show a loss as well as a gain."""


def main() -> int:
    """Print the record; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence", description=__doc__)
    parser.add_argument("--texts-only", action="store_true", help="ask no model")
    parser.add_argument(
        "--recipe", type=Path, metavar="WORK", help="compare with the training texts in the recipe's work directory too"
    )
    options = parser.parse_args()
    texts = evidence_set()
    found = list(_print_counts(texts, [*_others(), *(_trained_on(options.recipe) if options.recipe else ())]))
    if not options.texts_only:
        models = {name: models_asked.vectors(name, texts, KEPT) for name in models_asked.MODELS}
        items = {name: {measure: of(texts, one) for measure, of in MEASURES.items()} for name, one in models.items()}
        _print_scores(items)
        _print_kinds(texts, models)
        print(
            "\nsmallest loss seen with 80%, one-sided 5%: spread of the paired difference, correlation over languages"
        )
        _print_power(items)
        english = texts.within(["en"])
        asked = {name: models_asked.vectors(name, english, KEPT) for name in models_asked.ENGLISH}
        _print_power(
            {
                name: {measure: of(english, one) for measure, of in OF_ONE_LANGUAGE.items()}
                for name, one in asked.items()
            }
        )
        found += _print_read_again(texts, {name: models[name] for name in ("USE", "multilingual-e5")})
    return 1 if found else 0


def _print_counts(texts: TextSet, others: Sequence[str]) -> Iterator[object]:
    groups = {text.group for text in texts.texts}
    kinds = Counter(
        next(text.kind for text in texts.texts if text.group == group and text.kind in KINDS) for group in groups
    )
    print(f"{len(texts.texts):,} texts of {len(groups)} items in {', '.join(texts.languages)}")
    print("near misses:", ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS))
    shares = text_checks.distinct_beginnings(texts)
    print("distinct beginnings:", ", ".join(f"{language} {share:.0%}" for language, share in shares.items()))
    checks = [check(texts) for check in text_checks.CHECKS] + [text_checks.alike_to_others(texts, others)]
    found = [finding for check in checks for finding in check]
    print(f"found by the checks: {len(found)}; compared with {len(others):,} texts of other sets")
    for finding in found:
        print(f"  {finding}")
    yield from found


def _others() -> list[str]:
    """The suite's other texts, which are used for something else."""
    earlier = [text.text for one in (corpus.meaning_set(), corpus.retrieval_set()) for text in one.texts]
    return [*earlier, *anchor_set(None, {}).texts.values(), *corpus.shown_sentences().values()]


def _trained_on(work: Path) -> list[str]:
    """The texts that the bundled model was trained on, as the recipe's stage ``texts`` left them."""
    from recipe.texts import load_groups, load_texts
    from recipe.workspace import Workspace

    workspace = Workspace(work.resolve())
    translations = (text for group in load_groups(workspace) for wordings in group.texts.values() for text in wordings)
    return sorted({text.text for text in load_texts(workspace)} | set(translations))


def _print_scores(items: Mapping[str, Mapping[str, Sequence[Item]]]) -> None:
    for measure in MEASURES:
        print(f"\n{measure}")
        for name, found in items.items():
            means = _means(found[measure])
            overall = np.mean(list(means.values()))
            note = ", saturated: can show a loss only" if overall > SATURATED else ""
            print(f"  {name:16s} {overall:.3f}  ", "  ".join(f"{la} {value:.3f}" for la, value in means.items()), note)


def _print_kinds(texts: TextSet, models: Mapping[str, Vectors]) -> None:
    print(f"\nparaphrase nearer to its text than to the near miss, by kind; where both real models lie in {GATED}")
    for kind in KINDS:
        found = {name: _means(paraphrase_over_near_miss(texts, one, [kind])) for name, one in models.items()}
        real = [found["USE"], found["multilingual-e5"]]
        fit = [la for la in texts.languages if all(GATED[0] <= one[la] <= GATED[1] for one in real)]
        figures = "  ".join(f"{name} {np.mean(list(one.values())):.2f}" for name, one in found.items())
        print(f"  {kind:10s} {figures}   {len(fit)} of {len(texts.languages)} languages: {' '.join(fit)}")


def _print_power(items: Mapping[str, Mapping[str, Sequence[Item]]]) -> None:
    for measure in next(iter(items.values())):
        for old, new in combinations(items, 2):
            seen = power.power(items[old][measure], items[new][measure])
            print(
                f"  {measure}, {old} to {new}: spread {seen.spread:.2f} ({seen.spread_in_one_language:.2f} in one), "
                f"correlation {seen.correlation:.2f}; pooled {seen.pooled:.3f}, one language {seen.one_language:.3f}"
            )


def _print_read_again(texts: TextSet, models: Mapping[str, Vectors]) -> list[str]:
    justified = json.loads(JUSTIFIED.read_text("utf-8")) if JUSTIFIED.is_file() else {}
    known = {text.id: text.text for text in texts.texts}
    again = list(to_read_again(texts, models))
    open_ones = [(name, why) for name, why in again if name not in justified]
    print(f"\nto read again: {len(again)}, of which {len(again) - len(open_ones)} are justified in {JUSTIFIED.name}")
    for name, why in open_ones:
        print(f'  {name}: {why}  "{known[name]}"')
    return [name for name, _ in open_ones]


def _means(items: Sequence[Item]) -> dict[str, float]:
    return {language: mean(found) for language, found in by_language(items).items()}


if __name__ == "__main__":
    sys.exit(main())
