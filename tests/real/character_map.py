"""SentencePiece's table of character replacements, as ``tokenizers.normalizers.Precompiled`` takes it.

The bytes are the size of a trie (uint32), the trie, and the replacements, each ended by a zero byte. The trie is a
double array of darts-clone: an array of uint32, in which a node's unit says by which XOR its children are found.
"""

import struct
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

_VALUE = 1 << 31
"""Marks a unit that holds a value."""
_HAS_VALUE = 1 << 8
"""Marks a unit one of whose children holds a value."""
_FARTHEST = 1 << 21
"""Offsets from here on would have to be stored in another way; so small a trie has none."""


def character_map(replacements: Mapping[str, str]) -> bytes:
    """Return the table that replaces each of these characters by its text."""
    texts, values = b"", {}
    for character, replacement in replacements.items():
        values[character.encode()] = len(texts)
        texts += replacement.encode() + b"\0"
    trie = double_array(values)
    return struct.pack("<I", trie.nbytes) + trie.tobytes() + texts


def double_array(values: Mapping[bytes, int]) -> np.ndarray:
    """Return the trie of keys without zero bytes: uint32 of shape (units,), a multiple of 256 of them."""
    following: dict[bytes, list[int]] = defaultdict(list)
    for key in values:
        for length in range(len(key)):
            if key[length] not in following[key[:length]]:
                following[key[:length]].append(key[length])
    units, children_at = {0: 0}, set()
    open_ones, lowest = [(b"", 0)], 1
    while open_ones:
        prefix, at = open_ones.pop()
        labels = [*([0] if prefix in values else []), *following.get(prefix, ())]
        while lowest in units:
            lowest += 1
        # No two nodes have their children from one place on: else one would find the other's.
        base = next(
            one
            for one in range(lowest, _FARTHEST)
            if one not in children_at and at ^ one < _FARTHEST and not any(one ^ label in units for label in labels)
        )
        children_at.add(base)
        units[at] |= (at ^ base) << 10 | (_HAS_VALUE if prefix in values else 0)
        for label in labels:
            units[base ^ label] = label or values[prefix] | _VALUE
            if label:
                open_ones.append((prefix + bytes([label]), base ^ label))
    found = np.zeros((max(units) | 255) + 1, "<u4")
    found[list(units)] = list(units.values())
    return found
