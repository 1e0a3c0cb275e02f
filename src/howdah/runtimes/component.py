"""Host a Python component written for seldon-core: `python -m howdah.runtimes.component CLASS`.

The class is looked up as `seldon-core-microservice` does it: module and class bear the same name
(or `module.Class`), its constructor gets the node's parameters, and it has some of `predict`,
`transform_input`, `transform_output`, `route`, `aggregate`, `send_feedback`, with or without names
and meta, or the `_raw` form of each, which takes and gives whole messages. `tags()`, `metrics()`
and `class_names` go into the answer's meta and names. seldon-core itself is not imported: its
messages bring TensorFlow along.
"""

import argparse
import asyncio
import importlib
import inspect
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import orjson

from howdah.errors import Invalid
from howdah.runtimes import seldon_message
from howdah.runtimes.front.app import Answer, Front, Headers, Message, Receive, Send, error, failure
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place, from_environment
from howdah.runtimes.front.rpc import seldon_services
from howdah.runtimes.front.serving import Server
from howdah.runtimes.seldon_message import Tensor

log = logging.getLogger("howdah.component")
WORDS = {
    "predict": "predict",
    "transform_input": "inputtransform",
    "transform_output": "outputtransform",
    "route": "router",
    "aggregate": "aggregate",
    "send_feedback": "feedback",
}
"""What a component can be asked, and the label `method` that its own metrics get for it."""
SERVICE_TYPES = ("MODEL", "ROUTER", "TRANSFORMER", "COMBINER", "OUTLIER_DETECTOR")


