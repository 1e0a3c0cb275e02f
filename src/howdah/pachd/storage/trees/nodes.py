"""Blocks of a tree: sorted keys with values, a few KiB, immutable, read without being unpacked.

Layout, integers little-endian (normative: docs/format.md, "Trees"):

    u8 version (1)   u8 level (0: leaf)   u8 width of offsets (2 or 4)   u8 0
    u16 count   u16 length of the common prefix
    the common prefix
    count + 1 offsets of key suffixes     (unsigned, `width` bytes each; the first is 0)
    count + 1 offsets of values
    the suffixes, joined
    the values, joined

The common prefix is the longest that the first and the last key share, and the width is 2 where
every offset fits, so equal entries give equal bytes. A lookup bisects on slices of the block; no
object is made for the entries it does not touch.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import Protocol

from howdah.errors import Corrupt
from howdah.pachd.storage.content import Hash

_HEAD = Struct("<BBBBHH")
_VERSION = 1
_TYPECODES = {2: "H", 4: "I"}
_NATIVE = sys.byteorder == "little"
_OVERHEAD_BYTES = 500
"""What a node costs in memory beside its block, roughly; the cache counts it."""

EMPTY_ROOT = Hash(bytes(32))
"""The root of the tree without entries; no block stands behind it."""


class Blocks(Protocol):
    """Where nodes live: immutable blocks by the BLAKE3 of their bytes."""

    def get(self, hash: Hash) -> bytes:
        """The block; NotFound or Corrupt when there is none that is whole."""
        ...

    def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
        """As `get` for each of them, in order, but looked for and read together."""
        ...

    def put(self, data: bytes) -> Hash:
        """Stores a block, idempotently; it need not be durable yet."""
        ...


class Node:
    """A block, as it is; `data`, the tables and where the parts begin are for this package."""

    __slots__ = (
        "_index",
        "count",
        "data",
        "key_table",
        "keys_at",
        "level",
        "prefix",
        "value_table",
        "values_at",
    )

    def __init__(self, data: bytes) -> None:
        try:
            version, self.level, width, _, self.count, length = _HEAD.unpack_from(data)
            code = _TYPECODES[width]
        except Exception as error:
            raise Corrupt(f"a tree block of {len(data)} bytes does not begin as one") from error
        if version != _VERSION:
            raise Corrupt(f"a tree block has version {version}; this program reads version {_VERSION}")
        at = _HEAD.size + length
        table = (self.count + 1) * width
        if not self.count or len(data) < at + 2 * table:
            raise Corrupt(f"a tree block of {len(data)} bytes ends within its tables")
        self.prefix = data[_HEAD.size : at]
        self.data = data
        self.key_table = _offsets(data, at, table, code)
        self.value_table = _offsets(data, at + table, table, code)
        self.keys_at = at + 2 * table
        self.values_at = self.keys_at + self.key_table[self.count]
        self._index: tuple[list[bytes], list[Hash]] | None = None
        if len(data) != self.values_at + self.value_table[self.count]:
            raise Corrupt(f"a tree block of {len(data)} bytes is not as long as its tables say")

    @property
    def size_bytes(self) -> int:
        return len(self.data) + _OVERHEAD_BYTES

    def key(self, i: int) -> bytes:
        at, table = self.keys_at, self.key_table
        return self.prefix + self.data[at + table[i] : at + table[i + 1]]

    def value(self, i: int) -> bytes:
        at, table = self.values_at, self.value_table
        return self.data[at + table[i] : at + table[i + 1]]

    def keys(self) -> list[bytes]:
        """All keys, newly made; the caller may change the list."""
        prefix, data, at = self.prefix, self.data, self.keys_at
        return [prefix + data[at + a : at + b] for a, b in pairwise(self.key_table.tolist())]

    def values(self) -> list[bytes]:
        data, at = self.data, self.values_at
        return [data[at + a : at + b] for a, b in pairwise(self.value_table.tolist())]

    def entries(self, first: int, end: int) -> list[tuple[bytes, bytes]]:
        """Some entries, from one place up to another."""
        prefix, data, keys_at, values_at = self.prefix, self.data, self.keys_at, self.values_at
        keys = [
            prefix + data[keys_at + a : keys_at + b]
            for a, b in pairwise(self.key_table[first : end + 1].tolist())
        ]
        values = [
            data[values_at + a : values_at + b]
            for a, b in pairwise(self.value_table[first : end + 1].tolist())
        ]
        return list(zip(keys, values, strict=True))

    def find(self, key: bytes) -> int:
        """How many keys are less than `key`."""
        if self._index is not None:
            return bisect_left(self._index[0], key)
        prefix = self.prefix
        if not key.startswith(prefix):
            return 0 if key < prefix else self.count
        suffix, data, at, table = key[len(prefix) :], self.data, self.keys_at, self.key_table
        low, high = 0, self.count
        while low < high:
            middle = (low + high) >> 1
            if data[at + table[middle] : at + table[middle + 1]] < suffix:
                low = middle + 1
            else:
                high = middle
        return low

    def get(self, key: bytes) -> bytes | None:
        data, start, prefix = self.data, self.keys_at, self.prefix
        suffix = key[len(prefix) :]
        # One search through the joined suffixes is faster than halving; where it hits upon
        # something else (a part of a longer key), halving decides.
        at = data.find(suffix, start, self.values_at) - start
        if at < 0 or not key.startswith(prefix):
            return None
        table = self.key_table
        i = bisect_left(table, at)
        if table[i] != at or i == self.count or table[i + 1] - at != len(suffix):
            i = self.find(key)
            if i == self.count or self.key(i) != key:
                return None
        values, at = self.value_table, self.values_at
        return data[at + values[i] : at + values[i + 1]]

    def index(self) -> tuple[list[bytes], list[Hash]]:
        """An index node's keys and children, unpacked for good: worth it for reading, where the same
        few nodes are searched again and again. Not to be changed."""
        if self._index is None:
            self._index = self.keys(), self.children(0, self.count)
        return self._index

    def child(self, i: int) -> Hash:
        """The block of an index node's i-th child; records begin with the hash."""
        at = self.values_at + self.value_table[i]
        return Hash(self.data[at : at + 32])

    def children(self, first: int, end: int) -> list[Hash]:
        data, at = self.data, self.values_at
        starts = self.value_table[first:end].tolist()
        return [Hash(data[at + start : at + start + 32]) for start in starts]


