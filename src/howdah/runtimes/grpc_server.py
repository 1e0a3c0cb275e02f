"""gRPC of a single model: MLServer's V2 services with our record of each exchange, and Seldon's v1."""

import time
import uuid

import grpc
from mlserver.grpc import dataplane_pb2 as v2
from mlserver.grpc.converters import ModelInferResponseConverter
from mlserver.grpc.server import GRPCServer
from mlserver.grpc.servicers import InferenceServicer
from mlserver.handlers import DataPlane, ModelRepositoryHandlers
from mlserver.settings import Settings

from howdah.errors import HowdahError, Invalid
from howdah.runtimes.front.app import Answer, Front, Headers
from howdah.runtimes.front.asked import as_sent, read_request
from howdah.runtimes.front.codes import code_of
from howdah.runtimes.front.place import Place
from howdah.runtimes.front.rpc import seldon_services
from howdah.runtimes.mlserver_backend import MlserverBackend

Context = "grpc.aio.ServicerContext[v2.ModelInferRequest, v2.ModelInferResponse]"


class FrontedGrpcServer(GRPCServer):
    def __init__(
        self,
        settings: Settings,
        plane: DataPlane,
        repository: ModelRepositoryHandlers,
        place: Place,
        front: Front,
        backend: MlserverBackend,
    ) -> None:
        super().__init__(settings, plane, repository)
        self._place, self._front, self._backend = place, front, backend

    def _create_server(self) -> grpc.aio.Server:
        server = grpc.aio.server(options=[*self._get_options(), ("grpc.so_reuseport", 0)])
        servicer = _Inference(self._data_plane, self._model_repository_handlers)
        servicer.place, servicer.front, servicer.backend = self._place, self._front, self._backend
        from mlserver.grpc.dataplane_pb2_grpc import add_GRPCInferenceServiceServicer_to_server

        add_GRPCInferenceServiceServicer_to_server(servicer, server)
        server.add_generic_rpc_handlers(tuple(seldon_services(self._front, self._backend)))
        server.add_insecure_port(f"{self._place.host}:{self._place.grpc_port}")
        self._server = server
        return server

    async def stop(self, sig: int | None = None) -> None:
        await self._server.stop(grace=5)


class _Inference(InferenceServicer):
    place: Place
    front: Front
    backend: MlserverBackend

    async def ModelInfer(  # noqa: N802
        self,
        request: v2.ModelInferRequest,
        context: "grpc.aio.ServicerContext[v2.ModelInferRequest, v2.ModelInferResponse]",
    ) -> v2.ModelInferResponse:
        began = time.perf_counter()
        headers: Headers = {str(key): _text(value) for key, value in context.invocation_metadata() or ()}
        id = headers.setdefault("seldon-puid", request.id or str(uuid.uuid4()))
        raw = bool(request.raw_input_contents)
        status, told = 200, b""
        asked, endpoint = b"", "inference.GRPCInferenceService/ModelInfer"
        try:
            payload = read_request(request)
            asked = payload.model_dump_json().encode()
            name = request.model_name or self.place.node
            response, told = await self.backend.run_v2(name, payload, headers)
        except HowdahError as refused:
            status = 400 if isinstance(refused, Invalid) else getattr(refused, "status", 500)
            asked = asked or as_sent(request)
            told = str(refused).encode()
        seconds = time.perf_counter() - began
        self.front.settle("predictions", "v2", id, headers, asked, Answer(status, told), seconds, endpoint)
        context.set_trailing_metadata((("seldon-puid", id),))
        if status != 200:
            await context.abort(code_of(status), told.decode())
        return ModelInferResponseConverter.from_types(response, use_raw=raw)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
