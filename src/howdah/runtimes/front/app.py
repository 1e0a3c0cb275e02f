"""The ASGI application in front of a model, a component or a graph.

It knows Seldon's URLs and hands payloads to a `Backend`; around that it gives every exchange an
ID, its headers, its place in the inference log, its CloudEvents and its metrics. The record is
written before the answer leaves. What it does not know goes to the backend's own application.
"""

import json
import logging
import re
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST

from howdah.core.inference_log import FEEDBACK, Frames
from howdah.errors import HowdahError, Invalid
from howdah.runtimes.front import binary, codes
from howdah.runtimes.front.capture import Recorder, in_sample
from howdah.runtimes.front.events import Event, Sender
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place
from howdah.runtimes.front.redaction import without

log = logging.getLogger(__name__)
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[str, str]

JSON = "application/json"
BODY_LIMIT_BYTES = 256 << 20
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"OPTIONS,POST"),
    (
        b"access-control-allow-headers",
        b"Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token",
    ),
)
INFER = re.compile(r"/v2/models(?:/(?P<model>[^/]+))?(?:/versions/(?P<version>[^/]+))?/(?:infer|generate)")
V1 = re.compile(
    r"/(?:api/v(?:0\.1|1\.0)/)?(?P<what>predictions|predict|feedback|send-feedback|explain(?:ations)?)"
)
STEP = re.compile(r"/(?P<what>transform-input|transform-output|aggregate)")
ABOUT = re.compile(
    r"/api/v(?:0\.1|1\.0)/(?:status|health/status|(metadata))(?:/[^/]+)?"
    r"|/v1/models/[^/:]+(/metadata)?"
    r"|/v2/(?:health/ready|models/[^/]+/ready|(models/[^/]+))"
)
"""What Seldon's executor counts as `status`; as `metadata` where a group is found."""
TENSORFLOW = re.compile(r"/v1/models(?:/(?P<model>[^/:]+))?:predict")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Backend(Protocol):
    async def infer(self, model: str, version: str | None, body: bytes, headers: Headers) -> Answer:
        """V2 inference; never raises for what the caller did wrong, answers it."""
        ...

    async def predict(self, body: bytes, headers: Headers) -> Answer:
        """A SeldonMessage in JSON, answered by one."""
        ...

    async def feedback(self, body: bytes, headers: Headers) -> Answer: ...

    async def step(self, what: str, body: bytes, headers: Headers) -> Answer:
        """What a graph's executor asks of a node that is no model; `what` as Seldon's path has it."""
        ...

    async def tensorflow(self, model: str, body: bytes, headers: Headers) -> Answer: ...

    async def event(self, body: bytes, headers: Headers) -> Answer:
        """A CloudEvent at `/`."""
        ...

    async def get(self, path: str) -> Answer | None:
        """Documents: metadata, status, readiness. None: ask the other application."""
        ...

    async def other(self, scope: Message, receive: Receive, send: Send) -> None: ...


def error(status: int, message: str) -> Answer:
    """As the V2 protocol words errors."""
    return Answer(status, json.dumps({"error": message}).encode())


def failure(status: int, info: str, reason: str = "") -> Answer:
    """As Seldon's v1 protocol words errors."""
    body = {"status": {"code": status, "info": info, "reason": reason, "status": "FAILURE"}}
    return Answer(status, json.dumps(body).encode())


