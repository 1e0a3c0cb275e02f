"""The graph as the backend of our front."""

import asyncio
import json
import random
import re
from collections.abc import Iterable, Mapping

import orjson

from howdah.runtimes.front.app import Answer, Headers, Message, Receive, Send, error, failure
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place
from howdah.runtimes.graph.nodes import Node
from howdah.runtimes.graph.walking import (
    RANDOM_ABTEST,
    Calls,
    Document,
    SeldonDialect,
    Stopped,
    TensorflowDialect,
    Trail,
    V2Dialect,
    Walker,
)

NOT_FORWARDED = {"host", "content-length", "connection", "transfer-encoding", "expect", "te", "upgrade"}

READY = ("/ready", "/v2/health/ready", "/health/status", "/api/v1.0/health/status", "/api/v1.0/status")
ABOUT_NODE = re.compile(
    r"/v2/models/(?P<model>[^/]+)(?:/versions/[^/]+)?(?P<ready>/ready)?"
    r"|/api/v1\.0/(?P<what>metadata|status)/(?P<node>[^/]+)"
)


class GraphBackend:
    def __init__(
        self, place: Place, root: Node, calls: Calls, metrics: Metrics, images: Mapping[str, str]
    ) -> None:
        self._place, self._root = place, root
        dice = random.SystemRandom()
        self._calls = calls
        self._seldon = Walker(SeldonDialect(), calls, metrics, images, dice)
        self._v2 = Walker(V2Dialect(), calls, metrics, images, dice)
        self._tensorflow = Walker(TensorflowDialect(), calls, metrics, images, dice)

    async def infer(self, model: str, version: str | None, body: bytes, headers: Headers) -> Answer:
        asked = _object(body)
        if asked is None:
            return error(400, "the request body is not a JSON object")
        asked.setdefault("id", headers.get("seldon-puid"))
        trail = Trail(_forwarded(headers))
        try:
            answer = await self._v2.predict(self._root, asked, trail)
        except Stopped as stopped:
            return stopped.answer
        return Answer(200, orjson.dumps({**answer, "id": asked["id"]}))

    async def predict(self, body: bytes, headers: Headers) -> Answer:
        asked = _object(body)
        if asked is None:
            return failure(400, "the request body is not a JSON object")
        trail = Trail(_forwarded(headers))
        try:
            answer = await self._seldon.predict(self._root, asked, trail)
        except Stopped as stopped:
            return stopped.answer
        meta = answer.get("meta")
        known: Document = dict(meta) if isinstance(meta, dict) else {}
        told: Document = {"puid": headers["seldon-puid"], "requestPath": trail.path}
        if trail.routing:
            told["routing"] = trail.routing
        if trail.tags:
            told["tags"] = trail.tags
        if trail.metrics:
            told["metrics"] = trail.metrics
        return Answer(200, orjson.dumps({**answer, "meta": {**known, **told}}))

    async def feedback(self, body: bytes, headers: Headers) -> Answer:
        asked = _object(body)
        if asked is None:
            return failure(400, "feedback is a JSON object")
        response = asked.get("response")
        meta = response.get("meta") if isinstance(response, dict) else None
        routing = meta.get("routing") if isinstance(meta, dict) else None
        walker = self._v2 if self._place.protocol == "v2" else self._seldon
        try:
            await walker.feedback(
                self._root, asked, routing if isinstance(routing, dict) else {}, Trail(_forwarded(headers))
            )
        except Stopped as stopped:
            return stopped.answer
        return Answer(200, b'{"data":{"tensor":{"shape":[0]}}}')

    async def step(self, what: str, body: bytes, headers: Headers) -> Answer:
        return error(404, f"this is no component: nothing is at /{what}")

    async def tensorflow(self, model: str, body: bytes, headers: Headers) -> Answer:
        asked = _object(body)
        if asked is None:
            return error(400, "the request body is not a JSON object")
        try:
            answer = await self._tensorflow.predict(self._root, asked, Trail(_forwarded(headers)))
        except Stopped as stopped:
            return stopped.answer
        return Answer(200, orjson.dumps(answer))

    async def event(self, body: bytes, headers: Headers) -> Answer:
        return error(404, "no events are taken here")

    async def get(self, path: str) -> Answer | None:
        if path in ("/live", "/v2/health/live"):
            return Answer(200, b"OK", "text/plain")
        if path in READY:
            return await self._readiness(self._root.walk())
        if path == "/api/v1.0/metadata":
            models = {node.name: {"name": node.name, "platform": node.type} for node in self._root.walk()}
            return Answer(200, orjson.dumps({"name": self._place.predictor, "models": models}))
        if told := ABOUT_NODE.fullmatch(path):
            name = told["model"] or told["node"]
            found = next((node for node in self._root.walk() if node.name == name), None)
            if found is None:
                return error(404, f"Model {name} not found")
            if told["ready"] or told["what"] == "status":
                return await self._readiness((found,))
            return Answer(200, orjson.dumps({"name": name, "platform": found.type, "versions": []}))
        return None

    async def _readiness(self, nodes: Iterable[Node]) -> Answer:
        """That of the processes: a split at random has none and is always ready."""
        asked = [node.name for node in nodes if node.implementation != RANDOM_ABTEST]
        ready = await asyncio.gather(*map(self._calls.ready, asked))
        missing = [name for name, there in zip(asked, ready, strict=True) if not there]
        if missing:
            return Answer(503, f"not ready: {', '.join(missing)}".encode(), "text/plain")
        return Answer(200, b"OK", "text/plain")

    async def other(self, scope: Message, receive: Receive, send: Send) -> None:
        body = json.dumps({"error": f"no such path: {scope.get('path')}"}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _object(body: bytes) -> Document | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _forwarded(headers: Headers) -> tuple[tuple[str, str], ...]:
    kept = {name: value for name, value in headers.items() if name not in NOT_FORWARDED}
    return tuple({**kept, "content-type": "application/json"}.items())
