"""One model in MLServer, answered by its data plane without its REST framework in between.

The paths that carry predictions are parsed and encoded here (half of what FastAPI costs);
metadata, docs and the rest of the V2 protocol stay MLServer's own application.
"""

import json
import logging
import math
import time
from collections.abc import Awaitable, Callable

import orjson
from mlserver.codecs.json import encode_to_json_bytes
from mlserver.errors import MLServerError
from mlserver.handlers import DataPlane
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import extract_headers, insert_headers
from pydantic import ValidationError

from howdah.errors import HowdahError, Invalid
from howdah.runtimes import seldon_message
from howdah.runtimes.front.app import JSON, Answer, Headers, Message, Receive, Send, error, failure
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place
from howdah.runtimes.seldon_message import Tensor

log = logging.getLogger(__name__)

Explains = Callable[[InferenceRequest], Awaitable[dict[str, object]]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class MlserverBackend:
    def __init__(
        self, place: Place, plane: DataPlane, model: Callable[[], MLModel | None], app: Asgi
    ) -> None:
        self._place = place
        self._plane = plane
        self._model = model
        self._app = app
        self.metrics: Metrics | None = None

    async def infer(self, model: str, version: str | None, body: bytes, headers: Headers) -> Answer:
        try:
            payload = InferenceRequest.model_validate_json(body)
        except ValidationError as invalid:
            return error(422, said(invalid))
        return await self._infer(model, version, payload, headers)

    async def _infer(
        self, model: str, version: str | None, payload: InferenceRequest, headers: Headers
    ) -> Answer:
        try:
            return Answer(200, _encoded(await self._run(model, version, payload, headers)))
        except _Refused as refused:
            return error(refused.status, refused.message)

    async def run_v2(
        self, model: str, payload: InferenceRequest, headers: Headers
    ) -> tuple[InferenceResponse, bytes]:
        """For gRPC, where errors become status codes elsewhere; the answer in JSON, too, for the record."""
        response = await self._run(model, None, payload, headers)
        return response, _encoded(response)

    async def _run(
        self, model: str, version: str | None, payload: InferenceRequest, headers: Headers
    ) -> InferenceResponse:
        if wrong := next((t for t in payload.inputs if any(size < 0 for size in t.shape)), None):
            raise _Refused(400, f"input {wrong.name} has shape {wrong.shape}: a size is never negative")
        if payload.id is None:
            payload.id = headers.get("seldon-puid")
        insert_headers(payload, headers)
        began, code = time.perf_counter(), 200
        try:
            response = await self._plane.infer(payload, model, version)
            # What the model says in headers goes no further, as with Seldon's executor.
            extract_headers(response)
            return response
        except MLServerError as failed:
            code = failed.status_code
            raise _Refused(failed.status_code, str(failed)) from failed
        except Invalid as invalid:
            code = 400
            raise _Refused(400, str(invalid)) from invalid
        except HowdahError as failed:
            code = 503
            raise _Refused(503, str(failed)) from failed
        except (ValueError, TypeError, KeyError) as wrong:
            # What a model raises about its input: shapes, types, names.
            code = 400
            raise _Refused(400, f"{type(wrong).__name__}: {wrong}") from wrong
        except MemoryError as full:
            code = 507
            raise _Refused(507, "the request needs more memory than there is") from full
        except Exception as failed:
            code = 500
            log.exception("the model failed")
            raise _Refused(500, f"{type(failed).__name__}: {failed}") from failed
        finally:
            if self.metrics is not None:
                seconds = time.perf_counter() - began
                self.metrics.called("/predict", code, seconds, model, self._place.image)

    async def predict(self, body: bytes, headers: Headers) -> Answer:
        explain: Explains | None = getattr(self._model(), "explanation", None)
        if explain is not None:
            return await self._explain(body, headers, explain)
        try:
            message = json.loads(body)
            question = seldon_message.read(message)
            model = self._model()
            declared = [tensor.name for tensor in (model.inputs if model else None) or ()]
            document: dict[str, object] = {"inputs": seldon_message.to_inputs(question, declared)}
            method = getattr(model, "v1_output", None)
            if method is not None:
                document["outputs"] = [{"name": method}]
            payload = InferenceRequest.model_validate(document)
            response = await self._run(self._place.node, None, payload, headers)
        except _Refused as refused:
            return failure(refused.status, refused.message)
        except (ValueError, RecursionError) as wrong:
            return failure(400, f"the request body is not JSON: {wrong}")
        except Invalid as wrong:
            return failure(400, str(wrong))
        outputs = [_tensor(output.name, output.shape, output.data.root) for output in response.outputs]
        meta: dict[str, object] = {"requestPath": {self._place.node: self._place.image}}
        given = message.get("meta") if isinstance(message, dict) else None
        if isinstance(given, dict):
            meta = {**{key: given[key] for key in ("tags", "puid") if key in given}, **meta}
        answer = seldon_message.answer(question, outputs, meta)
        encoded = orjson.dumps(answer)
        if b"null" in encoded and (name := _not_a_number(response)):
            return failure(500, f"the model answered NaN or infinity in output {name!r}")
        return Answer(200, encoded)

    async def feedback(self, body: bytes, headers: Headers) -> Answer:
        try:
            feedback = json.loads(body)
            reward = float(feedback.get("reward", 0.0))
        except (ValueError, AttributeError, TypeError, RecursionError):
            return failure(400, "feedback is a JSON object with a number `reward`")
        if self.metrics is not None:
            self.metrics.reported.reward(reward)
        handler = getattr(self._model(), "feedback", None)
        if handler is not None:
            await handler(feedback)
        return Answer(200, b'{"data":{"tensor":{"shape":[0]}}}')

    async def step(self, what: str, body: bytes, headers: Headers) -> Answer:
        return error(404, f"this is no component: nothing is at /{what}")

    async def tensorflow(self, model: str, body: bytes, headers: Headers) -> Answer:
        """TensorFlow Serving's row format: `instances` in, `predictions` out."""
        try:
            document = json.loads(body)
            declared = [tensor.name for tensor in (getattr(self._model(), "inputs", None) or ())]
            payload = _from_instances(document, declared)
            response = await self._run(model, None, InferenceRequest.model_validate(payload), headers)
        except _Refused as refused:
            return error(refused.status, refused.message)
        except (Invalid, ValueError, RecursionError) as wrong:
            return error(400, str(wrong))
        tensors = [_tensor(output.name, output.shape, output.data.root) for output in response.outputs]
        rows = {tensor.name: seldon_message.nested(tensor.values, tensor.shape) for tensor in tensors}
        only = next(iter(rows.values())) if len(rows) == 1 else None
        if only is None:
            lists = {name: value for name, value in rows.items() if isinstance(value, list)}
            count = min(map(len, lists.values()), default=0)
            only = [{name: value[at] for name, value in lists.items()} for at in range(count)]
        encoded = orjson.dumps({"predictions": only})
        if b"null" in encoded and (name := _not_a_number(response)):
            return error(500, f"the model answered NaN or infinity in output {name!r}: no JSON")
        return Answer(200, encoded)

    async def get(self, path: str) -> Answer | None:
        model = self._model()
        if path in ("/ready", "/live", "/api/v1.0/health/status", "/api/v1.0/status", "/health/status"):
            ready = path == "/live" or (model is not None and model.ready)
            return Answer(200 if ready else 503, b"OK" if ready else b"not ready", "text/plain")
        if path in ("/v1.0/metadata", "/api/v1.0/metadata") or path.startswith("/api/v1.0/metadata/"):
            return self._metadata(path)
        if path.startswith("/api/v1.0/status/"):
            return Answer(200, b"OK", "text/plain")
        if path.startswith("/v1/models/"):
            return self._tensorflow_status(path.removeprefix("/v1/models/"))
        return None

    def _metadata(self, path: str) -> Answer:
        model = self._model()
        own: dict[str, object] = {
            "name": self._place.node,
            "platform": getattr(model, "platform", "howdah"),
            "versions": [self._place.model_commit] if self._place.model_commit else [],
            "inputs": [_described(tensor) for tensor in (model.inputs if model else None) or ()],
            "outputs": [_described(tensor) for tensor in (model.outputs if model else None) or ()],
        }
        if path.startswith("/api/v1.0/metadata/"):
            name = path.rsplit("/", 1)[1]
            return (
                Answer(200, orjson.dumps(own))
                if name == self._place.node
                else failure(404, f"no model {name}")
            )
        graph = {"name": self._place.predictor, "models": {self._place.node: own}}
        sides = {"graphinputs": own["inputs"], "graphoutputs": own["outputs"]}
        return Answer(200, orjson.dumps({**graph, **sides}))

    def _tensorflow_status(self, name: str) -> Answer:
        if name != self._place.node:
            return error(404, f"Servable not found for request: Latest({name})")
        version = [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
        return Answer(200, json.dumps({"model_version_status": version}).encode(), JSON)

    async def event(self, body: bytes, headers: Headers) -> Answer:
        """`POST /`: for models that take CloudEvents."""
        model = self._model()
        taken = getattr(model, "event", None)
        if taken is None:
            return error(404, "this model takes no events")
        status, document = await taken(body, headers)
        return Answer(status, orjson.dumps(document))

    async def _explain(self, body: bytes, headers: Headers, explain: Explains) -> Answer:
        """Plain JSON for a request in either protocol."""
        try:
            document = json.loads(body)
            if isinstance(document, dict) and "inputs" in document:
                payload = InferenceRequest.model_validate(document)
            else:
                declared = [tensor.name for tensor in (getattr(self._model(), "inputs", None) or ())]
                inputs = seldon_message.to_inputs(seldon_message.read(document), declared)
                payload = InferenceRequest.model_validate({"inputs": inputs})
            payload.id = payload.id or headers["seldon-puid"]
            return Answer(200, orjson.dumps(await explain(payload)))
        except ValidationError as invalid:
            return failure(422, said(invalid))
        except (ValueError, RecursionError) as wrong:
            return failure(400, str(wrong))
        except HowdahError as refused:
            return failure(400 if isinstance(refused, Invalid) else 503, str(refused))

    async def other(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Refused(HowdahError):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def said(invalid: ValidationError) -> str:
    """What is wrong with a request, and where."""
    found = invalid.errors(include_url=False, include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, entry['loc'])) or 'body'}: {entry['msg']}" for entry in found)


def _encoded(response: InferenceResponse) -> bytes:
    body = encode_to_json_bytes(response.model_dump())
    if b"null" in body and (output := _not_a_number(response)):
        raise _Refused(500, f"the model answered NaN or infinity in output {output!r}: no JSON")
    return body


def _not_a_number(response: InferenceResponse) -> str | None:
    """The output that has one. MLServer's codec for arrays has made None of NaN by then."""
    for output in response.outputs:
        if output.datatype in ("FP16", "FP32", "FP64"):
            values = _flat(output.data.root)
            if any(not isinstance(value, int | float) or not math.isfinite(value) for value in values):
                return str(output.name)
    return None


def _flat(values: object) -> list[object]:
    if not isinstance(values, list):
        return [values]
    return (
        [inner for value in values for inner in _flat(value)]
        if values and isinstance(values[0], list)
        else values
    )


def _tensor(name: str, shape: list[int], values: object) -> Tensor:
    flat = [value.decode() if isinstance(value, bytes) else value for value in _flat(values)]
    return Tensor(name, tuple(shape), flat)


def _described(tensor: object) -> dict[str, object]:
    return {
        "messagetype": "tensor",
        "schema": {
            "name": getattr(tensor, "name", ""),
            "datatype": getattr(tensor, "datatype", ""),
            "shape": getattr(tensor, "shape", []),
        },
    }


def _from_instances(document: object, declared: list[str]) -> dict[str, object]:
    if not isinstance(document, dict) or ("instances" in document) == ("inputs" in document):
        raise Invalid("the body has one of `instances` and `inputs`")
    rows = document.get("instances", document.get("inputs"))
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        columns: dict[str, object] = {name: [row.get(name) for row in rows] for name in rows[0]}
    elif isinstance(rows, dict):
        columns = rows
    else:
        columns = {declared[0] if len(declared) == 1 else "predict": rows}
    inputs: list[dict[str, object]] = []
    for name, values in columns.items():
        question = seldon_message.read({"data": {"ndarray": values}})
        inputs += seldon_message.to_inputs(question, [name])
    return {"inputs": inputs}
