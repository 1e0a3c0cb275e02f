"""Multipart uploads: each part a fileset of one file, put together without moving a byte.

Parts live as long as filesets do (half an hour after the last part came); an upload is forgotten when
the server stops, and the client is then told that there is no such upload.
"""

import threading
from dataclasses import dataclass, field
from uuid import uuid4

from blake3 import blake3
from starlette.responses import Response

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.versions.files.filesets import MAX_TTL_S
from howdah.pachd.versions.records import FILESETS_REPO
from howdah.pachd.wire.s3.exchange import Exchange
from howdah.pachd.wire.s3.failures import InvalidArgument, InvalidPart, MalformedXml, NoSuchUpload
from howdah.pachd.wire.s3.markup import Value, children, document
from howdah.pachd.wire.s3.names import path_of
from howdah.pachd.wire.s3.numbers import number as number_of
from howdah.pachd.wire.s3.objects import Objects, writable
from howdah.pachd.wire.s3.ranges import resolve

_PART = "/part"
_PARTS_LIMIT = 10_000
_UPLOADS_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class _Part:
    fileset: str
    etag: str
    size: int


@dataclass
class _Upload:
    bucket: str
    key: str
    parts: dict[int, _Part] = field(default_factory=dict)


class Uploads:
    def __init__(self, versions: Versions, objects: Objects) -> None:
        self._versions = versions
        self._objects = objects
        self._lock = threading.Lock()
        self._open: dict[str, _Upload] = {}

    def create(self, asked: Exchange) -> Response:
        bucket = writable(asked.bucket)
        with self._versions.view() as view:
            view.branch(bucket.branch)
        id = uuid4().hex
        with self._lock:
            if len(self._open) >= _UPLOADS_LIMIT:
                self._open.pop(next(iter(self._open)))
            self._open[id] = _Upload(asked.bucket, asked.key)
        return document(
            "InitiateMultipartUploadResult", [("Bucket", asked.bucket), ("Key", asked.key), ("UploadId", id)]
        )

    def put_part(self, asked: Exchange) -> Response:
        upload = self._find(asked)
        number = number_of(asked.query.get("partNumber", ""))
        if number is None or not 1 <= number <= _PARTS_LIMIT:
            raise InvalidArgument(f"a part's number is 1 to {_PARTS_LIMIT}")
        source = asked.headers.get("x-amz-copy-source")
        part = self._received(asked) if source is None else self._copied(asked, source)
        with self._lock:
            upload.parts[number] = part
            others = [each.fileset for each in upload.parts.values()]

        def renew(tx: Transaction) -> None:
            for each in others:
                tx.renew_fileset(each, MAX_TTL_S)

        self._versions.transact(renew)
        if source is not None:
            return document("CopyPartResult", [("ETag", part.etag)])
        return Response(headers={"etag": part.etag})

    def _received(self, asked: Exchange) -> _Part:
        digest, size = blake3(), 0
        with self._versions.prepare() as session:
            session.append(_PART, b"")
            for piece in asked.body.pieces():
                digest.update(piece)
                size += len(piece)
                session.append(_PART, piece)
            fileset = self._versions.create_fileset(session, MAX_TTL_S)
        return _Part(fileset, f'"{digest.hexdigest()}"', size)

    def _copied(self, asked: Exchange, source: str) -> _Part:
        files, file = self._objects.source(source)
        wanted = resolve(asked.headers.get("x-amz-copy-source-range"), file.size)
        with self._versions.prepare() as session:
            if wanted is None:
                session.copy(files, file.path, _PART)
            else:
                session.append(_PART, b"")
                for piece in files.read(file, *wanted):
                    session.append(_PART, piece)
            fileset = self._versions.create_fileset(session, MAX_TTL_S)
        return _Part(fileset, f'"{file.hash.hex()}"', file.size if wanted is None else wanted[1])

    def complete(self, asked: Exchange) -> Response:
        upload = self._find(asked)
        chosen = children(asked.body.document(), "Part")
        if not chosen:
            raise MalformedXml("name the parts to put together")
        parts = [self._chosen(upload, each) for each in chosen]
        if [number for number, _ in parts] != sorted({number for number, _ in parts}):
            raise InvalidPart("the parts must be in ascending order")
        path = path_of(upload.key)
        with self._versions.modify(writable(upload.bucket).commit) as session:
            for position, (_, part) in enumerate(parts):
                files = self._versions.files(CommitRef(RepoRef(FILESETS_REPO), CommitId(part.fileset)))
                session.copy(files, _PART, path, append=position > 0)
        self._forget(asked)
        etag = f'"{blake3("".join(part.etag for _, part in parts).encode()).hexdigest()}-{len(parts)}"'
        values: list[tuple[str, Value]] = [("Bucket", upload.bucket), ("Key", upload.key), ("ETag", etag)]
        return document("CompleteMultipartUploadResult", values)

    def _chosen(self, upload: _Upload, said: dict[str, str]) -> tuple[int, _Part]:
        number = number_of(said.get("PartNumber", ""))
        part = None if number is None else upload.parts.get(number)
        if number is None or part is None or said.get("ETag", "").strip('"') != part.etag.strip('"'):
            raise InvalidPart(f"part {said.get('PartNumber', '')[:80]} was not uploaded, or is another one")
        return number, part

    def abort(self, asked: Exchange) -> Response:
        self._find(asked)
        self._forget(asked)
        return Response(status_code=204)

    def list_parts(self, asked: Exchange) -> Response:
        upload = self._find(asked)
        values: list[tuple[str, Value]] = [
            ("Bucket", upload.bucket),
            ("Key", upload.key),
            ("UploadId", asked.query["uploadId"]),
            ("IsTruncated", False),
        ]
        for number, part in sorted(upload.parts.items()):
            values.append(("Part", [("PartNumber", number), ("ETag", part.etag), ("Size", part.size)]))
        return document("ListPartsResult", values)

    def list_uploads(self, asked: Exchange) -> Response:
        values: list[tuple[str, Value]] = [("Bucket", asked.bucket), ("IsTruncated", False)]
        with self._lock:
            found = [(id, each.key) for id, each in self._open.items() if each.bucket == asked.bucket]
        values += [("Upload", [("Key", key), ("UploadId", id)]) for id, key in found]
        return document("ListMultipartUploadsResult", values)

    def _find(self, asked: Exchange) -> _Upload:
        id = asked.query.get("uploadId", "")
        with self._lock:
            upload = self._open.get(id)
        if upload is None or (upload.bucket, upload.key) != (asked.bucket, asked.key):
            raise NoSuchUpload(f"there is no upload {id} of {asked.key}; it may be too old")
        return upload

    def _forget(self, asked: Exchange) -> None:
        with self._lock:
            self._open.pop(asked.query["uploadId"], None)
