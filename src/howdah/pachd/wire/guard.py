"""What stands before every HTTP surface: a page in a browser must not reach localhost through it.

A name that some web site points at 127.0.0.1 shows in `Host`; a script of another site shows in
`Origin`. Both are refused, and so is a body above the limit of its kind, before anything is read.
"""

from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from howdah.pachd.wire.credentials import is_loopback


class Guard:
    """`hosts` are the names, besides loopback ones, under which this server may be addressed; None
    means any, which is safe only where every request must show a token."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._refusal(Headers(scope=scope))
            if refusal is not None and scope["type"] == "http":
                await PlainTextResponse(refusal, 403)(scope, receive, send)
                return
            if refusal is not None:
                await send({"type": "websocket.close", "code": 1008})
                return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._known(_parsed(f"//{host}").hostname):
            return f"this server does not answer to the name {host!r}\n"
        origin = headers.get("origin")
        if origin is not None and _parsed(origin).netloc != host:
            return f"requests from pages of {origin} are not answered\n"
        return None

    def _known(self, name: str | None) -> bool:
        if self._hosts is None:
            return True
        return name is not None and (is_loopback(name) or name.endswith(".localhost") or name in self._hosts)


def _parsed(address: str) -> SplitResult:
    """Without any host if it is no address at all."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
