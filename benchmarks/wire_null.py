"""A gRPC server of the same shape as pachd that keeps nothing: the peer of bench_wire.

`put` writes what comes to one file and syncs it; `get` sends a gigabyte that it has in memory; `list`
sends as many messages of a FileInfo's length as a listing of 10,000 has; `ask` answers at once.
Prints its port and serves until its input ends.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

PIECE = b"\x0a\x80\x80\x80\x01" + os.urandom(2 << 20)
GIGABYTE = 512
FILE_INFO = os.urandom(130)
LISTED = 10_000


def put(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    with tempfile.TemporaryFile(buffering=0) as file:
        for request in requests:
            file.write(request)
        os.fdatasync(file.fileno())
    return b""


def get(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for _ in range(GIGABYTE):
        yield PIECE


def listing(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for _ in range(LISTED):
        yield FILE_INFO


def ask(request: bytes, context: grpc.ServicerContext) -> bytes:
    return request


class Null(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return {
            "/null/put": grpc.stream_unary_rpc_method_handler(put),
            "/null/get": grpc.unary_stream_rpc_method_handler(get),
            "/null/list": grpc.unary_stream_rpc_method_handler(listing),
            "/null/ask": grpc.unary_unary_rpc_method_handler(ask),
        }[details.method]


def main() -> None:
    options = [("grpc.max_receive_message_length", 20 << 20)]
    server = grpc.server(ThreadPoolExecutor(1000), options=options)
    server.add_generic_rpc_handlers((Null(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


if __name__ == "__main__":
    main()
