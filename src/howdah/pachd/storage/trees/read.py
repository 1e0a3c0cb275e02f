"""Reading a tree: one key, a range either way, and the totals of a range."""

from bisect import bisect_left
from collections.abc import Callable, Iterator

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Node, Nodes
from howdah.pachd.storage.trees.sums import NOTHING, Measure, Totals, of_records


def leaf_after(nodes: Nodes, root: Hash, key: bytes) -> Node | None:
    """The leaf that holds the least key that is not below `key`."""
    if root == EMPTY_ROOT:
        return None
    load = nodes.load
    node = load(root)
    while node.level:
        keys, children = node.index()
        i = bisect_left(keys, key)
        if i == len(keys):
            return None
        node = load(children[i])
    return node


def get(nodes: Nodes, root: Hash, key: bytes) -> bytes | None:
    leaf = leaf_after(nodes, root, key)
    return None if leaf is None else leaf.get(key)


def scan(
    nodes: Nodes, root: Hash, low: bytes = b"", high: bytes | None = None, reverse: bool = False
) -> Iterator[tuple[bytes, bytes]]:
    """Entries with low <= key < high, ascending, or descending if `reverse`."""
    for leaf in _leaves(nodes, root, low, high, reverse):
        start = leaf.find(low)
        end = leaf.count if high is None else leaf.find(high)
        for i in range(end - 1, start - 1, -1) if reverse else range(start, end):
            yield leaf.key(i), leaf.value(i)


def first_key(nodes: Nodes, root: Hash, low: bytes, high: bytes | None) -> bytes | None:
    """The least key with low <= key < high."""
    leaf = leaf_after(nodes, root, low)
    if leaf is None or (i := leaf.find(low)) == leaf.count:
        return None
    key = leaf.key(i)
    return key if high is None or key < high else None


def last_key(nodes: Nodes, root: Hash, low: bytes, high: bytes | None) -> bytes | None:
    """The greatest key with low <= key < high."""
    for leaf in _leaves(nodes, root, low, high, reverse=True):
        end = leaf.count if high is None else leaf.find(high)
        if end:
            key = leaf.key(end - 1)
            return key if key >= low else None
    return None


def totals(
    nodes: Nodes, root: Hash, measure: Measure, low: bytes | None = None, high: bytes | None = None
) -> Totals:
    """The totals of entries with low <= key < high; None stands for no bound."""
    if root == EMPTY_ROOT:
        return NOTHING
    return _node_totals(nodes, nodes.load(root), None, measure, low, high)


def _node_totals(
    nodes: Nodes, node: Node, record: bytes | None, measure: Measure, low: bytes | None, high: bytes | None
) -> Totals:
    """The totals of a part of a node, whose own the record in the index holds."""
    start = 0 if low is None else node.find(low)
    end = node.count if high is None else node.find(high)
    if not node.level:
        return _leaf_totals(node, record, measure, start, end)
    if start == node.count:
        return NOTHING

    def part(i: int, low: bytes | None, high: bytes | None) -> Totals:
        return _node_totals(nodes, nodes.load(node.child(i)), node.value(i), measure, low, high)

    # Children start+1 .. end-1 lie wholly within; the ones at either end may reach out of it.
    if start == end:
        return part(start, low, high)
    result = of_records(node.value(i) for i in range(start if low is None else start + 1, end))
    if low is not None:
        result += part(start, low, None)
    if high is not None and end < node.count:
        result += part(end, None, high)
    return result


def _leaf_totals(leaf: Node, record: bytes | None, measure: Measure, start: int, end: int) -> Totals:
    def of_range(first: int, last: int) -> Totals:
        entries = leaf.entries(first, last)
        return measure.leaf([key for key, _ in entries], [value for _, value in entries])

    if record is None or 2 * (end - start) < leaf.count:
        return of_range(start, end)
    # Taking away what is outside is less work than adding up what is inside.
    return of_records([record]) - of_range(0, start) - of_range(end, leaf.count)


def _leaves(nodes: Nodes, root: Hash, low: bytes, high: bytes | None, reverse: bool) -> Iterator[Node]:
    if root != EMPTY_ROOT:
        yield from _leaves_under(nodes, nodes.load(root), low, high, reverse)


def _leaves_under(nodes: Nodes, node: Node, low: bytes, high: bytes | None, reverse: bool) -> Iterator[Node]:
    if not node.level:
        yield node
        return
    start = node.find(low)
    end = node.count - 1 if high is None else min(node.find(high), node.count - 1)
    for i in range(end, start - 1, -1) if reverse else range(start, end + 1):
        yield from _leaves_under(nodes, nodes.load(node.child(i)), low, high, reverse)


def prefix_end(prefix: bytes) -> bytes | None:
    """The least key above every key with the prefix; None if there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def walk_nodes(nodes: Nodes, root: Hash, skip: Callable[[Hash], bool]) -> Iterator[tuple[Hash, Node]]:
    """Every node of the tree with its hash, parents first, except those that `skip` says yes to
    and what is only below them."""
    stack = [] if root == EMPTY_ROOT else [root]
    while stack:
        hash = stack.pop()
        if skip(hash):
            continue
        node = nodes.load(hash)
        yield hash, node
        if node.level:
            stack.extend(node.child(i) for i in range(node.count - 1, -1, -1))
