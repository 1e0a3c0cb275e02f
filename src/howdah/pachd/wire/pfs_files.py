"""`pfs_v2.API`, reading files."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from howdah.core.refs import CommitSpec
from howdah.errors import Invalid
from howdah.pachd.storage.trees.files import File
from howdah.pachd.versions import Versions
from howdah.pachd.versions.errors import FileNotFound
from howdah.pachd.versions.files.reader import CommitFiles, Entry
from howdah.pachd.wire import convert, tar
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.diff import differences
from howdah.pachd.wire.encoding import FileInfos, bytes_value

MESSAGE_BYTES = 2 << 20
"""Payload of one message of a download: large enough to be cheap, small enough to flow."""


class FileCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def inspect_file(self, request: Any, call: Call) -> Any:
        files = self._open(request.file, call)
        return FileInfos(files.info).encode(files.stat(request.file.path, request.file.datum))

    def list_file(self, request: Any, call: Call) -> Iterator[bytes]:
        files = self._open(request.file, call)
        found = files.listing(
            request.file.path,
            after=request.pagination_marker.path,
            number=request.number,
            reverse=request.reverse,
        )
        return map(FileInfos(files.info).encode, _of_datum(files, found, request.file.datum))

    def walk_file(self, request: Any, call: Call) -> Iterator[bytes]:
        files = self._open(request.file, call)
        found = files.walk(
            request.file.path,
            after=request.pagination_marker.path,
            number=request.number,
            reverse=request.reverse,
        )
        return map(FileInfos(files.info).encode, _of_datum(files, found, request.file.datum))

    def glob_file(self, request: Any, call: Call) -> Iterator[bytes]:
        files = self._versions.files(convert.commit_spec(request.commit), call.cancel, call.waiting)
        bounds = request.path_range
        found = files.glob(_rooted(request.pattern), lower=bounds.lower, upper=bounds.upper)
        return map(FileInfos(files.info).encode, found)

    def diff_file(self, request: Any, call: Call) -> Iterator[Any]:
        new = self._open(request.new_file, call)
        old_path = request.new_file.path
        if request.HasField("old_file"):
            old: CommitFiles | None = self._open(request.old_file, call)
            old_path = request.old_file.path
        else:
            old = (
                None
                if new.info.parent is None
                else self._versions.files(new.info.parent, call.cancel, call.waiting)
            )
        new_infos = FileInfos(new.info)
        old_infos = None if old is None else FileInfos(old.info)
        for before, after in differences(old, old_path, new, request.new_file.path, request.shallow):
            yield pfs.DiffFileResponse(
                new_file=None if after is None else new_infos.message(after),
                old_file=None if before is None or old_infos is None else old_infos.message(before),
            )

    def find_commits(self, request: Any, call: Call) -> Iterator[Any]:
        start = convert.commit_spec(request.start)
        for result in self._versions.find_commits(start, request.file_path, request.limit):
            if result.found is not None:
                yield pfs.FindCommitsResponse(
                    found_commit=convert.commit_message(result.found), commits_searched=result.searched
                )
            else:
                yield pfs.FindCommitsResponse(
                    last_searched_commit=convert.commit_message(result.last_searched),
                    commits_searched=result.searched,
                )

    def get_file(self, request: Any, call: Call) -> Iterator[bytes]:
        _refuse_url(request)
        files = self._open(request.file, call)
        file = files.one(_rooted(request.file.path))
        if request.offset < 0 or request.offset > file.size:
            raise Invalid(f"offset {request.offset} is outside of {file.path}, which has {file.size} bytes")
        return files.runs(file, bytes_value, request.offset)

    def get_file_tar(self, request: Any, call: Call) -> Iterator[bytes]:
        _refuse_url(request)
        files = self._open(request.file, call)
        bounds = request.path_range
        found = files.glob(_rooted(request.file.path), lower=bounds.lower, upper=bounds.upper)
        first = next(found, None)
        if first is None:
            raise FileNotFound(request.file.path, files.ref)
        entries = _with_contents(files, chain([first], found))
        return messages(_tar(files, _of_datum(files, entries, request.file.datum)))

    def _open(self, file: Any, call: Call) -> CommitFiles:
        return self._versions.files(_commit_of(file), call.cancel, call.waiting)


def _commit_of(file: Any) -> CommitSpec:
    if not file.HasField("commit"):
        raise Invalid("file commit cannot be nil")
    return convert.commit_spec(file.commit)


def _rooted(pattern: str) -> str:
    return pattern if pattern.startswith("/") else f"/{pattern}"


def _refuse_url(request: Any) -> None:
    if request.url:
        raise Invalid("writing files to a URL is not served; read them and send them from the client")


def _of_datum(files: CommitFiles, entries: Iterator[Entry], datum: str) -> Iterator[Entry]:
    if not datum:
        return entries
    return (entry for entry in entries if isinstance(entry, File) and datum in files.writers(entry.path))


def _with_contents(files: CommitFiles, matched: Iterable[Entry]) -> Iterator[Entry]:
    """Everything that matched and everything below it, once, in order."""
    under = ""
    for entry in matched:
        if under and entry.path.startswith(under):
            continue
        if isinstance(entry, File):
            yield entry
            continue
        under = entry.path
        yield from (below for below in files.walk(entry.path) if below.path != "/")


def _tar(files: CommitFiles, entries: Iterable[Entry]) -> Iterator[bytes | memoryview]:
    headers = tar.Headers((files.info.finished_ns or files.info.started_ns) // 1_000_000_000)
    for entry in entries:
        if not isinstance(entry, File):
            yield headers.directory(entry.path)
            continue
        yield headers.file(entry.path, entry.size)
        inline = entry.content.inline
        if inline is not None:
            yield inline
        else:
            yield from files.read(entry)
        if rest := tar.padding(entry.size):
            yield rest
    yield tar.END


def messages(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The bytes, gathered into messages of about `MESSAGE_BYTES`."""
    parts: list[bytes | memoryview] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= MESSAGE_BYTES:
            yield bytes_value(parts)
            parts, size = [], 0
    if parts:
        yield bytes_value(parts)
