"""Did the numbers move? Embeddings of the anchor texts against the baseline: one verdict per task and device.

The bounds are measured, not chosen: see ``fixtures.comparing.bounds`` and docs/baselines.md.
"""

import pytest

from fixtures.comparing import drift_rows
from fixtures.comparing.bounds import told_precision
from fixtures.comparing.rows import measured


def test_embeddings_are_those_of_the_baseline(task, gate_result, recorded_baseline, precision, claims, how_to_record):
    if gate_result.problem:
        pytest.fail(gate_result.problem, pytrace=False)
    if not recorded_baseline.has_anchors:
        pytest.skip(f"{recorded_baseline.shown} holds tables only; {how_to_record('record anchors with')}")
    finding = gate_result.findings.get(task)
    if finding is None:
        pytest.skip(f"{recorded_baseline.shown} is older than {task}: there is nothing to compare with")
    compared = f"in {told_precision(precision)}, against {recorded_baseline.shown}"
    claims.hold(*drift_rows.rows_of(finding, compared, advice=lambda: how_to_record("If the change is wanted")))


def test_baseline_is_whole(recorded_baseline, device, claims):
    recorded_baseline.check_whole()
    claims.hold(measured("files of the baseline, each as it was recorded", len(recorded_baseline.manifest()["files"])))
