"""Did the numbers move? Embeddings of the anchor texts against the baseline: one verdict per task and device.

The bounds are measured, not chosen: see ``fixtures.comparing.bounds`` and docs/baselines.md.
"""

import pytest

from fixtures.comparing import drift_rows
from fixtures.comparing.bounds import told_precision
from fixtures.comparing.rows import measured
from fixtures.models import task_maps
from fixtures.run.replacing import forgotten_task_map


def test_embeddings_are_those_of_the_baseline(
    task, gate_result, recorded_baseline, precision, system, claims, how_to_record
):
    if gate_result.problem:
        pytest.fail(gate_result.problem, pytrace=False)
    if not recorded_baseline.has_anchors:
        pytest.skip(f"{recorded_baseline.shown} holds tables only; {how_to_record('record anchors with')}")
    finding = gate_result.findings.get(task)
    if finding is None:
        pytest.skip(f"{recorded_baseline.shown} is older than {task}: there is nothing to compare with")
    compared = f"in {told_precision(precision)}, against {recorded_baseline.shown}"
    if forgotten := forgotten_task_map(recorded_baseline, system.target.task_map):
        compared += f", which was recorded with --task-map={forgotten}"

    def advice() -> str:
        if forgotten:
            return f"Compare with --task-map={forgotten}, or put that file beside the baseline as {task_maps.FILE}"
        return how_to_record("If the change is wanted")

    claims.hold(*drift_rows.rows_of(finding, compared, advice))


def test_baseline_is_whole(recorded_baseline, device, claims):
    recorded_baseline.check_whole()
    claims.hold(measured("files of the baseline, each as it was recorded", len(recorded_baseline.manifest()["files"])))
