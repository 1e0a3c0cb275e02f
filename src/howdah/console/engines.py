"""Where the engines are, and a connection to pachd for each token that pages come with."""

import threading

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from howdah.client.pachd import Address, Pachd
from howdah.errors import Unavailable

TOKEN = "authn-token"
_KEPT = 32


class Engines:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Pachd] = {}
        """By token, the least lately used first; never one that pachd has not taken."""
        self._pachd: Address | None = None
        self.kubernetes = ""
        self.ingress = ""

    def found(self, pachd: str, kubernetes: str, ingress: str) -> None:
        self._pachd = Address.parse(pachd)
        self.kubernetes = kubernetes
        self.ingress = ingress

    async def pachd(self, token: str) -> Pachd:
        """Connections are kept; beyond a few tokens the one longest unused is closed.

        A token is shown to pachd before it gets a place: wrong ones, however many, are refused
        and close nobody's connection.
        """
        found = self._kept(token)
        return await run_in_threadpool(self._connect, token) if found is None else found

    async def checked(self, request: Request) -> Pachd:
        """As `pachd`, and the token is good at this moment: ask before a body is taken in."""
        pachd = await self.pachd(token(request))
        await run_in_threadpool(_check, pachd)
        return pachd

    def _kept(self, token: str) -> Pachd | None:
        with self._lock:
            found = self._open.pop(token, None)
            if found is not None:
                self._open[token] = found
            return found

    def _connect(self, token: str) -> Pachd:
        if self._pachd is None:
            raise Unavailable("Howdah is still starting.")
        fresh = Pachd(self._pachd, token=token)
        try:
            _check(fresh)
        except BaseException:
            fresh.close()
            raise
        with self._lock:
            if token in self._open:  # another request with this token was faster
                fresh.close()
                return self._open[token]
            while len(self._open) >= _KEPT:
                self._open.pop(next(iter(self._open))).close()
            self._open[token] = fresh
            return fresh

    def close(self) -> None:
        with self._lock:
            for pachd in self._open.values():
                pachd.close()
            self._open.clear()


def _check(pachd: Pachd) -> None:
    """Refused if the connection's token is not good."""
    pachd.call("pfs_v2.API/InspectProject", project={"name": "default"})


def token(request: Request) -> str:
    return request.headers.get(TOKEN, "")
