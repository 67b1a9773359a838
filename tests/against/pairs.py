"""The pairs, and what the suite has to say of each."""

from dataclasses import dataclass

from tests.against.sides import (
    CUT,
    ENGINE,
    ENGINE_SMALLER,
    RANDOM,
    STEPS,
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

SAME = ("^exit code 0$", "^drift of ", r"!^drift of .*: (?!identical$|within tolerance$)", "!^not served")
"""Nothing but noise moved, under every task."""
IDENTICAL = (*SAME, "!^drift of .*: within tolerance$")
DRIFTED = ("^exit code 1$", r"^drift of .*: (drifted|tokenizer changed)$", "!: (identical|within tolerance)$")
"""Something moved under every task."""
OTHER_DIMENSION = ("^exit code 1$", "^drift of ", "!^drift of .*: (?!other dimension: re-index needed$)")


@dataclass(frozen=True)
class Pair:
    """Two systems, of which the second is judged by the first.

    Attributes:
        name: what sets them apart.
        old: the first.
        new: the second.
        says: regular expressions, each of which some line matches of what the run says; one with "!" before it, none.
        shown: whether the page shows the run's closing lines.
    """

    name: str
    old: Side
    new: Side
    says: tuple[str, ...]
    shown: bool = False


def _pair(name: str, old: System, new: System, says: tuple[str, ...]) -> Pair:
    return Pair(name, Side(old), Side(new), says)


PAIRS = (
    Pair("dtype", Side(MINI), Side(MINI, {"dtype": "bfloat16"}), SAME, shown=True),
    Pair("attention", Side(MINI), Side(MINI, {"attn-implementation": "eager"}), SAME),
    Pair("threads", Side(MINI, {"threads": "1"}), Side(MINI, {"threads": "2"}), SAME),
    _pair("nothing", MINI, MINI, IDENTICAL),
    Pair("runtime, the same weights", Side(MINILM_FLOAT32, {"device": "cpu"}), Side(TEN_LINES), SAME),
    Pair(
        "batches and threads of a deep model",
        Side(RANDOM),
        Side(RANDOM, {"batch-tokens": "256", "threads": "1"}),
        (*SAME, r"^drift of .*: within tolerance$"),
    ),
    _pair(
        "weights in int8",
        MINILM_FLOAT32,
        MINILM_INTEGERS,
        (*DRIFTED, r"mean 0\.999\d+; nearest neighbour kept by (8[89]|9\d) of 93 texts$", "!looks like"),
    ),
    _pair(
        "weights in int8, CLS pooling",
        MINILM_FLOAT32,
        FIRST_TOKEN,
        (*DRIFTED, "^moved: all 93 texts$", "^looks like: CLS pooling on embedding"),
    ),
    _pair(
        "vocabulary",
        MULTILINGUAL_E5,
        ENGLISH_AND_PORTUGUESE,
        (*DRIFTED, r"English .* within rounding|none in English", "Chinese", "Arabic"),
    ),
    Pair(
        "vocabulary, tokens unseen",
        Side(ENGINE),
        Side(ENGINE_SMALLER),
        (*DRIFTED, r"English .* within rounding|none in English", "Chinese", "Arabic"),
    ),
    _pair(
        "`denoise`", USE_MULTILINGUAL, WITHOUT_NUMBERS, (*DRIFTED, r"^moved: \d+ of 92 texts, only texts with digits")
    ),
    Pair(
        f"{STEPS} more steps of training for one adapter",
        Side(MINI),
        Side(TRAINED),
        (
            "^exit code 1$",
            f"^drift of {TRAINED_TASK}: drifted$",
            f"!^drift of (?!{TRAINED_TASK}).*: (?!identical$|within tolerance$)",
            r"^1 of 5 similarity tables moved",
        ),
        shown=True,
    ),
    Pair(
        "dimension of a model",
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
        ("^exit code 1$", "^drift of embedding: (identical|within tolerance)$", "^cut at 128 tokens, was 256: "),
    ),
)
