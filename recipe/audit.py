"""Stage `audit`: for every held-out text, how near the nearest training text comes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipe.held_out import (
    DATA,
    MAX_CONTAINMENT,
    MAX_JACCARD,
    MIN_TRIGRAMS,
    HeldOut,
    corpus_texts,
    fingerprint,
    names_white_rabbit,
)
from recipe.pairs import load_pairs
from recipe.texts import load_groups, load_texts
from recipe.workspace import Workspace, write_json

FILE_NAME = "held_out_audit.json"


def audit(workspace: Workspace) -> None:
    """Write the audit; fails if a training text is too near."""
    trained_on = sorted(
        {text.text for text in load_texts(workspace)}
        | {text for group in load_groups(workspace) for wordings in group.texts.values() for text in wordings}
        | {text for pair in load_pairs(workspace) for text in (pair.question, pair.passage)}
    )
    result = audit_texts(trained_on)
    write_json(workspace.root / FILE_NAME, result)
    near = too_near(result)
    if near or result["naming_a_white_rabbit"]:
        raise RuntimeError(f"trained on {len(near)} texts that are held out: {near[:3]}")
    workspace.mark_done("audit", held_out=len(result["held_out"]))


def audit_texts(trained_on: Sequence[str], data: Path = DATA) -> dict[str, Any]:
    """The audit: for each held-out text of the evals' corpus, how near the nearest of these training texts comes."""
    held_out = HeldOut(corpus_texts(data))
    nearness = held_out.nearest(trained_on)
    return {
        "training_texts": len(trained_on),
        "training_texts_sha256": combined_hash(trained_on),
        "bounds": {
            "jaccard": MAX_JACCARD,
            "containment": MAX_CONTAINMENT,
            "containment_from_trigrams": MIN_TRIGRAMS,
        },
        "naming_a_white_rabbit": sum(map(names_white_rabbit, trained_on)),
        "held_out": {
            fingerprint(text): {
                "jaccard": round(float(jaccard), 3),
                "containment": round(float(containment), 3),
            }
            for text, jaccard, containment in zip(held_out.texts, nearness.jaccard, nearness.containment, strict=True)
        },
    }


def too_near(result: dict[str, Any]) -> list[str]:
    """Fingerprints of the held-out texts that some training text is too near to."""
    return [
        name
        for name, nearness in result["held_out"].items()
        if nearness["jaccard"] > MAX_JACCARD or nearness["containment"] > MAX_CONTAINMENT
    ]


def combined_hash(texts: Sequence[str]) -> str:
    """One hash of all texts, whatever their order."""
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()
