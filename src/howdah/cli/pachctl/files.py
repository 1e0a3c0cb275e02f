"""Files: reading, listing, copying, deleting. Putting stands in `put.py`, comparing in `diffing.py`."""

import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.completing import repos as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import Output, Raw
from howdah.cli.pachctl.progress import Transfer
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields
from howdah.errors import Invalid

Name = Annotated[
    str,
    typer.Argument(
        metavar="REPO@BRANCH-OR-COMMIT:PATH", help="The file.", show_default=False, autocompletion=names
    ),
]
Timeless = Annotated[
    bool, typer.Option("--full-timestamps", help="Accepted; no times stand in what is printed.")
]
HEADER = ("SIZE", "NAME")
FILE = 1


def get(
    name: Name,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write there, not to stdout.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="A whole directory.")] = False,
    offset: Annotated[int, typer.Option(min=0, help="Skip this many bytes.")] = 0,
    retry: Annotated[bool, typer.Option("--retry", help="Fetch what a file is still missing.")] = False,
    progress: Annotated[bool, typer.Option(help="Show how far it is.")] = True,
    project: Project = None,
) -> None:
    """Write a file to stdout, or a directory to a folder.

    Example: pachctl get file images@master:/cat.png -o cat.png
    """
    reference = references.file(name)
    with connected(project) as session:
        if recursive:
            return _get_directory(session, reference, output, progress)
        if output is None:
            return _copy(session, reference, sys.stdout.buffer, offset, None)
        info = session.pfs("InspectFile", file=session.file(reference))
        if retry and output.exists():
            offset = offset or output.stat().st_size
        with (
            output.open("ab") if retry else _whole(output) as sink,
            Transfer(reference.path, info.size_bytes - offset, progress) as transfer,
        ):
            _copy(session, reference, sink, offset, transfer)
    return None


def _copy(
    session: Session, reference: references.Reference, sink: BinaryIO, offset: int, transfer: Transfer | None
) -> None:
    for piece in session.pfs_stream("GetFile", file=session.file(reference), offset=offset):
        sink.write(piece.value)
        if transfer is not None:
            transfer.advance(len(piece.value))
    sink.flush()


