"""Where the engines are, and a connection to pachd for each token that pages come with."""

import threading

from starlette.requests import Request

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.errors import Unavailable

TOKEN = "authn-token"
_KEPT = 32


class Engines:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Pachd] = {}
        self._pachd: Address | None = None
        self.kubernetes = ""
        self.ingress = ""

    def found(self, pachd: str, kubernetes: str, ingress: str) -> None:
        self._pachd = Address.parse(pachd)
        self.kubernetes = kubernetes
        self.ingress = ingress

    def pachd(self, token: str) -> Pachd:
        """Connections are kept; beyond a few tokens the oldest is closed."""
        with self._lock:
            if self._pachd is None:
                raise Unavailable("Howdah is still starting.")
            if token not in self._open:
                while len(self._open) >= _KEPT:
                    self._open.pop(next(iter(self._open))).close()
                self._open[token] = Pachd(self._pachd, token=token)
            return self._open[token]

    def files(self, request: Request) -> Files:
        return Files(self.pachd(token(request)))

    def close(self) -> None:
        with self._lock:
            for pachd in self._open.values():
                pachd.close()
            self._open.clear()


def token(request: Request) -> str:
    return request.headers.get(TOKEN, "")
