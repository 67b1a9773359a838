"""Did the numbers move? Embeddings of the anchor texts against the baseline: one verdict per task and device.

The bounds are measured, not chosen: see ``fixtures.comparing.bounds`` and docs/baselines.md.
"""

import pytest

from fixtures.comparing import drift_rows
from fixtures.comparing.bounds import told_precision
from fixtures.comparing.rows import measured
from fixtures.models import task_maps


def test_embeddings_are_those_of_the_baseline(task, old, findings, system, claims, how_to_record):
    if not old.tasks:
        pytest.skip(f"{old.called} holds tables only; {how_to_record('record anchors with')}")
    finding = findings.get(task)
    if finding is None:
        pytest.skip(f"{old.called} is older than {task}: there is nothing to compare with")
    compared = f"in {told_precision(system.precision)}, against {old.called}"
    if forgotten := "" if system.has_named_map else old.task_map:
        compared += f", which was recorded with --task-map={forgotten}"

    def advice() -> str:
        if forgotten:
            return f"Compare with --task-map={forgotten}, or put that file beside the baseline as {task_maps.FILE}"
        return how_to_record("If the change is wanted")

    claims.hold(*drift_rows.rows_of(finding, old, compared, advice))


def test_baseline_is_whole(old, device, claims):
    claims.hold(measured("files of the baseline, each as it was recorded", old.files))
