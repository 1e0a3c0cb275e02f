"""Where a server stands: deployment, predictor, node, ports. Read once, from the environment.

The names are those that Seldon Core gives its containers, so the same program runs in a
container on a cluster; what only the embedded engine knows comes under HOWDAH_.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where and how exchanges are recorded; `folder` None means not at all."""

    folder: Path | None = None
    sample: float = 1.0
    redact: frozenset[str] = frozenset()
    rotate_s: float = 60.0
    rotate_rows: int = 10_000


@dataclass(frozen=True, slots=True)
class EventsPlace:
    """Where CloudEvents go; `url` empty means nowhere."""

    url: str = ""
    mode: str = "all"
    queue: int = 10_000
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    http_port: int
    grpc_port: int
    host: str = "127.0.0.1"
    namespace: str = "default"
    deployment: str = ""
    predictor: str = ""
    node: str = "model"
    image: str = ""
    version: str = ""
    protocol: str = "v2"
    model_uri: str = ""
    """Where the model came from, as the manifest says."""
    model_folder: Path = Path("/mnt/models")
    model_commit: str = ""
    kind: str = "prediction"
    parameters: Mapping[str, object] = field(default_factory=dict)
    trust_pickle: bool = False
    inside: bool = False
    """A node behind a graph executor, which counts the requests itself."""
    log: LogPlace = LogPlace()
    events: EventsPlace = EventsPlace()


def image_parts(image: str) -> tuple[str, str]:
    """Name and tag: `registry:5000/team/name:1` is `registry:5000/team/name`, `1`."""
    folder, slash, last = image.split("@")[0].rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder}{slash}{name}", tag


def from_environment(env: Mapping[str, str]) -> Place:
    events = EventsPlace(
        url=env.get("HOWDAH_LOGGER_URL", ""),
        mode=env.get("HOWDAH_LOGGER_MODE", "all"),
        queue=int(env.get("HOWDAH_LOGGER_QUEUE", "10000")),
        timeout_s=int(env.get("HOWDAH_LOGGER_TIMEOUT_MS", "2000")) / 1000,
    )
    folder = env.get("HOWDAH_LOG_FOLDER")
    log = LogPlace(
        folder=Path(folder) if folder else None,
        sample=float(env.get("HOWDAH_LOG_SAMPLE", "1")),
        redact=frozenset(filter(None, env.get("HOWDAH_LOG_REDACT", "").split(","))),
        rotate_s=float(env.get("HOWDAH_LOG_ROTATE_S", "60")),
        rotate_rows=int(env.get("HOWDAH_LOG_ROTATE_ROWS", "10000")),
    )
    return Place(
        http_port=int(env.get("PREDICTIVE_UNIT_HTTP_SERVICE_PORT") or env.get("MLSERVER_HTTP_PORT", "9000")),
        grpc_port=int(env.get("PREDICTIVE_UNIT_GRPC_SERVICE_PORT") or env.get("MLSERVER_GRPC_PORT", "9500")),
        host=env.get("MLSERVER_HOST", "0.0.0.0"),
        namespace=env.get("HOWDAH_NAMESPACE", "default"),
        deployment=env.get("SELDON_DEPLOYMENT_ID", ""),
        predictor=env.get("PREDICTOR_ID", ""),
        node=env.get("PREDICTIVE_UNIT_ID") or env.get("MLSERVER_MODEL_NAME", "model"),
        image=env.get("PREDICTIVE_UNIT_IMAGE", ""),
        version=env.get("HOWDAH_PREDICTOR_VERSION", ""),
        protocol=env.get("HOWDAH_PROTOCOL", "v2"),
        model_uri=env.get("HOWDAH_MODEL_URI", ""),
        model_folder=Path(env.get("MLSERVER_MODEL_URI", "/mnt/models")),
        model_commit=env.get("HOWDAH_MODEL_COMMIT", ""),
        kind=env.get("HOWDAH_KIND", "prediction"),
        parameters=_parameters(env.get("PREDICTIVE_UNIT_PARAMETERS", "[]")),
        inside=env.get("HOWDAH_INSIDE", "") == "1",
        trust_pickle=env.get("HOWDAH_TRUST_PICKLE", "") == "1",
        log=log,
        events=events,
    )


def _parameters(text: str) -> dict[str, object]:
    """PREDICTIVE_UNIT_PARAMETERS: a JSON list of name, value (text) and type."""
    casts: dict[str, Callable[[str], object]] = {
        "INT": int,
        "FLOAT": float,
        "DOUBLE": float,
        "STRING": str,
        "BOOL": _truth,
    }
    return {entry["name"]: casts.get(entry.get("type"), str)(entry["value"]) for entry in json.loads(text)}


def _truth(text: str) -> bool:
    return text.lower() in ("true", "1", "yes")
