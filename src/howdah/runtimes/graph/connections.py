"""HTTP to the nodes: kept connections, one retry elsewhere when a node vanishes.

A request is sent again only if its connection broke before a single byte of the answer had come,
as the ingress does it.
"""

import asyncio
import json
import time
from collections import deque
from pathlib import Path
from typing import cast

import httptools

from howdah.errors import Unavailable
from howdah.runtimes.front.app import JSON, Answer

CONNECT_WITHIN_S = 1.0
LOOK_EVERY_S = 0.05
KEPT = 256


class NodeGone(Unavailable):
    """No process of the node could be reached."""


class NodeSlow(Unavailable):
    """The node did not answer in time."""


class Endpoints:
    """Ports by node, from the engine's file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._looked_s = -LOOK_EVERY_S
        self._ports: dict[str, list[int]] = {}
        self._turn = 0

    def ports(self, node: str) -> list[int]:
        """All of a node's ports, a different one first each time."""
        now = time.monotonic()
        if now - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now
            self._read()
        ports = self._ports.get(node, [])
        self._turn += 1
        at = self._turn % len(ports) if ports else 0
        return ports[at:] + ports[:at]

    def refresh(self) -> None:
        self._looked_s = -LOOK_EVERY_S

    def _read(self) -> None:
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_ino) == self._seen:
                return
            self._ports = {
                name: [pair[0] for pair in pairs]
                for name, pairs in json.loads(self._path.read_text()).items()
            }
            self._seen = (found.st_mtime_ns, found.st_ino)
        except OSError:
            return  # the file is being replaced, or not yet there: what was known stays


class Caller:
    def __init__(self, endpoints: Endpoints, timeout_s: float) -> None:
        self._endpoints, self._timeout_s = endpoints, timeout_s
        self._idle: dict[int, deque[_Connection]] = {}

    async def post(self, node: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> Answer:
        """Raises NodeGone or NodeSlow; any answer at all is returned as it is."""
        reason = "it has no process that is ready"
        for port in self._endpoints.ports(node)[:2] or self._again(node):
            for fresh in (False, True):
                connection = None if fresh else self._kept(port)
                if connection is None and not fresh:
                    continue
                try:
                    if connection is None:
                        connection = await self._open(port)
                    async with asyncio.timeout(self._timeout_s):
                        answer = await connection.ask("POST", path, body, headers)
                except TimeoutError:
                    if connection is not None:
                        connection.close()
                        raise NodeSlow(f"{node} has not answered within {self._timeout_s:g} s") from None
                    reason = "it cannot be reached"
                    break
                except _Broken as broken:
                    reason = str(broken)
                    if broken.began:
                        raise NodeGone(f"{node}: the connection broke while it answered") from None
                    continue
                except OSError as error:
                    reason = str(error)
                    break
                self._keep(port, connection)
                return answer
        self._endpoints.refresh()
        raise NodeGone(f"{node} cannot be reached: {reason}")

    async def ready(self, node: str) -> bool:
        for port in self._endpoints.ports(node):
            connection = None
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    connection = await self._open(port)
                    answer = await connection.ask("GET", "/ready", b"", ())
            except (OSError, _Broken):
                continue
            finally:
                if connection is not None:
                    connection.close()
            if answer.status == 200:
                return True
        return False

    def _again(self, node: str) -> list[int]:
        self._endpoints.refresh()
        return self._endpoints.ports(node)[:2]

    def _kept(self, port: int) -> "_Connection | None":
        idle = self._idle.get(port)
        while idle:
            connection = idle.pop()
            if not connection.closed:
                return connection
        return None

    def _keep(self, port: int, connection: "_Connection") -> None:
        idle = self._idle.setdefault(port, deque(maxlen=KEPT))
        if not connection.closed:
            idle.append(connection)

    async def _open(self, port: int) -> "_Connection":
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, protocol = await loop.create_connection(_Connection, "127.0.0.1", port)
        return protocol


class _Broken(Exception):
    def __init__(self, message: str, began: bool) -> None:
        super().__init__(message)
        self.began = began


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._parts: list[bytes] = []
        self._type = JSON
        self._began = False
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one only in behaviour

    async def ask(self, method: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> Answer:
        assert self._transport is not None
        if self.closed:
            raise _Broken("the connection was closed", began=False)
        self._waiter = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._parts, self._began, self._type = [], False, JSON
        more = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"{method} {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        self._transport.write(head.encode("latin-1") + body)
        return await self._waiter

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._began = True
        if self._parser is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            self._fail(f"not HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._fail(str(error or "closed by the node"))

    def _fail(self, words: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(_Broken(words, self._began))

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self._type = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Answer(self._parser.get_status_code(), b"".join(self._parts), self._type))
