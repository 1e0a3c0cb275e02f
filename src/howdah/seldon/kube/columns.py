"""Tables: what `kubectl get` prints, made by the server as in a cluster."""

from datetime import UTC, datetime

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text, at
from howdah.seldon.kube.resources import EVENT, NAMESPACE, POD, SECRET, SELDON_DEPLOYMENT, Resource

_NAMES: dict[Resource, tuple[tuple[str, str, int], ...]] = {
    SELDON_DEPLOYMENT: (("State", "string", 0), ("Replicas", "integer", 0), ("Message", "string", 1)),
    SECRET: (("Type", "string", 0), ("Data", "integer", 0)),
    EVENT: (),
    POD: (("Ready", "string", 0), ("Status", "string", 0), ("Restarts", "integer", 0)),
    NAMESPACE: (("Status", "string", 0),),
}


def wants_table(accept: str) -> bool:
    return "as=Table" in accept


def table(
    resource: Resource, listed: list[JsonObject], version: int, include: str, now: datetime
) -> JsonObject:
    """`include` is what a row carries of its object: None, Metadata or Object."""
    rows: list[Json] = [_row(resource, document, include, now) for document in listed]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": _definitions(resource),
        "rows": rows,
    }


def _definitions(resource: Resource) -> list[Json]:
    names: tuple[tuple[str, str, int], ...]
    if resource is EVENT:
        names = (
            ("Last Seen", "string", 0),
            ("Type", "string", 0),
            ("Reason", "string", 0),
            ("Object", "string", 0),
            ("Message", "string", 0),
        )
    else:
        names = (("Name", "string", 0), *_NAMES[resource], ("Age", "string", 0))
    return [
        {
            "name": name,
            "type": type,
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": priority,
        }
        for name, type, priority in names
    ]


def _row(resource: Resource, document: JsonObject, include: str, now: datetime) -> JsonObject:
    row: JsonObject = {"cells": _cells(resource, document, now)}
    if include == "Object":
        row["object"] = document
    elif include != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": document.get("metadata"),
        }
    return row


def _cells(resource: Resource, document: JsonObject, now: datetime) -> list[Json]:
    name = at(document, "metadata", "name")
    age = _age(as_text(at(document, "metadata", "creationTimestamp")), now)
    status = as_object(document.get("status"))
    if resource is SELDON_DEPLOYMENT:
        return [name, status.get("state", ""), status.get("replicas", 0), status.get("description", ""), age]
    if resource is SECRET:
        return [name, document.get("type", "Opaque"), len(as_object(document.get("data"))), age]
    if resource is POD:
        containers = [as_object(entry) for entry in as_list(status.get("containerStatuses"))]
        ready = sum(entry.get("ready") is True for entry in containers)
        restarts: Json = max((as_count(entry.get("restartCount")) for entry in containers), default=0)
        going = at(document, "metadata", "deletionTimestamp")
        shown = "Terminating" if going else _phase(status, containers)
        return [name, f"{ready}/{len(containers)}", shown, restarts, age]
    if resource is EVENT:
        about = as_object(document.get("involvedObject"))
        shown = f"{as_text(about.get('kind')).lower()}/{as_text(about.get('name'))}"
        seen = _age(as_text(document.get("lastTimestamp")), now)
        return [seen, document.get("type"), document.get("reason"), shown, document.get("message")]
    return [name, status.get("phase", "Active"), age]


def as_count(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _phase(status: JsonObject, containers: list[JsonObject]) -> Json:
    waiting = next((at(entry, "state", "waiting", "reason") for entry in containers), None)
    return waiting or status.get("phase", "Pending")


def _age(since: str, now: datetime) -> str:
    try:
        seconds = int((now - datetime.fromisoformat(since).astimezone(UTC)).total_seconds())
    except ValueError:
        return "<unknown>"
    for size, unit, limit in ((1, "s", 120), (60, "m", 7200), (3600, "h", 172_800)):
        if seconds < limit:
            return f"{max(seconds, 0) // size}{unit}"
    return f"{seconds // 86_400}d"
