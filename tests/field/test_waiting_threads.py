"""A run beside busy processes: threads that wait for work give up their processor, unless the user chose otherwise."""

import pytest

from tests.runs import run_apart

OWN = """
import os
import sys


def test_policy():
    assert "torch" not in sys.modules  # whose OpenMP library reads the variables once, when it is loaded
    assert {name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")} == EXPECTED
"""


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": None}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": None}),
        ({"GOMP_SPINCOUNT": "1000"}, {"OMP_WAIT_POLICY": None, "GOMP_SPINCOUNT": "1000"}),
        ({"OMP_WAIT_POLICY": ""}, {"OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": None}),
    ],
    ids=["nothing", "spinning", "a-count", "emptied"],
)
def test_waiting_threads_sleep_unless_the_user_chose(project, monkeypatch, chosen, expected):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    project.makepyfile(test_own=OWN.replace("EXPECTED", repr(expected)))
    assert run_apart("test_own.py", "--device=cpu").ret == pytest.ExitCode.OK
