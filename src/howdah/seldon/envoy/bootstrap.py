"""The part of Envoy's configuration that is fixed at its start: listener, access log, admin."""

from pathlib import Path

from howdah.core.json import Json, JsonObject

ROUTES_NAME = "seldon"
TYPE = "type.googleapis.com/envoy."
HEADER_LIMIT_KIB = 60
LOG_FIELDS = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "id": "%REQ(SELDON-PUID)%",
}


def bootstrap(folder: Path, admin: Path, port: int, address: str = "127.0.0.1") -> JsonObject:
    """Envoy reads clusters.json and routes.json of `folder`, and is asked things at the socket `admin`."""
    return {
        "node": {"id": "howdah", "cluster": "howdah"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _watched(folder, "clusters.json")},
        "static_resources": {"listeners": [_listener(folder, port, address)]},
    }


def _watched(folder: Path, name: str) -> JsonObject:
    source: JsonObject = {"path": str(folder / name), "watched_directory": {"path": str(folder)}}
    return {"path_config_source": source, "resource_api_version": "V3"}


def _listener(folder: Path, port: int, address: str) -> JsonObject:
    return {
        "name": "ingress",
        "address": {"socket_address": {"address": address, "port_value": port}},
        # One socket, so that a port which somebody else has is refused and not shared with them.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _connection_manager(folder),
                    }
                ]
            }
        ],
    }


def _local_reply() -> JsonObject:
    """What Envoy says itself (no route, too late, too many) as both protocols word errors; gRPC as it is."""
    other: JsonObject = {
        "name": "content-type",
        "string_match": {"prefix": "application/grpc"},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    said = "%LOCAL_REPLY_BODY% (%RESPONSE_CODE_DETAILS%)"
    status: JsonObject = {"code": "%RESPONSE_CODE%", "info": said, "status": "FAILURE"}
    return {
        "filter": {"header_filter": {"header": other}},
        "body_format_override": {"json_format": {"error": said, "status": status}},
    }


def _connection_manager(folder: Path) -> JsonObject:
    log: JsonObject = {
        "@type": f"{TYPE}extensions.access_loggers.file.v3.FileAccessLog",
        "path": str(folder / "access.log"),
        "log_format": {"json_format": dict[str, Json](LOG_FIELDS)},
    }
    limiter: JsonObject = {
        "@type": f"{TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rate_limit",
    }
    router: JsonObject = {"@type": f"{TYPE}extensions.filters.http.router.v3.Router"}
    return {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "codec_type": "AUTO",
        "rds": {"route_config_name": ROUTES_NAME, "config_source": _watched(folder, "routes.json")},
        "access_log": [{"name": "envoy.access_loggers.file", "typed_config": log}],
        "local_reply_config": {"mappers": [_local_reply()]},
        "http_filters": [
            {"name": "envoy.filters.http.local_ratelimit", "typed_config": limiter},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "generate_request_id": True,
        "max_request_headers_kb": HEADER_LIMIT_KIB,
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
        "common_http_protocol_options": {"idle_timeout": "3600s"},
        "http2_protocol_options": {"max_concurrent_streams": 1000},
        "delayed_close_timeout": "1s",
    }
