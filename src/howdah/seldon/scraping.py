"""Where Prometheus finds what to scrape: every server (by HTTP discovery), and Envoy itself.

scrape_configs:
  - job_name: howdah
    http_sd_configs: [{url: "http://127.0.0.1:4000/prometheus/targets"}]
  - job_name: howdah-ingress
    metrics_path: /prometheus/ingress
    static_configs: [{targets: ["127.0.0.1:4000"]}]
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

Targets = Callable[[], list[tuple[str, str, int]]]
"""(namespace, pod, port) of every process that answers /metrics"""


def routes(targets: Targets, ingress: Callable[[], bytes]) -> list[BaseRoute]:
    def found(request: Request) -> Response:
        return JSONResponse(
            [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": namespace, "pod": pod}}
                for namespace, pod, port in targets()
            ]
        )

    def envoy(request: Request) -> Response:
        return PlainTextResponse(ingress())

    return [Route("/prometheus/targets", found), Route("/prometheus/ingress", envoy)]
