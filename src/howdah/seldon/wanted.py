"""What shall be: every stored manifest, understood; or the one before, where the present one cannot be.

A manifest that names an image which is not here (any more) is found out only when it is read, not
when it is written. Its deployment says so, and goes on as its last good manifest had it: that is
kept in the database, so that the next engine knows it too, with the IDs of its images' code: a
version is what it was when it was written, whatever has become of the folders meanwhile.
"""

from collections.abc import Callable

from howdah.core.json import JsonObject, as_object, as_text, at
from howdah.errors import Conflict, HowdahError, NotFound
from howdah.seldon import manifests, objects, status
from howdah.seldon.desired import Desired, desired, images_named
from howdah.seldon.images import Folders, resolve
from howdah.seldon.objects import Objects
from howdah.seldon.tables import Tables

Key = tuple[str, str]
"""Namespace and name."""


class Wanted:
    def __init__(
        self, store: Objects, tables: Tables, images: Folders, namespace_ready: Callable[[str], None]
    ) -> None:
        self._store, self._tables, self._images = store, tables, images
        self._namespace_ready = namespace_ready
        self._known: dict[tuple[Key, str], Desired] = {}
        self._good: dict[Key, Desired] = {}
        self.refused: frozenset[Key] = frozenset()
        """Those that are not as their present manifest wants them."""

    def look(self, serving: frozenset[Key]) -> dict[Key, Desired]:
        """`serving` are those of which a process answers callers."""
        stored, _ = self._store.scan(objects.SELDON_DEPLOYMENTS)
        found: dict[Key, Desired] = {}
        known: dict[tuple[Key, str], Desired] = {}
        refused: dict[Key, tuple[JsonObject, str]] = {}
        for document in stored:
            metadata = as_object(document.get("metadata"))
            key = str(metadata["namespace"]), str(metadata["name"])
            written = _version(document)
            try:
                made = self._known.get((key, written)) or self._take(key, document)
            except HowdahError as error:
                refused[key] = document, str(error)
                continue
            known[key, written] = found[key] = made
        self.refused = frozenset(refused)
        for key in refused:
            if (before := self._before(key)) is not None:
                found[key] = before
        self._known = known
        self._forget({*found, *refused})
        for key, (document, message) in refused.items():
            self._refuse(document, message, key in serving)
        return found

    def _take(self, key: Key, document: JsonObject) -> Desired:
        stored = self._tables.manifest(*key) or {}
        known = _code(stored) if _version(as_object(stored.get("manifest"))) == _version(document) else {}
        made = self._make(document, known)
        good: JsonObject = {name: value for name, value in document.items() if name != "status"}
        self._tables.put_manifest(*key, {"manifest": good, "code": {**known}})
        self._good[key] = made
        return made

    def _make(self, document: JsonObject, known: dict[str, str]) -> Desired:
        deployment = manifests.read(document)
        self._namespace_ready(deployment.namespace)
        named = images_named(deployment)
        return desired(
            deployment, {one: resolve(*one, lambda image: self._images.keep(image, known)) for one in named}
        )

    def _before(self, key: Key) -> Desired | None:
        if key not in self._good and (stored := self._tables.manifest(*key)) is not None:
            try:
                self._good[key] = self._make(as_object(stored.get("manifest")), _code(stored))
            except HowdahError:
                return None  # not even that can be any more
        return self._good.get(key)

    def _forget(self, stored: set[Key]) -> None:
        for key in self._tables.manifests() - stored:
            self._tables.drop_manifest(*key)
            self._good.pop(key, None)

    def _refuse(self, document: JsonObject, message: str, serves: bool) -> None:
        """Say so where people look."""
        before = as_object(document.get("status"))
        said = f"{message} (the previous version keeps serving)" if serves else message
        condition: JsonObject = {"type": "Ready", "status": "False", "reason": "Refused", "message": said}
        after: JsonObject = {
            **before,
            "state": status.FAILED,
            "description": said,
            "conditions": [condition],
        }
        if after == before:
            return
        namespace, name = str(at(document, "metadata", "namespace")), str(at(document, "metadata", "name"))
        try:
            self._store.replace(objects.SELDON_DEPLOYMENTS, namespace, name, {**document, "status": after})
        except (NotFound, Conflict):
            return  # deleted or changed meanwhile: the next look sees it
        self._store.record_event(document, "Refused", message, "Warning")


def _version(document: JsonObject) -> str:
    metadata = as_object(document.get("metadata"))
    return f"{metadata.get('uid')}/{metadata.get('generation')}/{metadata.get('annotations')}"


def _code(stored: JsonObject) -> dict[str, str]:
    """IDs by the names of folders."""
    return {name: as_text(id) for name, id in as_object(stored.get("code")).items()}
