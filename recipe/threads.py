"""Threads for training: as many as there are cores; more cost a factor of ten and more."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
