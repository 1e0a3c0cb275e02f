"""The common edit: a few entries within one node, which stays one node.

Taking a node apart into entries and cutting it again costs ten times what the edit itself does. Where
it is certain that the cuts stay where they are, the new block is put together from slices of the old
one. Every condition below is one under which that is certain; when any fails, the caller cuts anew.
"""

from typing import NamedTuple

from howdah.pachd.storage.trees.cut import asks_for_cut, bounds_of
from howdah.pachd.storage.trees.nodes import Node, assemble

Edit = tuple[bytes, bytes | None]
"""A key and its new value, or None to remove it."""

FEW = 24
"""More edits in one node than this are not worth slicing."""


class Spliced(NamedTuple):
    block: bytes
    went: list[tuple[bytes, bytes]]
    """The entries that the edits replaced or removed, as they were."""


def splice(node: Node, edits: list[Edit], is_last: bool) -> Spliced | None:
    """The block after the edits, if it is certainly what cutting anew would give. `is_last` says
    that no node follows on this level, so that this one may end without a cut."""
    return _patched(node, edits) or _rejoined(node, edits, is_last)


def _patched(node: Node, edits: list[Edit]) -> Spliced | None:
    """Where values give way to values as long as they, nothing moves. Records of an index are."""
    block, went = bytearray(node.data), []
    table, values_at = node.value_table, node.values_at
    for key, value in edits:
        i = node.find(key)
        if value is None or i == node.count or node.key(i) != key:
            return None
        start, end = values_at + table[i], values_at + table[i + 1]
        if end - start != len(value):
            return None
        went.append((key, node.data[start:end]))
        block[start:end] = value
    return Spliced(bytes(block), went)


def _rejoined(node: Node, edits: list[Edit], is_last: bool) -> Spliced | None:
    key_offsets, value_offsets = node.key_table.tolist(), node.value_table.tolist()
    suffixes, values = node.data[node.keys_at : node.values_at], node.data[node.values_at :]
    length, inserted = len(node.prefix), 0
    went: list[tuple[bytes, bytes]] = []
    for key, value in reversed(edits):
        i = node.find(key)
        exists = i < node.count and node.key(i) == key
        if exists:
            went.append((key, node.value(i)))
        if exists and value is not None:
            values = _replaced(values, value_offsets, i, value)
        elif exists:
            if i == 0 or i == node.count - 1:
                return None
            suffixes = _removed(suffixes, key_offsets, i)
            values = _removed(values, value_offsets, i)
        elif value is not None:
            # Between the first key and the last, so the common prefix stays what it is.
            if i == 0 or i == node.count or asks_for_cut(node.level, key):
                return None
            suffixes = _inserted(suffixes, key_offsets, i, key[length:])
            values = _inserted(values, value_offsets, i, value)
            inserted += 1
    count = len(key_offsets) - 1
    size = length * count + len(suffixes) + len(values)
    if not _keeps_its_cuts(node, count, size, inserted, is_last):
        return None
    block = assemble(node.level, node.prefix, key_offsets, value_offsets, suffixes, values)
    return Spliced(block, went)


def _keeps_its_cuts(node: Node, count: int, size: int, inserted: int, is_last: bool) -> bool:
    """Whether a node with these entries ends where it ended and nowhere before.

    No key that came asks for a cut. Keys that were there past the least number did not either, or
    the node would have ended with them; those before it did not matter, and still do not as long as
    they have not been pushed past it, and the node has not the bytes that would do instead."""
    bounds, level = bounds_of(node.level), node.level
    if count >= bounds.most or size >= bounds.least_bytes:
        return False
    if not is_last and (count < bounds.least or not asks_for_cut(level, node.key(node.count - 1))):
        return False
    pushed = range(max(0, bounds.least - 1 - inserted), min(bounds.least - 1, node.count - 1))
    return not any(asks_for_cut(level, node.key(i)) for i in pushed)


def _replaced(joined: bytes, offsets: list[int], i: int, part: bytes) -> bytes:
    start, end = offsets[i], offsets[i + 1]
    if longer := len(part) - (end - start):
        offsets[i + 1 :] = [offset + longer for offset in offsets[i + 1 :]]
    return b"".join((joined[:start], part, joined[end:]))


def _removed(joined: bytes, offsets: list[int], i: int) -> bytes:
    start, end = offsets[i], offsets[i + 1]
    offsets[i:] = [offset - (end - start) for offset in offsets[i + 1 :]]
    return joined[:start] + joined[end:]


def _inserted(joined: bytes, offsets: list[int], i: int, part: bytes) -> bytes:
    start = offsets[i]
    offsets[i + 1 :] = [offset + len(part) for offset in offsets[i:]]
    return b"".join((joined[:start], part, joined[start:]))
