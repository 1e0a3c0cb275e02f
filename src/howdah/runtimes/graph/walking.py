"""The walk: input transformation, routing, children, aggregation, output transformation.

Seldon's semantics: route -1 asks all children at once, -2 answers with the message itself, N asks
one child; without a combiner the first child's answer counts. A node that answers anything but
200 ends the walk, and its status and body are the answer.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from howdah.runtimes.front.app import Answer, failure
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.graph.connections import NodeGone, NodeSlow
from howdah.runtimes.graph.nodes import Node

ALL, ECHO = -1, -2
RANDOM_ABTEST = "RANDOM_ABTEST"
Document = dict[str, object]


class Calls(Protocol):
    async def post(
        self, node: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]
    ) -> Answer: ...

    async def ready(self, node: str) -> bool:
        """Whether any process of the node says that it is; within about a second, and never raises."""
        ...


class Stopped(Exception):
    """A node's refusal, which becomes the answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


@dataclass(slots=True)
class Trail:
    """Where a request went: for meta.routing and meta.requestPath, and for feedback later."""

    headers: tuple[tuple[str, str], ...]
    routing: dict[str, int] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    tags: Document = field(default_factory=dict)
    metrics: list[object] = field(default_factory=list)


class Dialect(Protocol):
    """One protocol's addresses, and what becomes of an answer before it is the next request."""

    def address(self, node: Node, method: str) -> str: ...

    def chained(self, answer: Document) -> Document: ...

    def gathered(self, answers: list[Document]) -> object: ...

    def route_in(self, answer: Document) -> int: ...


class Walker:
    def __init__(
        self, dialect: Dialect, calls: Calls, metrics: Metrics, images: Mapping[str, str], dice: random.Random
    ) -> None:
        self._dialect, self._calls, self._metrics = dialect, calls, metrics
        self._images, self._dice = images, dice

    async def predict(self, node: Node, message: Document, trail: Trail) -> Document:
        """Raises Stopped."""
        trail.path[node.name] = self._images.get(node.name, "")
        if "TRANSFORM_INPUT" in node.methods:
            message = await self._ask(node, "TRANSFORM_INPUT", message, trail)
            if node.children:
                message = self._dialect.chained(message)
        if node.children:
            message = await self._children(node, message, trail)
        if "TRANSFORM_OUTPUT" in node.methods:
            given = self._dialect.chained(message) if node.children else message
            message = await self._ask(node, "TRANSFORM_OUTPUT", given, trail)
        return message

    async def _children(self, node: Node, message: Document, trail: Trail) -> Document:
        route = await self._route(node, message, trail)
        if route == ECHO:
            return message
        if not ALL <= route < len(node.children):
            raise Stopped(failure(500, f"router {node.name} chose child {route} of {len(node.children)}"))
        chosen = node.children if route == ALL else (node.children[route],)
        if len(chosen) == 1:
            answers = [await self.predict(chosen[0], message, trail)]
        else:
            # Each child gets a message of its own: none may see what another has changed.
            tasks = [asyncio.ensure_future(self.predict(child, dict(message), trail)) for child in chosen]
            try:
                answers = list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
        if "AGGREGATE" in node.methods:
            return await self._ask(node, "AGGREGATE", self._dialect.gathered(answers), trail)
        return answers[0]

    async def _route(self, node: Node, message: Document, trail: Trail) -> int:
        if node.implementation == RANDOM_ABTEST:
            ratio = float(node.parameters.get("ratioA", "0.5"))
            route = 0 if self._dice.random() < ratio else 1
        elif "ROUTE" in node.methods:
            route = self._dialect.route_in(await self._ask(node, "ROUTE", message, trail))
        else:
            return ALL
        trail.routing[node.name] = route
        return route

    async def feedback(self, node: Node, message: Document, routing: Mapping[str, int], trail: Trail) -> None:
        """To every MODEL and ROUTER on the way that the answer had taken."""
        if "SEND_FEEDBACK" in node.methods and node.implementation != RANDOM_ABTEST:
            await self._ask(node, "SEND_FEEDBACK", message, trail)
        route = routing.get(node.name, ALL)
        chosen = node.children if not 0 <= route < len(node.children) else (node.children[route],)
        for child in chosen:
            await self.feedback(child, message, routing, trail)

    async def _ask(self, node: Node, method: str, message: object, trail: Trail) -> Document:
        path = self._dialect.address(node, method)
        began, code = time.perf_counter(), 500
        try:
            answer = await self._calls.post(node.name, path, orjson.dumps(message), trail.headers)
            code = answer.status
        except NodeSlow as slow:
            code = 504
            raise Stopped(failure(500, str(slow), "MICROSERVICE_TIMEOUT")) from slow
        except NodeGone as gone:
            code = 503
            raise Stopped(failure(500, str(gone), "MICROSERVICE_UNREACHABLE")) from gone
        finally:
            seconds = time.perf_counter() - began
            self._metrics.called(path, code, seconds, node.name, self._images.get(node.name, ""))
        if answer.status != 200:
            raise Stopped(answer)
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise Stopped(failure(500, f"{node.name} answered what is not JSON")) from None
        if not isinstance(document, dict):
            raise Stopped(failure(500, f"{node.name} answered {type(document).__name__}, not a JSON object"))
        self._remember(document, trail)
        return document

    def _remember(self, document: Document, trail: Trail) -> None:
        meta = document.get("meta")
        if not isinstance(meta, dict):
            return
        if isinstance(tags := meta.get("tags"), dict):
            trail.tags.update(tags)
        if isinstance(metrics := meta.get("metrics"), list):
            trail.metrics.extend(metrics)


