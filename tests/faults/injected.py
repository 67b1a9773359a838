"""A pytest plugin that opens a faulty encoder in the place of the healthy one: ``-p tests.faults.injected``."""

import os
from dataclasses import replace

from fixtures.runtimes import registry


def open_faulty(spec, target, device, options):
    from tests.faults import pipeline

    healthy = registry.JINA_V3.open(spec, target, device, options)
    faulty = getattr(pipeline, os.environ["EVALS_FAULT"])
    return faulty(healthy.loaded, batch_tokens=healthy.batch_tokens, spec=healthy.spec)


registry.register(replace(registry.JINA_V3, open=open_faulty))
