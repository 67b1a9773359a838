"""Options, header, markers and plugins. What they stand for lives in ``fixtures/``."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # --import-mode=importlib leaves it out

from fixtures.models.known_models import BUNDLED_MODEL
from fixtures.run import run_state, settings
from fixtures.run.pytest_policy import PytestPolicy
from fixtures.runtimes.options import DEFAULT_BATCH_TOKENS

SUITE = Path(__file__).parent
"""Where snapshots/ and evals/ lie, whatever pytest takes for its root folder."""

pytest_plugins = [
    "fixtures.run.verdicts",
    "fixtures.run.plugin",
    "fixtures.run.model_fixtures",
    "fixtures.run.baseline_fixtures",
    "fixtures.run.throughput",
    "fixtures.run.shown_reports",
]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(PytestPolicy(parser, SUITE), "evals-pytest-policy")
    group = parser.getgroup("evals", "embedding model evals")
    group.addoption(
        "--model",
        default=BUNDLED_MODEL,
        type=settings.parse_model,
        metavar="MODEL",
        help="Evaluate this model: the bundled 'mini', a local folder, a Hub id, or python:package.module:function, a "
        "callable encode(texts, task). Default: mini.",
    )
    group.addoption(
        "--task-map",
        metavar="FILE",
        help="Take the model's tasks, roles and what else its files leave unsaid from this TOML file, or from the "
        "bundled map of a name, jina-v3. Default: task-map.toml beside its baseline, or what its files say.",
    )
    group.addoption(
        "--revision",
        type=settings.parse_revision,
        metavar="REVISION",
        help="Pin a Hub model to a branch, tag or commit. Default: its main branch.",
    )
    group.addoption(
        "--trust-remote-code",
        action="store_true",
        help="Run the Python code that a model's repository brings along, which no runtime of the suite does so far. "
        "Default: off.",
    )
    group.addoption(
        "--device",
        action="append",
        type=settings.parse_devices,
        metavar="DEVICE",
        help="Evaluate on cpu, cuda, cuda:N, mps, xpu, auto (the best available) or all; repeat it or separate by "
        "commas for several. Default: auto.",
    )
    group.addoption(
        "--dtype",
        type=settings.parse_dtype,
        metavar="DTYPE",
        help="Run the model in float32, bfloat16 or float16. Default: float32.",
    )
    group.addoption(
        "--attn-implementation",
        type=settings.parse_attn_implementation,
        metavar="NAME",
        help="Compute attention with sdpa, eager, flash_attention_2, flash_attention_3 or flex_attention. "
        "Default: sdpa.",
    )
    group.addoption(
        "--batch-tokens",
        type=settings.parse_batch_tokens,
        metavar="N",
        help=f"Send at most N tokens, padding included, through the model at once. Default: {DEFAULT_BATCH_TOKENS}.",
    )
    group.addoption(
        "--benchmark-tokens",
        default="200",
        type=settings.parse_benchmark_tokens,
        metavar="N",
        help="Time about N tokens per task and length regime; an accelerator needs more than a CPU. Default: 200.",
    )
    group.addoption(
        "--tasks",
        action="append",
        type=settings.parse_tasks,
        metavar="TASKS",
        help="Evaluate only these tasks, separated by commas. Default: all that the model has.",
    )
    group.addoption(
        "--snapshots",
        metavar="FOLDER",
        help="Find baselines, known failures and task maps in this folder, from where you stand, and record there. "
        "Default: EVALS_SNAPSHOTS, snapshots of [tool.jina-v3-evals] in the nearest pyproject.toml, or the suite's own.",
    )
    group.addoption(
        "--baseline",
        type=settings.parse_baseline,
        metavar="NAME",
        help="Compare with the baseline of this name. Default: the model's own.",
    )
    group.addoption(
        "--show-matrices",
        action="store_true",
        help="Print the similarity matrices, the task differences and what each task does. Default: off.",
    )
    group.addoption(
        "--report",
        type=settings.parse_report,
        metavar="FOLDER",
        help="Write report.json, every row of the run, into this folder. Default: write none.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[run_state.SUITE] = SUITE
    config.addinivalue_line("markers", "requires_tasks(*tasks): skipped on a model that lacks one of these tasks.")
    config.addinivalue_line("markers", "requires_ability(*abilities): skipped on a model that can't do one of these.")
    config.addinivalue_line("markers", "requires_roles(*roles): skipped on a model without a task for one of these.")
    if not config.pluginmanager.hasplugin("xdist"):
        config.addinivalue_line("markers", "xdist_group(name): tests of one group run in one pytest-xdist worker.")
