"""Metrics with the names and labels of Seldon's executor, and what only this server knows.

Both registries are served: prometheus_client's own, and MLServer's, where models register
theirs (MLServer leaves that one out when it runs without workers).
"""

from collections.abc import Callable
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram, Summary, generate_latest

from howdah.runtimes.front.place import Place, image_parts
from howdah.runtimes.front.reported import Reported

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
SERVER_LABELS = ("deployment_name", "predictor_name", "predictor_version", "service", "method", "code")
CLIENT_LABELS = (*SERVER_LABELS, "model_name", "model_image", "model_version")


class Metrics:
    """A node behind a graph's executor counts no requests: the executor does, and both are read."""

    def __init__(
        self, place: Place, *more: CollectorRegistry, registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._place = place
        self._registry = registry
        self._more = more
        name = "seldon_api_executor_{}_requests_seconds"
        self._server = Histogram(
            name.format("server"),
            "Time to answer a request",
            SERVER_LABELS,
            buckets=BUCKETS,
            registry=registry,
        )
        self._server_summary = Summary(
            name.format("server") + "_summary", "Time to answer a request", SERVER_LABELS, registry=registry
        )
        self._client = Histogram(
            name.format("client"), "Time a node takes", CLIENT_LABELS, buckets=BUCKETS, registry=registry
        )
        self._client_summary = Summary(
            name.format("client") + "_summary", "Time a node takes", CLIENT_LABELS, registry=registry
        )
        self.reported = Reported(place)
        registry.register(self.reported)
        self._observe_server = cache(self._server_child)
        self._observe_client = cache(self._client_child)

    def answered(self, service: str, method: str, code: str, seconds: float) -> None:
        if not self._place.inside:
            for observe in self._observe_server(service, method, code):
                observe(seconds)

    def called(self, service: str, code: int, seconds: float, node: str, image: str) -> None:
        if not self._place.inside:
            for observe in self._observe_client(service, str(code), node, image):
                observe(seconds)

    def counted(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A figure that is read when asked for."""
        Gauge(name, help, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        return b"".join(generate_latest(registry) for registry in (self._registry, *self._more))

    def _server_child(self, service: str, method: str, code: str) -> tuple[Callable[[float], None], ...]:
        place = self._place
        labels = (place.deployment, place.predictor, place.version, service, method, code)
        return self._server.labels(*labels).observe, self._server_summary.labels(*labels).observe

    def _client_child(
        self, service: str, code: str, node: str, image: str
    ) -> tuple[Callable[[float], None], ...]:
        place = self._place
        server = (place.deployment, place.predictor, place.version, service, "post", code)
        labels = (*server, node, *image_parts(image))
        return self._client.labels(*labels).observe, self._client_summary.labels(*labels).observe
