"""`pachctl put file`: from disk, from stdin, from a list, from URLs, from tar archives."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from howdah.cli.pachctl import archived, references
from howdah.cli.pachctl.completing import repos as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.progress import Transfer
from howdah.client.replacing import replace
from howdah.client.uploads import OnDisk, Opened, Source, Url, put
from howdah.errors import Invalid, NotFound

STDIN = "-"
ARCHIVES = (".tar", ".tar.gz", ".tgz")


def file(
    name: Annotated[
        str,
        typer.Argument(
            metavar="REPO@BRANCH[:PATH]", help="Where to put it.", show_default=False, autocompletion=names
        ),
    ],
    files: Annotated[
        list[str] | None, typer.Option("--file", "-f", help="A file, a URL, or - for stdin (default).")
    ] = None,
    input_file: Annotated[
        str | None, typer.Option("--input-file", "-i", help="A file that lists what to put, one a line.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Whole directories.")] = False,
    append: Annotated[bool, typer.Option("--append", "-a", help="Behind what is there.")] = False,
    full_path: Annotated[bool, typer.Option("--full-path", help="Keep the path as given to -f.")] = False,
    untar: Annotated[bool, typer.Option("--untar", help="Put what is in a tar archive.")] = False,
    progress: Annotated[bool, typer.Option(help="Show how far it is.")] = True,
    compress: Annotated[
        bool, typer.Option("--compress", "-c", help="Accepted; on one machine it would only cost time.")
    ] = False,
    parallelism: Annotated[
        int, typer.Option("--parallelism", "-p", help="Accepted; one stream is already as fast as the disk.")
    ] = 10,
    project: Project = None,
) -> None:
    """Put files into a repo: one commit, all or nothing.

    Examples:

      pachctl put file heart-raw@master:/2026-11.csv -f november.csv

      pachctl put file images@master -r -f my-directory

      cat notes.txt | pachctl put file notes@master:/today.txt
    """
    reference = references.file(name)
    sources = _listed(input_file) if input_file else (files or [STDIN])
    if len(sources) > 1 and reference.path and not full_path:
        reference = references.parse(name.rstrip("/") + "/")
    with ExitStack() as archives:
        found = [
            source
            for given in sources
            for source in _sources(
                given, _target(reference.path, given, full_path), recursive, archives if untar else None
            )
        ]
        what = f"{len(found)} file{'' if len(found) == 1 else 's'}"
        with connected(project) as session:
            session.pfs("InspectRepo", repo=session.repo(reference))
            with Transfer(what, _total(found), progress) as transfer:
                commit = session.commit(reference)
                if append:
                    put(session.pachd, commit, found, append=True, progress=transfer.advance)
                else:
                    replace(session.pachd, commit, found, transfer.advance)


def _listed(input_file: str) -> list[str]:
    if "://" in input_file and not input_file.startswith("file://"):
        raise Invalid(
            f"the list {input_file} is not fetched from its URL",
            remedy="Fetch it yourself and give it on stdin: curl URL | pachctl put file … -i -",
        )
    data = sys.stdin.buffer.read() if input_file == STDIN else _existing(input_file).read_bytes()
    try:
        return [line for line in data.decode().splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise Invalid(
            f"the list {input_file} is not UTF-8",
            why=str(error),
            remedy="Nothing was put. Write it as UTF-8, one file a line.",
        ) from error


def _target(path: str, source: str, full_path: bool) -> str:
    """Where a source goes: exactly `path`, or below it where it names a directory or nothing."""
    name = source.lstrip("/") if full_path else _last(source)
    if not path:
        if source == STDIN:
            raise Invalid("stdin has no name of its own", remedy="Say where to put it: repo@branch:/path.")
        return "/" + name
    if path.endswith("/") or full_path:
        if source == STDIN:
            raise Invalid("stdin has no name to put below a directory", remedy="Name the file itself.")
        return path.rstrip("/") + "/" + name
    return path


def _last(source: str) -> str:
    """The name of what is put: the last part of a path or of a URL's."""
    try:
        return Path(urlsplit(source).path.rstrip("/")).name
    except ValueError as error:
        raise Invalid(
            f"{source} is neither a file nor a URL", why=str(error), remedy="Nothing was put."
        ) from error


def _sources(source: str, path: str, recursive: bool, archives: ExitStack | None) -> Iterator[Source]:
    """Archives are unpacked if there is something to close them at the end."""
    if "://" in source and not source.startswith("file://"):
        yield Url(path, source, recursive)
    elif source == STDIN:
        if recursive:
            raise Invalid("-r needs a directory", remedy="Name it with -f, or a list with -i.")
        yield Opened(path, lambda: sys.stdin.buffer, once=True)
    elif archives is not None and source.endswith(ARCHIVES):
        folder = Path(path).parent.as_posix().rstrip("/")
        yield from archived.members(_existing(source), folder, archives)
    elif recursive:
        yield from _directory(_existing(source), path)
    else:
        found = _existing(source)
        if found.is_dir():
            raise Invalid(f"{source} is a directory", remedy="Add -r to put what is in it.")
        yield _local(path, found)


def _directory(folder: Path, path: str) -> Iterator[Source]:
    if folder.is_file():
        yield _local(path, folder)
    else:
        yield from _below(str(folder), path.rstrip("/"))


def _below(folder: str, path: str) -> Iterator[Source]:
    """Every file below a folder, in order. Links to files are followed; links to folders, and what is no
    file, are named on stderr and left out."""
    # Plain strings: for ten thousand files, paths as objects would take longer than reading them.
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise NotFound(
            f"{folder} cannot be read", why=error.strerror or "", remedy="Nothing was put."
        ) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, f"{path}/{entry.name}")
        elif entry.is_file():
            yield OnDisk(f"{path}/{entry.name}", entry.path, entry.stat().st_size)
        else:
            sys.stderr.write(f"left out: {_shown(entry.path)}, {_kind(entry)}\n")


def _kind(entry: "os.DirEntry[str]") -> str:
    return f"a link to {_shown(str(Path(entry.path).readlink()))}" if entry.is_symlink() else "no file"


def _shown(path: str) -> str:
    """Also where it is not UTF-8, which no stream could print."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _local(path: str, found: Path) -> OnDisk:
    return OnDisk(path, str(found), found.stat().st_size)


def _existing(name: str) -> Path:
    path = Path(name.removeprefix("file://"))
    if not path.exists():
        raise NotFound(f"{name} does not exist", remedy="Check the path given to -f or -i.")
    return path


def _total(sources: list[Source]) -> int:
    """How much there is to send; nought where a part of it cannot be known beforehand."""
    sizes = [source.size for source in sources if not isinstance(source, Url)]
    return 0 if None in sizes else sum(size for size in sizes if size is not None)
