"""Changing a tree: sorted edits in, a new root out; only nodes that change are read or written.

The work goes level by level. The nodes of a level that edits fall into are taken apart, edited and
cut again, following nodes joining in until old and new cuts meet. What that did to the level (nodes
gone, nodes come, each known by its last key) is nothing but sorted edits to the level above. So the
result is the tree that a fresh build of the same entries would give, whatever the history, and
building is the same as editing the empty tree.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees.cut import node_ends
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Node, Nodes, encode
from howdah.pachd.storage.trees.splice import FEW, Edit, splice
from howdah.pachd.storage.trees.sums import NOTHING, Measure, Totals, of_records

_BATCH = 4096


def apply(nodes: Nodes, root: Hash, edits: Iterable[Edit], measure: Measure) -> Hash:
    """The root after the edits, whose keys must ascend strictly.

    Memory: a batch of edits, one node a level, and one record for every node written."""
    top = -1 if root == EMPTY_ROOT else nodes.load(root).level
    changes: list[Edit] = []
    for level in range(top + 1):
        changes = list(_edit_level(nodes, root, level, edits, measure))
        if not changes:
            return root
        edits = changes
    if top < 0:
        records = _Cutter(nodes, 0, measure).build(edits)
    else:
        # The old root was the only node of its level, so what came is all there is.
        records = [(key, record) for key, record in changes if record is not None]
    level = max(top, 0)
    while len(records) > 1:
        level += 1
        records = _Cutter(nodes, level, measure).build(records)
    return _lowest(nodes, Hash(records[0][1][:32])) if records else EMPTY_ROOT


def _lowest(nodes: Nodes, root: Hash) -> Hash:
    """A level of one node needs no level above it."""
    while (node := nodes.load(root)).level and node.count == 1:
        root = node.child(0)
    return root


def _edit_level(
    nodes: Nodes, root: Hash, level: int, edits: Iterable[Edit], measure: Measure
) -> Iterator[Edit]:
    pending = _Pending(edits)
    cursor = _Cursor(nodes, root, level)
    while (key := pending.next_key()) is not None:
        cursor.seek(key)
        is_last, last_key = cursor.is_last, cursor.last_key
        batch = pending.take(None if is_last else last_key)
        spliced = splice(cursor.node, batch, is_last) if len(batch) <= FEW else None
        if spliced is None:
            yield from _edit_region(nodes, cursor, batch, pending, measure)
        else:
            hash, before = nodes.save(spliced.block), cursor.record
            if before is None:
                record = measure.record(hash, NOTHING)  # nobody keeps the totals of the root
            else:
                record = measure.changed(before, hash, level, _present(batch), spliced.went)
            yield last_key, record


def _present(edits: list[Edit]) -> list[tuple[bytes, bytes]]:
    return [(key, value) for key, value in edits if value is not None]


def _difference(cursor: "_Cursor", edits: list[Edit], measure: Measure) -> Totals:
    """What the edits add to the totals of the cursor's node."""
    went = [(key, value) for key, _ in edits if (value := cursor.node.get(key)) is not None]
    return _total(measure, cursor.level, _present(edits)) - _total(measure, cursor.level, went)


def _total(measure: Measure, level: int, entries: list[tuple[bytes, bytes]]) -> Totals:
    return measure.node(level, [key for key, _ in entries], [value for _, value in entries])


def _edit_region(
    nodes: Nodes, cursor: "_Cursor", batch: list[Edit], pending: "_Pending", measure: Measure
) -> Iterator[Edit]:
    """Cuts again from the start of one node to the first end that old and new cuts share. The batch
    is what `pending` gave for the node first."""
    cutter = _Cutter(nodes, cursor.level, measure)
    old: list[bytes] = []
    totals: Totals | None = NOTHING
    while True:
        old.append(cursor.last_key)
        if totals is not None and (record := cursor.record) and not cursor.level and len(batch) <= FEW:
            totals += of_records([record]) + _difference(cursor, batch, measure)
        else:
            totals = None
        keys, values = cursor.node.keys(), cursor.node.values()
        limit = None if cursor.is_last else cursor.last_key
        while len(batch) == _BATCH:
            upto = bisect_right(keys, batch[-1][0])
            cutter.add(*_merged(keys[:upto], values[:upto], batch))
            del keys[:upto], values[:upto]
            batch = pending.take(limit)
        cutter.add(*_merged(keys, values, batch))
        if cursor.is_last or cutter.is_at_cut:
            break
        cursor.advance()
        batch = pending.take(None if cursor.is_last else cursor.last_key)
    changes: dict[bytes, bytes | None] = dict.fromkeys(old)
    changes.update(cutter.finish(totals))
    yield from sorted(changes.items(), key=itemgetter(0))


def _merged(keys: list[bytes], values: list[bytes], edits: list[Edit]) -> tuple[list[bytes], list[bytes]]:
    """The entries after the edits; may change the lists it is given."""
    if len(edits) > FEW:
        entries: dict[bytes, bytes | None] = dict(zip(keys, values, strict=True))
        entries.update(edits)
        alive = [(key, entries[key]) for key in sorted(entries)]
        present = [(key, value) for key, value in alive if value is not None]
        return [key for key, _ in present], [value for _, value in present]
    for key, value in edits:
        i = bisect_left(keys, key)
        if i < len(keys) and keys[i] == key:
            if value is None:
                del keys[i], values[i]
            else:
                values[i] = value
        elif value is not None:
            keys.insert(i, key)
            values.insert(i, value)
    return keys, values


