"""Backends as Envoy clusters, one for HTTP and one for gRPC each."""

from howdah.core.json import Json, JsonObject
from howdah.seldon.ingress import Backend, Limits

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
UPSTREAM_IDLE = "30s"
"""Shorter than the model servers keep connections: the proxy always closes first."""


def http_cluster(backend: str) -> str:
    return f"{backend}/http"


def grpc_cluster(backend: str) -> str:
    return f"{backend}/grpc"


def clusters(backends: tuple[Backend, ...]) -> list[Json]:
    found: list[Json] = []
    for backend in sorted(backends, key=lambda b: b.name):
        http, grpc = ([e.http_port for e in backend.endpoints], [e.grpc_port for e in backend.endpoints])
        found.append(_cluster(http_cluster(backend.name), http, backend.limits, http2=False))
        found.append(_cluster(grpc_cluster(backend.name), grpc, backend.limits, http2=True))
    return found


def _cluster(name: str, ports: list[int], limits: Limits, http2: bool) -> JsonObject:
    options: JsonObject = {
        "@type": f"type.googleapis.com/{HTTP_OPTIONS}",
        "common_http_protocol_options": {"idle_timeout": UPSTREAM_IDLE},
        "explicit_http_config": {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}},
    }
    thresholds: JsonObject = {
        "max_connections": limits.connections,
        "max_pending_requests": limits.pending,
        "max_requests": limits.requests,
        "max_retries": limits.retries,
    }
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "typed_extension_protocol_options": {HTTP_OPTIONS: options},
        "circuit_breakers": {"thresholds": [thresholds]},
        "outlier_detection": _outliers(),
        "common_lb_config": {"healthy_panic_threshold": {"value": 0.0}} if len(ports) > 1 else {},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(port) for port in sorted(ports)]}] if ports else [],
        },
    }


def _outliers() -> JsonObject:
    """A process that cannot be reached is left out for a while; a model's own errors never count."""
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 2,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "2s",
        "max_ejection_time": "10s",
        "max_ejection_percent": 50,
    }


def _endpoint(port: int) -> JsonObject:
    address: JsonObject = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"endpoint": {"address": address}}
