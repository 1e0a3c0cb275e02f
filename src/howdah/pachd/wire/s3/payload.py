"""The body of a request, as the pieces that were meant to be stored.

A body may come plain, or in Amazon's chunks (each with its length, maybe a signature, checksums after
the last). The hash in the header is checked where it is one. Signatures of single chunks are not: the
request's own is, and a server with a token speaks TLS.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator

from starlette.requests import ClientDisconnect, Request

from howdah.pachd.wire.errors import TooLarge
from howdah.pachd.wire.s3.failures import ContentMismatch, IncompleteBody

HASH_HEADER = "x-amz-content-sha256"
_STREAMING = "STREAMING-"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_LINE_LIMIT = 4096
_DOCUMENT_LIMIT = 2 << 20


class Body:
    """Read from a worker thread while the event loop receives."""

    def __init__(self, request: Request) -> None:
        self._pieces: AsyncIterator[bytes] = request.stream().__aiter__()
        self._loop = asyncio.get_running_loop()
        self._hash = request.headers.get(HASH_HEADER, _UNSIGNED)
        self._length = int(request.headers.get("content-length") or -1)

    def pieces(self) -> Iterator[bytes]:
        """All of it; IncompleteBody or ContentMismatch before the end when it is not what was said."""
        if self._hash.startswith(_STREAMING):
            yield from _unchunked(self._received())
            return
        digest = hashlib.sha256() if len(self._hash) == 64 else None
        received = 0
        for piece in self._received():
            received += len(piece)
            if digest is not None:
                digest.update(piece)
            yield piece
        if 0 <= self._length != received:
            raise IncompleteBody(f"{received} bytes came of {self._length}")
        if digest is not None and digest.hexdigest() != self._hash:
            raise ContentMismatch("the body's SHA-256 is not the one that the header gives")

    def document(self) -> bytes:
        """A small body, whole."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > _DOCUMENT_LIMIT:
                raise TooLarge(f"the document is larger than {_DOCUMENT_LIMIT} bytes")
        return bytes(data)

    def _received(self) -> Iterator[bytes]:
        try:
            while (piece := asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()) is not None:
                yield piece
        except ClientDisconnect as error:
            raise IncompleteBody("the client left before the body was whole") from error

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)


def _unchunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    reader = _Reader(pieces)
    while True:
        header = reader.line()
        try:
            size = int(header.partition(b";")[0], 16)
        except ValueError as error:
            raise IncompleteBody("the body is not in chunks, as its header says") from error
        if size == 0:
            return  # what follows are checksums that the transport has made needless
        yield from reader.exactly(size)
        if reader.line():
            raise IncompleteBody("a chunk of the body is longer than it says")


class _Reader:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def line(self) -> bytes:
        while b"\r\n" not in self._held:
            if len(self._held) > _LINE_LIMIT:
                raise IncompleteBody("the header of a chunk has no end")
            self._held += self._more()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._held or self._more()
            taken, self._held = piece[:size], piece[size:]
            size -= len(taken)
            yield taken

    def _more(self) -> bytes:
        piece = next((each for each in self._pieces if each), None)
        if piece is None:
            raise IncompleteBody("the body ends inside a chunk")
        return piece
