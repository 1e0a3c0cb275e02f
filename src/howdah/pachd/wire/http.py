"""One HTTP port: an ASGI application under uvicorn, on a thread and an event loop of its own."""

import asyncio
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from howdah.pachd.wire.credentials import Certificate
from howdah.pachd.wire.listening import listen

_BACKLOG = 1024
_GRACE_S = 3


class HttpServer:
    """Listens from construction on `port` (0: any free one), serves from `start` to `stop`.

    Waiting requests (a watch, a followed log) are cut after a short grace when it stops.
    """

    def __init__(
        self, name: str, app: ASGIApp, host: str, port: int, certificate: Certificate | None = None
    ) -> None:
        self._socket = listen(name, host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="wsproto",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name=name)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def start(self) -> None:
        self._thread.start()
        self._server.up.wait()

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()


class _Server(uvicorn.Server):
    """Signals belong to the daemon; and someone waits to hear that it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    def install_signal_handlers(self) -> None:
        return

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()
