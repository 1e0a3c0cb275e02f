"""`pachyderm.worker.Worker` for datum batching: one small gRPC server a worker.

User code finds its port in PPS_WORKER_GRPC_PORT and asks there for its next datum, one question at a
time. Who wants to know what the worker is at, or have it begin again, may ask there too.
"""

from typing import Any

from howdah.core.messages.catalogue import Catalogue
from howdah.pachd.pipelines.workers.workplace import Desk
from howdah.pachd.wire.call import Call, Waiting
from howdah.pachd.wire.contract import pps
from howdah.pachd.wire.credentials import Credentials
from howdah.pachd.wire.dispatch import Dispatcher
from howdah.pachd.wire.pps_convert import worker_status
from howdah.pachd.wire.server import GrpcServer

_GRACE_S = 0.1


class WorkerService:
    service = "pachyderm.worker.Worker"

    def __init__(self, catalogue: Catalogue, desk: Desk) -> None:
        self._respond = catalogue.message("pachyderm.worker.NextDatumResponse")
        self._cancelled = catalogue.message("pachyderm.worker.CancelResponse")
        self._desk = desk

    def next_datum(self, request: Any, call: Call) -> Any:
        return self._respond(env=self._desk.next_datum(request.error))

    def status(self, request: Any, call: Call) -> Any:
        doing = self._desk.present()
        return pps.WorkerStatus() if doing is None else worker_status(doing)

    def cancel(self, request: Any, call: Call) -> Any:
        done = self._desk.begin_again(request.job_id, request.data_filters)
        return self._cancelled(success=done)


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

    def open(self, desk: Desk) -> OpenBatchPort:
        dispatcher = Dispatcher(self._catalogue, [WorkerService(self._catalogue, desk)])
        server = GrpcServer(dispatcher, "127.0.0.1", 0, Credentials(None, None), Waiting())
        server.start()
        return OpenBatchPort(server)