class ComponentBackend:
    def __init__(self, place: Place, component: Any, metrics: Metrics) -> None:
        self._place, self._component, self._metrics = place, component, metrics
        self.ready = False

    async def load(self) -> None:
        load = getattr(self._component, "load", None)
        if load is not None:
            await asyncio.to_thread(load)
        self.ready = True

    async def predict(self, body: bytes, headers: Headers) -> Answer:
        return await self._timed("/predict", self._call(self._alone(), body))

    def _alone(self) -> str:
        """What a prediction asks of a component that stands alone: a transformer transforms."""
        for method in ("predict", "transform_input", "transform_output"):
            if hasattr(self._component, method) or hasattr(self._component, f"{method}_raw"):
                return method
        return "predict"

    async def step(self, what: str, body: bytes, headers: Headers) -> Answer:
        return await self._call(what.replace("-", "_"), body)

    async def _timed(self, path: str, asked: Awaitable[Answer]) -> Answer:
        """As Seldon's executor counts what it asks of a node."""
        began = time.perf_counter()
        answer = await asked
        seconds = time.perf_counter() - began
        self._metrics.called(path, answer.status, seconds, self._place.node, self._place.image)
        return answer

    async def _call(self, method: str, body: bytes) -> Answer:
        try:
            message = json.loads(body)
            if not isinstance(message, dict | list):
                raise Invalid("the body is no JSON object")
            return Answer(
                200, orjson.dumps(await asyncio.to_thread(self._answer, method, message), option=_OPTIONS)
            )
        except (ValueError, RecursionError) as wrong:
            return failure(400, f"{method}: {wrong}")
        except Invalid as wrong:
            return failure(400, str(wrong))
        except Exception as failed:
            log.exception("%s failed", method)
            status = getattr(failed, "status_code", 500)
            return failure(int(status), str(failed), "MICROSERVICE_INTERNAL_ERROR")

    def _answer(self, method: str, message: Any) -> dict[str, object]:
        answer = self._made(method, message)
        meta = answer.get("meta")
        self._metrics.reported.take(meta.get("metrics") if isinstance(meta, dict) else None, WORDS[method])
        if method == "send_feedback":
            self._metrics.reported.reward(float(message.get("reward") or 0.0))
        return answer

    def _made(self, method: str, message: Any) -> dict[str, object]:
        raw = getattr(self._component, f"{method}_raw", None)
        if raw is not None:
            answer: dict[str, object] = raw(message)
            return answer
        call = getattr(self._component, method, None)
        if call is None:
            return _without_method(method, message)
        if method == "aggregate":
            return self._aggregate(call, message)
        if method == "send_feedback":
            return self._send_feedback(call, message)
        question = seldon_message.read(message)
        given = _value(question)
        result = _invoke(call, given, list(question.names), message.get("meta") or {})
        if method == "predict" and _is_not_a_number(result):
            raise ArithmeticError("the component answered NaN or infinity, which is no JSON")
        if method == "route":
            return {"data": {"tensor": {"shape": [1, 1], "values": [int(result)]}}, "meta": self._meta()}
        return self._encoded(result, question)

    def _aggregate(self, call: Callable[..., Any], message: Any) -> dict[str, object]:
        messages = message["seldonMessages"] if isinstance(message, dict) else message
        questions = [seldon_message.read(entry) for entry in messages]
        values = [_value(question) for question in questions]
        names = [list(question.names) for question in questions]
        return self._encoded(
            _invoke(call, values, names, [entry.get("meta") or {} for entry in messages]), questions[0]
        )

    def _send_feedback(self, call: Callable[..., Any], message: Any) -> dict[str, object]:
        request = message.get("request") or {}
        asked = seldon_message.read(request) if request else None
        truth = message.get("truth")
        routing = ((message.get("response") or {}).get("meta") or {}).get("routing") or {}
        call(
            _value(asked) if asked else None,
            list(asked.names) if asked else [],
            message.get("reward", 0.0),
            _value(seldon_message.read(truth)) if truth else None,
            routing=routing.get(self._place.node, -1),
        )
        return {"data": {"tensor": {"shape": [0], "values": []}}, "meta": self._meta()}

    def _encoded(self, result: Any, question: seldon_message.Question) -> dict[str, object]:
        meta = self._meta()
        if isinstance(result, str):
            return {"strData": result, "meta": meta}
        if isinstance(result, dict):
            return {"jsonData": result, "meta": meta}
        if isinstance(result, bytes | bytearray):
            import base64

            return {"binData": base64.b64encode(result).decode(), "meta": meta}
        array = np.asarray(result)
        answer = seldon_message.answer(
            question, [Tensor("predict", array.shape, array.ravel().tolist())], meta
        )
        names = getattr(self._component, "class_names", None)
        data = answer["data"]
        if names is not None and isinstance(data, dict):
            data["names"] = list(names() if callable(names) else names)
        return answer

    def _meta(self) -> dict[str, object]:
        meta: dict[str, object] = {"requestPath": {self._place.node: self._place.image}}
        for word in ("tags", "metrics"):
            found = getattr(self._component, word, None)
            if callable(found):
                meta[word] = found()
        return meta

    async def infer(self, model: str, version: str | None, body: bytes, headers: Headers) -> Answer:
        return await self._timed("/predict", self._v2(self._alone(), body))

    async def _v2(self, method: str, body: bytes) -> Answer:
        """V2 in and out: one matrix, or the columns side by side."""
        try:
            document = json.loads(body)
            messages = document if isinstance(document, list) else [document]
            asked = [_from_v2(entry) for entry in messages]
            message: Any = {"seldonMessages": asked} if method == "aggregate" else asked[0]
            answer = await asyncio.to_thread(self._answer, method, message)
        except (ValueError, KeyError, TypeError, RecursionError) as wrong:
            return error(400, f"{type(wrong).__name__}: {wrong}")
        except Invalid as wrong:
            return error(400, str(wrong))
        except Exception as failed:
            log.exception("%s failed", method)
            return error(500, str(failed))
        first = messages[0] if isinstance(messages[0], dict) else {}
        return Answer(200, orjson.dumps(_to_v2(answer, self._place.node, first.get("id")), option=_OPTIONS))

    async def feedback(self, body: bytes, headers: Headers) -> Answer:
        return await self._timed("/send-feedback", self._call("send_feedback", body))

    async def tensorflow(self, model: str, body: bytes, headers: Headers) -> Answer:
        try:
            message = {"data": {"ndarray": json.loads(body)["instances"]}}
            answer = await asyncio.to_thread(self._answer, "predict", message)
        except (ValueError, KeyError, TypeError, Invalid) as wrong:
            return error(400, str(wrong))
        except Exception as failed:
            log.exception("predict failed")
            return error(500, str(failed))
        data = answer.get("data")
        return Answer(
            200, orjson.dumps({"predictions": data.get("ndarray") if isinstance(data, dict) else None})
        )

    async def event(self, body: bytes, headers: Headers) -> Answer:
        return error(404, "no events are taken here")

    async def get(self, path: str) -> Answer | None:
        if path in ("/ready", "/live", "/health/status", "/health/ping", "/v2/health/ready"):
            ready = self.ready or path == "/live"
            return Answer(200 if ready else 503, b"OK" if ready else b"loading", "text/plain")
        node = self._place.node
        if path in ("/metadata", f"/api/v1.0/metadata/{node}"):
            return Answer(200, orjson.dumps(self._described()))
        if path == "/api/v1.0/metadata":
            own = self._described()
            sides = {"graphinputs": own.get("inputs", []), "graphoutputs": own.get("outputs", [])}
            return Answer(200, orjson.dumps({"name": self._place.predictor, "models": {node: own}, **sides}))
        if path.startswith("/api/v1.0/metadata/"):
            return failure(404, f"no model {path.removeprefix('/api/v1.0/metadata/')}")
        if path in (f"/v2/models/{node}", f"/v2/models/{node}/ready"):
            return Answer(200, orjson.dumps({"name": self._place.node, "platform": "seldon", "versions": []}))
        return None

    def _described(self) -> dict[str, Any]:
        init = getattr(self._component, "init_metadata", None)
        if init is None:
            return {"name": self._place.node, "versions": [], "platform": "seldon"}
        own: dict[str, Any] = init()
        return own

    async def other(self, scope: Message, receive: Receive, send: Send) -> None:
        path = str(scope.get("path"))
        if scope["type"] == "http" and scope.get("method") == "POST":
            body = await _read(receive)
            last = path.rsplit("/", 1)[-1]
            if path == "/route":
                answer = await self._call("route", body)
            elif path.startswith("/v2/models/") and last in ("route", "aggregate"):
                answer = await self._v2(last, body)
            elif path.startswith("/v2/models/") and last == "feedback":
                answer = await self._call("send_feedback", body)
            else:
                answer = error(404, f"no such path: {path}")
        else:
            answer = error(404, f"no such path: {path}")
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def _without_method(method: str, message: Any) -> dict[str, object]:
    """As seldon-core: what a component does not do passes through, and feedback is taken."""
    if method in ("transform_input", "transform_output"):
        return dict(message)
    if method == "send_feedback":
        return {"data": {"tensor": {"shape": [0], "values": []}}}
    raise Invalid(f"the component has no method {method}")


