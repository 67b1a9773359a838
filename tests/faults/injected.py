"""A pytest plugin that puts a faulty encoder in the place of the real one: ``-p tests.faults.injected``."""

import os

import fixtures.encoder
from tests.faults import catalogue

fixtures.encoder.Encoder = getattr(catalogue, os.environ["EVALS_FAULT"])
