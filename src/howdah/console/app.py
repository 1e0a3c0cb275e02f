"""Every route of the console, and what each failure looks like in a browser."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from howdah.client.failures import Refused
from howdah.console import assets, events, files, logs, previews, serving, writing
from howdah.console.engines import Engines
from howdah.errors import AlreadyExists, Conflict, Corrupt, HowdahError, Invalid, NotFound

Endpoint = Callable[[Request], Awaitable[Response]]

HTTP: dict[type[HowdahError], int] = {
    Refused: 401,
    NotFound: 404,
    AlreadyExists: 409,
    Conflict: 409,
    Invalid: 400,
    Corrupt: 500,
}


class Console:
    """Routes first, addresses later: the engines' ports are known only once they listen."""

    def __init__(self) -> None:
        self._engines = Engines()

    @property
    def routes(self) -> list[BaseRoute]:
        engines = self._engines
        preview = previews.Previews(engines)
        return [
            *assets.routes(),
            Route("/console/events", _told(events.Events(engines).stream)),
            Route("/console/file", _told(files.Download(engines).serve), methods=["GET"]),
            Route("/console/file", _told(files.Upload(engines).serve), methods=["PUT"]),
            Route("/console/logs", _told(logs.Logs(engines).serve), methods=["GET"]),
            Route("/console/preview", _told(preview.allow), methods=["POST"]),
            Route("/console/preview/{name}", _told(preview.serve), methods=["GET"]),
            Route("/console/decisions", _told(writing.Decisions(engines).serve), methods=["POST"]),
            Route("/console/predictions", _told(serving.newest(engines)), methods=["GET"]),
            Route("/console/why/{id}", _told(serving.why(engines)), methods=["GET"]),
            Route("/console/predict", _told(serving.predict(engines)), methods=["POST"]),
        ]

    def start(self, pachd: str, kubernetes: str, ingress: str) -> None:
        self._engines.found(pachd, kubernetes, ingress)

    def close(self) -> None:
        self._engines.close()


def _told(endpoint: Endpoint) -> Endpoint:
    """Our own errors become `{"message"}` with a fitting status; the page shows the sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HowdahError as error:
            status = next((HTTP[kind] for kind in type(error).__mro__ if kind in HTTP), 503)
            words = [str(error), error.why, error.remedy]
            return JSONResponse({"message": " ".join(filter(None, words))}, status)

    return answer
