"""Named byte objects: the small interface that packs stand on.

Two implementations, memory and local files, pass one contract suite; an object store can be a third.
Names are relative paths of plain segments ("packs/0000000000000001"); an object is written once, from
its beginning to its end, and never changed.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from howdah.errors import AlreadyExists, Invalid, NotFound

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    name: str
    size: int


class ObjectWriter(Protocol):
    """Used by one thread at a time."""

    def write(self, parts: Sequence[Buffer]) -> None:
        """Append the parts in order; `get` sees them at once where the store appends. Unavailable
        when there is no room; how much of `parts` was then written is unknown, and nothing more may
        be written."""
        ...

    def sync(self) -> None:
        """Return when everything written, and the object's name, survive a power cut. In a store
        that does not append this completes the object, and nothing more may be written. Unavailable
        when the store cannot promise it: what was written since the last sync may then be lost."""
        ...

    def close(self) -> None:
        """Let go; what was never synced may be lost. Idempotent."""
        ...


class Objects(Protocol):
    """Safe from any number of threads."""

    appends: bool
    """Whether a writer may go on after `sync()`. Where not, every sync ends an object."""

    def create(self, name: str) -> ObjectWriter:
        """Begin a new object; AlreadyExists when the name is taken."""
        ...

    def put(self, name: str, data: Buffer) -> None:
        """Make or replace a whole object: durable on return, and never seen half written."""
        ...

    def get(self, name: str, start: int, length: int) -> bytes:
        """The bytes from `start`, fewer than `length` where the object ends; NotFound."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose names begin with `prefix`, by name; their sizes as visible now."""
        ...

    def delete(self, name: str) -> None:
        """Remove, durably; a missing object is no error. Bytes already being read stay readable.
        Unavailable when the store cannot promise it."""
        ...

    def close(self) -> None:
        """Release what the store holds open. Idempotent."""
        ...


def checked_name(name: str) -> str:
    segments = name.split("/")
    if any(segment in ("", ".", "..") or segment[0] == "." or "\\" in segment for segment in segments):
        raise Invalid(f"an object cannot be named {name!r}: plain segments between single slashes only")
    return name


class _MemoryWriter:
    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, parts: Sequence[Buffer]) -> None:
        for part in parts:
            self._data += part

    def sync(self) -> None:
        """Memory is as durable as it will be."""

    def close(self) -> None:
        """Nothing is held."""


class MemoryObjects:
    """For tests and throw-away stores. With `appends=False` it behaves as an object store does."""

    def __init__(self, *, appends: bool = True) -> None:
        self.appends = appends
        self._objects: dict[str, bytearray] = {}
        self._lock = threading.Lock()

    def create(self, name: str) -> ObjectWriter:
        with self._lock:
            if checked_name(name) in self._objects:
                raise AlreadyExists(f"object {name} exists already")
            data = self._objects[name] = bytearray()
        return _MemoryWriter(data)

    def put(self, name: str, data: Buffer) -> None:
        with self._lock:
            self._objects[checked_name(name)] = bytearray(data)

    def get(self, name: str, start: int, length: int) -> bytes:
        with self._lock:
            if (data := self._objects.get(checked_name(name))) is None:
                raise NotFound(f"object {name} does not exist")
            return bytes(data[start : start + length])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            found = [ObjectInfo(name, len(data)) for name, data in self._objects.items()]
        yield from sorted((o for o in found if o.name.startswith(prefix)), key=lambda o: o.name)

    def delete(self, name: str) -> None:
        with self._lock:
            self._objects.pop(checked_name(name), None)

    def close(self) -> None:
        """Nothing is held."""
