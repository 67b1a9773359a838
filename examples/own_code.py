"""A model's own code as the system that is evaluated: what its repository's ``encode`` answers.

    $ pytest evals/ --model=python:examples.own_code:encode --task-map=examples/own_code.toml

OWN_CODE_MODEL is the model's Hub id or folder. Loading it runs the Python files of its repository
(``trust_remote_code``): read them first, and pin the commit with OWN_CODE_REVISION. The code puts its tasks' prefixes
before texts itself, so the task map beside this file states none. Code written for transformers 4 needs an environment
with it (``torch_dtype`` in place of ``dtype`` below).
"""

import functools
import os

import numpy as np
import torch
from transformers import AutoModel


@functools.cache
def _model() -> AutoModel:
    name, revision = os.environ["OWN_CODE_MODEL"], os.environ.get("OWN_CODE_REVISION")
    options = {"revision": revision, "code_revision": revision} if revision else {}
    model = AutoModel.from_pretrained(
        name, trust_remote_code=True, use_safetensors=True, dtype=torch.float32, **options
    )
    return model.eval()


def encode(texts: list[str], task: str) -> np.ndarray:
    """Return what the model's own ``encode`` gives, float32 of shape (n, dim)."""
    return np.asarray(_model().encode(texts, task=task), dtype=np.float32)


# Which model the callable serves in this process: baselines of two are told apart by it.
encode.evals_model = os.environ.get("OWN_CODE_MODEL")
