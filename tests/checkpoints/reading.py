"""What the suite makes of a written checkpoint: an encoder, or a refusal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.errors import CheckpointError
from fixtures.runtimes.jina_v3.checkpoint import inspect_checkpoint

if TYPE_CHECKING:
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder


def refusal(folder: Path, **options: Any) -> str:
    """The one line that a user reads for a folder that can't be used, in which the folder is called FOLDER."""
    with pytest.raises(CheckpointError) as refused:
        inspect_checkpoint(folder, **options)
    message = str(refused.value)
    assert "\n" not in message
    return message.replace(str(folder), "FOLDER")


def open_encoder(folder: Path, only_tasks: Sequence[str] = (), dtype: str = "float32") -> "TorchEncoder":
    """Return an encoder of what lies in a folder."""
    from fixtures.runtimes.jina_v3.encoder import TorchEncoder  # these load torch
    from fixtures.runtimes.jina_v3.loading import load_model

    return TorchEncoder(load_model(inspect_checkpoint(folder, only_tasks=only_tasks), dtype=dtype))
