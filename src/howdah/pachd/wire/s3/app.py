"""Routing: which request is which of S3's operations, checked, on a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from howdah.pachd.versions import Versions
from howdah.pachd.wire.credentials import TokenHash
from howdah.pachd.wire.s3 import failures, signing
from howdah.pachd.wire.s3.buckets import Buckets
from howdah.pachd.wire.s3.exchange import Exchange
from howdah.pachd.wire.s3.failures import MethodNotAllowed, NotImplementedHere
from howdah.pachd.wire.s3.objects import Objects
from howdah.pachd.wire.s3.payload import Body
from howdah.pachd.wire.s3.uploads import Uploads

_THREADS = 64
_LOCALHOST = ".localhost"
_SUBRESOURCES = frozenset(
    [
        "acl",
        "policy",
        "cors",
        "lifecycle",
        "website",
        "tagging",
        "notification",
        "replication",
        "encryption",
        "object-lock",
        "legal-hold",
        "retention",
        "torrent",
        "select",
        "analytics",
        "inventory",
        "metrics",
        "accelerate",
        "logging",
        "requestPayment",
        "publicAccessBlock",
        "ownershipControls",
        "policyStatus",
        "versions",
        "attributes",
    ]
)

type Operation = Callable[[Exchange], Response]


class S3App:
    """An ASGI application. `close` after the server that runs it has stopped."""

    def __init__(self, versions: Versions, token: TokenHash | None) -> None:
        self._token = token
        self._clock = versions.clock
        self._buckets = Buckets(versions)
        self._objects = Objects(versions)
        self._uploads = Uploads(versions, self._objects)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            exchange = self._exchange(request)
            work = self._pool.submit(self._answer, request, exchange)
            response = await asyncio.wrap_future(work)
        except Exception as error:  # noqa: BLE001 - every failure has S3's words
            response = failures.response(error, request.url.path)
            # A client that waits to be asked for its body may now never send it: what comes next
            # on this connection could be either.
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    def _exchange(self, request: Request) -> Exchange:
        raw_path = request.scope["raw_path"].decode("ascii", "replace").partition("?")[0]
        bucket, _, key = raw_path.lstrip("/").partition("/")
        host = (request.url.hostname or "").lower()
        if host.endswith(_LOCALHOST):  # bucket.localhost, as some clients write it
            bucket, key = host.removesuffix(_LOCALHOST), raw_path.lstrip("/")
        return Exchange(
            method=request.method,
            bucket=unquote(bucket),
            key=unquote(key),
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=Body(request),
        )

    def _answer(self, request: Request, asked: Exchange) -> Response:
        if self._token is not None:
            path = unquote(request.scope["raw_path"].decode("ascii", "replace").partition("?")[0])
            signed = signing.Signed(asked.method, path, request.url.query, asked.headers)
            signing.check(signed, self._token, self._clock)
        return self._operation(asked)(asked)

    def _operation(self, asked: Exchange) -> Operation:
        if not_served := _SUBRESOURCES.intersection(asked.query):
            raise NotImplementedHere(f"?{min(not_served)} is not served")
        if asked.key:
            found = self._of_object(asked)
        elif asked.bucket:
            found = self._of_bucket(asked)
        else:
            found = self._buckets.all if asked.method == "GET" else None
        if found is None:
            raise MethodNotAllowed(f"{asked.method} is not served here")
        return found

    def _of_bucket(self, asked: Exchange) -> Operation | None:
        if asked.method == "POST" and "delete" in asked.query:
            return self._buckets.delete_objects
        if asked.method == "GET" and "uploads" in asked.query:
            return self._uploads.list_uploads
        return {
            "GET": self._buckets.list,
            "HEAD": self._buckets.head,
            "PUT": self._buckets.create,
            "DELETE": self._buckets.delete,
        }.get(asked.method)

    def _of_object(self, asked: Exchange) -> Operation | None:
        if asked.method == "POST" and "uploads" in asked.query:
            return self._uploads.create
        if "uploadId" in asked.query:
            return {
                "GET": self._uploads.list_parts,
                "PUT": self._uploads.put_part,
                "POST": self._uploads.complete,
                "DELETE": self._uploads.abort,
            }.get(asked.method)
        return {
            "GET": self._objects.get,
            "HEAD": self._objects.head,
            "PUT": self._objects.put,
            "DELETE": self._objects.delete,
        }.get(asked.method)
