"""What differs between two trees, read from the blocks that they do not share.

From the top down, level by level, the nodes that both trees have fall away; what is left of the
leaves is compared entry by entry. A change costs the few nodes on its path, twice.
"""

from collections.abc import Iterator
from itertools import chain

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees.alike import alike
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Node, Nodes

_MOST_WAITING = 8192
"""Entries that may wait for the other side, which matters where whole ranges came or went."""

Change = tuple[bytes, bytes | None, bytes | None]
"""A key, its value in the old tree and in the new one; None where it is not there."""


def diff(nodes: Nodes, old: Hash, new: Hash, low: bytes = b"", high: bytes | None = None) -> Iterator[Change]:
    """Every key with low <= key < high whose values differ, ascending."""
    before, after = _level_of(nodes, old), _level_of(nodes, new)
    olds, news = [old] if before >= 0 else [], [new] if after >= 0 else []
    for level in range(max(before, after), -1, -1):
        if level <= min(before, after):
            shared = set(olds) & set(news)
            olds = [hash for hash in olds if hash not in shared]
            news = [hash for hash in news if hash not in shared]
        if level and before >= level:
            olds = _children(nodes, olds, low, high)
        if level and after >= level:
            news = _children(nodes, news, low, high)
    for changes in _leaf_changes(nodes, olds, news):
        for key, was, now in changes:
            if key >= low and (high is None or key < high):
                yield key, was, now


def _level_of(nodes: Nodes, root: Hash) -> int:
    return -1 if root == EMPTY_ROOT else nodes.load(root).level


def _children(nodes: Nodes, parents: list[Hash], low: bytes, high: bytes | None) -> list[Hash]:
    return list(chain.from_iterable(_within(nodes.load(parent), low, high) for parent in parents))


def _within(node: Node, low: bytes, high: bytes | None) -> list[Hash]:
    start = node.find(low)
    end = node.count if high is None else min(node.find(high) + 1, node.count)
    return node.children(start, end)


class _Side:
    """The differing leaves of one tree, and the entries read but not yet compared."""

    def __init__(self, leaves: Iterator[Node]) -> None:
        self._leaves = leaves
        self.entries: dict[bytes, bytes] = {}
        self.end: bytes | None = b""
        """The last key read; None once there is no more."""
        self.leaf: Node | None = None

    def advance(self) -> None:
        """To the next leaf, whose entries are not read yet."""
        self.leaf = next(self._leaves, None)
        self.end = self.leaf.key(self.leaf.count - 1) if self.leaf else None

    def read(self, first: int = 0, end: int | None = None) -> None:
        """Reads entries of the leaf."""
        if self.leaf is not None:
            self.entries.update(self.leaf.entries(first, self.leaf.count if end is None else end))

    def take(self, end: bytes | None) -> dict[bytes, bytes]:
        """Removes and gives the entries up to and including a key."""
        if end is None or end == self.end:
            taken, self.entries = self.entries, {}
            return taken
        taken = {key: value for key, value in self.entries.items() if key <= end}
        for key in taken:
            del self.entries[key]
        return taken


def _leaf_changes(nodes: Nodes, olds: list[Hash], news: list[Hash]) -> Iterator[list[Change]]:
    """The side that is behind reads on until both have read to the same key, which is nearly
    always at once; then what they read is compared whole."""
    old, new = _Side(map(nodes.load, olds)), _Side(map(nodes.load, news))
    while (ends := [side.end for side in (old, new) if side.end is not None]) != []:
        behind = min(ends)
        fresh = [side for side in (old, new) if side.end == behind]
        for side in fresh:
            side.advance()
        if len(fresh) == 2 and old.leaf and new.leaf and old.end == new.end:
            # Two states of one leaf: all but a few entries at either end of the change are alike.
            head, tail = alike(old.leaf, new.leaf)
            old.read(head, old.leaf.count - tail)
            new.read(head, new.leaf.count - tail)
        else:
            for side in fresh:
                side.read()
        if old.end == new.end:
            yield _compared(old.take(None), new.take(None))
        elif len(old.entries) + len(new.entries) > _MOST_WAITING:
            settled = min(end for end in (old.end, new.end) if end is not None)
            yield _compared(old.take(settled), new.take(settled))


def _compared(was: dict[bytes, bytes], now: dict[bytes, bytes]) -> list[Change]:
    keys = {key for key, _ in was.items() ^ now.items()}
    return [(key, was.get(key), now.get(key)) for key in sorted(keys)]
