"""`pfs_v2.API`, writing: ModifyFile and filesets made of the same stream of requests."""

from collections.abc import Iterator
from typing import Any

from howdah.errors import Invalid
from howdah.pachd.versions import Versions
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import WRITTEN, Call
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.errors import Malformed
from howdah.pachd.wire.fetching import Fetcher
from howdah.pachd.wire.modify_parsing import Append, Other, parse


class ModifyCalls:
    """A stream that breaks off leaves nothing: the session is sealed only when it has ended well.

    gRPC tells of a client that died in two steps: first the stream seems to end, a moment later the call
    is cancelled. So the call is checked once more after the bytes are on disk, in the transaction itself.
    """

    service = "pfs_v2.API"
    raw = frozenset({"modify_file", "create_file_set"})

    def __init__(self, versions: Versions, fetcher: Fetcher) -> None:
        self._versions = versions
        self._fetcher = fetcher

    def modify_file(self, requests: Iterator[bytes], call: Call) -> Any:
        _refuse_in_transaction(call)
        first = next(requests, None)
        if first is None:
            raise Malformed("the stream must begin with set_commit")
        opening = parse(first)
        if isinstance(opening, Append) or opening.request.WhichOneof("body") != "set_commit":
            raise Invalid("first message must be a commit")
        with self._versions.modify(convert.commit_spec(opening.request.set_commit), call.check) as session:
            self._apply(session, requests, call)
        if session.commit is not None:
            call.trailing[WRITTEN] = session.commit.id
        return convert.empty()

    def create_file_set(self, requests: Iterator[bytes], call: Call) -> Any:
        with self._versions.prepare() as session:
            self._apply(session, requests, call)
            return pfs.CreateFileSetResponse(file_set_id=self._versions.create_fileset(session))

    def _apply(self, session: FileSession, requests: Iterator[bytes], call: Call) -> None:
        append = session.append
        for data in requests:
            operation = parse(data)
            if isinstance(operation, Append):
                append(operation.path, operation.data, operation.datum)
            else:
                self._other(session, operation, call)
        call.check()

    def _other(self, session: FileSession, operation: Other, call: Call) -> None:
        request = operation.request
        body = request.WhichOneof("body")
        if body == "delete_file":
            session.delete(request.delete_file.path, request.delete_file.datum)
        elif body == "copy_file":
            self._copy(session, request.copy_file, call)
        elif body == "add_file":
            file = request.add_file
            for path, piece in self._fetcher.fetch(file.url.url, file.path, file.url.recursive):
                session.append(path, piece, file.datum)
        elif body == "set_commit":
            raise Invalid("cannot set commit")
        else:
            raise Malformed("a request of the ModifyFile stream holds no operation")

    def _copy(self, session: FileSession, request: Any, call: Call) -> None:
        source = self._versions.files(convert.commit_spec(request.src.commit), call.cancel, call.waiting)
        session.copy(source, request.src.path, request.dst, request.append, request.datum)


def _refuse_in_transaction(call: Call) -> None:
    if call.transaction:
        raise Invalid("file operations cannot be part of a transaction")
