"""The HTTP surface: from a request to an object, a list, a table or a stream."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import yaml
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from howdah.core.json import Json, JsonObject, as_text, at
from howdah.errors import HowdahError, NotFound
from howdah.seldon.kube import columns, discovery, openapi
from howdah.seldon.kube.failures import (
    Failure,
    bad_request,
    failure,
    method_not_allowed,
    no_such_path,
    response,
    unauthorized,
)
from howdah.seldon.kube.logs import LogQuery, LogReader, log_stream
from howdah.seldon.kube.resources import ALL, GROUP, NAMESPACE, POD, POD_METRICS, Resource
from howdah.seldon.kube.selectors import selector
from howdah.seldon.kube.watching import Watch, stream
from howdah.seldon.kube.writing import Write, Writer
from howdah.seldon.objects import Objects

BODY_LIMIT_BYTES = 3 << 20
WATCH_LIMIT_S = 3600.0

Endpoint = Callable[[Request], Awaitable[Response]]
PodUsage = Callable[[str | None], list[JsonObject]]
"""What the pods of a namespace, or of all, use now."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which object, or which collection, a request is about."""

    resource: Resource
    namespace: str | None
    name: str
    subresource: str


def create_app(
    objects: Objects, logs: LogReader, usage: PodUsage, admits: Callable[[str], bool] | None = None
) -> Starlette:
    """The whole API over a store of objects; `logs` finds the log files of a pod.

    Where `admits` is given, objects are shown and changed only for a token that it takes.
    """
    api = _Api(objects, logs, usage, admits)
    documents: dict[str, Callable[[], JsonObject]] = {
        "/version": lambda: discovery.VERSION,
        "/api": discovery.core_versions,
        "/apis": discovery.groups,
        "/api/v1": lambda: discovery.resource_list(""),
        f"/apis/{GROUP}": lambda: discovery.group(GROUP),
        f"/apis/{GROUP}/v1": lambda: discovery.resource_list(GROUP),
        f"/apis/{POD_METRICS.group}": lambda: discovery.group(POD_METRICS.group),
        POD_METRICS.prefix: lambda: discovery.resource_list(POD_METRICS.group),
        "/openapi/v3": openapi.index,
        "/openapi/v3/api/v1": lambda: openapi.v3(""),
        f"/openapi/v3/apis/{GROUP}/v1": lambda: openapi.v3(GROUP),
    }
    routes = [Route(path, _document(make), methods=["GET"]) for path, make in documents.items()]
    routes.append(Route("/openapi/v2", _openapi_v2, methods=["GET"]))
    routes += [Route(path, _healthy, methods=["GET"]) for path in ("/healthz", "/livez", "/readyz")]
    for resource in ALL:
        routes += api.routes(resource)
    routes += api.usage_routes()
    return Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_allowed})


