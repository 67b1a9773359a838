"""Threads for training: as many as there are cores; more cost a factor of ten and more."""

from __future__ import annotations

import os

import torch


def use_all_cores() -> None:
    """Give torch a thread for each core that this process may run on."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
