"""all-MiniLM-L6-v2 as a callable of ten lines: transformers, mean pooling, unit length."""

import torch
from transformers import AutoModel, AutoTokenizer

from tests.real.carried import MINILM

FOLDER = MINILM.file().parent
TOKENIZER, MODEL = AutoTokenizer.from_pretrained(FOLDER), AutoModel.from_pretrained(FOLDER).eval()


def encode(texts, task):
    """Return one vector of unit length a text, float32 of shape (n, 384)."""
    tokens = TOKENIZER(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states, mask = MODEL(**tokens).last_hidden_state, tokens["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy()
