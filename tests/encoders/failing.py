"""An encoder that never answers."""

from fixtures.models.spec import Input, ModelSpec
from fixtures.runtimes.encoder import Encoder


class Raises(Encoder):
    """Raises what no runtime of the suite would; is asked for its own task only."""

    device, notes = "own", []
    spec = ModelSpec("raises", "test", {"embedding": Input()})

    def encode(self, texts, task, **vary):
        self.require(texts, task)
        raise RuntimeError("CUDA error: out of memory")
