"""The files of a commit, open or finished: one reading interface over a tree of contents.

Paths are as Pachyderm writes them: absolute, a directory's with a slash at its end. Directories are
implied by the files under them; only the root exists without any. Everything comes in the order of
the bytes of its path, so that `/a-b` comes before `/a/`, and `/a/` before what it holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import read
from howdah.pachd.storage.trees.glob import Glob, Name
from howdah.pachd.storage.trees.nodes import Nodes
from howdah.pachd.storage.trees.sums import FILES

ROOT = "/"
_Child = tuple[bytes, bytes | None]
"""A file's path and its encoded content; a directory's path and None."""


@dataclass(frozen=True, slots=True)
class File:
    path: str
    content: Content

    @property
    def size(self) -> int:
        return self.content.size

    @property
    def hash(self) -> Hash:
        return self.content.hash


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory with the totals of everything under it, at any depth."""

    path: str
    size: int
    count: int
    hash: Hash
    """Covers the paths and contents of all files under it, and nothing else."""


class Files:
    """Immutable, safe for many threads, and consistent for as long as it is held: whatever is
    written meanwhile stands in other roots. Every method costs as much as what it gives, plus
    O(log n); a directory that is listed but not entered costs no more than a file.

    `after`, where a method has it, is a path that the same call gave before: only what comes after
    it is given (before it, in reverse)."""

    def __init__(self, nodes: Nodes, root: Hash) -> None:
        self._nodes = nodes
        self.root = root

    def get(self, path: str) -> File | None:
        value = read.get(self._nodes, self.root, path.encode())
        return None if value is None else File(path, Content.decode(value))

    def directory(self, path: str) -> Directory | None:
        """The directory, its path ending in a slash or not; None if no file is under it."""
        key = _directory_key(path)
        if key != b"/" and read.first_key(self._nodes, self.root, key, _end(key)) is None:
            return None
        return self._directory(key)

    def find(self, path: str) -> File | Directory | None:
        """What stands at a path; only a directory if the path ends in a slash."""
        return (None if path.endswith("/") else self.get(path)) or self.directory(path)

    def files(self, under: str = ROOT, after: str = "", reverse: bool = False) -> Iterator[File]:
        """Files whose paths begin with `under`, at any depth."""
        low, high = _range(under.encode(), after.encode(), reverse)
        for key, value in read.scan(self._nodes, self.root, low, high, reverse):
            yield _file(key, value)

    def listing(self, path: str = ROOT, after: str = "", reverse: bool = False) -> Iterator[File | Directory]:
        """The files and directories immediately in a directory."""
        key = _directory_key(path)
        low, high = _range(key, after.encode(), reverse)
        if not reverse and after.endswith("/"):
            low = max(key, _end(after.encode()))
        children = self._children_reversed if reverse else self._children
        for child in children(len(key), low, high):
            yield self._made(child)

    def walk(self, path: str = ROOT) -> Iterator[File | Directory]:
        """What stands at the path and everything under it, every directory before what it holds."""
        if not path.endswith("/") and (file := self.get(path)):
            yield file
        key = _directory_key(path)
        for child in self._everything(key, key[: key.rfind(b"/", 0, -1) + 1]):
            yield self._made(child)

    def glob(self, pattern: str | Glob, after: str = "") -> Iterator[File | Directory]:
        """The files and directories that match. A pattern that fixes the depth of its matches lists
        only directories that can lead to one; any other reads everything under its literal start."""
        glob = pattern if isinstance(pattern, Glob) else Glob(pattern)
        marker = after.encode()
        if glob.pattern == ROOT:
            candidates: Iterator[_Child] = iter([(b"/", None)])
        elif glob.names is not None:
            candidates = self._candidates(glob.names, b"/", marker)
        else:
            candidates = self._everything(glob.literal.encode(), b"/", marker)
        for child in candidates:
            if child[0] > marker and glob.match(child[0].decode()) is not None:
                yield self._made(child)

    def _candidates(self, names: Sequence[Name], directory: bytes, after: bytes) -> Iterator[_Child]:
        """At least what matches name by name and comes after the marker."""
        name, deeper = names[0], names[1:]
        start = directory + name.literal.encode()
        length = len(directory)
        for child in self._children(length, max(start, after), read.prefix_end(start)):
            key, value = child
            if not name.admits(key[length:].rstrip(b"/").decode()):
                continue
            if not deeper:
                yield child
            elif value is None:
                yield from self._candidates(deeper, key, after)

    def _children(self, length: int, low: bytes, high: bytes | None) -> Iterator[_Child]:
        """What is immediately in a directory whose path has that length, from one key to another."""
        while (leaf := read.leaf_after(self._nodes, self.root, low)) is not None:
            i = leaf.find(low)
            if i == leaf.count:
                return  # a tree of one leaf is asked past its end
            while i < leaf.count:
                key = leaf.key(i)
                if high is not None and key >= high:
                    return
                slash = key.find(b"/", length)
                if slash < 0:
                    yield key, leaf.value(i)
                    low = key + b"\0"
                    i += 1
                else:
                    directory = key[: slash + 1]
                    yield directory, None
                    # Past everything in it, which may end in this leaf or much further on.
                    low = _end(directory)
                    i = leaf.find(low)

    def _children_reversed(self, length: int, low: bytes, high: bytes | None) -> Iterator[_Child]:
        while (key := read.last_key(self._nodes, self.root, low, high)) is not None:
            slash = key.find(b"/", length)
            high = key if slash < 0 else key[: slash + 1]
            yield high, read.get(self._nodes, self.root, key) if slash < 0 else None

    def _everything(self, start: bytes, inside: bytes, after: bytes = b"") -> Iterator[_Child]:
        """All files whose paths begin with `start` and come after the marker, each directory that
        holds them before its first, but for `inside` and those that hold that."""
        for key, value in read.scan(self._nodes, self.root, max(start, after), read.prefix_end(start)):
            if key == after:
                continue
            while not key.startswith(inside):
                inside = inside[: inside.rfind(b"/", 0, -1) + 1]
            while (slash := key.find(b"/", len(inside))) >= 0:
                inside = key[: slash + 1]
                if inside > after:
                    yield inside, None
            yield key, value

    def _made(self, child: _Child) -> File | Directory:
        key, value = child
        return self._directory(key) if value is None else _file(key, value)

    def _directory(self, key: bytes) -> Directory:
        low, high = (None, None) if key == b"/" else (key, _end(key))
        totals = read.totals(self._nodes, self.root, FILES, low, high)
        return Directory(key.decode(), totals.size, totals.count, totals.digest())


def _file(key: bytes, value: bytes) -> File:
    return File(key.decode(), Content.decode(value))


def _directory_key(path: str) -> bytes:
    return (path if path.endswith("/") else path + "/").encode()


def _end(directory: bytes) -> bytes:
    """The least key above everything in a directory."""
    return directory[:-1] + b"0"


def _range(start: bytes, after: bytes, reverse: bool) -> tuple[bytes, bytes | None]:
    """The keys that begin with `start` and come after the marker."""
    high = read.prefix_end(start)
    if not after:
        return start, high
    if reverse:
        return start, after if high is None else min(high, after)
    return max(start, after + b"\0"), high
