"""Fixtures of the fault runs, and the tables they print at the end."""

import os
from typing import Any

import pytest

from fixtures.baselines.baseline import Baseline
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.runtimes.jina_v3.loading import load_model
from fixtures.texts.anchors import anchor_set
from fixtures.texts.corpus import shown_sentences
from tests.faults.laboratory import ROOT, Laboratory, Tables, markdown, rates

_TABLES = pytest.StashKey[Tables]()


@pytest.fixture(scope="session")
def laboratory() -> Laboratory:
    import torch

    # The other tests' models are tiny and get one thread; this one is worth all.
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    checkpoint = inspect_checkpoint(ROOT / "fixtures" / "checkpoints" / "mini", name="mini")
    encoder = TorchEncoder(load_model(checkpoint))
    shown = {task: encoder.encode(list(shown_sentences().values()), task) for task in encoder.tasks}
    baseline = Baseline(ROOT / "snapshots" / "mini")
    return Laboratory(encoder, baseline, anchor_set(checkpoint.max_length), shown)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLES] = Tables()


@pytest.fixture(scope="session")
def tables(pytestconfig: pytest.Config) -> Tables:
    return pytestconfig.stash[_TABLES]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    tables = config.stash[_TABLES]
    for title, rows in (("faults", tables.faults), ("detection floor", tables.floors)):
        if rows:
            terminalreporter.section(title)
            terminalreporter.write_line(markdown(rows))
    if tables.alarms:
        terminalreporter.section("gates side by side")
        terminalreporter.write_line(markdown(rates(tables.alarms)))
