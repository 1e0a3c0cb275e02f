"""What is in a tar archive, as sources to put: read one after the other, none of them whole in memory."""

import posixpath
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from howdah.client.uploads import Opened
from howdah.errors import Invalid


def members(archive: Path, folder: str, archives: ExitStack) -> Iterator[Opened]:
    """The files of an archive, below `folder`; to be read before `archives` closes. What is neither
    file nor folder is named on stderr and left out. Invalid for what would lie outside of `folder`."""
    try:
        opened = tarfile.open(archive)  # noqa: SIM115 - as long as `archives`
        archives.callback(opened.close)
        found = opened.getmembers()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Invalid(
            f"{archive} is no whole tar archive", why=str(error), remedy="Nothing was put."
        ) from error
    for member in found:
        if member.isfile():
            path = f"{folder}/{_inside(archive, member.name)}"
            yield Opened(path, lambda member=member: _content(opened, member), member.size)  # type: ignore[misc]
        elif not member.isdir():
            sys.stderr.write(f"left out: {member.name}, {_kind(member)}\n")


def _inside(archive: Path, name: str) -> str:
    if ".." in name.split("/"):
        raise Invalid(
            f"{archive} holds {name}, which may lie outside of where it is put",
            remedy="Nothing was put. Unpack the archive yourself and put what you want of it with -r.",
        )
    return posixpath.normpath(name).lstrip("/")


def _content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    return cast(BinaryIO, opened.extractfile(member))


def _kind(member: tarfile.TarInfo) -> str:
    return f"a link to {member.linkname}" if member.issym() or member.islnk() else "no file"
