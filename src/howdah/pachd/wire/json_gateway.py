"""The JSON gateway: every RPC as `POST /api/<service>/<method>`, as grpc-gateway would have it.

A request is one JSON object (for client streams one a line); an answer one JSON object, or for server
streams lines of `{"result": …}`, the last of which may be `{"error": …}`. Numbers of 64 bits are
strings, names camelCase, absent fields spelled out. Errors are `{"code", "message", "details"}` with
the HTTP status that belongs to the gRPC code. Calls run on threads, the loop only moves bytes.
"""

import asyncio
import contextlib
import json
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from howdah.core import logs
from howdah.pachd.versions import Cancelled
from howdah.pachd.wire.call import Call, Waiting
from howdah.pachd.wire.credentials import Credentials
from howdah.pachd.wire.dispatch import Dispatcher, Method
from howdah.pachd.wire.errors import Malformed, TooLarge
from howdah.pachd.wire.status import Code, Status, status_of

_THREADS = 1000
_BODY_LIMIT = 28 << 20
"""A message of 20 MiB in base64, and room to spare."""

_AHEAD = 16
_END = object()
_JSON = {"content-type": "application/json"}

_log = logs.get("pachd.wire.json")


class JsonGateway:
    def __init__(self, dispatcher: Dispatcher, credentials: Credentials, waiting: Waiting) -> None:
        self._dispatcher = dispatcher
        self._credentials = credentials
        self._waiting = waiting
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="json")

    def routes(self) -> list[Route]:
        services = sorted({rpc.service for rpc in self._dispatcher.catalogue.rpcs.values()})
        return [
            Route(f"/api/{service}/{{method}}", self._endpoint(service), methods=["POST"])
            for service in services
        ]

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _endpoint(self, service: str) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            path = f"/{service}/{request.path_params['method']}"
            try:
                metadata = {key.lower(): value for key, value in request.headers.items()}
                self._credentials.check(metadata)
                method = self._dispatcher.find(path)
                return await self._serve(method, request, metadata)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:  # noqa: BLE001 - every failure must become a status
                return _failure(path, error)

        return answer

    async def _serve(self, method: Method, request: Request, metadata: dict[str, str]) -> Response:
        ended = _Ended()
        call = Call(metadata, self._waiting, ended.register)
        if method.rpc.client_streams:
            lines = _Lines(method)
            asked: Any = iter(lines)
        else:
            lines = None
            asked = _read(method, await _body(request))
        feeding = asyncio.ensure_future(lines.feed(request)) if lines is not None else None
        results = _results(method, asked, call)
        try:
            first = await self._next(results, None if lines is not None else request, ended)
        except BaseException:
            _stop(feeding)
            raise
        if method.rpc.server_streams:
            return _Stream(self, results, first, ended, method.rpc.path, feeding)
        _stop(feeding)
        return Response(first, headers=_JSON)

    async def _next(self, results: Iterator[bytes], request: Request | None, ended: "_Ended") -> Any:
        """The next result, or _END; a client that leaves meanwhile ends what the call waits for."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, next, results, _END)
        if request is None:
            return await work
        leaving = asyncio.ensure_future(request.receive())
        waited: set[asyncio.Future[Any]] = {work, leaving}
        done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if work not in done:
            ended.end()
        leaving.cancel()
        return await work


class _Ended:
    """The other side of `Call`'s on_end."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []
        self._over = False

    def register(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)
        if self._over:
            callback()

    def end(self) -> None:
        self._over = True
        for callback in self._callbacks:
            callback()


