"""Whether runs say what they should."""

import re
from collections.abc import Sequence


def unsaid(says: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return what should be said and isn't, and what is said and shouldn't.

    Args:
        says: regular expressions, each of which some line has to match; one with "!" before it, none.
        lines: the verdicts and what was said of them.
    """
    found = []
    for pattern in says:
        forbidden = pattern.startswith("!")
        if any(re.search(pattern.removeprefix("!"), line) for line in lines) == forbidden:
            found.append(f"says {pattern[1:]!r}" if forbidden else f"doesn't say {pattern!r}")
    return found
