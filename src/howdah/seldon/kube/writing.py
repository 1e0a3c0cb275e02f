"""Create, replace, patch, apply, delete: each reads, changes and stores in one step.

A status and a spec are written apart, as in a cluster: a write to the object keeps the status,
a write to /status keeps everything else.
"""

from dataclasses import dataclass

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text, at
from howdah.errors import NotFound
from howdah.seldon.kube import ownership, patches
from howdah.seldon.kube.admission import admitted
from howdah.seldon.kube.failures import Failure, bad_request, method_not_allowed
from howdah.seldon.kube.resources import Resource
from howdah.seldon.objects import Moved, Objects

APPLY = ("application/apply-patch+yaml", "application/apply-patch")
RETRIES = 5


@dataclass(frozen=True, slots=True)
class Write:
    """Who writes to which object, and how."""

    resource: Resource
    namespace: str
    name: str
    subresource: str
    manager: str
    dry_run: bool
    force: bool


class Writer:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def create(self, write: Write, body: JsonObject) -> JsonObject:
        _allow(write, "create")
        if not write.name:
            raise Failure(422, "Invalid", "metadata.name: Required value: name is required")
        given = {key: value for key, value in body.items() if key != "status"}
        checked = admitted(write.resource, _typed(write, given), write.namespace, write.name)
        owned = ownership.written(None, checked, write.manager, self._objects.timestamp())
        if write.dry_run:
            self._refuse_existing(write)
            return self._objects.newborn(owned, write.namespace, write.name)
        return self._objects.create(write.resource.plural, write.namespace, write.name, owned)

    def replace(self, write: Write, body: JsonObject) -> JsonObject:
        _allow(write, "update")
        present = self._present(write)
        version = as_text(at(body, "metadata", "resourceVersion"))
        if version and version != at(present, "metadata", "resourceVersion"):
            raise Moved(f'{write.resource.plural} "{write.name}": the object has been modified')
        named = as_text(at(body, "metadata", "name"))
        if named != write.name:
            raise bad_request(
                f"the name of the object ({named}) does not match the name on the URL ({write.name})"
            )
        return self._store(write, present, _combined(write, present, body))

    def patch(self, write: Write, kind: str, body: JsonObject) -> tuple[JsonObject, bool]:
        """The stored object, and whether this patch created it (only an apply can)."""
        _allow(write, "patch")
        if kind in APPLY:
            return self._apply(write, body)
        if kind == "application/strategic-merge-patch+json" and write.resource.group:
            raise _unsupported(kind)
        for _ in range(RETRIES):
            present = self._present(write)
            patched = as_object(_patched(kind, present, body))
            version = as_text(at(patched, "metadata", "resourceVersion"))
            if version != at(present, "metadata", "resourceVersion"):
                raise Moved(f'{write.resource.plural} "{write.name}": the object has been modified')
            try:
                return self._store(write, present, _combined(write, present, patched)), False
            except Moved:
                continue  # someone wrote in between, and this patch names no version: do it again
        raise Moved(f'{write.resource.plural} "{write.name}": the object keeps being modified')

    def delete(self, write: Write, options: JsonObject) -> JsonObject:
        _allow(write, "delete")
        present = self._present(write)
        wanted = as_object(options.get("preconditions"))
        for key in ("uid", "resourceVersion"):
            if key in wanted and wanted[key] != at(present, "metadata", key):
                message = f"Precondition failed: {key} is {at(present, 'metadata', key)}"
                raise Failure(409, "Conflict", message, {"name": write.name})
        if not write.dry_run:
            self._objects.delete(write.resource.plural, write.namespace, write.name)
        details: JsonObject = {"name": write.name, "kind": write.resource.plural}
        details |= {"group": write.resource.group, "uid": at(present, "metadata", "uid")}
        status: JsonObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return {**status, "details": details}

    def _apply(self, write: Write, intent: JsonObject) -> tuple[JsonObject, bool]:
        _typed(write, intent)
        if at(intent, "metadata", "managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        now = self._objects.timestamp()
        for _ in range(RETRIES):
            try:
                live: JsonObject | None = self._present(write)
            except NotFound:
                live = None
            merged = ownership.applied(live, intent, write.manager, now, write.force, write.subresource)
            if live is None:
                checked = admitted(write.resource, _typed(write, merged), write.namespace, write.name)
                if write.dry_run:
                    return self._objects.newborn(checked, write.namespace, write.name), True
                created = self._objects.create(write.resource.plural, write.namespace, write.name, checked)
                return created, True
            try:
                combined = _combined(write, live, merged)
                return self._store(write, live, combined, owned=True), False
            except Moved:
                continue
        raise Moved(f'{write.resource.plural} "{write.name}": the object keeps being modified')

    def _present(self, write: Write) -> JsonObject:
        return self._objects.get(write.resource.plural, write.namespace, write.name)

    def _store(
        self, write: Write, present: JsonObject, changed: JsonObject, owned: bool = False
    ) -> JsonObject:
        if write.subresource != "status":
            status = present.get("status")
            changed = admitted(write.resource, _typed(write, changed), write.namespace, write.name)
            if status is not None:
                changed = {**changed, "status": status}
        if not owned:
            now = self._objects.timestamp()
            changed = ownership.written(present, changed, write.manager, now, write.subresource)
        version = at(present, "metadata", "resourceVersion")
        changed = {**changed, "metadata": {**as_object(changed.get("metadata")), "resourceVersion": version}}
        if write.dry_run:
            return self._objects.successor(present, changed)
        return self._objects.replace(write.resource.plural, write.namespace, write.name, changed)

    def _refuse_existing(self, write: Write) -> None:
        try:
            self._present(write)
        except NotFound:
            return
        message = f'{write.resource.qualified} "{write.name}" already exists'
        raise Failure(409, "AlreadyExists", message, {"name": write.name})


def _allow(write: Write, verb: str) -> None:
    if verb not in write.resource.verbs:
        raise method_not_allowed()


def _typed(write: Write, body: JsonObject) -> JsonObject:
    kind: JsonObject = {"apiVersion": write.resource.api_version, "kind": write.resource.kind}
    return {**kind, **body}


def _combined(write: Write, present: JsonObject, body: JsonObject) -> JsonObject:
    if write.subresource == "status":
        metadata = {
            **as_object(present.get("metadata")),
            **{k: v for k, v in as_object(body.get("metadata")).items() if k == "managedFields"},
        }
        return {**present, "metadata": metadata, "status": body.get("status")}
    return {key: value for key, value in body.items() if key != "status"}


def _patched(kind: str, present: JsonObject, body: JsonObject) -> Json:
    if kind == "application/merge-patch+json":
        return patches.merge(present, body)
    if kind == "application/strategic-merge-patch+json":
        return patches.strategic(present, body)
    if kind == "application/json-patch+json":
        return patches.json_patch(present, as_list(body.get("operations")))
    raise _unsupported(kind)


def _unsupported(kind: str) -> Failure:
    accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return Failure(415, "UnsupportedMediaType", message, {"causes": [{"message": kind}]})
