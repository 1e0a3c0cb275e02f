"""Files as plain bytes: to show, to keep, to put.

What a repository holds may have been written by anyone, so it never goes out as something
that a browser would run: an attachment of no particular type, under a policy that allows
nothing. The page decides what to draw from the bytes.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from urllib.parse import quote

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from howdah.client.pachd import Fields, Pachd
from howdah.client.uploads import Opened, put
from howdah.console.engines import Engines, token
from howdah.errors import Invalid

_HARMLESS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_IN_MEMORY = 8 << 20


class Download:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def serve(self, request: Request) -> Response:
        """`?project&repo&commit&path`; with `offset`, `limit`: at most so many bytes from there."""
        pachd = await self._engines.pachd(token(request))
        file = asked_file(pachd, request)
        info = await run_in_threadpool(pachd.call, "pfs_v2.API/InspectFile", file=file)
        size = int(info.size_bytes)
        offset = min(size, number(request, "offset", 0))
        limit = min(size - offset, number(request, "limit", size))
        name = quote(info.file.path.rstrip("/").rpartition("/")[2])
        headers = {
            **_HARMLESS,
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "content-length": str(limit),
            "x-file-size": str(size),
        }
        pieces = iterate_in_threadpool(_pieces(pachd, file, offset, limit))
        return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def _pieces(pachd: Pachd, file: Fields, offset: int, left: int) -> Iterator[bytes]:
    for piece in pachd.stream("pfs_v2.API/GetFile", file=file, offset=offset) if left else ():
        yield piece.value[:left]
        left -= len(piece.value)
        if left <= 0:
            return


class Upload:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def serve(self, request: Request) -> Response:
        """The body becomes `?path` on the head of `?branch`, in a commit of its own, or not at all.

        Nothing of it is read before the token has been found good.
        """
        pachd = await self._engines.checked(request)
        target = _commit(pachd, request, "branch")
        path = asked(request, "path")
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            size = await _receive(request, cast(BinaryIO, body))
            source = Opened(path, lambda: cast(BinaryIO, body), size)
            await run_in_threadpool(put, pachd, target, [source])
        return JSONResponse({"path": path, "size": size})


async def _receive(request: Request, body: BinaryIO) -> int:
    async for piece in request.stream():
        body.write(piece)
    size = body.tell()
    body.seek(0)
    return size


def asked_file(pachd: Pachd, request: Request) -> Fields:
    commit = _commit(pachd, request, "commit")
    return pachd.message("pfs_v2.File", commit=commit, path=asked(request, "path"))


def _commit(pachd: Pachd, request: Request, revision: str) -> Fields:
    project = pachd.message("pfs_v2.Project", name=request.query_params.get("project") or "default")
    repo = pachd.message("pfs_v2.Repo", project=project, name=asked(request, "repo"), type="user")
    name = asked(request, revision)
    if revision == "branch":
        branch = pachd.message("pfs_v2.Branch", repo=repo, name=name)
        return pachd.message("pfs_v2.Commit", repo=repo, branch=branch)
    return pachd.message("pfs_v2.Commit", repo=repo, id=name)


def asked(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise Invalid(f"The request names no {name}.")
    return value


def number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, str(otherwise))
    if not text.isdecimal():
        raise Invalid(f"{name} must be a number, not {text!r}.")
    return int(text)
