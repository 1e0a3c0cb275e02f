"""Seldon's v1 gRPC services over a backend that speaks their JSON.

Every message crosses as JSON, so that REST and gRPC cannot answer differently.
"""

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from howdah.runtimes.front.app import Answer, Backend, Front, Headers
from howdah.runtimes.front.codes import code_of
from howdah.runtimes.front.messages import PACKAGE, message_class

Call = Callable[[bytes, Headers], Awaitable[Answer]]


def seldon_services(front: Front, backend: Backend) -> Iterator[grpc.GenericRpcHandler]:
    """The service that callers use (Seldon) and the one that executors use (Model)."""

    async def model_metadata(body: bytes, headers: Headers) -> Answer:
        name = json.loads(body or b"{}").get("name", "")
        return await _document(backend, f"/api/v1.0/metadata/{name}")

    async def graph_metadata(body: bytes, headers: Headers) -> Answer:
        return await _document(backend, "/api/v1.0/metadata")

    message, feedback = "SeldonMessage", "Feedback"
    empty = "google.protobuf.Empty"
    outside = {
        "Predict": _method(front, "predictions", message, message, backend.predict, "Seldon/Predict"),
        "SendFeedback": _method(
            front, "feedback", feedback, message, backend.feedback, "Seldon/SendFeedback"
        ),
        "ModelMetadata": _method(
            None, "metadata", "SeldonModelMetadataRequest", "SeldonModelMetadata", model_metadata, ""
        ),
        "GraphMetadata": _method(None, "metadata", empty, "SeldonGraphMetadata", graph_metadata, ""),
    }
    yield grpc.method_handlers_generic_handler(f"{PACKAGE}.Seldon", outside)
    inside = {
        "Predict": _method(None, "predictions", message, message, backend.predict, ""),
        "SendFeedback": _method(None, "feedback", feedback, message, backend.feedback, ""),
    }
    yield grpc.method_handlers_generic_handler(f"{PACKAGE}.Model", inside)


async def _document(backend: Backend, path: str) -> Answer:
    found = await backend.get(path)
    if found is None or found.status != 200:
        return found or Answer(404, b"{}")
    return Answer(200, json.dumps(_plain(json.loads(found.body))).encode())


def _plain(document: object) -> object:
    """Metadata as the messages have it: the graph's own fields are named inputs and outputs there."""
    if isinstance(document, dict):
        renamed = {"graphinputs": "inputs", "graphoutputs": "outputs"}
        return {renamed.get(key, key): _plain(value) for key, value in document.items()}
    return [_plain(value) for value in document] if isinstance(document, list) else document


def _method(
    front: Front | None, service: str, asks: str, gives: str, call: Call, endpoint: str
) -> "grpc.RpcMethodHandler[Message, Message]":
    request_class, response_class = message_class(asks), message_class(gives)

    async def handle(request: Message, context: "grpc.aio.ServicerContext[Message, Message]") -> Message:
        began = time.perf_counter()
        headers = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        id = headers.setdefault("seldon-puid", str(uuid.uuid4()))
        body = json.dumps(json_format.MessageToDict(request, preserving_proto_field_name=True)).encode()
        answer = await call(body, headers)
        if front is not None:
            seconds = time.perf_counter() - began
            front.settle(service, "seldon", id, headers, body, answer, seconds, f"{PACKAGE}.{endpoint}")
        context.set_trailing_metadata((("seldon-puid", id),))
        if answer.status != 200:
            await context.abort(code_of(answer.status), info(answer.body))
        return json_format.ParseDict(json.loads(answer.body), response_class(), ignore_unknown_fields=True)

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=request_class.FromString,
        response_serializer=response_class.SerializeToString,
    )


def info(body: bytes) -> str:
    try:
        document = json.loads(body)
        return str(document.get("status", {}).get("info") or document.get("error") or document)
    except (ValueError, AttributeError):
        return body.decode(errors="replace")
