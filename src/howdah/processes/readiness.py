"""Is a server ready? Probes by TCP and by HTTP, and waiting for one."""

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from howdah.errors import Unavailable
from howdah.processes.children import Child

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.25


class NotReady(Unavailable):
    """A server ended, or let its time pass, before it was ready."""


class Probe(Protocol):
    def ready(self) -> bool:
        """One look, over within about a second; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Ready when it accepts a connection."""

    port: int
    host: str = "127.0.0.1"
    timeout_s: float = 1.0

    def ready(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), self.timeout_s).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when a GET of `path` is answered with a 2xx."""

    port: int
    path: str = "/"
    host: str = "127.0.0.1"
    timeout_s: float = 1.0

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        try:
            connection.request("GET", self.path)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def wait_until_ready(
    child: Child,
    probe: Probe,
    timeout_s: float,
    name: str,
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Return once `probe` says ready. Raises NotReady when `child` ends or the time is over."""
    deadline = now_s() + timeout_s
    pause = FIRST_PAUSE_S
    while not probe.ready():
        how = child.wait(min(pause, max(0.0, deadline - now_s())))
        if how is not None:
            raise NotReady(f"{name} {how} before it was ready; its log says why")
        if now_s() >= deadline:
            raise NotReady(f"{name} was not ready after {timeout_s:g} s; its log may say why")
        pause = min(pause * 2, LONGEST_PAUSE_S)
