"""`storage.Fileset`: filesets, and links from which their files' pieces are read over HTTP."""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from howdah.core.refs import RepoRef
from howdah.errors import Invalid
from howdah.pachd.storage.trees.files import File
from howdah.pachd.versions import Versions
from howdah.pachd.versions.files.reader import CommitFiles
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.records import FILESETS_REPO
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.chunk_links import ChunkLinks
from howdah.pachd.wire.contract import cdr, storage
from howdah.pachd.wire.errors import Malformed
from howdah.pachd.wire.shards import shards

DEFAULT_TTL_S = 600
_MESSAGE_BYTES = 1 << 20
_PIECE_BYTES = 8 << 20
_PATTERN_LIMIT = 1000


class StorageService:
    service = "storage.Fileset"

    def __init__(self, versions: Versions, links: ChunkLinks) -> None:
        self._versions = versions
        self._links = links

    def create_fileset(self, requests: Iterator[Any], call: Call) -> Any:
        with self._versions.prepare() as session:
            for request in requests:
                self._modify(session, request, call)
            call.check()
            return storage.CreateFilesetResponse(fileset_id=self._versions.create_fileset(session))

    def _modify(self, session: FileSession, request: Any, call: Call) -> None:
        kind = request.WhichOneof("modification")
        if kind == "append_file":
            session.append(request.append_file.path, request.append_file.data.value)
        elif kind == "delete_file":
            session.delete(request.delete_file.path)
        elif kind == "copy_file":
            copy = request.copy_file
            session.copy(self._open(copy.fileset_id, call), copy.src, copy.dst or copy.src)
        else:
            raise Malformed("a request to make a fileset holds no operation")

    def read_fileset(self, request: Any, call: Call) -> Iterator[Any]:
        files = self._open(request.fileset_id, call)
        for file in self._filtered(files, request):
            sent = False
            if not request.empty_files:
                for piece in _gathered(files.read(file)):
                    sent = True
                    yield _response(file.path, piece)
            if not sent:
                yield _response(file.path, b"")

    def read_fileset_cdr(self, request: Any, call: Call) -> Iterator[Any]:
        files = self._open(request.fileset_id, call)
        for file in self._filtered(files, request):
            yield storage.ReadFilesetCdrResponse(path=file.path, ref=self._reference(files, file))

    def renew_fileset(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: tx.renew_fileset(request.fileset_id, request.ttl_seconds))
        return convert.empty()

    def compose_fileset(self, request: Any, call: Call) -> Any:
        ttl_s = request.ttl_seconds or DEFAULT_TTL_S
        id = self._versions.compose_filesets(list(request.fileset_ids), ttl_s)
        return storage.ComposeFilesetResponse(fileset_id=id)

    def shard_fileset(self, request: Any, call: Call) -> Any:
        files = self._open(request.fileset_id, call)
        ranges = shards(files, request.num_files, request.size_bytes)
        return storage.ShardFilesetResponse(
            shards=[storage.PathRange(lower=lower, upper=upper) for lower, upper in ranges]
        )

    def _open(self, id: str, call: Call) -> CommitFiles:
        return self._versions.files(convert.commit_ref_of(RepoRef(FILESETS_REPO), id), call.cancel)

    def _filtered(self, files: CommitFiles, request: Any) -> Iterator[File]:
        passes = [_filter(each) for each in request.filters]
        return (file for file in files.tree.files() if all(each(file.path) for each in passes))

    def _reference(self, files: CommitFiles, file: File) -> Any:
        """Pieces under their BLAKE2b, which is what a client's cache knows them by."""
        starts = range(0, max(file.size, 1), _PIECE_BYTES)
        refs = [self._piece(files, file, start) for start in starts]
        return refs[0] if len(refs) == 1 else cdr.Ref(concat=cdr.Concat(refs=refs))

    def _piece(self, files: CommitFiles, file: File, start: int) -> Any:
        length = min(_PIECE_BYTES, file.size - start)
        digest = hashlib.blake2b(digest_size=32)
        for piece in files.read(file, start, length):
            digest.update(piece)
        link = cdr.Http(url=self._links.link(file.content, start, length))
        algorithm = cdr.HashAlgo.BLAKE2b_256
        return cdr.Ref(
            content_hash=cdr.ContentHash(inner=cdr.Ref(http=link), algo=algorithm, hash=digest.digest())
        )


def _filter(message: Any) -> Callable[[str], bool]:
    if message.WhichOneof("filter") == "path_range":
        lower, upper = message.path_range.lower, message.path_range.upper
        return lambda path: lower <= path and (not upper or path < upper)
    if len(message.path_regex) > _PATTERN_LIMIT:
        raise Invalid(f"a path filter may be {_PATTERN_LIMIT} characters long")
    try:
        pattern = re.compile(message.path_regex)
    except re.error as error:
        raise Invalid(f"the path filter {message.path_regex!r} is no regular expression: {error}") from error
    return lambda path: pattern.search(path) is not None


def _response(path: str, data: bytes) -> Any:
    response = storage.ReadFilesetResponse(path=path)
    response.data.value = data
    return response


def _gathered(pieces: Iterator[memoryview]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _MESSAGE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
