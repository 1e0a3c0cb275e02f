"""Requests about objects: files read, written, copied and deleted."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote

from blake3 import blake3
from starlette.responses import Response, StreamingResponse

from howdah.core.refs import CommitSpec
from howdah.pachd.storage.trees.files import Directory, File
from howdah.pachd.versions import Versions
from howdah.pachd.versions.errors import FileNotFound
from howdah.pachd.versions.files.reader import CommitFiles
from howdah.pachd.wire.s3.exchange import Exchange
from howdah.pachd.wire.s3.failures import InvalidArgument, MethodNotAllowed
from howdah.pachd.wire.s3.markup import document
from howdah.pachd.wire.s3.names import Bucket, path_of
from howdah.pachd.wire.s3.ranges import resolve

_PIECE_BYTES = 1 << 20


class Objects:
    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def get(self, asked: Exchange) -> Response:
        files, file = self.find(asked.bucket, asked.key, asked.query.get("versionId", ""))
        headers = _headers(files, file)
        if (known := _not_modified(asked, headers["etag"])) is not None:
            return known
        part = resolve(asked.headers.get("range"), file.size)
        start, length = part or (0, file.size)
        headers["content-length"] = str(length)
        if part is not None:
            headers["content-range"] = f"bytes {start}-{start + length - 1}/{file.size}"
        pieces = gathered(files.read(file, start, length))
        return StreamingResponse(pieces, 206 if part else 200, headers)

    def head(self, asked: Exchange) -> Response:
        files, file = self.find(asked.bucket, asked.key, asked.query.get("versionId", ""))
        headers = _headers(files, file) | {"content-length": str(file.size)}
        return _not_modified(asked, headers["etag"]) or Response(headers=headers)

    def find(self, bucket_name: str, key: str, version: str = "") -> tuple[CommitFiles, File]:
        bucket = Bucket.parse(bucket_name)
        commit = CommitSpec(bucket.branch.repo, version) if version else bucket.commit
        files = self._versions.files(commit)
        found = files.stat(path_of(key))
        if isinstance(found, Directory) or key.endswith("/"):
            raise FileNotFound(path_of(key), files.ref)
        return files, found

    def put(self, asked: Exchange) -> Response:
        if source := asked.headers.get("x-amz-copy-source"):
            return self._copy(asked, source)
        bucket = writable(asked.bucket)
        path, digest = path_of(asked.key), blake3()
        with self._versions.modify(bucket.commit) as session:
            session.put(path, b"")
            for piece in asked.body.pieces():
                digest.update(piece)
                session.append(path, piece)
        return Response(headers={"etag": f'"{digest.hexdigest()}"'})

    def _copy(self, asked: Exchange, source: str) -> Response:
        bucket = writable(asked.bucket)
        files, file = self.source(source)
        with self._versions.modify(bucket.commit) as session:
            session.copy(files, file.path, path_of(asked.key))
        headers = _headers(files, file)
        return document("CopyObjectResult", [("ETag", headers["etag"]), ("LastModified", _instant(files))])

    def source(self, header: str) -> tuple[CommitFiles, File]:
        """What `x-amz-copy-source` names: `bucket/key`, maybe with `?versionId=`."""
        path, _, query = header.partition("?")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if not key:
            raise InvalidArgument(f"the copy source {header!r} is not bucket/key")
        version = parse_qs(query).get("versionId", [""])[0]
        return self.find(bucket, key, version)

    def delete(self, asked: Exchange) -> Response:
        """What is not there is not missed."""
        bucket = writable(asked.bucket)
        with self._versions.modify(bucket.commit) as session:
            session.delete(path_of(asked.key))
        return Response(status_code=204)


def writable(name: str) -> Bucket:
    bucket = Bucket.parse(name)
    if not bucket.writable:
        raise MethodNotAllowed(f"{name} names a commit, which never changes; write to its branch")
    return bucket


def gathered(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _PIECE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _headers(files: CommitFiles, file: File) -> dict[str, str]:
    return {
        "etag": f'"{file.hash.hex()}"',
        "last-modified": format_datetime(_at(files), usegmt=True),
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        "x-amz-version-id": str(files.ref.id),
    }


def _not_modified(asked: Exchange, etag: str) -> Response | None:
    wanted = asked.headers.get("if-match")
    if wanted is not None and etag not in (wanted, f'"{wanted}"') and wanted != "*":
        return Response(status_code=412)
    if asked.headers.get("if-none-match") in (etag, "*", etag.strip('"')):
        return Response(status_code=304, headers={"etag": etag})
    return None


def _at(files: CommitFiles) -> datetime:
    return datetime.fromtimestamp((files.info.finished_ns or files.info.started_ns) // 1_000_000_000, tz=UTC)


def _instant(files: CommitFiles) -> str:
    return _at(files).strftime("%Y-%m-%dT%H:%M:%S.000Z")
