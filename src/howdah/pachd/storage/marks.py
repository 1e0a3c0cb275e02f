"""Which chunks are alive, in little memory.

A Bloom filter: what was marked is always found; of what was not, about one in five thousand is found
all the same and survives until a later gc, whose filter is salted differently. Four bytes a chunk, where
a set of hashes would take more than a hundred.
"""

import os
import struct

from howdah.pachd.storage.content import Hash

_FIELDS = struct.Struct("<4Q")
_BITS_PER_CHUNK = 32
_LEAST_BITS = 1 << 23


class Marks:
    def __init__(self, chunks: int) -> None:
        bits = max(_LEAST_BITS, 1 << (chunks * _BITS_PER_CHUNK - 1).bit_length() if chunks else 0)
        self._bits = bytearray(bits // 8)
        self._mask = bits - 1
        self._salt = int.from_bytes(os.urandom(8), "little") | 1

    def add(self, hash: Hash) -> None:
        bits, mask, salt = self._bits, self._mask, self._salt
        for field in _FIELDS.unpack(hash):
            # A hash's fields are random already; the product makes each run's collisions its own.
            at = (field * salt >> 13) & mask
            bits[at >> 3] |= 1 << (at & 7)

    def __contains__(self, hash: Hash) -> bool:
        bits, mask, salt = self._bits, self._mask, self._salt
        return all(
            bits[(at := (field * salt >> 13) & mask) >> 3] & (1 << (at & 7)) for field in _FIELDS.unpack(hash)
        )
