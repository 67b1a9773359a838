"""The pairs, and what the suite has to say of each."""

from dataclasses import dataclass

from tests.against.sides import (
    CUT,
    ENGINE,
    ENGINE_SMALLER,
    RANDOM,
    TEN_LINES,
    TRAINED,
    TRAINED_TASK,
    Side,
)
from tests.real.systems import (
    ENGLISH_AND_PORTUGUESE,
    FIRST_TOKEN,
    MINI,
    MINILM_FLOAT32,
    MINILM_INTEGERS,
    MULTILINGUAL_E5,
    USE_MULTILINGUAL,
    WITHOUT_NUMBERS,
    System,
)

COMPARED = ("evals/test_drift.py", "evals/test_similarity.py")
_JUDGED = r"^drift of [^:]+: "
SAME = ("^exit code 0$", _JUDGED, f"!{_JUDGED}(?!identical$|within tolerance$)", "!^lost: ")
"""Nothing but noise moved, under every task."""
IDENTICAL = (*SAME, f"!{_JUDGED}within tolerance$")
DRIFTED = ("^exit code 1$", _JUDGED, f"!{_JUDGED}(?!drifted$|tokenizer changed$)", "!^lost: ")
"""Something moved under every task."""
OTHER_DIMENSION = ("^exit code 1$", _JUDGED, f"!{_JUDGED}(?!other dimension: re-index needed$)", "!^lost: ")


@dataclass(frozen=True)
class Pair:
    """Two systems, of which the second is judged by the first.

    Attributes:
        name: what sets them apart.
        old: the first.
        new: the second.
        says: regular expressions, each of which some line matches of what the run says; one with "!" before it, none.
        kept: whether both sides are kept, and compared again from the two folders.
        shown: whether the page shows the run's closing lines.
        evals: the files that are run.
        options: of the run, beside both sides.
    """

    name: str
    old: Side
    new: Side
    says: tuple[str, ...]
    kept: bool = False
    shown: bool = False
    evals: tuple[str, ...] = COMPARED
    options: tuple[str, ...] = ()


_LANGUAGES_LOST = (
    *DRIFTED,
    r"; English \(en\) within rounding but for \d of 2\d texts$",
    "^moved by language: .*Arabic 4 of 4.*Chinese 5 of 5.*French 4 of 4.*English 2 of ",
)


def _pair(name: str, old: System, new: System, says: tuple[str, ...]) -> Pair:
    return Pair(name, Side(old), Side(new), says)


PAIRS = (
    Pair(
        "dtype",
        Side(MINI),
        Side(MINI, {"dtype": "bfloat16"}),
        (*SAME, "^differs: dtype: float32 -> bfloat16$"),
        shown=True,
    ),
    Pair(
        "attention",
        Side(MINI),
        Side(MINI, {"attn-implementation": "eager"}),
        (*SAME, "^differs: attention: sdpa -> eager$"),
    ),
    Pair("threads", Side(MINI, {"threads": "2"}), Side(MINI, {"threads": "1"}), (*SAME, "^differs: threads: 2 -> 1$")),
    _pair("nothing", MINI, MINI, (*IDENTICAL, "^differs: nothing that both sides state$")),
    Pair(
        "runtime",
        Side(MINILM_FLOAT32, {"device": "cpu"}),
        Side(TEN_LINES),
        (
            *SAME,
            "^differs: .*runtime: sentence-transformers -> python",
            r"^read back: the same \d+ figures, exit code 0$",
        ),
        kept=True,
    ),
    Pair(
        "batches and threads of a deep model",
        Side(RANDOM, {"threads": "2"}),
        Side(RANDOM, {"batch-tokens": "256", "threads": "1"}),
        (*SAME, f"{_JUDGED}within tolerance$", "^differs: batch tokens: 4096 -> 256; threads: 2 -> 1$"),
    ),
    _pair(
        "weights in int8",
        MINILM_FLOAT32,
        MINILM_INTEGERS,
        (*DRIFTED, r"mean 0\.999\d+; nearest neighbour kept by (8[89]|9\d) of 93 texts$", "!looks like"),
    ),
    _pair(
        "weights in int8, and CLS pooling",
        MINILM_FLOAT32,
        FIRST_TOKEN,
        (
            *DRIFTED,
            "^moved: all 93 texts$",
            "^looks like: CLS pooling on embedding",
            "^differs: .*pooling: mean -> cls",
        ),
    ),
    _pair("vocabulary", MULTILINGUAL_E5, ENGLISH_AND_PORTUGUESE, (*_LANGUAGES_LOST, "tokenizers differ")),
    Pair("vocabulary, tokens unseen", Side(ENGINE), Side(ENGINE_SMALLER), (*_LANGUAGES_LOST, "!tokenizers differ")),
    _pair(
        "numbers",
        USE_MULTILINGUAL,
        WITHOUT_NUMBERS,
        (
            *DRIFTED,
            r"^moved: \d+ of 92 texts, only texts with digits",
            "^differs: model: .*encode -> .*encode_without_numbers$",
        ),
    ),
    Pair(
        "one adapter trained further",
        Side(MINI),
        Side(TRAINED),
        (
            "^exit code 1$",
            f"^drift of {TRAINED_TASK}: drifted$",
            f"!^drift of (?!{TRAINED_TASK})[^:]+: (?!identical$|within tolerance$)",
            "^tables: 2 moved, 4 within tolerance$",
            f"^differs: model: mini -> .*; weights: .*{TRAINED_TASK}/adapter_model.safetensors\\)$",
            "^explained by that: the only difference: weights",
        ),
        shown=True,
    ),
    Pair(
        "dimension",
        Side(MINI),
        Side(MINI, {"dim": "128"}),
        (*OTHER_DIMENSION, "^vectors are not comparable: 256 and 128 dimensions$", "^nearest neighbour kept by"),
    ),
    _pair(
        "model",
        MINILM_FLOAT32,
        MINI,
        (*OTHER_DIMENSION, "^vectors are not comparable: 384 and 256 dimensions$", "^nearest neighbour kept by"),
    ),
    _pair(
        "maximum length",
        MINILM_FLOAT32,
        CUT,
        (
            "^exit code 1$",
            "^drift of embedding: (identical|within tolerance)$",
            r"^cut at 128 tokens, was 256: (\d+) of \1 texts moved",
            "^differs: maximum length: 256 tokens -> 128 tokens$",
        ),
    ),
)