@contextmanager
def _whole(output: Path) -> Iterator[BinaryIO]:
    """Something to write to that takes the name `output` once everything is written; until then, and
    if that never happens, what stood there stays."""
    if output.exists() and not output.is_file():
        with output.open("wb") as sink:  # a folder is refused; a device or a pipe cannot be replaced
            yield sink
        return
    target = output.resolve()  # a link goes on being one
    beside = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        sink = beside.open("xb")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(output)) from error
    try:
        with sink:
            if target.exists():
                os.fchmod(sink.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield sink
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _get_directory(
    session: Session, reference: references.Reference, output: Path | None, progress: bool
) -> None:
    if output is None:
        raise Invalid("-r writes a folder", remedy="Say where with -o FOLDER.")
    info = session.pfs("InspectFile", file=session.file(reference))
    root = info.file.path.rstrip("/")
    pieces = session.pfs_stream("GetFileTAR", file=session.file(reference))
    with Transfer(reference.path or "/", info.size_bytes, progress) as transfer:
        reader = _Pieces(pieces, transfer)
        with tarfile.open(fileobj=reader, mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                relative = member.name.removeprefix(root.lstrip("/")).removeprefix(root).lstrip("/")
                if relative or member.isfile():
                    member.name = relative or Path(root).name
                    _extract(archive, member, output)
                    transfer.finish_file()
    output.mkdir(parents=True, exist_ok=True)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, output: Path) -> None:
    """Whole, or not at all."""
    try:
        archive.extract(member, output, filter="data")
    except BaseException:
        if member.isfile():
            (output / member.name).unlink(missing_ok=True)
        raise


class _Pieces:
    """A stream of messages as something to read from."""

    def __init__(self, messages: Iterator[Fields], transfer: Transfer) -> None:
        self._messages, self._transfer = messages, transfer
        self._left = memoryview(b"")

    def read(self, count: int) -> bytes:
        """So many bytes; fewer only at the end. Each is copied once, however small the reads are."""
        pieces = []
        while count:
            if not self._left:
                message = next(self._messages, None)
                if message is None:
                    break
                self._left = memoryview(message.value)
                self._transfer.advance(len(self._left))
            pieces.append(self._left[:count])
            self._left = self._left[count:]
            count -= len(pieces[-1])
        return b"".join(pieces)


def inspect(name: Name, raw: Raw = False, output: Output = None, project: Project = None) -> None:
    """Show one file or directory."""
    with connected(project) as session:
        info = session.pfs("InspectFile", file=session.file(references.file(name)))
    printing.one(
        info,
        (
            ("Path", info.file.path),
            ("Datum", info.file.datum),
            ("Type", "file" if info.file_type == FILE else "dir"),
            ("Size", printing.size(info.size_bytes)),
        ),
        raw,
        output,
    )


def list_(
    name: Annotated[
        str, typer.Argument(metavar="REPO@BRANCH-OR-COMMIT[:PATH]", show_default=False, autocompletion=names)
    ],
    raw: Raw = False,
    output: Output = None,
    full: Timeless = False,
    project: Project = None,
) -> None:
    """List what is in a directory.

    Example: pachctl list file images@master:/cats
    """
    with connected(project) as session:
        _print(session.pfs_stream("ListFile", file=session.file(references.file(name))), raw, output)


def glob(
    pattern: Annotated[
        str, typer.Argument(metavar="REPO@BRANCH-OR-COMMIT:PATTERN", show_default=False, autocompletion=names)
    ],
    raw: Raw = False,
    output: Output = None,
    full: Timeless = False,
    project: Project = None,
) -> None:
    """List the files that a pattern matches; quote the pattern.

    Example: pachctl glob file "images@master:/cats/*.png"
    """
    reference = references.file(pattern)
    with connected(project) as session:
        found = session.pfs_stream("GlobFile", commit=session.commit(reference), pattern=reference.path)
        _print(found, raw, output)


def _print(found: Iterator[Fields], raw: bool, output: printing.Encoding | None) -> None:
    printing.many(found, HEADER, lambda info: (printing.size(info.size_bytes), info.file.path), raw, output)


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="repo@commit:path", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TO", help="repo@branch:path", show_default=False)],
    append: Annotated[bool, typer.Option("--append", "-a", help="Behind what is there.")] = False,
    project: Project = None,
    src_project: Annotated[str, typer.Option(help="FROM's project, if it is another.")] = "",
    dest_project: Annotated[str, typer.Option(help="TO's project, if it is another.")] = "",
) -> None:
    """Copy a file or directory inside pachd; nothing is downloaded."""
    to = references.within(dest_project, references.file(target))
    with connected(project) as session:
        there = session.file(references.within(src_project, references.file(source)))
        session.pfs("InspectFile", file=there)  # pachd itself copies nothing from nowhere, in silence
        copying = session.message(
            "pfs_v2.CopyFile",
            src=there,
            dst=to.path,
            append=append,
        )
        _modify(session, to, copy_file=copying)


def delete(
    name: Name,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="A whole directory.")] = False,
    project: Project = None,
) -> None:
    """Delete a file."""
    reference = references.file(name)
    path = reference.path.rstrip("/") + ("/" if recursive else "")
    with connected(project) as session:
        _modify(session, reference, delete_file=session.message("pfs_v2.DeleteFile", path=path))


def _modify(session: Session, reference: references.Reference, **body: Fields) -> None:
    kind = "pfs_v2.ModifyFileRequest"
    requests = [session.message(kind, set_commit=session.commit(reference)), session.message(kind, **body)]
    session.pachd.send("pfs_v2.API/ModifyFile", requests)
