"""`pachyderm.worker.Worker` for datum batching: one small gRPC server a worker.

User code finds its port in PPS_WORKER_GRPC_PORT and asks there for its next datum; it is the only
one who asks, one question at a time.
"""

from typing import Any

from howdah.core.messages.catalogue import Catalogue
from howdah.pachd.pipelines.workers.workplace import NextDatum
from howdah.pachd.wire.call import Call, Waiting
from howdah.pachd.wire.credentials import Credentials
from howdah.pachd.wire.dispatch import Dispatcher
from howdah.pachd.wire.server import GrpcServer

_GRACE_S = 0.1


class WorkerService:
    service = "pachyderm.worker.Worker"

    def __init__(self, catalogue: Catalogue, next_datum: NextDatum) -> None:
        self._respond = catalogue.message("pachyderm.worker.NextDatumResponse")
        self._next_datum = next_datum

    def next_datum(self, request: Any, call: Call) -> Any:
        return self._respond(env=self._next_datum(request.error))


class OpenBatchPort:
    """Implements `BatchPort`."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server

    @property
    def port(self) -> int:
        return self._server.port

    def close(self) -> None:
        self._server.stop(_GRACE_S)


class GrpcBatchPorts:
    """Implements `BatchPorts`. Loopback only, and only for the worker's own user code: no token."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def open(self, next_datum: NextDatum) -> OpenBatchPort:
        dispatcher = Dispatcher(self._catalogue, [WorkerService(self._catalogue, next_datum)])
        server = GrpcServer(dispatcher, "127.0.0.1", 0, Credentials(None, None), Waiting())
        server.start()
        return OpenBatchPort(server)
