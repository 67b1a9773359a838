"""Upgrades, and what the suite has to say of each where the question is whether the model got worse."""

from tests.against.pairs import Pair
from tests.against.sides import TRAINED, Side
from tests.real.systems import (
    ENGLISH_AND_PORTUGUESE,
    MINI,
    MINILM_FLOAT32,
    MINILM_INTEGERS,
    MULTILINGUAL_E5,
    USE_MULTILINGUAL,
    System,
)

EVALS = ("evals/test_quality.py", "evals/test_drift.py")
_NO_LOSS = ("--expect=no-loss",)
_HOLDS = ("^exit code 0$", r"^verdict   on \w+: not worse by more than 0\.05 in (\w+) of \1 measures")
_RE_INDEX = "^verdict .*stored vectors must be re-indexed$"


def _upgrade(name: str, old: System, new: System, says: tuple[str, ...]) -> Pair:
    return Pair(name, Side(old), Side(new), says, shown=True, evals=EVALS, options=_NO_LOSS)


UPGRADES = (
    _upgrade("an adapter trained further", MINI, TRAINED, _HOLDS),
    _upgrade("weights in int8", MINILM_FLOAT32, MINILM_INTEGERS, (*_HOLDS, _RE_INDEX)),
    _upgrade(
        "vocabulary",
        MULTILINGUAL_E5,
        ENGLISH_AND_PORTUGUESE,
        (
            "^exit code 1$",
            "^verdict .*retrieval lost ",
            _RE_INDEX,
            "!^verdict .* in en lost",
            "!^quality .*worst language: .* in en:",
        ),
    ),
    _upgrade(
        "another family",
        USE_MULTILINGUAL,
        MULTILINGUAL_E5,
        ("^exit code 1$", "^verdict .*clustering lost ", "^quality   retrieval: not worse by .*; better;", _RE_INDEX),
    ),
    _upgrade("a larger model", MINI, MULTILINGUAL_E5, (*_HOLDS, "^quality   retrieval: .*; better;", _RE_INDEX)),
)