def encode(level: int, keys: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """The block of at least one and at most 65,535 entries, their keys ascending."""
    prefix = _shared(keys[0], keys[-1])
    length = len(prefix)
    suffixes = b"".join([key[length:] for key in keys]) if length else b"".join(keys)
    key_offsets = list(accumulate([len(key) - length for key in keys], initial=0))
    value_offsets = list(accumulate(map(len, values), initial=0))
    return assemble(level, prefix, key_offsets, value_offsets, suffixes, b"".join(values))


def assemble(
    level: int,
    prefix: bytes,
    key_offsets: list[int],
    value_offsets: list[int],
    suffixes: bytes,
    values: bytes,
) -> bytes:
    """The block of these parts, which must be what `encode` would make of the entries."""
    width = 2 if key_offsets[-1] < 65536 and value_offsets[-1] < 65536 else 4
    offsets = array(_TYPECODES[width], key_offsets + value_offsets)
    if not _NATIVE:
        offsets.byteswap()
    head = _HEAD.pack(_VERSION, level, width, 0, len(key_offsets) - 1, len(prefix))
    return b"".join((head, prefix, offsets.tobytes(), suffixes, values))


def _shared(first: bytes, last: bytes) -> bytes:
    if last.startswith(first):
        return first
    for i, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:i]
    return last


def _offsets(data: bytes, at: int, length: int, code: str) -> "memoryview[int]":
    view = memoryview(data)[at : at + length]
    if _NATIVE:
        return view.cast(code)  # type: ignore[call-overload, no-any-return]  # one of "H", "I"
    swapped = array(code, view.tobytes())
    swapped.byteswap()
    return memoryview(swapped)


class NodeCache:
    """Nodes used lately, by hash, so for any number of stores at once. Safe for many threads: every
    step is one dictionary operation, and a lost race costs one reading more."""

    def __init__(self, size_bytes: int = 32 << 20) -> None:
        self._half_bytes = size_bytes // 2
        self.young: dict[Hash, Node] = {}
        self._old: dict[Hash, Node] = {}
        self._young_bytes = 0

    def get(self, hash: Hash) -> Node | None:
        node = self.young.get(hash)
        if node is None and (node := self._old.get(hash)) is not None:
            self.keep(hash, node)
        return node

    def keep(self, hash: Hash, node: Node) -> None:
        # Two generations in place of a list in order of use: no bookkeeping on a hit.
        if self._young_bytes > self._half_bytes:
            self._old, self.young, self._young_bytes = self.young, {}, 0
        self.young[hash] = node
        self._young_bytes += node.size_bytes


class Nodes:
    """Nodes over blocks. What is cached is never taken for stored: `save` always puts."""

    def __init__(self, blocks: Blocks, cache: NodeCache) -> None:
        self._blocks = blocks
        self.cache = cache

    def load(self, hash: Hash) -> Node:
        node = self.cache.young.get(hash) or self.cache.get(hash)
        if node is None:
            node = Node(self._blocks.get(hash))
            self.cache.keep(hash, node)
        return node

    def load_all(self, hashes: Sequence[Hash]) -> list[Node]:
        found = [self.cache.get(hash) for hash in hashes]
        missing = list(dict.fromkeys(hash for hash, node in zip(hashes, found, strict=True) if node is None))
        read = dict(zip(missing, map(Node, self._blocks.get_all(missing)), strict=True)) if missing else {}
        for hash, node in read.items():
            self.cache.keep(hash, node)
        return [node or read[hash] for hash, node in zip(hashes, found, strict=True)]

    def fetch(self, root: Hash, keys: Sequence[bytes]) -> None:
        """Have in memory whatever looking up these keys, ascending, will read: a level at a time,
        where one after the other would ask the database for each node by itself."""
        wanted = [] if root == EMPTY_ROOT or not keys else [(root, keys)]
        while wanted:
            nodes = self.load_all([hash for hash, _ in wanted])
            if not nodes[0].level:
                return
            wanted = [
                below for node, (_, some) in zip(nodes, wanted, strict=True) for below in _below(node, some)
            ]

    def save(self, data: bytes) -> Hash:
        """Stores an encoded node."""
        hash = self._blocks.put(data)
        self.cache.keep(hash, Node(data))
        return hash


def _below(node: Node, keys: Sequence[bytes]) -> Iterator[tuple[Hash, Sequence[bytes]]]:
    """The children of an index node that the keys lead to, each with those that do."""
    start, last = 0, node.count - 1
    while start < len(keys):
        i = min(node.find(keys[start]), last)
        end = len(keys) if i == last else bisect_right(keys, node.key(i), start)
        yield node.child(i), keys[start:end]
        start = end
