"""Reports in HTML, drawn in a frame that may do nothing but be looked at.

A frame cannot bring a token with it, so the page asks first, with its token, for an address
that nobody can guess and that stands for this one file for a minute. What is answered there
has an origin of its own, runs no script, loads nothing and may only be framed by the console.
"""

import secrets
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from howdah.client.pachd import Fields, Pachd
from howdah.console.engines import Engines, token
from howdah.console.files import asked_file
from howdah.errors import Invalid, NotFound

LARGEST_BYTES = 16 << 20
KEPT_S = 60.0
_KEPT = 64
POLICY = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Previews:
    """Used by the server's loop alone."""

    def __init__(self, engines: Engines, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._engines = engines
        self._monotonic_s = monotonic_s
        self._waiting: dict[str, tuple[float, str, Fields]] = {}

    async def allow(self, request: Request) -> Response:
        """`?project&repo&commit&path`: `{"address"}`, good for a minute."""
        key = token(request)
        pachd = await self._engines.pachd(key)
        file = asked_file(pachd, request)
        info = await run_in_threadpool(pachd.call, "pfs_v2.API/InspectFile", file=file)
        if info.size_bytes > LARGEST_BYTES:
            raise Invalid(f"{info.file.path} is too large to be drawn: more than {LARGEST_BYTES >> 20} MiB.")
        now = self._monotonic_s()
        fresh = {name: kept for name, kept in self._waiting.items() if kept[0] > now}
        self._waiting = dict(list(fresh.items())[1 - _KEPT :])
        name = secrets.token_urlsafe(24)
        self._waiting[name] = (now + KEPT_S, key, file)
        return JSONResponse({"address": f"/console/preview/{name}"})

    async def serve(self, request: Request) -> Response:
        until, key, file = self._waiting.get(request.path_params["name"], (0.0, "", None))
        if file is None or until < self._monotonic_s():
            raise NotFound("This preview has ended; open the file once more.")
        pachd = await self._engines.pachd(key)
        data = await run_in_threadpool(_read, pachd, file)
        return Response(data, headers=_HEADERS, media_type="text/html")


def _read(pachd: Pachd, file: Fields) -> bytes:
    return b"".join(piece.value for piece in pachd.stream("pfs_v2.API/GetFile", file=file))
