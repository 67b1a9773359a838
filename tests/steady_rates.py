"""A plugin for runs of tests: the machine multiplies matrices at one rate, whatever runs beside it.

Tests run beside each other, so the true rate moves, and a verdict on speed would be void.
"""

import pytest

from fixtures.speed import gemm


def pytest_configure(config: pytest.Config) -> None:
    """Put a constant in place of what is measured."""
    gemm.best_rates = lambda *_, **__: {"float32": 1e11}
