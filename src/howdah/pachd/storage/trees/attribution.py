"""Which datum wrote which file: a tree of its own, so that the tree of contents knows nothing of it.

A file's *writer* is a datum, or "" for a file that nobody's datum wrote. Three families of keys:

    0x01, path                       writers, sorted, each ended by 0x00; absent for the lone writer ""
    0x02, datum, 0x00, path          (no value) the datum wrote the path
    0x03, path, 0x00, datum          the content of a further writer

The tree of contents holds the content of the first writer. That a path has a further one is an error
which finishing a commit finds (`duplicates`), but nothing is lost by it: when one of the writers is
deleted, what the others wrote stands exactly as they wrote it.
"""

from collections.abc import Iterator

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import read
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Nodes
from howdah.pachd.storage.trees.splice import Edit

NO_DATUM = ""
_WRITERS, _WROTE, _FURTHER = b"\x01", b"\x02", b"\x03"

Versions = dict[str, bytes]
"""What each writer wrote to one path, encoded."""


def writers(nodes: Nodes, root: Hash, path: bytes) -> tuple[str, ...]:
    """Who wrote a path that exists."""
    value = read.get(nodes, root, _WRITERS + path)
    return (NO_DATUM,) if value is None else _split(value)


def written(nodes: Nodes, root: Hash, datum: str, under: bytes = b"") -> Iterator[bytes]:
    """The paths that a datum (not "") wrote, ascending."""
    prefix = b"%b%b\0" % (_WROTE, datum.encode())
    low = prefix + under
    for key, _ in read.scan(nodes, root, low, read.prefix_end(low)):
        yield key[len(prefix) :]


def versions(nodes: Nodes, root: Hash, path: bytes, first: bytes | None) -> Versions:
    """What stands at a path, of which the tree of contents holds `first`."""
    if first is None:
        return {}
    if root == EMPTY_ROOT:
        return {NO_DATUM: first}
    names = writers(nodes, root, path)
    result = {names[0]: first}
    for name in names[1:]:
        value = read.get(nodes, root, _further_key(path, name))
        assert value is not None, "every further writer has a content"
        result[name] = value
    return result


def edits(path: bytes, old: Versions, new: Versions) -> Iterator[Edit]:
    """How this tree changes when what stands at a path does; not in order."""
    before, after = sorted(old), sorted(new)
    if before != after:
        if after and after != [NO_DATUM]:
            yield _WRITERS + path, b"".join(b"%b\0" % name.encode() for name in after)
        elif before and before != [NO_DATUM]:
            yield _WRITERS + path, None
        for name in old.keys() - new.keys() - {NO_DATUM}:
            yield b"%b%b\0%b" % (_WROTE, name.encode(), path), None
        for name in new.keys() - old.keys() - {NO_DATUM}:
            yield b"%b%b\0%b" % (_WROTE, name.encode(), path), b""
    further = {name: new[name] for name in after[1:]}
    for name in before[1:]:
        if name not in further:
            yield _further_key(path, name), None
    for name, content in further.items():
        if name not in before[1:] or old[name] != content:
            yield _further_key(path, name), content


def duplicates(nodes: Nodes, root: Hash) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Paths with more than one writer, each with its writers; found by their further contents,
    so a tree without any costs one look."""
    previous = None
    for key, _ in read.scan(nodes, root, _FURTHER, b"\x04"):
        path = key[1:].partition(b"\0")[0]
        if path != previous:
            previous = path
            yield path, writers(nodes, root, path)


def further_content(key: bytes, value: bytes) -> bytes | None:
    """The encoded content that an entry of this tree holds, if it does."""
    return value if key[:1] == _FURTHER else None


def _further_key(path: bytes, name: str) -> bytes:
    return b"%b%b\0%b" % (_FURTHER, path, name.encode())


def _split(value: bytes) -> tuple[str, ...]:
    return tuple(name.decode() for name in value[:-1].split(b"\0"))
