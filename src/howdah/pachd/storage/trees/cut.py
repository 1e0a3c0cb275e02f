"""Where one node ends and the next begins: a function of the entries alone.

An entry ends its node when its key says so (the CRC-32 of the key, spread by a multiplier of the
level, falls under a threshold) and the node has its least number of entries or bytes, or when the
node has reached its most. Decisions are made from left to right, each node from its own first
entry, so the same entries are cut alike whatever their history; a change moves cuts only up to the
next one that both histories agree on, usually the very next.

Someone who chooses names can make every key a cut, or none. That is why there is a least and a
most: whatever the names, a leaf that is not the last holds at least 32 entries (or 48 KiB) and at
most 512 (or 96 KiB and one entry more), the tree stays shallow, and all that such names can bring
about is that a change rewrites more nodes, at worst as many as building the tree anew.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from zlib import crc32

_GOLDEN = 0x9E3779B97F4A7C15
_32_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Bounds:
    least: int
    most: int
    least_bytes: int
    most_bytes: int
    threshold: int
    """An entry asks for a cut with probability threshold / 2^32."""


LEAF = Bounds(32, 512, 48 << 10, 96 << 10, (1 << 32) // 96)
INDEX = Bounds(8, 128, 64 << 10, 128 << 10, (1 << 32) // 24)


def bounds_of(level: int) -> Bounds:
    return INDEX if level else LEAF


def multiplier(level: int) -> int:
    """Odd, and different for every level, so that the levels decide independently."""
    return (_GOLDEN * (2 * level + 1) >> 32) & _32_BITS | 1


def asks_for_cut(level: int, key: bytes) -> bool:
    return crc32(key) * multiplier(level) & _32_BITS < bounds_of(level).threshold


def node_ends(level: int, keys: Sequence[bytes], values: Sequence[bytes]) -> Iterator[int]:
    """The ends (exclusive) of all nodes that are complete within these entries, which begin where
    a node begins. What follows the last end is the start of a node that further entries complete."""
    bounds = bounds_of(level)
    factor, threshold, count = multiplier(level), bounds.threshold, len(keys)
    asking = [i for i, key in enumerate(keys) if crc32(key) * factor & _32_BITS < threshold]
    sizes = list(accumulate(map(add, map(len, keys), map(len, values)), initial=0))
    start = next_asking = 0
    while start < count:
        forced = min(
            start + bounds.most,
            bisect_left(sizes, sizes[start] + bounds.most_bytes, start + 1),
        )
        end = forced
        while next_asking < len(asking) and asking[next_asking] < forced:
            candidate = asking[next_asking] + 1
            next_asking += 1
            enough = candidate - start >= bounds.least or (
                candidate > start and sizes[candidate] - sizes[start] >= bounds.least_bytes
            )
            if enough:
                end = candidate
                break
        if end > count:
            return
        yield end
        start = end
