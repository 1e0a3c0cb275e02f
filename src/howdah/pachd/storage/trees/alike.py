"""What two states of one node have in common at either end, found without making entries."""

from collections.abc import Callable

from howdah.pachd.storage.trees.nodes import Node


def alike(one: Node, other: Node) -> tuple[int, int]:
    """How many entries at the beginning and at the end of two nodes are certainly equal, by halving
    on slices of the blocks. There may be more."""
    if one.prefix != other.prefix:
        return 0, 0
    most = min(one.count, other.count)
    keys, values = _Column(one, other, "key"), _Column(one, other, "value")
    # Joined bytes can be equal though they are parted differently, which only the offsets show. So
    # the greatest number is looked for on the bytes, and the offsets are compared once.
    head = _most(most, lambda n: keys.head_is_equal(n) and values.head_is_equal(n))
    if not (keys.head_is_parted_alike(head) and values.head_is_parted_alike(head)):
        head = 0
    tail = _most(most - head, lambda n: keys.tail_is_equal(n) and values.tail_is_equal(n))
    if not (keys.tail_is_parted_alike(tail) and values.tail_is_parted_alike(tail)):
        tail = 0
    return head, tail


def _most(most: int, holds: Callable[[int], bool]) -> int:
    """The greatest number up to `most` that `holds`, which does not hold again once it does not."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) >> 1
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


class _Column:
    """The keys or the values of two nodes."""

    def __init__(self, one: Node, other: Node, which: str) -> None:
        is_key = which == "key"
        self._a_data, self._b_data = one.data, other.data
        self._a = (one.key_table if is_key else one.value_table).tolist()
        self._b = (other.key_table if is_key else other.value_table).tolist()
        self._a_at = one.keys_at if is_key else one.values_at
        self._b_at = other.keys_at if is_key else other.values_at

    def head_is_equal(self, count: int) -> bool:
        end = self._a[count]
        return (
            end == self._b[count]
            and self._a_data[self._a_at : self._a_at + end] == self._b_data[self._b_at : self._b_at + end]
        )

    def head_is_parted_alike(self, count: int) -> bool:
        return self._a[: count + 1] == self._b[: count + 1]

    def tail_is_equal(self, count: int) -> bool:
        a, b = self._a, self._b
        return (
            self._a_data[self._a_at + a[-1 - count] : self._a_at + a[-1]]
            == self._b_data[self._b_at + b[-1 - count] : self._b_at + b[-1]]
        )

    def tail_is_parted_alike(self, count: int) -> bool:
        a, b = self._a[-1 - count :], self._b[-1 - count :]
        shift = b[0] - a[0]
        return [offset + shift for offset in a] == b