class Front:
    def __init__(self, place: Place, backend: Backend, metrics: Metrics) -> None:
        self._place = place
        self._backend = backend
        self.metrics = metrics
        self._recorder = Recorder(place.log) if place.log.folder else None
        self._frames = Frames(
            namespace=place.namespace,
            deployment=place.deployment,
            predictor=place.predictor,
            model=place.node,
            model_commit=place.model_commit,
        )
        self._sender = Sender(place) if place.events.url else None
        self.unlogged = 0
        if self._recorder is not None:
            recorder = self._recorder
            metrics.counted(
                "howdah_inference_log_dropped_total",
                "Exchanges not recorded",
                lambda: recorder.dropped + self.unlogged,
            )
        if self._sender is not None:
            sender = self._sender
            metrics.counted("howdah_logger_dropped_total", "CloudEvents not sent", lambda: sender.dropped)
            metrics.counted("howdah_logger_sent_total", "CloudEvents sent", lambda: sender.sent)

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._backend.other(scope, receive, send)
            return
        path, method = str(scope["path"]), scope["method"]
        if method == "POST":
            call = self._call(path)
            if call is None:
                await self._backend.other(scope, receive, send)
            else:
                await self._exchange(call, scope, receive, send)
        elif method == "OPTIONS":
            await _send(send, Answer(200, b""), ALWAYS)
        elif path in ("/metrics", "/prometheus", "/v1/metrics"):
            await _send(send, Answer(200, self.metrics.text(), CONTENT_TYPE_LATEST), ())
        else:
            await self._document(path, scope, receive, send)

    def _call(self, path: str) -> "_Call | None":
        backend, place = self._backend, self._place
        if found := INFER.fullmatch(path):
            model, version = found["model"] or place.node, found["version"]
            return _Call(
                "predictions", "v2", lambda body, headers: backend.infer(model, version, body, headers)
            )
        if found := V1.fullmatch(path):
            if found["what"] in ("feedback", "send-feedback"):
                return _Call("feedback", "seldon", backend.feedback)
            return _Call("predictions", "seldon", backend.predict)
        if found := STEP.fullmatch(path):
            what = found["what"]
            return _Call("predictions", "seldon", lambda body, headers: backend.step(what, body, headers))
        if path == "/":
            return _Call("events", place.protocol, backend.event)
        if found := TENSORFLOW.fullmatch(path):
            name = found["model"] or place.node
            return _Call(
                "predictions", "tensorflow", lambda body, headers: backend.tensorflow(name, body, headers)
            )
        return None

    async def _document(self, path: str, scope: Message, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)  # type: ignore[assignment]
            await send(message)

        found = await self._backend.get(path)
        if found is None:
            await self._backend.other(scope, receive, watched)
        else:
            await _send(watched, found, ())
        if told := ABOUT.fullmatch(path):
            service = "metadata" if any(told.groups()) else "status"
            method = str(scope["method"]).lower()
            self.metrics.answered(service, method, str(status), time.perf_counter() - began)

    async def _exchange(self, call: "_Call", scope: Message, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = _headers(scope)
        id = headers.get("seldon-puid") or str(uuid.uuid4())
        headers["seldon-puid"] = id
        body = b""
        try:
            body = decoded(await _body(receive), headers.pop("content-encoding", ""))
            if call.protocol == "v2" and binary.HEADER in headers:
                body = binary.plain(body, headers.pop(binary.HEADER))
                headers["content-type"] = JSON
            answer = await call.run(body, headers)
        except Unreadable as refused:
            answer = error(refused.status, refused.message)
        except Invalid as refused:
            answer = error(400, str(refused))
        seconds = time.perf_counter() - began
        self.settle(call.service, call.protocol, id, headers, body, answer, seconds, str(scope["path"]))
        if call.protocol == "v2" and answer.status == 200:
            answer = _as_wanted(body, answer)
        await _send(send, answer, self._extra(id, headers))

    def settle(
        self,
        service: str,
        protocol: str,
        id: str,
        headers: Headers,
        body: bytes,
        answer: Answer,
        seconds: float,
        endpoint: str,
    ) -> None:
        """All that has to be on record before the answer leaves."""
        if endpoint.startswith("/"):
            self.metrics.answered(service, "post", str(answer.status), seconds)
        else:
            self.metrics.answered(f"/{endpoint}", "unary", codes.name_of(answer.status), seconds)
        if service == "events":
            return  # the exchange that it tells of is on record where it took place
        if headers.get("seldon-skip-logging", "").lower() in ("true", "on", "1"):
            return
        try:
            self._keep(service, protocol, id, headers, body, answer, seconds, endpoint)
        except Exception:  # whatever is wrong with the log, the caller gets the answer
            self.unlogged += 1
            log.exception("an exchange was not logged")

    def _keep(
        self,
        service: str,
        protocol: str,
        id: str,
        headers: Headers,
        body: bytes,
        answer: Answer,
        seconds: float,
        endpoint: str,
    ) -> None:
        """In the inference log and as CloudEvents: the same sample, without the same columns."""
        place = self._place
        if not in_sample(id, place.log.sample):
            return
        asked, told = body, answer.body
        if names := place.log.redact:
            asked, told = without(asked, names), without(told, names, answers=True)
        if self._recorder is not None:
            frame = self._frames.frame(
                id=id,
                kind=FEEDBACK if service == "feedback" else place.kind,
                time_ns=time.time_ns(),
                latency_us=int(seconds * 1e6),
                status=answer.status,
                protocol=protocol,
                endpoint=endpoint,
                request=asked,
                response=told,
            )
            self._recorder.append(frame)
        if self._sender is not None:
            if service == "feedback":
                self._sender.offer(Event("feedback", id, asked, JSON))
                return
            self._sender.offer(Event("request", id, asked, headers.get("content-type", JSON)))
            if answer.status == 200:
                self._sender.offer(Event("response", id, told, answer.content_type))

    def _extra(self, id: str, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of an answer; Ce-* only for a request that came with them."""
        mine = ((b"seldon-puid", id.encode()), *ALWAYS)
        if "ce-specversion" not in headers:
            return mine
        place = self._place
        source = f"seldon.{place.deployment}.{place.namespace}"
        return (
            *mine,
            (b"ce-id", id.encode()),
            (b"ce-specversion", b"0.3"),
            (b"ce-path", b"seldon"),
            (b"ce-source", source.encode()),
            (b"ce-type", f"{source}.response".encode()),
        )


@dataclass(frozen=True, slots=True)
class _Call:
    service: str
    protocol: str
    run: Callable[[bytes, Headers], Awaitable[Answer]]


def _as_wanted(body: bytes, answer: Answer) -> Answer:
    """With its tensors in binary, if the request wants them so."""
    try:
        packed = binary.packed(body, answer.body)
    except (Invalid, ValueError, TypeError, OverflowError) as wrong:
        return error(500, f"the answer cannot be given in binary: {wrong}")
    if packed is None:
        return answer
    content, length = packed
    headers = (*answer.headers, (binary.HEADER, str(length)))
    return Answer(200, content, "application/octet-stream", headers)


def _headers(scope: Message) -> Headers:
    raw = scope["headers"]
    assert isinstance(raw, list | tuple)
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


class Unreadable(HowdahError):
    """A body that cannot be taken, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def decoded(body: bytes, encoding: str) -> bytes:
    """What a compressed body holds, if that is not larger than a plain one may be."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Unreadable(415, f"the content encoding {encoding!r} is not understood: gzip is, or none")
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpacking.decompress(body, BODY_LIMIT_BYTES)
    except zlib.error as wrong:
        raise Unreadable(400, f"the request is not gzip as it says: {wrong}") from None
    if unpacking.unconsumed_tail:
        raise Unreadable(413, f"the request is larger than {BODY_LIMIT_BYTES} bytes")
    if not unpacking.eof:
        raise Unreadable(400, "the request ends in the middle of its gzip stream")
    return plain


async def _body(receive: Receive) -> bytes:
    """Raises Unreadable if it is larger than allowed, once all of it has come."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        assert isinstance(part, bytes)
        size += len(part)
        if size <= BODY_LIMIT_BYTES:
            parts.append(part)
        more = bool(message.get("more_body"))
    if size > BODY_LIMIT_BYTES:
        raise Unreadable(413, f"the request is larger than {BODY_LIMIT_BYTES} bytes")
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(send: Send, answer: Answer, extra: tuple[tuple[bytes, bytes], ...]) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
        *extra,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
