"""The HTTP server of every runtime: uvicorn, quiet, with connections kept longer than Envoy keeps them."""

import contextlib
from collections.abc import Iterator

import uvicorn

from howdah.runtimes.front.app import Front
from howdah.runtimes.front.place import Place

KEEP_ALIVE_S = 75
"""Longer than Envoy keeps idle connections, so that it is never us who close first."""


class Server(uvicorn.Server):
    def __init__(self, front: Front, place: Place) -> None:
        config = uvicorn.Config(
            front,
            host=place.host,
            port=place.http_port,
            access_log=False,
            log_config=None,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=4096,
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for whoever runs this server."""
        yield

    def stop(self) -> None:
        self.should_exit = True
