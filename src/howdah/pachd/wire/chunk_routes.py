"""The address on the HTTP port where the links to pieces of files lead."""

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from howdah.errors import HowdahError
from howdah.pachd.wire.chunk_links import PATH, ChunkLinks


class ChunkRoutes:
    def __init__(self, links: ChunkLinks) -> None:
        self._links = links

    def routes(self) -> list[Route]:
        return [Route(f"{PATH}/{{link}}", self._serve, methods=["GET"])]

    async def _serve(self, request: Request) -> Response:
        linked = self._links.read(request.path_params["link"])
        if linked is None:
            return PlainTextResponse("this link is not valid, or no longer\n", 403)
        try:
            first = await run_in_threadpool(next, linked.pieces, b"")
        except HowdahError as error:
            return PlainTextResponse(f"{error}\n", 410)
        headers = {"content-length": str(linked.length), "content-type": "application/octet-stream"}
        return StreamingResponse(_bytes(first, linked.pieces), headers=headers)


def _bytes(first: bytes | memoryview, rest: Iterator[memoryview]) -> Iterator[bytes]:
    yield bytes(first)
    yield from map(bytes, rest)
