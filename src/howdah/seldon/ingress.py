"""What the ingress shall do, before anybody says how: routes, weights and where each one ends."""

from dataclasses import dataclass

REST_TIMEOUT_S = 60.0
LIMIT = 4096


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One ready process."""

    http_port: int
    grpc_port: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way to one backend; what is more is answered 503 at once."""

    connections: int = LIMIT
    pending: int = LIMIT
    requests: int = LIMIT
    retries: int = LIMIT
    """As many as requests: all that a process was busy with are tried again when it dies."""


@dataclass(frozen=True, slots=True)
class Retries:
    """What a deployment asks for beyond the retries of requests that reached no process: also those
    that one answered with 502, 503 or 504."""

    tries: int
    each_s: int | None = None
    """How long each may take."""


@dataclass(frozen=True, slots=True)
class Backend:
    """All ready processes of one predictor or explainer."""

    name: str
    endpoints: tuple[Endpoint, ...]
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Target:
    """A predictor's share of a deployment's traffic."""

    backend: str
    weight: int
    header: tuple[str, str] | None = None
    """A request with this header goes here, whatever the weights say."""


@dataclass(frozen=True, slots=True)
class Mirror:
    backend: str
    percent: int


@dataclass(frozen=True, slots=True)
class Route:
    """One deployment at the ingress."""

    namespace: str
    name: str
    targets: tuple[Target, ...]
    mirror: Mirror | None = None
    explainers: tuple[tuple[str, str], ...] = ()
    """(predictor, backend)"""
    rest_timeout_s: float = REST_TIMEOUT_S
    grpc_timeout_s: float = REST_TIMEOUT_S
    requests_per_second: int | None = None
    retries: Retries | None = None
    limits: Limits = Limits()
    """Of each of its backends."""


@dataclass(frozen=True, slots=True)
class Ingress:
    routes: tuple[Route, ...]
    backends: tuple[Backend, ...]
