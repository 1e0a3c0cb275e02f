"""The built page: the same document at every address of the console, and its two assets.

Nothing is ever inline and nothing comes from elsewhere, so the policy can forbid both: what
a repository holds cannot become a script even if the page were to show it wrongly.
"""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob: data:",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
VIEWS = (
    "dag", "repos", "sets", "pipelines", "jobs", "models", "deployments", "monitoring", "predictions",
    "catalog", "compare", "settings",
)  # fmt: skip
"""The first words of the console's addresses; no other surface of the HTTP port begins with one."""

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def routes() -> list[BaseRoute]:
    folder = files("howdah.console") / "assets"
    page = _file((folder / "index.html").read_bytes(), ".html")
    found: list[BaseRoute] = [Route("/", page)]
    for view in VIEWS:
        found += [Route(f"/{view}", page), Route(f"/{view}/{{rest:path}}", page)]
    for name in ("console.js", "console.css", "icon.svg"):
        suffix = name[name.index(".") :]
        found.append(Route(f"/console/assets/{name}", _file((folder / name).read_bytes(), suffix)))
    return found


def _file(data: bytes, suffix: str) -> Callable[[Request], Awaitable[Response]]:
    etag = f'"{blake2b(data, digest_size=12).hexdigest()}"'
    headers = {**HEADERS, "etag": etag, "cache-control": "no-cache"}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=KINDS[suffix])

    return answer
