"""What the bytes of a file are, as a small immutable value.

A content is the same value wherever and whenever the same bytes were written: its size, the BLAKE3
hash of all of them, and a reference by which the store finds them. Copying a file copies its content;
no byte moves. The reference is one of

    empty                  one chunk holds everything, and the chunk's hash is the content's
    0x00, then the bytes   the bytes themselves: tiny files need no chunk
    n, then a hash         a list of chunks n levels deep (n = 1: a list of chunks, 2: a list of such
                           lists, ...), stored as a block of that hash

A list is entries of forty bytes, a hash and the number of bytes under it (64 bits, little-endian).
The reference follows from the bytes alone as long as the chunking parameters stay what they are;
identity rests on the hash, never on the reference.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NewType

from blake3 import blake3

from howdah.core.varint import varint
from howdah.errors import Corrupt

Hash = NewType("Hash", bytes)
"""BLAKE3, 32 bytes."""

INLINE_LIMIT = 128
"""Contents up to this size stand in their own reference."""

_INLINE = b"\x00"
_ENTRY = struct.Struct("<32sQ")
ENTRY_BYTES = _ENTRY.size


def hash_of(data: bytes | bytearray | memoryview) -> Hash:
    return Hash(blake3(data).digest())


@dataclass(frozen=True, slots=True)
class Content:
    size: int
    hash: Hash
    reference: bytes

    def encode(self) -> bytes:
        """Compact bytes; `decode` gives the value back. The end is not marked: whoever stores it
        keeps the length."""
        return varint(self.size) + self.hash + self.reference

    @staticmethod
    def decode(data: bytes) -> "Content":
        size, at = _read_varint(data)
        if len(data) < at + 32:
            raise Corrupt(f"a content of {len(data)} bytes is too short to hold a hash")
        return Content(size, Hash(data[at : at + 32]), data[at + 32 :])

    @property
    def inline(self) -> bytes | None:
        """The bytes themselves, when the reference holds them."""
        return self.reference[1:] if self.reference[:1] == _INLINE else None

    @property
    def depth(self) -> int:
        """Levels of lists between the content and its chunks; 0 for one chunk."""
        return self.reference[0] if self.reference else 0

    @property
    def root(self) -> Hash:
        """The chunk or the list that everything else is found from; not for inline contents."""
        return Hash(self.reference[1:]) if self.reference else self.hash


def inline_content(data: bytes) -> Content:
    return Content(len(data), hash_of(data), _INLINE + data)


EMPTY = inline_content(b"")


def chunk_content(size: int, hash: Hash) -> Content:
    """A content that is one chunk."""
    return Content(size, hash, b"")


def list_content(size: int, hash: Hash, depth: int, root: Hash) -> Content:
    return Content(size, hash, bytes([depth]) + root)


def encode_list(entries: Iterable[tuple[Hash, int]]) -> bytes:
    return b"".join(_ENTRY.pack(hash, size) for hash, size in entries)


def decode_list(data: bytes) -> Iterator[tuple[Hash, int]]:
    """The entries of a list; Corrupt when it is not one."""
    if len(data) % ENTRY_BYTES:
        raise Corrupt(f"a chunk list of {len(data)} bytes is not whole entries of {ENTRY_BYTES}")
    for hash, size in _ENTRY.iter_unpack(data):
        yield Hash(hash), size


def _read_varint(data: bytes) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return value, at + 1
    raise Corrupt("a content does not begin with a size")
