"""Runs in parallel: every figure reaches the report, and no two workers write one baseline."""

import pytest

from tests.places import put
from tests.runs import figures_in, lines, notes, printed, refusal, rows_in, run, run_apart

KINDS = """
import numpy as np
import pytest

from fixtures.comparing.rows import at_most, equal, measured

FIGURES = [
    0.5, 7, True, "text", None, (2, 3), [1.5], {"a": 1}, np.float64(0.5), np.float32(0.5), np.longdouble(0.5),
    np.int64(7), np.uint8(7), np.bool_(True), np.str_("text"), np.array(0.5), np.array([1, 2]), (np.int64(2), 3),
    float("nan"), np.float64("inf"), 10**30,
]

@pytest.mark.parametrize("number", range(len(FIGURES)))
def test_figure(device, number, claims, run_report):
    figure = FIGURES[number]
    claims.hold(measured("figure", figure, detail={"figure": figure}))
    claims.hold(equal("itself", figure, figure)) if np.ndim(figure) == 0 and figure == figure else None
    claims.hold(measured("drift", "identical", task=str(number)))
    run_report.notes.append(np.str_("numpy's text"))

def test_claim(device, claims):
    claims.hold(at_most("distance", np.float64(0.25), np.float32(0.5)))
"""


def test_every_kind_of_figure_survives_a_worker(project, native_checkpoint):
    put(project.path, {"evals/test_kinds.py": KINDS})
    alone = run(project, "evals/test_kinds.py", "--junit-xml=alone.xml", model=native_checkpoint)
    workers = ["-n1", "--dist=loadgroup", "--junit-xml=parallel.xml"]
    parallel = run_apart("evals/test_kinds.py", *workers, model=native_checkpoint)
    assert alone.ret == parallel.ret == pytest.ExitCode.OK
    # As text: NaN doesn't equal itself.
    assert repr(rows_in(project.path / "parallel.xml")) == repr(rows_in(project.path / "alone.xml"))
    assert figures_in(project.path / "alone.xml")["test_claim[cpu]"] == {"distance": 0.25}
    for result in (alone, parallel):
        assert notes(result) == ["numpy's text"]
        assert len(lines(result, "drift ")) == 21


def test_whole_run_in_parallel_reports_every_eval_with_its_figures(project, native_checkpoint):
    result = run_apart("evals", "-n2", "--dist=loadgroup", "--junit-xml=report.xml", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # random weights know nothing
    assert "INTERNALERROR" not in printed(result)
    result.stdout.fnmatch_lines([f"loaded    {native_checkpoint} on cpu (*): once"])
    found = rows_in(project.path / "report.xml")
    assert len(found) == sum(result.parseoutcomes().get(outcome, 0) for outcome in ("passed", "failed", "skipped"))
    assert all(rows and all(row.eval.endswith(name) for row in rows) for name, rows in found.items())


@pytest.mark.parametrize(
    "workers",
    [
        ["-n2"],
        ["-n1"],
        ["-nauto"],
        ["-nlogical"],
        ["-n2", "--dist=loadscope"],
        ["-d", "--tx=2*popen"],
        ["-d", "--tx=popen", "--tx=popen"],
        ["--dist=each", "--tx=2*popen"],
        ["--dist=load", "--tx=popen"],
    ],
    ids=" ".join,
)
def test_update_by_workers_that_share_devices_is_refused(project, native_checkpoint, workers):
    assert refusal(run(project, "evals", "--snapshot-update", *workers, model=native_checkpoint)) == (
        "--snapshot-update with -n: workers would write over each other; add --dist loadgroup"
    )


@pytest.mark.parametrize(
    "workers",
    [
        ["-n0"],
        ["-n0", "--dist=load"],
        ["--dist=load"],
        ["-n2", "--dist=loadgroup"],
        ["--dist=loadgroup", "--tx=2*popen"],
    ],
    ids=" ".join,
)
def test_update_without_workers_or_with_one_for_each_device_is_not_refused(project, native_checkpoint, workers):
    options = ["--snapshot-update", "--collect-only", "-q"]
    assert run(project, "evals", *options, *workers, model=native_checkpoint).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "workers", [["-n4"], ["-d", "--tx=4*popen"], ["-d", "--tx=3*popen", "--tx=popen"]], ids=" ".join
)
def test_workers_share_the_processors_however_they_are_asked_for(project, native_checkpoint, monkeypatch, workers):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(8), raising=False)
    result = run(project, "evals", "--collect-only", *workers, model=native_checkpoint)
    result.stdout.fnmatch_lines(["run: *, threads: 2, *"])