def _is_not_a_number(result: Any) -> bool:
    values = np.asarray(result)
    return values.dtype.kind == "f" and not bool(np.isfinite(values).all())


def _value(question: seldon_message.Question) -> Any:
    if question.shape:
        array = np.array(question.values)
        if array.dtype.kind in "US":
            array = np.array(question.values, dtype=object)
        return array.reshape(question.shape)
    if question.form == "jsonData":
        return json.loads(question.text)
    return question.text.encode("latin-1") if question.form == "binData" else question.text


def _invoke(call: Callable[..., Any], value: Any, names: Any, meta: Any) -> Any:
    """`predict(X)`, `predict(X, names)` and `predict(X, names, meta)` are all in use."""
    parameters = list(inspect.signature(call).parameters.values())
    by_name = {parameter.name for parameter in parameters}
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters) or "meta" in by_name:
        key = "metas" if "metas" in by_name else "meta"
        return call(value, names, **{key: meta})
    return call(*(value, names, meta)[: max(1, len(positional))])


def _from_v2(document: dict[str, Any]) -> dict[str, object]:
    tensors = document.get("inputs") or document.get("outputs") or []
    if len(tensors) == 1:
        shape, data = (
            tensors[0]["shape"],
            seldon_message.read({"data": {"ndarray": tensors[0]["data"]}}).values,
        )
        if tensors[0]["datatype"] == "BYTES" and len(data) == 1:
            return {"strData": data[0]}
        if tensors[0]["datatype"] != "BYTES":
            return {"data": {"tensor": {"shape": shape, "values": list(data)}}}
        return {"data": {"ndarray": seldon_message.nested(data, shape)}}
    columns = [seldon_message.read({"data": {"ndarray": tensor["data"]}}).values for tensor in tensors]
    names = [tensor["name"] for tensor in tensors]
    return {"data": {"names": names, "ndarray": [list(row) for row in zip(*columns, strict=True)]}}


def _to_v2(answer: dict[str, object], node: str, id: object) -> dict[str, object]:
    if "strData" in answer or "jsonData" in answer:
        text = answer.get("strData") or json.dumps(answer.get("jsonData"))
        output: dict[str, object] = {"name": "predict", "shape": [1], "datatype": "BYTES", "data": [text]}
    else:
        question = seldon_message.read(answer)
        output = seldon_message.to_inputs(question, ["predict"])[0]
    return {"model_name": node, "id": id, "outputs": [output]}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        part = message.get("body", b"")
        assert isinstance(part, bytes)
        body += part
        if not message.get("more_body"):
            return bytes(body)


def component_class(name: str) -> Callable[..., Any]:
    module, _, symbol = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module or name), symbol)
    return found


async def run(place: Place, component: Any) -> None:
    metrics = Metrics(place)
    backend = ComponentBackend(place, component, metrics)
    front = Front(place, backend, metrics)
    rpc = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    rpc.add_generic_rpc_handlers(tuple(seldon_services(front, backend)))
    rpc.add_insecure_port(f"{place.host}:{place.grpc_port}")
    await rpc.start()
    server = Server(front, place)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.ensure_future(server.serve())
    await backend.load()
    await serving
    await rpc.stop(grace=5)
    front.close()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("interface", nargs="?", default=os.environ.get("MODEL_NAME", ""))
    words.add_argument("--service-type", choices=SERVICE_TYPES, default="MODEL")
    given, _ = words.parse_known_args()
    place = from_environment(os.environ)
    sys.path.insert(0, os.environ.get("HOWDAH_APP") or str(Path.cwd()))
    try:
        component = component_class(given.interface)(**place.parameters)
    except (ImportError, AttributeError, TypeError, ValueError) as wrong:
        log.error("the component %s cannot be used: %s", given.interface, wrong)
        return 3
    asyncio.run(run(place, component))
    return 0


if __name__ == "__main__":
    sys.exit(main())
