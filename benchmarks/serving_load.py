"""Load on one HTTP address: latency one request at a time, throughput with many."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import httptools
import uvloop


@dataclass(frozen=True, slots=True)
class Call:
    port: int
    path: str
    body: bytes

    def bytes(self) -> bytes:
        head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(self.body)}\r\n\r\n".encode() + self.body


class _Connection(asyncio.Protocol):
    """Sends the same request again and again; every answer must be a 200."""

    def __init__(self, request: bytes, until: float, times: list[float]) -> None:
        self._request, self._until, self._times = request, until, times
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._sent = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._times.append(now - self._sent)
        if self._parser.get_status_code() != 200:
            self.done.set_exception(RuntimeError(f"answered {self._parser.get_status_code()}"))
        elif now >= self._until:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"connection lost: {error}"))


def run(call: Call, connections: int, seconds: float) -> tuple[float, float]:
    """(requests a second, median seconds a request)"""
    times: list[float] = []

    async def all() -> None:
        loop = asyncio.get_running_loop()
        until = time.perf_counter() + seconds
        made = [
            (
                await loop.create_connection(
                    lambda: _Connection(call.bytes(), until, times), "127.0.0.1", call.port
                )
            )[1]
            for _ in range(connections)
        ]
        await asyncio.gather(*(connection.done for connection in made))

    began = time.perf_counter()
    uvloop.run(all())
    return len(times) / (time.perf_counter() - began), statistics.median(times)


def latency(call: Call, seconds: float = 1.5) -> float:
    return run(call, 1, seconds)[1]


def throughput(call: Call, connections: int = 16, seconds: float = 2.0) -> float:
    return run(call, connections, seconds)[0]
