"""Did the numbers move? Embeddings of the anchor texts against the baseline: one verdict per task and device.

The bounds are measured, not chosen: see ``fixtures.comparing.bounds`` and docs/baselines.md.
"""

import pytest

from fixtures.comparing import drift_rows
from fixtures.comparing import lost as losses
from fixtures.comparing.rows import measured
from fixtures.models import task_maps


@pytest.mark.gates_under("same")
def test_embeddings_are_those_of_the_baseline(task, old, findings, again, system, claims, how_to_record):
    if not old.tasks:
        pytest.skip(f"{old.called} holds tables only; {how_to_record('record anchors with')}")
    found = [finding for finding in findings.values() if finding.task == task]
    if not found:
        pytest.skip(f"{old.called} has neither {task} nor a role of it: there is nothing to compare with")
    compared = drift_rows.compared_with(system.precision, old, _forgotten_map(system, old))

    def advice() -> str:
        return _advice("If the change is wanted", system, old, how_to_record)

    claims.hold(*(row for finding in found for row in drift_rows.rows_of(finding, old, compared, advice, again)))


def test_what_the_old_system_served_is_served(lost, old, spec, system, claims, how_to_record):
    if lost is None:
        pytest.skip(f"{old.called} names no task and no role")
    if lost not in losses.served_by(old.tasks, old.observation.spec.roles if old.observation else {}):
        pytest.skip(f"{old.called}, as this run records it, has it no longer: accepted")
    if reason := losses.why_not_judged(lost, spec, leaves_tasks_out=lambda: system.leaves_known_tasks_out):
        pytest.skip(reason)
    claims.hold(losses.row_of(lost, spec, old.called, _advice("If that is wanted", system, old, how_to_record)))


def test_baseline_is_whole(old, device, claims):
    if not old.files:
        pytest.skip(f"not applicable: {old.called} is observed in this run, nothing of it is stored")
    claims.hold(measured("files of the baseline, each as it was recorded", old.files))


def _forgotten_map(system, old):
    """The task map that the old side was recorded with, where the system has none of its user's choice."""
    return "" if system.has_named_map else old.task_map


def _advice(when, system, old, how_to_record):
    if forgotten := _forgotten_map(system, old):
        return f"Compare with --task-map={forgotten}, or put that file beside the baseline as {task_maps.FILE}"
    return how_to_record(when)