class _Pending:
    """Edits not yet applied, with a look at the next one."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._edits = iter(edits)
        self._next = next(self._edits, None)

    def next_key(self) -> bytes | None:
        return self._next[0] if self._next else None

    def take(self, limit: bytes | None) -> list[Edit]:
        """Up to a batch of edits with keys up to and including the limit."""
        first = self._next
        if first is None or (limit is not None and first[0] > limit):
            return []
        batch = [first]
        if limit is None:
            batch.extend(islice(self._edits, _BATCH - 1))
            self._next = next(self._edits, None)
            return batch
        for edit in self._edits:
            if edit[0] > limit or len(batch) == _BATCH:
                self._next = edit
                return batch
            batch.append(edit)
        self._next = None
        return batch


class _Cutter:
    """Cuts a run of entries into nodes and saves them."""

    def __init__(self, nodes: Nodes, level: int, measure: Measure) -> None:
        self._nodes = nodes
        self._level = level
        self._measure = measure
        self._keys: list[bytes] = []
        self._values: list[bytes] = []
        self._made: list[tuple[bytes, bytes]] = []
        self._waiting: tuple[Hash, list[bytes], list[bytes]] | None = None
        """The largest node so far, whose totals may not have to be added up."""
        self._total = NOTHING
        """Of all nodes made but the one that waits."""

    @property
    def is_at_cut(self) -> bool:
        return not self._keys

    def add(self, keys: list[bytes], values: list[bytes]) -> None:
        """Takes the lists over."""
        if self._keys:
            self._keys += keys
            self._values += values
        else:
            self._keys, self._values = keys, values
        start = 0
        for end in node_ends(self._level, self._keys, self._values):
            self._save(self._keys[start:end], self._values[start:end])
            start = end
        del self._keys[:start], self._values[:start]

    def finish(self, total: Totals | None = None) -> list[tuple[bytes, bytes]]:
        """Ends the last node; the last key and the record of every node, not in order. If the total
        of all is known, one node's totals are what the others leave of it."""
        if self._keys:
            self._save(self._keys, self._values)
            self._keys, self._values = [], []
        if self._waiting is not None:
            hash, keys, values = self._waiting
            totals = self._totals(keys, values) if total is None else total - self._total
            self._made.append((keys[-1], self._measure.record(hash, totals)))
            self._waiting = None
        return self._made

    def build(self, edits: Iterable[Edit]) -> list[tuple[bytes, bytes]]:
        """The nodes of entries that stand in no tree yet; removals have nothing to remove."""
        edits = iter(edits)
        while batch := list(islice(edits, _BATCH)):
            entries = [(key, value) for key, value in batch if value is not None]
            self.add([key for key, _ in entries], [value for _, value in entries])
        return sorted(self.finish())

    def _save(self, keys: list[bytes], values: list[bytes]) -> None:
        made = (self._nodes.save(encode(self._level, keys, values)), keys, values)
        if self._waiting is not None and len(keys) > len(self._waiting[1]):
            made, self._waiting = self._waiting, made
        if self._waiting is None:
            self._waiting = made
            return
        hash, keys, values = made
        totals = self._totals(keys, values)
        self._total += totals
        self._made.append((keys[-1], self._measure.record(hash, totals)))

    def _totals(self, keys: list[bytes], values: list[bytes]) -> Totals:
        return self._measure.node(self._level, keys, values)


class _Cursor:
    """A place on one level: the node that holds a key, or would hold it."""

    def __init__(self, nodes: Nodes, root: Hash, level: int) -> None:
        self._nodes = nodes
        self._root = root
        self.level = level
        self._above: list[tuple[Node, int]] = []
        self.node = nodes.load(root)

    def seek(self, key: bytes) -> None:
        # Edits ascend, so the next node is most often below the index node that is at hand.
        above = self._above
        while above and key > above[-1][0].key(above[-1][0].count - 1):
            above.pop()
        node = above.pop()[0] if above else self._nodes.load(self._root)
        while node.level > self.level:
            i = min(node.find(key), node.count - 1)
            self._above.append((node, i))
            node = self._nodes.load(node.child(i))
        self.node = node

    @property
    def is_last(self) -> bool:
        return all(i == node.count - 1 for node, i in self._above)

    @property
    def last_key(self) -> bytes:
        return self.node.key(self.node.count - 1)

    @property
    def record(self) -> bytes | None:
        """The node's record in the index; None for the root, which no index holds."""
        if not self._above:
            return None
        node, i = self._above[-1]
        return node.value(i)

    def advance(self) -> None:
        """To the next node of the level; there must be one."""
        while True:
            node, i = self._above.pop()
            if i + 1 < node.count:
                break
        i += 1
        self._above.append((node, i))
        node = self._nodes.load(node.child(i))
        while node.level > self.level:
            self._above.append((node, 0))
            node = self._nodes.load(node.child(0))
        self.node = node
