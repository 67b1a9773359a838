"""What a run says of a model that torch doesn't run: nothing of torch's, and all that the runtime's row says."""

import json
import re

import pytest

from tests.runs import lines, report_in, run_callable


@pytest.mark.parametrize("parallel", [[], ["-n2", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_callable_is_reported_by_what_its_runtime_and_its_answers_say(project, parallel):
    result = run_callable(project, "encode", "evals/test_contract.py", "-k", "order", "--report=out", *parallel)
    assert result.ret == pytest.ExitCode.OK
    (versions,) = lines(result, "versions: ")
    assert re.fullmatch(r"versions: numpy [\d.]+\S*", versions)
    report = report_in(project.path / "out")
    assert set(report["run"]["versions"]) == {"numpy"}
    assert report["run"]["model"]["dimension"] > 1
    judged = [row for row in report["rows"] if row["name"] == "largest cosine distance"]
    assert judged and {row["source"] for row in judged} == {"depth not stated: as deep as 24 layers"}


def test_manifest_of_a_callable_names_the_versions_of_its_runtimes_packages(project):
    recorded = run_callable(project, "encode", "evals/test_drift.py", "--snapshot-update", "--quick-recording")
    assert recorded.ret == pytest.ExitCode.OK
    manifest = project.path / "snapshots" / "tests.callables.encode" / "manifest.json"
    assert set(json.loads(manifest.read_text(encoding="utf-8"))["environment"]["versions"]) == {"numpy"}
