"""The systems that the suite is run on, and the changes of them that a run has to tell rightly."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.real import e5_folder
from tests.real.carried import E5, E5_ENPT, MINILM, MINILM_INT8, USE

ROOT = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).with_name("known")
"""Lists of claims that a model doesn't meet, with figures, by the name of its baseline; as ``known-failures.txt``."""

MINILM_FOLDER, INT8_FOLDER = "all-MiniLM-L6-v2", "all-MiniLM-L6-v2-int8"
E5_FOLDER, ENPT_FOLDER = "multilingual-e5-small", "multilingual-e5-small-enpt"
_SMALL_FILES = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
)


@dataclass(frozen=True)
class System:
    """A model and how it is opened.

    Attributes:
        name: how the tables call it.
        runtime: what opens it.
        baseline: the name of its own baseline.
        prepare: makes what has to lie in the work folder; returns the value of ``--model``.
        task_map: the value of ``--task-map``, or the text of a map (several lines); empty where none is given.
        own_device: whether where it runs is its own choice.
        known: its list of claims that it doesn't meet; it need not be there.
    """

    name: str
    runtime: str
    baseline: str
    prepare: Callable[[Path], str]
    task_map: str = ""
    own_device: bool = False
    known: Path | None = None

    @property
    def known_failures(self) -> Path:
        """The list of claims that it is known not to meet; it need not be there."""
        return self.known or KNOWN / f"{self.baseline}.txt"


@dataclass(frozen=True)
class Change:
    """A real change, as an upgrade may bring it.

    Attributes:
        name: what is changed.
        system: what is evaluated.
        baseline: the system that it is compared with.
        says: regular expressions, each of which some line of the verdict matches; one with "!" before it, none does.
    """

    name: str
    system: System
    baseline: System
    says: tuple[str, ...]


def _minilm(work: Path) -> str:
    return str(shutil.copytree(MINILM.file().parent, work / MINILM_FOLDER, dirs_exist_ok=True))


def _minilm_int8(work: Path) -> str:
    source, folder = MINILM.file().parent, work / INT8_FOLDER
    for name in _SMALL_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    shutil.copyfile(MINILM_INT8.file(), folder / "model.onnx")
    return str(folder)


def _e5(work: Path) -> str:
    from fixtures.texts.anchors import anchor_set

    source, folder = E5.file(), work / E5_FOLDER
    e5_folder.write_folder(source, folder)
    texts = [text for text in anchor_set(None).texts.values() if len(text) < 200]
    print(e5_folder.check(folder, source, texts), flush=True)
    return str(folder)


def _e5_enpt(work: Path) -> str:
    folder = work / ENPT_FOLDER
    e5_folder.write_folder(E5_ENPT.file(), folder)
    return str(folder)


def _use(function: str) -> Callable[[Path], str]:
    def prepare(work: Path) -> str:
        USE.file()
        return f"python:examples.use_multilingual:{function}"

    return prepare


_CLS = """
pooling = "cls"
max_length = 256
languages = ["en"]
[tasks]
embedding = {}
[roles]
query = "embedding"
document = "embedding"
classification = "embedding"
clustering = "embedding"
similarity = "embedding"
"""
"""The bundled map of MiniLM with another pooling."""

MINI = System("mini", "jina-v3", "mini", lambda work: "mini", known=ROOT / "snapshots" / "mini" / "known-failures.txt")
MINILM_FLOAT32 = System("MiniLM", "sentence-transformers", MINILM_FOLDER, _minilm, "minilm")
MINILM_INTEGERS = System("MiniLM-int8", "onnx", INT8_FOLDER, _minilm_int8, "minilm")
MULTILINGUAL_E5 = System("multilingual-e5", "sentence-transformers", E5_FOLDER, _e5, "multilingual-e5")
ENGLISH_AND_PORTUGUESE = System(
    "multilingual-e5, enpt", "sentence-transformers", ENPT_FOLDER, _e5_enpt, "multilingual-e5"
)
USE_MULTILINGUAL = System(
    "USE",
    "python",
    "examples.use_multilingual.encode",
    _use("encode"),
    "use-multilingual",
    own_device=True,
)
WITHOUT_NUMBERS = System(
    "USE, denoise",
    "python",
    "examples.use_multilingual.encode_without_numbers",
    _use("encode_without_numbers"),
    "use-multilingual",
    own_device=True,
)
FIRST_TOKEN = System("MiniLM-int8, CLS pooling", "onnx", INT8_FOLDER, _minilm_int8, _CLS)

SYSTEMS = (MINI, MINILM_FLOAT32, MINILM_INTEGERS, MULTILINGUAL_E5, USE_MULTILINGUAL)

CHANGES = (
    Change(
        "float32 weights to int8",
        MINILM_INTEGERS,
        MINILM_FLOAT32,
        ("^drifted$", "^moved: all 93 texts$", r"nearest neighbour kept by (8[89]|9\d) of 93 texts$", "!looks like"),
    ),
    Change(
        "mean pooling to CLS pooling, int8",
        FIRST_TOKEN,
        MINILM_INTEGERS,
        ("^drifted$", "^moved: all 93 texts$", "^looks like: CLS pooling on embedding"),
    ),
    Change(
        "float32 weights to int8, and mean pooling to CLS pooling",
        FIRST_TOKEN,
        MINILM_FLOAT32,
        ("^drifted$", "^moved: all 93 texts$", "^looks like: CLS pooling on embedding"),
    ),
    Change(
        "numbers replaced by a placeholder (`denoise`)",
        WITHOUT_NUMBERS,
        USE_MULTILINGUAL,
        ("^drifted$", r"^moved: \d+ of 92 texts, only texts with digits"),
    ),
    Change(
        "vocabulary of English and Portuguese alone",
        ENGLISH_AND_PORTUGUESE,
        MULTILINGUAL_E5,
        (
            "^tokenizer changed$",
            r"^moved: \d+ of 93 texts; English \(en\) within rounding but for 2 of 25 texts$",
            "^moved by language: .*Arabic 4 of 4.*Chinese 5 of 5.*; the single texts in .*Thai",
            "^token ids differ on 9. of 93 texts: the tokenizers differ",
        ),
    ),
)

HARMLESS: Mapping[str, Mapping[str, str]] = {
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "other batches": {},
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
}
"""What is changed -> the variables that do it; batches are an option."""
OTHER_BATCHES = "other batches"
