"""One write to an open commit: what it puts and deletes, in the order it said so.

A layer is itself a tree of blocks, so it is stored, made durable, shared and swept like one, and is
known by its root. Keys sort operations by path, then by order:

    path, 0x00, 8 bytes of order (big-endian)     an operation on the file of that path
    0x01, path, 0x00, 8 bytes of order            a deletion of everything under a directory

and the value is one byte of what is done, then the datum, 0x00, then the encoded content of a put.
Paths begin with a slash, so directory deletions come first.
"""

from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import edit, read
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Nodes
from howdah.pachd.storage.trees.sorter import Sorter
from howdah.pachd.storage.trees.sums import MARKS

_DIRECTORY = b"\x01"


class Act(IntEnum):
    DELETE_ALL = 0
    """The file of every datum."""
    DELETE = 1
    """The file of one datum."""
    REPLACE = 2
    """The content of one datum's file."""
    APPEND = 3
    """Content after that of one datum's file, which may not exist yet."""
    REPLACE_ALL = 4
    """DELETE_ALL, then REPLACE."""


Operation = tuple[bytes, bytes, bytes]
"""Path, order, and what is done, encoded: unpacked only where it is not plain (see `is_plain`)."""


class LayerWriter:
    """Collects the operations of one write; memory stays bounded, the rest waits on disk.

    Paths are absolute, canonical and free of control characters, and a directory's ends in a slash;
    datums hold no 0x00. The caller has seen to that. One thread's own."""

    def __init__(self, nodes: Nodes, folder: Path) -> None:
        self._nodes = nodes
        self._sorter = Sorter(folder)
        self._order = 0
        self._is_simple = True
        self._deleted: bytes | None = None
        """The file that the operation before this one deleted wholly, not yet written down: nearly
        every put of a client comes as such a deletion and a put, which are one operation here."""

    def put(self, path: str, content: Content, datum: str = "", append: bool = False) -> None:
        key = path.encode()
        act = Act.APPEND if append else Act.REPLACE
        if self._deleted == key:
            act, self._deleted = Act.REPLACE_ALL, None
        self._write(key, act, datum, content.encode())

    def delete(self, path: str, datum: str | None = None) -> None:
        """Deletes the file, or everything under the directory if the path ends in a slash: of one
        datum only, or whoever wrote it. What is not there is not missed."""
        key = path.encode()
        if path.endswith("/"):
            act = Act.DELETE_ALL if datum is None else Act.DELETE
            self._write(_DIRECTORY + key, act, datum or "", b"")
        elif datum is not None:
            self._write(key, Act.DELETE, datum, b"")
        else:
            self._settle()
            self._deleted = key

    def finish(self) -> Hash:
        """Stores the layer and gives its root; EMPTY_ROOT if nothing was asked for."""
        self._settle()
        try:
            return edit.apply(self._nodes, EMPTY_ROOT, self._sorter.sorted(), MARKS)
        finally:
            self._sorter.close()

    def is_simple(self, most: int) -> bool:
        """Whether there are at most so many operations, each on one file, and no bytes to be joined."""
        return self._is_simple and self._order <= most

    def close(self) -> None:
        """Forgets a layer that will not be finished."""
        self._sorter.close()

    def _settle(self) -> None:
        if self._deleted is not None:
            key, self._deleted = self._deleted, None
            self._write(key, Act.DELETE_ALL, "", b"")

    def _write(self, key: bytes, act: Act, datum: str, content: bytes) -> None:
        self._settle()
        self._order += 1
        if act == Act.APPEND or key.endswith(b"/"):
            self._is_simple = False
        self._sorter.add(
            b"%b\0%b" % (key, self._order.to_bytes(8, "big")),
            b"%c%b\0%b" % (act, datum.encode(), content),
        )


def operations(nodes: Nodes, layer: Hash) -> Iterator[Operation]:
    """Operations on files, by path, then in order."""
    for key, value in read.scan(nodes, layer, b"/"):
        yield key[:-9], key[-8:], value


def directory_deletions(nodes: Nodes, layer: Hash) -> list[Operation]:
    """Deletions of directories; their paths end in a slash."""
    return [(key[1:-9], key[-8:], value) for key, value in read.scan(nodes, layer, _DIRECTORY, b"\x02")]


def writes(done: bytes) -> bool:
    """Whether this may leave a file where there was none."""
    return done[0] in (Act.REPLACE, Act.APPEND, Act.REPLACE_ALL)


def is_plain(done: list[bytes]) -> bool:
    """Whether these, done to one path, leave what the last of them says, if nobody's datum wrote
    what stood there: none is of a datum, and the last appends nothing."""
    return done[-1][0] != Act.APPEND and all(each[1] == 0 for each in done)


def plain_content(done: bytes) -> bytes | None:
    """What stands after an operation that is plain."""
    return done[2:] or None


def parts(done: bytes) -> tuple[int, str, bytes]:
    """What is done, to which datum's file, with what content (empty for deletions)."""
    datum, _, encoded = done[1:].partition(b"\0")
    return done[0], datum.decode(), encoded


def content(done: bytes) -> Content | None:
    encoded = parts(done)[2]
    return Content.decode(encoded) if encoded else None
