"""A pytest plugin that has the published numbers answer in the model's place: ``-p tests.replaying_plugin``.

PUBLISHED_NUDGE says by how many times the allowed difference the encoder is off.
"""

import os
from dataclasses import replace

from fixtures.runtimes import registry
from tests.replaying_encoder import ReplayingEncoder, published_spec

registry.register(
    replace(
        registry.JINA_V3,
        describe=published_spec,
        fetch=lambda spec, target: spec,
        open=lambda *arguments: ReplayingEncoder(float(os.environ["PUBLISHED_NUDGE"])),
    )
)
