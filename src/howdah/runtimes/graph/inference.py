"""V2 over gRPC for a graph: ModelInfer, ModelReady and ModelMetadata, as Seldon's executor has them.

Everything else answers UNIMPLEMENTED.
"""

import json
import time
import uuid

import grpc
from mlserver.grpc import dataplane_pb2 as v2
from mlserver.grpc.converters import ModelInferResponseConverter
from mlserver.types import InferenceResponse

from howdah.errors import Invalid
from howdah.runtimes.front.app import Backend, Front, error
from howdah.runtimes.front.asked import as_sent, read_request
from howdah.runtimes.front.codes import code_of
from howdah.runtimes.front.rpc import info

type Context = grpc.aio.ServicerContext[object, object]


def inference_service(front: Front, backend: Backend) -> grpc.GenericRpcHandler:
    async def infer(request: v2.ModelInferRequest, context: Context) -> v2.ModelInferResponse:
        began = time.perf_counter()
        headers = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        id = headers.setdefault("seldon-puid", request.id or str(uuid.uuid4()))
        try:
            body = read_request(request).model_dump_json().encode()
            answer = await backend.infer(request.model_name, None, body, headers)
        except Invalid as refused:
            body, answer = as_sent(request), error(400, str(refused))
        seconds = time.perf_counter() - began
        endpoint = "inference.GRPCInferenceService/ModelInfer"
        front.settle("predictions", "v2", id, headers, body, answer, seconds, endpoint)
        context.set_trailing_metadata((("seldon-puid", id),))
        if answer.status != 200:
            await context.abort(code_of(answer.status), info(answer.body))
        response = InferenceResponse.model_validate_json(answer.body)
        return ModelInferResponseConverter.from_types(response, use_raw=bool(request.raw_input_contents))

    async def ready(request: v2.ModelReadyRequest, context: Context) -> v2.ModelReadyResponse:
        found = await backend.get(f"/v2/models/{request.name}/ready")
        if found is None or found.status == 404:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Model {request.name} not found")
        return v2.ModelReadyResponse(ready=found is not None and found.status == 200)

    async def metadata(request: v2.ModelMetadataRequest, context: Context) -> v2.ModelMetadataResponse:
        found = await backend.get(f"/v2/models/{request.name}")
        if found is None or found.status != 200:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Model {request.name} not found")
        document = json.loads(found.body) if found is not None else {}
        return v2.ModelMetadataResponse(name=request.name, platform=document.get("platform", ""))

    methods = {
        "ModelInfer": (infer, v2.ModelInferRequest, v2.ModelInferResponse),
        "ModelReady": (ready, v2.ModelReadyRequest, v2.ModelReadyResponse),
        "ModelMetadata": (metadata, v2.ModelMetadataRequest, v2.ModelMetadataResponse),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=asks.FromString, response_serializer=gives.SerializeToString
        )
        for name, (call, asks, gives) in methods.items()
    }
    return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)
