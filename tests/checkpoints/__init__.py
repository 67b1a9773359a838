"""Small checkpoints with random weights, written in a moment in every layout that the suite loads, and damaged again.

The one writer of all tests. The weights are drawn in the layout of jinaai/jina-embeddings-v3; the other layouts are
made from them here, by code of its own, so that what the suite reads can be compared with what was meant. The same
seed and size give the same weights in every layout.

Importing it loads no torch: ``tests/conftest.py`` imports it before it sets the number of threads, and tests see
whether a command line that needs no model loads torch.
"""

from tests.checkpoints.changes import change_json, change_tensors, put_into_shards, write_json
from tests.checkpoints.layouts import (
    ADAPTER_FILE,
    BASE_FILE,
    FIRST_A,
    MEAN_POOLING,
    NATIVE,
    PUBLISHED,
    write_modules,
    write_native_checkpoint,
    write_original_checkpoint,
)
from tests.checkpoints.reading import open_encoder, refusal
from tests.checkpoints.tokenizer import JINA_V3_PREFIXES, MAX_LENGTH, TEXTS, vocabulary, write_tokenizer
from tests.checkpoints.weights import (
    ALPHA,
    PUBLISHED_SIZE,
    RANK,
    ROTARY_BASE,
    TASKS,
    TINY,
    Size,
    merged_weights,
    random_weights,
)
