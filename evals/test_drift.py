"""Did the numbers move? Embeddings of the anchor texts against the baseline: one verdict per task and device.

The bounds are measured, not chosen: see ``fixtures.comparing.bounds`` and the README, "How drift is judged".
"""

import pytest

from fixtures.run.claims import failed_claim


def test_embeddings_are_those_of_the_baseline(task, gate_result, baseline, settings, device, claims, how_to_record):
    if not baseline.exists:
        pytest.fail(
            f"{settings.model} has no baseline in snapshots/{baseline.name}: nothing to compare {task} with.\n"
            f"{how_to_record('Record one with')}",
            pytrace=False,
        )
    if gate_result.problem:
        pytest.fail(gate_result.problem, pytrace=False)
    if not baseline.has_anchors:
        pytest.skip(f"snapshots/{baseline.name} holds tables only; {how_to_record('record anchors with')}")
    finding = gate_result.findings[task]
    for name, value in finding.verdict.statistics.items():
        claims.measured(name, value)
        claims.measured(f"{name}: share of bound", finding.verdict.shares.get(name, "not judged"))
    claims.measured("verdict", finding.verdict.outcome)
    if not finding.verdict.acceptable:
        lines = [
            f"{task} on {device} in {settings.dtype}: {finding.verdict.outcome}, against snapshots/{baseline.name}",
            *finding.explanation,
            how_to_record("If the change is wanted"),
        ]
        raise failed_claim("\n".join(lines), finding.verdict.statistics.values())


def test_baseline_is_whole(request, baseline, settings, device):
    if settings.updating:
        request.getfixturevalue("gate_result")  # what is being recorded, whichever eval comes first
    if not baseline.exists:
        pytest.skip(f"snapshots/{baseline.name} doesn't exist")
    baseline.check_whole()
