"""The annotations that the engine heeds: Seldon's, and its own under `howdah/`."""

from collections.abc import Iterator, Mapping

from howdah.seldon.manifests.fields import SeldonDeployment

NO_ENGINE, SVC_NAME = "seldon.io/no-engine", "seldon.io/svc-name"
REST_TIMEOUT, GRPC_TIMEOUT = "seldon.io/rest-timeout", "seldon.io/grpc-timeout"
RETRIES, RETRIES_TIMEOUT = "seldon.io/istio-retries", "seldon.io/istio-retries-timeout"
AMBASSADOR_RETRIES = "seldon.io/ambassador-retries"
BREAKERS = "seldon.io/ambassador-circuit-breakers-"
MAX_CONNECTIONS, MAX_PENDING = f"{BREAKERS}max-connections", f"{BREAKERS}max-pending-requests"
MAX_REQUESTS, MAX_RETRIES = f"{BREAKERS}max-requests", f"{BREAKERS}max-retries"
HEADER = "seldon.io/ambassador-header"
QUEUE, WRITE_TIMEOUT = "seldon.io/executor-logger-queue-size", "seldon.io/executor-logger-write-timeout-ms"
LOG, SAMPLE, REDACT = "howdah/log", "howdah/log-sample", "howdah/log-redact"
RATE = "howdah/requests-per-second"

WHOLE = (
    *(REST_TIMEOUT, GRPC_TIMEOUT, RETRIES, RETRIES_TIMEOUT, AMBASSADOR_RETRIES),
    *(MAX_CONNECTIONS, MAX_PENDING, MAX_REQUESTS, MAX_RETRIES, QUEUE, WRITE_TIMEOUT, RATE),
)
NAUGHT_IS_NONE = (RETRIES, AMBASSADOR_RETRIES, MAX_RETRIES)


def whole(said: Mapping[str, str], key: str) -> int | None:
    """A number that `unreadable` has let pass; None where nobody says it."""
    return int(said[key]) if key in said else None


def unreadable(deployment: SeldonDeployment) -> Iterator[tuple[str, str, str]]:
    """(path, value, what it should be) of each annotation that would otherwise mean nothing."""
    places = [("metadata", deployment.metadata.annotations), ("spec", deployment.spec.annotations)]
    for index, predictor in enumerate(deployment.spec.predictors):
        places.append((f"spec.predictors[{index}]", predictor.annotations))
    for place, said in places:
        for key, value in said.items():
            if wrong := _wrong(key, value):
                yield f"{place}.annotations[{key}]", value, wrong


def _wrong(key: str, value: str) -> str:
    if key in WHOLE:
        least = 0 if key in NAUGHT_IS_NONE else 1
        good = value.isascii() and value.isdigit() and least <= int(value) < 1 << 31
        return "" if good else f"must be a whole number from {least}"
    if key == SAMPLE:
        return "" if _is_share(value) else "must be a number from 0 to 1"
    return ""


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False
