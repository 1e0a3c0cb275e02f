"""Tar streams into commits. (Out of them goes `wire`, which knows what it sends to whom.)"""

import tarfile
from collections.abc import Iterator
from typing import IO

from howdah.errors import Invalid
from howdah.pachd.versions.files.session import FileSession

_PIECE = 1 << 20


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
