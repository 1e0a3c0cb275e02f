"""The gRPC server: generic, synchronous, built from the dispatcher's table.

Many threads, because waiting calls (wait, subscribe, follow) hold one each: with 64, 500 waiters
starve everyone; a parked thread costs some 70 KiB and no time. Waits are capped below the number of
threads (`call.Waiting`), so there is always room for work.

pachctl pings every 20 seconds without a stream open, which a server by default answers by hanging
up; hence the permissive ping settings. Gzip requests are understood by gRPC itself.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from howdah.core import logs
from howdah.errors import Unavailable
from howdah.pachd.wire.call import Call, Waiting
from howdah.pachd.wire.credentials import Credentials
from howdah.pachd.wire.dispatch import Dispatcher, Method
from howdah.pachd.wire.status import status_of

THREADS = 1000
MESSAGE_LIMIT = 20 << 20
"""As Pachyderm's clients and server have it."""

_HEADER_LIMIT = 64 << 10
_IN_FLIGHT_LIMIT = 4000
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", _HEADER_LIMIT),
    ("grpc.absolute_max_metadata_size", _HEADER_LIMIT * 2),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", _IN_FLIGHT_LIMIT),
)

_log = logs.get("pachd.wire.grpc")


class GrpcServer:
    """Listens from construction on `port` (0: any free one), serves from `start` to `stop`."""

    def __init__(
        self, dispatcher: Dispatcher, host: str, port: int, credentials: Credentials, waiting: Waiting
    ) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="rpc")
        self._server = grpc.server(self._pool, options=_OPTIONS, maximum_concurrent_rpcs=_IN_FLIGHT_LIMIT)
        self._server.add_generic_rpc_handlers((_Handler(dispatcher, credentials, waiting),))
        self.port = self._listen(host, port, credentials)
        self.inside_port = self.port if credentials.is_plain(host) else self._inside()
        """On 127.0.0.1 and without TLS, for our own parts; a token is asked for there too."""

    def _listen(self, host: str, port: int, credentials: Credentials) -> int:
        try:
            if credentials.certificate is not None:
                pair = (credentials.certificate.key.read_bytes(), credentials.certificate.chain.read_bytes())
                return self._server.add_secure_port(f"{host}:{port}", grpc.ssl_server_credentials([pair]))
            return self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise Unavailable(
                f"could not listen on {host}:{port} for gRPC",
                why="Another program, perhaps another pachd, listens there.",
                remedy="Stop it, or choose another port with --pachd-port (0 takes any free one).",
            ) from error

    def _inside(self) -> int:
        return self._server.add_insecure_port("127.0.0.1:0")

    def start(self) -> None:
        self._server.start()

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those under way end within the grace, cancel the rest."""
        self._server.stop(grace_s).wait()
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, dispatcher: Dispatcher, credentials: Credentials, waiting: Waiting) -> None:
        self._dispatcher = dispatcher
        self._credentials = credentials
        self._waiting = waiting
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        path: str = details.method
        handler = self._handlers.get(path)
        if handler is None:
            handler = self._make(path)
            if self._dispatcher.serves(path):  # others are any string a stranger may send
                self._handlers[path] = handler
        return handler

    def _make(self, path: str) -> "grpc.RpcMethodHandler[Any, Any]":
        rpc = self._dispatcher.catalogue.rpcs.get(path)
        server_streams = rpc is not None and rpc.server_streams
        client_streams = rpc is not None and rpc.client_streams
        respond: Any = self._stream if server_streams else self._single

        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            return respond(path, request, context)

        if client_streams:
            make = (
                grpc.stream_stream_rpc_method_handler
                if server_streams
                else grpc.stream_unary_rpc_method_handler
            )
        else:
            make = (
                grpc.unary_stream_rpc_method_handler
                if server_streams
                else grpc.unary_unary_rpc_method_handler
            )
        return make(serve)  # no (de)serializers: bytes in, bytes out, so that bad bytes are ours to refuse

    def _begin(self, path: str, request: Any, context: grpc.ServicerContext) -> tuple[Method, Any, Call]:
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        self._credentials.check(metadata)
        method = self._dispatcher.find(path)
        call = Call(metadata, self._waiting, _ender(context))
        if method.rpc.client_streams:
            return method, map(method.read, request), call
        return method, method.read(request), call

    def _single(self, path: str, request: Any, context: grpc.ServicerContext) -> bytes | None:
        try:
            method, read, call = self._begin(path, request, context)
            answer = method.write(method.serve(read, call))
            context.set_trailing_metadata(tuple(call.trailing.items()))
            return answer
        except Exception as error:  # noqa: BLE001 - every failure must become a status
            _fail(path, error, context)
            return None

    def _stream(self, path: str, request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            method, read, call = self._begin(path, request, context)
            for response in method.serve(read, call):
                yield method.write(response)
        except Exception as error:  # noqa: BLE001 - every failure must become a status
            _fail(path, error, context)


def _ender(context: grpc.ServicerContext) -> Callable[[Callable[[], None]], object]:
    def register(ended: Callable[[], None]) -> None:
        if not context.add_callback(ended):  # the call is already over
            ended()

    return register


def _fail(path: str, error: Exception, context: grpc.ServicerContext) -> None:
    if not context.is_active():
        context.abort(grpc.StatusCode.CANCELLED, "the client went away")
    status = status_of(error)
    if status.code is grpc.StatusCode.INTERNAL:
        _log.error("call failed", path=path, exc_info=error)
    context.abort(status.code, status.message)
