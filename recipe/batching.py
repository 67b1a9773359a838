"""Token ids of many texts in one flat array, and batches of like length under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

PAD_ID = 1
_TOKENIZE_AT_ONCE = 20_000
_SORT_AT_ONCE = 24_000


@dataclass(frozen=True)
class TokenizedTexts:
    """Text number i is `ids[offsets[i] : offsets[i + 1]]`."""

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text."""
        return np.diff(self.offsets)

    def padded(self, indices: Sequence[int] | np.ndarray) -> tuple[Tensor, Tensor]:
        """Input ids and attention mask of the chosen texts."""
        longest = int(self.lengths[indices].max())
        ids = np.full((len(indices), longest), PAD_ID, dtype=np.int64)
        for row, index in enumerate(indices):
            tokens = self.ids[self.offsets[index] : self.offsets[index + 1]]
            ids[row, : len(tokens)] = tokens
        input_ids = torch.from_numpy(ids)
        return input_ids, (input_ids != PAD_ID).long()


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int) -> TokenizedTexts:
    """Tokenise all texts, special tokens included, cut at `max_tokens`."""
    ids: list[np.ndarray] = []
    lengths: list[int] = []
    for start in tqdm(range(0, len(texts), _TOKENIZE_AT_ONCE), desc="tokenise", unit="chunk"):
        chunk = list(texts[start : start + _TOKENIZE_AT_ONCE])
        for tokens in tokenizer(chunk, truncation=True, max_length=max_tokens)["input_ids"]:
            ids.append(np.asarray(tokens, dtype=np.int32))
            lengths.append(len(tokens))
    return TokenizedTexts(np.concatenate(ids), np.concatenate([[0], np.cumsum(lengths)]))


def epoch_batches(lengths: np.ndarray, token_budget: int, seed: int) -> list[np.ndarray]:
    """All texts once, in seeded order, in batches of like length within the token budget."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(shuffled), _SORT_AT_ONCE):
        part = shuffled[start : start + _SORT_AT_ONCE]
        part = part[np.argsort(lengths[part], kind="stable")]
        first = 0
        for position, index in enumerate(part):
            if (position - first + 1) * lengths[index] > token_budget and position > first:
                batches.append(part[first:position])
                first = position
        batches.append(part[first:])
    rng.shuffle(batches)  # type: ignore[arg-type]
    return batches


def endless_batches(lengths: np.ndarray, token_budget: int, seed: int, skip: int = 0) -> Iterator[np.ndarray]:
    """Epoch after epoch; `skip` batches are passed over, to resume where a run stopped."""
    epoch = 0
    while True:
        batches = epoch_batches(lengths, token_budget, seed + epoch)
        if skip < len(batches):
            yield from batches[skip:]
            skip = 0
        else:
            skip -= len(batches)
        epoch += 1