class _Lines:
    """A client stream: lines of the body, parsed on the loop, consumed by the service's thread."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self._queue: queue.Queue[Any] = queue.Queue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._loop = asyncio.get_running_loop()

    async def feed(self, request: Request) -> None:
        """Until the body ends or nobody wants more of it; however it ends, the consumer hears of it."""
        last: Any = Cancelled()  # not as if the body had been whole
        try:
            pending = bytearray()
            async for piece in request.stream():
                pending += piece
                while (end := pending.find(b"\n")) >= 0:
                    await self._put(bytes(pending[:end]))
                    del pending[: end + 1]
                if len(pending) > _BODY_LIMIT:
                    raise TooLarge(f"a line of the body is larger than {_BODY_LIMIT} bytes")
            await self._put(bytes(pending))
            last = _END
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that consumes
            last = error
        finally:
            self._queue.put(last)

    async def _put(self, line: bytes) -> None:
        if line.strip():
            await self._room.acquire()
            self._queue.put(_read(self._method, line))

    def __iter__(self) -> Iterator[Any]:
        while (item := self._queue.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            self._loop.call_soon_threadsafe(self._room.release)
            yield item


class _Pump:
    """Takes results on one thread, as far ahead as _AHEAD; `gathered` gives all that have come meanwhile.

    So a long list costs few turns between the thread and the loop, and a result that others keep
    waiting for goes out alone.
    """

    def __init__(self, results: Iterator[bytes], pool: ThreadPoolExecutor) -> None:
        self._results = results
        self._queue: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._some = asyncio.Event()
        self._told = False
        self._stopped = False
        pool.submit(self._run)

    async def gathered(self) -> list[Any]:
        """At least one result; the last is _END, or what went wrong."""
        found: list[Any] = []
        while not found:  # what was told of may have been taken already
            await self._some.wait()
            self._some.clear()
            self._told = False  # before the queue is emptied: what comes later is told again
            found = self._emptied()
        return found

    def stop(self) -> None:
        """Nobody takes any more: let go of the thread, should it wait for room."""
        self._stopped = True
        self._emptied()

    def _emptied(self) -> list[Any]:
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._queue.get_nowait())
        return found

    def _run(self) -> None:
        try:
            for item in self._results:
                self._put(item)
                if self._stopped:
                    return
            self._put(_END)
        except BaseException as error:  # noqa: BLE001 - it belongs to the task that sends
            self._put(error)

    def _put(self, item: Any) -> None:
        self._queue.put(item)
        if not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._some.set)


class _Stream(Response):
    """Sends results as they come and notices when the client leaves between two of them."""

    def __init__(
        self,
        gateway: JsonGateway,
        results: Iterator[bytes],
        first: Any,
        ended: _Ended,
        path: str,
        feeding: asyncio.Future[None] | None,
    ) -> None:
        super().__init__(headers=_JSON)
        self._gateway, self._results, self._first, self._ended = gateway, results, first, ended
        self._path, self._feeding = path, feeding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        leaving = asyncio.ensure_future(_left(receive, self._ended, self._feeding))
        pump = None
        try:
            if self._first is not _END:
                await send(_body_of([_line(b"result", self._first)]))
                pump = _Pump(self._results, self._gateway._pool)
                await _send_on(pump, send)
        except Exception as error:  # noqa: BLE001 - told inside the stream, whose status is long sent
            status = _status(self._path, error)
            await send(_body_of([_line(b"error", json.dumps(_told(status)).encode())]))
        finally:
            if pump is not None:
                pump.stop()
            leaving.cancel()
            _stop(self._feeding)
            self._ended.end()
        await send({"type": "http.response.body", "body": b""})


async def _send_on(pump: _Pump, send: Send) -> None:
    while True:
        items = await pump.gathered()
        lines = [_line(b"result", item) for item in items if isinstance(item, bytes)]
        if lines:
            await send(_body_of(lines))
        if isinstance(items[-1], BaseException):
            raise items[-1]
        if items[-1] is _END:
            return


def _body_of(lines: list[bytes]) -> dict[str, Any]:
    return {"type": "http.response.body", "body": b"".join(lines), "more_body": True}


def _stop(feeding: asyncio.Future[None] | None) -> None:
    if feeding is not None:
        feeding.cancel()


async def _left(receive: Receive, ended: _Ended, feeding: asyncio.Future[None] | None) -> None:
    if feeding is not None:
        await asyncio.wait([feeding])  # what comes until then is the body, and not ours to take
    while (await receive())["type"] != "http.disconnect":
        pass
    ended.end()


def _results(method: Method, asked: Any, call: Call) -> Iterator[bytes]:
    answers = method.serve(asked, call)
    for answer in answers if method.rpc.server_streams else (answers,):
        message = method.rpc.response.FromString(answer) if isinstance(answer, bytes) else answer
        yield _write(message)


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _BODY_LIMIT:
            raise TooLarge(f"the body is larger than {_BODY_LIMIT} bytes")
    return bytes(data)


def _read(method: Method, data: bytes) -> Any:
    """Unknown fields are ignored, as grpc-gateway does."""
    message = method.rpc.request()
    try:
        if data.strip():
            json_format.Parse(data, message, ignore_unknown_fields=True, max_recursion_depth=50)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Malformed(f"the body is not a {method.rpc.request.__name__}: {error}") from error
    return message.SerializeToString() if method.raw else message


def _write(message: Message) -> bytes:
    fields = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _line(kind: bytes, body: bytes) -> bytes:
    return b'{"%s":%s}\n' % (kind, body)


def _status(path: str, error: Exception) -> Status:
    status = status_of(error)
    if status.code is Code.INTERNAL:
        _log.error("call failed", path=path, exc_info=error)
    return status


def _told(status: Status) -> dict[str, object]:
    return {"code": status.number, "message": status.message, "details": []}


def _failure(path: str, error: Exception) -> Response:
    status = _status(path, error)
    return JSONResponse(_told(status), status.http)
