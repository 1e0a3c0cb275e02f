"""Commits as tar streams, and tar streams into commits."""

import tarfile
from collections.abc import Iterator
from typing import IO

from howdah.errors import Invalid
from howdah.pachd.storage.trees import Directory, File
from howdah.pachd.versions.errors import FileNotFound
from howdah.pachd.versions.files.reader import CommitFiles, Entry
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.names import clean_path

_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_END = bytes(2 * _BLOCK)


def tar_out(files: CommitFiles, pattern: str) -> Iterator[bytes | memoryview]:
    """What matches, directories with all that they hold, as the pieces of a tar stream.

    Names are paths. Small files come many to a piece. FileNotFound if nothing matches."""
    pending = bytearray()
    found = False
    for entry in _matched(files, pattern):
        found = True
        pending += _header(entry)
        if isinstance(entry, File):
            for piece in files.read(entry):
                if len(pending) + len(piece) <= _PIECE:
                    pending += piece
                    continue
                yield bytes(pending)
                pending.clear()
                yield piece
            pending += bytes(-entry.size % _BLOCK)
        if len(pending) >= _PIECE:
            yield bytes(pending)
            pending.clear()
    if not found:
        raise FileNotFound(pattern, files.ref)
    yield bytes(pending) + _END


def _matched(files: CommitFiles, pattern: str) -> Iterator[Entry]:
    given = "\0"
    for entry in files.glob(clean_path(pattern)):
        if entry.path.startswith(given):
            continue  # it came with its directory
        if isinstance(entry, Directory):
            given = entry.path
            # The root has no name of its own to extract to.
            yield from (below for below in files.walk(entry.path) if below.path != "/")
        else:
            yield entry


def _header(entry: Entry) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.mode = 0o644
    if isinstance(entry, Directory):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    else:
        info.size = entry.size
    return info.tobuf(tarfile.PAX_FORMAT)


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def tar_in(session: FileSession, stream: IO[bytes], folder: str = "/", max_bytes: int | None = None) -> int:
    """Write a tar stream's files under a folder; how many there were.

    Directories come into being with their files. Links and devices are refused, and so is a name
    that leaves the folder, and more than `max_bytes` in all.
    """
    count = left = 0
    left = max_bytes if max_bytes is not None else 1 << 62
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                if member.isdir():
                    continue
                if not member.isfile():
                    raise Invalid(f"{member.name}: only files and directories can be taken from a tar")
                left -= member.size
                if left < 0:
                    raise Invalid(f"{member.name}: the tar holds more than {max_bytes} bytes")
                source = tar.extractfile(member)
                assert source is not None  # it is a file
                session.put_file(f"{folder.rstrip('/')}/{member.name}", _pieces(source))
                count += 1
    except tarfile.TarError as problem:
        raise Invalid(f"this is not a whole tar stream: {problem}") from problem
    return count
