"""A pytest plugin that puts a faulty encoder in the place of the real one: ``-p tests.faults.injected``."""

import os

import fixtures.runtimes.jina_v3.encoder
from tests.faults import catalogue

fixtures.runtimes.jina_v3.encoder.Encoder = getattr(catalogue, os.environ["EVALS_FAULT"])
