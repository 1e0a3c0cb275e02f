"""Predictions: made by the form that tries a deployment out, and explained by their ID."""

from collections.abc import Awaitable, Callable

import httpx2
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from howdah.client.files import Files
from howdah.console.engines import Engines, token
from howdah.errors import Invalid, Unavailable
from howdah.lineage import inferences
from howdah.lineage.why import prediction, values

NAME = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_PASSED_BACK = ("content-type", "seldon-puid", "x-request-id")
_WAIT_S = 60.0
NEWEST = 50


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    namespace: str = Field(pattern=NAME)
    deployment: str = Field(pattern=NAME)
    model: str = Field(pattern=NAME)
    predictor: str | None = Field(default=None, pattern=NAME)
    """Ask the explainer of this predictor instead of the model."""
    request: dict[str, JsonValue] | None = None
    """A V2 inference request; without one the model's own description is asked for."""


def why(engines: Engines) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        pachd = await engines.pachd(token(request))
        found = await run_in_threadpool(prediction, pachd, request.path_params["id"])
        return JSONResponse(found.as_json())

    return serve


def newest(engines: Engines) -> Callable[[Request], Awaitable[Response]]:
    """The last predictions on record, with what each was asked and answered in a line."""

    async def serve(request: Request) -> Response:
        files = Files(await engines.pachd(token(request)))
        found = await run_in_threadpool(inferences.newest, files, NEWEST)
        shown = ("id", "time", "latency_ms", "namespace", "deployment", "predictor", "model_commit")
        rows = [
            {
                **{name: getattr(each, name) for name in shown},
                "asked": values(each.request, "inputs"),
                "answered": values(each.response, "outputs"),
            }
            for each in found
        ]
        return JSONResponse(rows)

    return serve


def predict(engines: Engines) -> Callable[[Request], Awaitable[Response]]:
    """Passes a form's request on to the ingress, as any client's would come."""

    async def serve(request: Request) -> Response:
        await engines.checked(request)
        try:
            asked = Asked.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
        path = _path(asked)
        try:
            async with httpx2.AsyncClient(
                base_url=engines.ingress, timeout=_WAIT_S, trust_env=False
            ) as client:
                if asked.request is None:
                    answer = await client.get(path)
                else:
                    answer = await client.post(f"{path}/infer", json=asked.request)
        except httpx2.HTTPError as error:
            raise Unavailable(f"The ingress does not answer for {asked.deployment}: {error}.") from error
        headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        return Response(answer.content, answer.status_code, headers)

    return serve


def _path(asked: Asked) -> str:
    if asked.predictor is None:
        return f"/seldon/{asked.namespace}/{asked.deployment}/v2/models/{asked.model}"
    explainer = f"{asked.deployment}-{asked.predictor}-explainer"
    place = f"{asked.namespace}/{asked.deployment}-explainer/{asked.predictor}"
    return f"/seldon/{place}/v2/models/{explainer}"
