"""API objects as Kubernetes keeps them: versions, conflicts, generations, changes to wait for.

The API and the engine's own loop both write here, by the same rules: a write names the version
it was made from (or none, to overwrite), and gets Conflict if the object has moved on.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from howdah.core.clock import Clock
from howdah.core.json import JsonObject, as_object, as_text, at
from howdah.errors import AlreadyExists, Conflict, NotFound, Unavailable
from howdah.seldon.tables import Change, Tables

SELDON_DEPLOYMENTS, SECRETS, EVENTS, PODS = "seldondeployments", "secrets", "events", "pods"
EVENTS_KEPT = 500
KEPT = ("name", "namespace", "uid", "creationTimestamp")


class Expired(Unavailable):
    """The change log no longer reaches back to the version asked for: list again."""


class Moved(Conflict):
    """The object has been modified since the version that the write was made from."""


class Objects:
    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: dict[int, Callable[[], None]] = {}

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` (from any thread, must not block) after every change; returns the way to stop."""
        with self._lock:
            token = max(self._listeners, default=0) + 1
            self._listeners[token] = wake
        return lambda: self._listeners.pop(token, None) and None

    def get(self, kind: str, namespace: str, name: str) -> JsonObject:
        found = self._tables.get(kind, namespace, name)
        if found is None:
            raise NotFound(f'{kind} "{name}" not found')
        return found

    def scan(self, kind: str, namespace: str | None = None) -> tuple[list[JsonObject], int]:
        return self._tables.scan(kind, namespace)

    def namespaces(self) -> list[str]:
        return self._tables.namespaces()

    def changes(self, kind: str, after: int) -> tuple[Change, ...]:
        """Changes of one kind after a version; Expired if some of them are no longer known."""
        if after + 1 < self._tables.oldest_change() and after < self._tables.version():
            raise Expired(f"too old resource version: {after} ({self._tables.oldest_change()})")
        return tuple(self._tables.changes(kind, after))

    def create(self, kind: str, namespace: str, name: str, body: JsonObject) -> JsonObject:
        with self._tables.write():
            if self._tables.get(kind, namespace, name) is not None:
                raise AlreadyExists(f'{kind} "{name}" already exists')
            created = self.newborn(body, namespace, name)
            self._tables.put(kind, namespace, name, "ADDED", created)
            stored = self.get(kind, namespace, name)
        self._wake()
        return stored

    def replace(self, kind: str, namespace: str, name: str, body: JsonObject) -> JsonObject:
        """Store a changed object. A resourceVersion in it must be the present one; nothing is written
        if nothing changed."""
        with self._tables.write():
            present = self.get(kind, namespace, name)
            given = as_text(at(body, "metadata", "resourceVersion"))
            if given and given != at(present, "metadata", "resourceVersion"):
                raise Moved(f'{kind} "{name}": the object has been modified')
            changed = self.successor(present, body)
            if changed == present:
                return present
            self._tables.put(kind, namespace, name, "MODIFIED", changed)
            stored = self.get(kind, namespace, name)
        self._wake()
        return stored

    def delete(self, kind: str, namespace: str, name: str) -> JsonObject:
        with self._tables.write():
            present = self.get(kind, namespace, name)
            self._tables.drop(kind, namespace, name, present)
        self._wake()
        return present

    def newborn(self, body: JsonObject, namespace: str, name: str) -> JsonObject:
        """The object with the metadata that the server gives at creation."""
        metadata = {
            **as_object(body.get("metadata")),
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self.timestamp(),
            "generation": 1,
        }
        return {**body, "metadata": metadata}

    def successor(self, present: JsonObject, body: JsonObject) -> JsonObject:
        """The object after a write: what the server owns is kept, a new spec is a new generation."""
        old = as_object(present.get("metadata"))
        generation = old.get("generation", 1)
        if body.get("spec") != present.get("spec") and isinstance(generation, int):
            generation += 1
        kept: JsonObject = {key: value for key, value in old.items() if key in KEPT}
        metadata: JsonObject = {
            **as_object(body.get("metadata")),
            **kept,
            "generation": generation,
            "resourceVersion": old.get("resourceVersion"),
        }
        return {**body, "metadata": metadata}

    def record_event(self, about: JsonObject, reason: str, message: str, type: str = "Normal") -> None:
        """What `kubectl describe` and `kubectl get events` show; the same event again counts up."""
        namespace, name = as_text(at(about, "metadata", "namespace")), as_text(at(about, "metadata", "name"))
        involved: JsonObject = {
            "apiVersion": about.get("apiVersion"),
            "kind": about.get("kind"),
            "namespace": namespace,
            "name": name,
            "uid": at(about, "metadata", "uid"),
        }
        present, _ = self.scan(EVENTS, namespace)
        for event in present:
            same = (event.get("reason"), event.get("message"), at(event, "involvedObject", "uid"))
            if same == (reason, message, involved["uid"]):
                count = event.get("count")
                again: JsonObject = {
                    "count": (count if isinstance(count, int) else 1) + 1,
                    "lastTimestamp": self.timestamp(),
                }
                self.replace(EVENTS, namespace, as_text(at(event, "metadata", "name")), {**event, **again})
                return
        if len(present) >= EVENTS_KEPT:
            oldest = min(present, key=lambda event: as_text(event.get("lastTimestamp")))
            self.delete(EVENTS, namespace, as_text(at(oldest, "metadata", "name")))
        now = self.timestamp()
        body: JsonObject = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": type,
            "source": {"component": "howdah"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self.create(EVENTS, namespace, f"{name}.{uuid.uuid4().hex[:16]}", body)

    def timestamp(self) -> str:
        seconds = self._clock.now_ns() // 1_000_000_000
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _wake(self) -> None:
        for wake in tuple(self._listeners.values()):
            wake()
