"""Files into one commit by one ModifyFile stream: all of them, or none.

The server makes nothing visible until the stream has ended well, so an upload that is
interrupted leaves nothing behind but chunks, which make a repeat cheap.

Requests that carry bytes are written here field by field: a message object would copy every
byte twice more on its way to the wire.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from google.protobuf.message import Message

from howdah.client.pachd import Fields, Pachd
from howdah.core.varint import varint
from howdah.errors import Invalid, NotFound

# Large enough that the cost of a message vanishes, small enough that two in flight are no burden.
PIECE = 1 << 20
REQUEST = "pfs_v2.ModifyFileRequest"
WRITTEN = "howdah-commit"
"""Where Howdah's pachd names the commit that it wrote to; `pachd/wire/call.py` has the other end."""

_ADD_FILE, _DELETE_FILE, _PATH, _RAW, _VALUE = b"\x12", b"\x1a", b"\x0a", b"\x1a", b"\x0a"
"""Tags: field number and wire type 2. `tests/contract/test_codecs.py` holds them against the contract."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file to put: opened only when its turn comes."""

    path: str
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Bytes from anywhere else: stdin, memory, an archive."""

    path: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    once: bool = False
    """Whether it can be read only one time, as stdin can."""


@dataclass(frozen=True, slots=True)
class Url:
    """Something that the server is to fetch by itself."""

    path: str
    url: str
    recursive: bool = False


Source = OnDisk | Opened | Url


def put(
    pachd: Pachd,
    commit: Fields,
    sources: Iterable[Source],
    *,
    append: bool = False,
    progress: Callable[[int], None] | None = None,
) -> str:
    """Puts every source; replaces what stood at its path unless `append`. `progress` hears bytes.

    Returns the id of the commit that got them; "" from a pachd that does not tell.
    NotFound when a file on disk cannot be read, Invalid when its name is not UTF-8; nothing is put then."""
    told = pachd.send("pfs_v2.API/ModifyFile", _requests(pachd, commit, sources, append, progress))
    return str(told.get(WRITTEN, ""))


def _requests(
    pachd: Pachd,
    commit: Fields,
    sources: Iterable[Source],
    append: bool,
    progress: Callable[[int], None] | None,
) -> Iterator[Message | bytes]:
    yield pachd.message(REQUEST, set_commit=commit)
    for source in sources:
        path = encoded(source.path)
        if not append:
            yield delete_request(path)
        if isinstance(source, Url):
            url = pachd.message("pfs_v2.AddFileUrlSource", url=source.url, recursive=source.recursive)
            yield pachd.message(REQUEST, add_file=pachd.message("pfs_v2.AddFile", path=source.path, url=url))
            continue
        for piece in _pieces(source):
            yield add_request(path, piece)
            if progress is not None:
                progress(len(piece))


def encoded(path: str) -> bytes:
    """A path as it is sent. Invalid where the file system gave a name that is not UTF-8."""
    try:
        return path.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            f"{os.fsencode(path).decode(errors='backslashreplace')} is no name that pachd could keep",
            why="It is not UTF-8.",
            remedy="Nothing was put. Rename it or leave it out, and put the rest again.",
        ) from error


def delete_request(path: bytes) -> bytes:
    body = _PATH + _length(path) + path
    return _DELETE_FILE + _length(body) + body


def add_request(path: bytes, piece: bytes) -> bytes:
    value = _VALUE + _length(piece) if piece else b""
    raw = _RAW + varint(len(value) + len(piece)) + value
    head = _PATH + _length(path) + path + raw
    return b"".join((_ADD_FILE, varint(len(head) + len(piece)), head, piece))


def _pieces(source: OnDisk | Opened) -> Iterator[bytes]:
    """The content; one empty piece if there is none."""
    if isinstance(source, OnDisk):
        yield from _on_disk(source)
        return
    with source.open() as stream:
        piece = stream.read(PIECE)
        yield piece
        while piece:
            piece = stream.read(PIECE)
            if piece:
                yield piece


def _on_disk(source: OnDisk) -> Iterator[bytes]:
    # Without a file object: for a small file, making one takes longer than reading it.
    try:
        file = os.open(source.file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            piece = os.read(file, PIECE)
            yield piece
            while piece:
                piece = os.read(file, PIECE)
                if piece:
                    yield piece
        finally:
            os.close(file)
    except OSError as error:
        raise NotFound(
            f"{source.file} cannot be read",
            why=error.strerror or "",
            remedy="Nothing was put. Mend it or leave it out, and put the rest again.",
        ) from error


def _length(data: bytes) -> bytes:
    return varint(len(data))
