"""Deployments as Envoy routes, at the addresses that Seldon gives them behind Istio.

HTTP goes by path, gRPC by the headers `seldon` and `namespace`. Every request gets an ID before
it is sent anywhere, so that a retry, the original and its mirror share one.
"""

from howdah.core.json import Json, JsonObject
from howdah.seldon.envoy.bootstrap import ROUTES_NAME, TYPE
from howdah.seldon.envoy.clusters import grpc_cluster, http_cluster
from howdah.seldon.ingress import Ingress, Retries, Route, Target

GRPC_CONTENT = "application/grpc"
TRIES, DRAWS = 3, 32


def route_configuration(ingress: Ingress) -> JsonObject:
    ready = {backend.name for backend in ingress.backends if backend.endpoints}
    known = {backend.name for backend in ingress.backends}
    routes: list[Json] = []
    # Longest first: `iris-explainer` must be tried before `iris` could ever match it.
    for route in sorted(ingress.routes, key=lambda r: (r.namespace, r.name), reverse=True):
        routes += _of_explainers(route, known)
        routes += _of_deployment(route, ready, known)
    host: JsonObject = {
        "name": "all",
        "domains": ["*"],
        "routes": routes,
        "request_headers_to_add": [
            {
                "header": {"key": "seldon-puid", "value": "%REQ(X-REQUEST-ID)%"},
                "append_action": "ADD_IF_ABSENT",
            }
        ],
    }
    return {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "virtual_hosts": [host],
    }


def _of_explainers(route: Route, known: set[str]) -> list[JsonObject]:
    return [
        _http(
            f"/seldon/{route.namespace}/{route.name}-explainer/{predictor}/",
            {"cluster": http_cluster(backend), **_behaviour(route.rest_timeout_s, route.retries)},
            [],
            route,
        )
        for predictor, backend in route.explainers
        if backend in known
    ]


def _of_deployment(route: Route, ready: set[str], known: set[str]) -> list[JsonObject]:
    path = f"/seldon/{route.namespace}/{route.name}/"
    found: list[JsonObject] = []
    for target in route.targets:
        if target.header is not None and target.backend in known:
            found += _pair(route, path, [target], [_header(*target.header)], ready)
    weighted = [target for target in route.targets if target.backend in known and target.weight > 0]
    # What nobody serves (yet) goes to those who do: no request fails that one of them could answer.
    serving = [target for target in weighted if target.backend in ready] or weighted
    if serving:
        found += _pair(route, path, serving, [], ready)
    return found


def _pair(
    route: Route, path: str, targets: list[Target], headers: list[Json], ready: set[str]
) -> list[JsonObject]:
    mirror = route.mirror if route.mirror is not None and route.mirror.backend in ready else None
    mirrored: list[JsonObject] = []
    actions = []
    for cluster_of, timeout_s in ((grpc_cluster, route.grpc_timeout_s), (http_cluster, route.rest_timeout_s)):
        if mirror is not None:
            mirrored = [_mirror(cluster_of(mirror.backend), mirror.percent)]
        share: JsonObject
        if len(targets) == 1:
            share = {"cluster": cluster_of(targets[0].backend)}
        else:
            weights: list[Json] = [{"name": cluster_of(t.backend), "weight": t.weight} for t in targets]
            share = {"weighted_clusters": {"clusters": weights}}
        policies: list[Json] = list(mirrored)
        actions.append({**share, **_behaviour(timeout_s, route.retries), "request_mirror_policies": policies})
    return [_grpc(route, actions[0], headers), _http(path, actions[1], headers, route)]


def _grpc(route: Route, action: JsonObject, headers: list[Json]) -> JsonObject:
    wanted: list[Json] = [
        {"name": "content-type", "string_match": {"prefix": GRPC_CONTENT}},
        _header("seldon", route.name),
        _header("namespace", route.namespace),
        *headers,
    ]
    return {"match": {"prefix": "/", "headers": wanted}, "route": action, **_limited(route)}


def _http(path: str, action: JsonObject, headers: list[Json], route: Route) -> JsonObject:
    match: JsonObject = {"prefix": path, **({"headers": headers} if headers else {})}
    return {"match": match, "route": {**action, "prefix_rewrite": "/"}, **_limited(route)}


def _header(name: str, value: str) -> JsonObject:
    return {"name": name, "string_match": {"exact": value}}


def _behaviour(timeout_s: float, asked: Retries | None) -> JsonObject:
    """Tried again, elsewhere, when a process could not be reached or vanished before it answered; and
    when it answered that it cannot, or not in time, where the deployment asks for that.

    A dead process has nothing to do, so the balancer, which draws two and takes the less busy,
    prefers it until outlier detection has left it out: that takes two failures (`clusters.py`).
    Hence more tries than one, and many draws for each.
    """
    conditions = "reset,connect-failure,refused-stream"
    retry: JsonObject = {
        "retry_on": f"{conditions},gateway-error,unavailable" if asked else conditions,
        "num_retries": asked.tries if asked else TRIES,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": f"{TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": DRAWS,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.050s"},
        **({"per_try_timeout": f"{asked.each_s}s"} if asked and asked.each_s else {}),
    }
    return {"timeout": f"{timeout_s:.3f}s", "retry_policy": retry}


def _mirror(cluster: str, percent: int) -> JsonObject:
    fraction: JsonObject = {"default_value": {"numerator": percent, "denominator": "HUNDRED"}}
    return {"cluster": cluster, "runtime_fraction": fraction}


def _limited(route: Route) -> JsonObject:
    if route.requests_per_second is None:
        return {}
    tokens = route.requests_per_second
    whole: JsonObject = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    limit: JsonObject = {
        "@type": f"{TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rate_limit",
        "token_bucket": {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": "1s"},
        "filter_enabled": whole,
        "filter_enforced": whole,
    }
    return {"typed_per_filter_config": {"envoy.filters.http.local_ratelimit": limit}}