SELDON_PATHS = {
    "TRANSFORM_OUTPUT": "/transform-output",
    "ROUTE": "/route",
    "AGGREGATE": "/aggregate",
    "SEND_FEEDBACK": "/send-feedback",
}
WORDS = {"ROUTE": "route", "AGGREGATE": "aggregate", "SEND_FEEDBACK": "feedback"}


class SeldonDialect:
    def address(self, node: Node, method: str) -> str:
        if method == "TRANSFORM_INPUT":
            return "/transform-input" if node.type == "TRANSFORMER" else "/predict"
        return SELDON_PATHS[method]

    def chained(self, answer: Document) -> Document:
        return answer

    def gathered(self, answers: list[Document]) -> object:
        return {"seldonMessages": answers}

    def route_in(self, answer: Document) -> int:
        data = answer.get("data")
        value: object = None
        if isinstance(data, dict):
            tensor = data.get("tensor")
            value = tensor.get("values") if isinstance(tensor, dict) else data.get("ndarray")
        return _branch(value)


class V2Dialect:
    def address(self, node: Node, method: str) -> str:
        return f"/v2/models/{node.name}/{WORDS.get(method, 'infer')}"

    def chained(self, answer: Document) -> Document:
        if "outputs" not in answer:
            return answer
        kept: Document = {key: answer[key] for key in ("id", "parameters") if key in answer}
        return {**kept, "inputs": answer["outputs"]}

    def gathered(self, answers: list[Document]) -> object:
        return answers

    def route_in(self, answer: Document) -> int:
        outputs = answer.get("outputs")
        first = outputs[0] if isinstance(outputs, list) and outputs else None
        return _branch(first.get("data") if isinstance(first, dict) else None)


class TensorflowDialect:
    def address(self, node: Node, method: str) -> str:
        return f"/v1/models/{node.name}:{WORDS.get(method, 'predict')}"

    def chained(self, answer: Document) -> Document:
        return {"instances": answer["predictions"]} if "predictions" in answer else answer

    def gathered(self, answers: list[Document]) -> object:
        return answers

    def route_in(self, answer: Document) -> int:
        return _branch(answer.get("predictions"))


def _branch(value: object) -> int:
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise Stopped(
            failure(500, f"a router answered {json.dumps(value)} where a child's number was wanted")
        )
    return int(value)
