"""What an index keeps of each subtree: files, bytes, and a sum that stands for names and contents.

The sum is a multiset hash. Every file contributes an element, the first 384 bytes of the BLAKE3
output stream over (path, 0x00, content hash), read as a number; a set of files has the sum of its
elements modulo 2^3072, and the BLAKE3 of that number is what the world sees as a directory's hash.
Sums of neighbouring ranges add, so a directory's is found from the index in O(log n), and a commit
keeps it by adding what came and subtracting what went. See docs/decisions/015-tree-of-paths.md for
why it is this wide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from blake3 import blake3

from howdah.pachd.storage.content import Hash

Entry = tuple[bytes, bytes]

SUM_BYTES = 384
_MASK = (1 << (8 * SUM_BYTES)) - 1
_HEAD = Struct("<32sQQ")
_HEAD_BYTES = _HEAD.size
_RECORD_BYTES = _HEAD_BYTES + SUM_BYTES


@dataclass(frozen=True, slots=True)
class Totals:
    count: int = 0
    size: int = 0
    sum: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.count + other.count, self.size + other.size, (self.sum + other.sum) & _MASK)

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(self.count - other.count, self.size - other.size, (self.sum - other.sum) & _MASK)

    def digest(self) -> Hash:
        """The hash that stands for the set: 32 bytes, whatever its size."""
        return Hash(blake3(self.sum.to_bytes(SUM_BYTES, "little")).digest())


NOTHING = Totals()


def of_entries(keys: Iterable[bytes], values: Iterable[bytes]) -> Totals:
    """The totals of leaf entries: paths and encoded contents."""
    count, size, total = _added_up(keys, values)
    return Totals(count, size, total & _MASK)


def _added_up(keys: Iterable[bytes], values: Iterable[bytes]) -> tuple[int, int, int]:
    count = size = total = 0
    from_bytes = int.from_bytes
    for key, value in zip(keys, values, strict=True):
        at = 1
        first = value[0]
        if first < 0x80:
            size += first
        else:
            number, shift = first & 0x7F, 7
            while (byte := value[at]) >= 0x80:
                number |= (byte & 0x7F) << shift
                shift += 7
                at += 1
            size += number | byte << shift
            at += 1
        stream = blake3(b"%b\0%b" % (key, value[at : at + 32])).digest(SUM_BYTES)
        total += from_bytes(stream, "little")
        count += 1
    return count, size, total


def of_records(records: Iterable[bytes]) -> Totals:
    """The totals of an index node from the records of its children."""
    count, size, total = _records_added_up(records)
    return Totals(count, size, total & _MASK)


def _records_added_up(records: Iterable[bytes]) -> tuple[int, int, int]:
    count = size = total = 0
    for record in records:
        _, files, bytes_ = _HEAD.unpack_from(record)
        count += files
        size += bytes_
        if len(record) == _RECORD_BYTES:
            total += int.from_bytes(record[_HEAD_BYTES:], "little")
    return count, size, total


class Measure:
    """How a tree sums its entries. `FILES` for trees of contents; `MARKS` only counts."""

    def __init__(self, summed: bool) -> None:
        self.summed = summed

    def leaf(self, keys: Sequence[bytes], values: Sequence[bytes]) -> Totals:
        return of_entries(keys, values) if self.summed else Totals(len(keys))

    def node(self, level: int, keys: Sequence[bytes], values: Sequence[bytes]) -> Totals:
        return of_records(values) if level else self.leaf(keys, values)

    def changed(
        self, record: bytes, hash: Hash, level: int, came: Sequence[Entry], went: Sequence[Entry]
    ) -> bytes:
        """The record of a node of this level, now of this hash, that was `record` before some entries
        gave way to others."""
        count, size, total = _records_added_up([record])
        for sign, entries in ((1, came), (-1, went)):
            keys, values = [key for key, _ in entries], [value for _, value in entries]
            if level:
                files, bytes_, part = _records_added_up(values)
            elif self.summed:
                files, bytes_, part = _added_up(keys, values)
            else:
                files, bytes_, part = len(entries), 0, 0
            count, size, total = count + sign * files, size + sign * bytes_, total + sign * part
        head = _HEAD.pack(hash, count, size)
        return head + (total & _MASK).to_bytes(SUM_BYTES, "little") if self.summed else head

    def record(self, hash: Hash, totals: Totals) -> bytes:
        """What the index keeps of a child: hash, count, size, and the sum where there is one."""
        head = _HEAD.pack(hash, totals.count, totals.size)
        return head + totals.sum.to_bytes(SUM_BYTES, "little") if self.summed else head


FILES = Measure(summed=True)
MARKS = Measure(summed=False)