def _token(request: Request) -> str:
    """As Kubernetes' clients show it, or as pachd's do."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("authn-token", "")


def _document(make: Callable[[], JsonObject]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return JSONResponse(make())

    return answer


async def _openapi_v2(request: Request) -> Response:
    accepted = request.headers.get("accept", "*/*")
    if "json" not in accepted and "*/*" not in accepted:
        return PlainTextResponse("only JSON is served", status_code=406)
    return JSONResponse(openapi.v2())


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok")


async def _not_found(request: Request, error: Exception) -> Response:
    return response(no_such_path())


async def _not_allowed(request: Request, error: Exception) -> Response:
    return response(method_not_allowed())


_LIST: JsonObject = {
    "kind": f"{POD_METRICS.kind}List",
    "apiVersion": POD_METRICS.api_version,
    "metadata": {},
}


class _Api:
    def __init__(
        self,
        objects: Objects,
        logs: LogReader,
        usage: PodUsage,
        admits: Callable[[str], bool] | None,
    ) -> None:
        self._objects = objects
        self._usage = usage
        self._admits = admits
        self._logs = logs
        self._writer = Writer(objects)

    def routes(self, resource: Resource) -> list[Route]:
        prefix, plural = resource.prefix, resource.plural
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        one = f"{prefix}{scope}/{plural}/{{name}}"
        collection = self._endpoint(resource, self._collection)
        found = [Route(f"{prefix}{scope}/{plural}", collection, methods=["GET", "POST", "DELETE"])]
        if resource.namespaced:
            found.append(Route(f"{prefix}/{plural}", collection, methods=["GET", "POST"]))
        single = self._endpoint(resource, self._single)
        found.append(Route(one, single, methods=["GET", "PUT", "PATCH", "DELETE"]))
        if "status" in resource.subresources:
            status = self._endpoint(resource, self._single, "status")
            found.append(Route(f"{one}/status", status, methods=["GET", "PUT", "PATCH"]))
        if resource is POD:
            found.append(Route(f"{one}/log", self._endpoint(resource, self._log), methods=["GET"]))
        return found

    def usage_routes(self) -> list[Route]:
        answer = self._endpoint(POD_METRICS, self._used)
        within = "/namespaces/{namespace}/pods"
        paths = ("/pods", within, f"{within}/{{name}}")
        return [Route(f"{POD_METRICS.prefix}{path}", answer, methods=["GET"]) for path in paths]

    async def _used(self, request: Request, target: Target) -> Response:
        matches = _matches(request)
        items = await run_in_threadpool(self._usage, target.namespace)
        if not target.name:
            found: list[Json] = [item for item in items if matches(item)]
            return JSONResponse({**_LIST, "items": found})
        for item in items:
            if at(item, "metadata", "name") == target.name:
                return JSONResponse(item)
        raise NotFound(f"no pod {target.name} runs")

    def _endpoint(
        self,
        resource: Resource,
        handle: Callable[[Request, Target], Awaitable[Response]],
        subresource: str = "",
    ) -> Endpoint:
        async def answer(request: Request) -> Response:
            parameters = request.path_params
            target = Target(resource, parameters.get("namespace"), parameters.get("name", ""), subresource)
            try:
                if self._admits is not None and not self._admits(_token(request)):
                    raise unauthorized()
                return await handle(request, target)
            except HowdahError as error:
                return response(failure(error, resource, target.name))

        return answer

    async def _collection(self, request: Request, target: Target) -> Response:
        if request.method == "GET":
            if request.query_params.get("watch") in ("true", "1"):
                return self._watch(request, target)
            return await run_in_threadpool(self._list, request, target)
        if request.method == "POST":
            body = await _body(request)
            namespace = target.namespace or as_text(at(body, "metadata", "namespace")) or "default"
            write = _write(request, target, namespace, as_text(at(body, "metadata", "name")))
            created = await run_in_threadpool(self._writer.create, write, body)
            return JSONResponse(created, status_code=201)
        return await run_in_threadpool(self._delete_all, request, target)

    async def _single(self, request: Request, target: Target) -> Response:
        if request.method == "GET":
            found = await run_in_threadpool(self._read, target)
            return self._shown(request, target, [found], found)
        namespace = target.namespace or ""
        write = _write(request, target, namespace, target.name)
        if request.method == "DELETE":
            options = await _body(request, empty=True)
            deleted = await run_in_threadpool(self._writer.delete, write, options)
            return JSONResponse(deleted)
        body = await _body(request)
        if request.method == "PUT":
            return JSONResponse(await run_in_threadpool(self._writer.replace, write, body))
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        stored, created = await run_in_threadpool(self._writer.patch, write, kind, body)
        return JSONResponse(stored, status_code=201 if created else 200)

    def _read(self, target: Target) -> JsonObject:
        if target.resource is NAMESPACE:
            names = self._namespaces()
            if target.name not in names:
                raise (
                    failure(no_such_path(), NAMESPACE, target.name)
                    if not target.name
                    else Failure(
                        404, "NotFound", f'namespaces "{target.name}" not found', {"name": target.name}
                    )
                )
            return _namespace(target.name)
        return self._objects.get(target.resource.plural, target.namespace or "", target.name)

    def _namespaces(self) -> list[str]:
        return sorted({"default", *self._objects.namespaces()})

    def _scan(self, target: Target) -> tuple[list[JsonObject], int]:
        if target.resource is NAMESPACE:
            return [_namespace(name) for name in self._namespaces()], 0
        return self._objects.scan(target.resource.plural, target.namespace)

    def _list(self, request: Request, target: Target) -> Response:
        matches = _matches(request)
        found, version = self._scan(target)
        listed: list[JsonObject] = [document for document in found if matches(document)]
        items: list[Json] = list(listed)
        resource = target.resource
        return self._shown(
            request,
            target,
            listed,
            {
                "kind": f"{resource.kind}List",
                "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": str(version)},
                "items": items,
            },
            version,
        )

    def _shown(
        self, request: Request, target: Target, rows: list[JsonObject], plain: JsonObject, version: int = 0
    ) -> Response:
        if not columns.wants_table(request.headers.get("accept", "")):
            return JSONResponse(plain)
        version = version or int(as_text(at(plain, "metadata", "resourceVersion")) or 0)
        include = request.query_params.get("includeObject", "Metadata")
        return JSONResponse(columns.table(target.resource, rows, version, include, datetime.now(UTC)))

    def _delete_all(self, request: Request, target: Target) -> Response:
        matches = _matches(request)
        found, _ = self._scan(target)
        for document in filter(matches, found):
            write = _write(request, target, target.namespace or "", as_text(at(document, "metadata", "name")))
            self._writer.delete(write, {})
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    def _watch(self, request: Request, target: Target) -> Response:
        query = request.query_params
        given = query.get("resourceVersion", "")
        if given and not given.isdigit():
            raise bad_request(f"invalid resource version {given!r}")
        fields = query.get("fieldSelector", "")
        if target.name:
            fields = f"metadata.name={target.name}" + (f",{fields}" if fields else "")
        watch = Watch(
            resource=target.resource,
            namespace=target.namespace,
            after=int(given) if given not in ("", "0") else None,
            matches=selector(query.get("labelSelector", ""), fields),
            timeout_s=_seconds(query.get("timeoutSeconds"), WATCH_LIMIT_S),
            bookmarks=query.get("allowWatchBookmarks") in ("true", "1"),
            initial=query.get("sendInitialEvents") in ("true", "1"),
            table=columns.wants_table(request.headers.get("accept", "")),
            include=query.get("includeObject", "Metadata"),
        )
        return StreamingResponse(stream(self._objects, watch), media_type="application/json")

    async def _log(self, request: Request, target: Target) -> Response:
        pod = await run_in_threadpool(self._read, target)
        lines = log_stream(self._logs, pod, LogQuery.read(request.query_params))
        return StreamingResponse(lines, media_type="text/plain")


def _namespace(name: str) -> JsonObject:
    labels: JsonObject = {"kubernetes.io/metadata.name": name}
    metadata: JsonObject = {"name": name, "uid": f"namespace-{name}", "labels": labels}
    metadata |= {"resourceVersion": "1", "creationTimestamp": None}
    phase: JsonObject = {"phase": "Active"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {}, "status": phase}


def _matches(request: Request) -> Callable[[JsonObject], bool]:
    query = request.query_params
    return selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _seconds(text: str | None, limit: float) -> float:
    with suppress(ValueError):
        return min(float(text), limit) if text else limit
    raise bad_request(f"invalid timeoutSeconds {text!r}")


def _write(request: Request, target: Target, namespace: str, name: str) -> Write:
    query = request.query_params
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise Failure(422, "Invalid", f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    manager = query.get("fieldManager") or request.headers.get("user-agent", "unknown").split("/")[0]
    return Write(
        target.resource,
        namespace,
        name,
        target.subresource,
        manager[:128],
        dry_run == "All",
        query.get("force") in ("true", "1"),
    )


async def _body(request: Request, empty: bool = False) -> JsonObject:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_LIMIT_BYTES:
            raise Failure(413, "RequestEntityTooLarge", f"limit is {BODY_LIMIT_BYTES} bytes")
    if not data and empty:
        return {}
    kind = request.headers.get("content-type", "application/json")
    if "protobuf" in kind:
        message = "the body of the request was in an unknown format: send application/json"
        raise Failure(415, "UnsupportedMediaType", message)
    try:
        body = yaml.load(bytes(data), Loader=_Yaml) if "yaml" in kind else json.loads(data)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise bad_request(f"the request body cannot be read: {error}") from None
    if isinstance(body, list) and "json-patch" in kind:
        return {"operations": body}
    if not isinstance(body, dict):
        raise bad_request("the request body must be a JSON object")
    return body


class _Yaml(yaml.CSafeLoader):
    """YAML as JSON has it: a date is text."""


_Yaml.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for key, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
