"""Who owns which field: managedFields and server-side apply.

Ownership is kept for leaves: scalars, whole lists (Seldon's CRD marks no list as a map, so lists
are atomic, as in a cluster) and empty objects. An apply that would change a leaf that another
manager owns is a conflict, unless forced; a leaf that the same manager applied before and leaves
out now is removed if nobody else owns it. A plain write takes over what it changes.
"""

from dataclasses import dataclass

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text, at
from howdah.seldon.kube.failures import Failure
from howdah.seldon.kube.patches import merge

Path = tuple[str, ...]
UNOWNED = {
    ("apiVersion",),
    ("kind",),
    *(
        ("metadata", key)
        for key in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "selfLink",
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Owner:
    manager: str
    operation: str
    subresource: str
    api_version: str
    time: str
    paths: frozenset[Path]


def leaves(document: JsonObject) -> dict[Path, Json]:
    """Every owned leaf of an object, by its path."""
    found: dict[Path, Json] = {}
    _collect(document, (), found)
    return {
        path: value for path, value in found.items() if path[:2] not in UNOWNED and path[:1] not in UNOWNED
    }


def _collect(value: Json, path: Path, found: dict[Path, Json]) -> None:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _collect(inner, (*path, key), found)
    elif path:
        found[path] = value


def owners(document: JsonObject) -> list[Owner]:
    return [
        Owner(
            as_text(entry.get("manager")),
            as_text(entry.get("operation")),
            as_text(entry.get("subresource")),
            as_text(entry.get("apiVersion")),
            as_text(entry.get("time")),
            frozenset(_decoded(as_object(entry.get("fieldsV1")), ())),
        )
        for entry in map(as_object, as_list(at(document, "metadata", "managedFields")))
    ]


def _decoded(fields: JsonObject, path: Path) -> list[Path]:
    found: list[Path] = []
    for key, inner in fields.items():
        if key.startswith("f:"):
            below = as_object(inner)
            found += _decoded(below, (*path, key[2:])) if below else [(*path, key[2:])]
    return found


def _encoded(paths: frozenset[Path]) -> JsonObject:
    root: JsonObject = {}
    for path in sorted(paths):
        node = root
        for part in path:
            inner = node.setdefault(f"f:{part}", {})
            node = inner if isinstance(inner, dict) else {}
    return root


def with_owners(document: JsonObject, entries: list[Owner]) -> JsonObject:
    listed: list[Json] = []
    for owner in entries:
        if not owner.paths:
            continue
        entry: JsonObject = {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": owner.api_version,
            "time": owner.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _encoded(owner.paths),
        }
        if owner.subresource:
            entry["subresource"] = owner.subresource
        listed.append(entry)
    metadata = {k: v for k, v in as_object(document.get("metadata")).items() if k != "managedFields"}
    return {**document, "metadata": {**metadata, **({"managedFields": listed} if listed else {})}}


def written(
    before: JsonObject | None, after: JsonObject, manager: str, now: str, subresource: str = ""
) -> JsonObject:
    """Record a plain write (create, replace, patch): the manager owns every leaf that it changed."""
    old, new = leaves(before or {}), leaves(after)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    gone = frozenset(old.keys() - new.keys())
    if before is not None and not changed and not gone:
        return with_owners(after, owners(before))
    entries: list[Owner] = []
    mine = changed
    for owner in owners(before or {}):
        if (owner.manager, owner.operation, owner.subresource) == (manager, "Update", subresource):
            mine |= owner.paths - gone
        else:
            entries.append(_keeping(owner, owner.paths - changed - gone))
    api_version = as_text(after.get("apiVersion"))
    entries.append(Owner(manager, "Update", subresource, api_version, now, mine))
    return with_owners(after, entries)


def applied(
    live: JsonObject | None, intent: JsonObject, manager: str, now: str, force: bool, subresource: str = ""
) -> JsonObject:
    """Server-side apply; raises Failure 409 that names every contested field and its owner."""
    wanted, present = leaves(intent), leaves(live or {})
    entries = owners(live or {})
    others = [o for o in entries if (o.manager, o.operation) != (manager, "Apply")]
    own = frozenset().union(*(o.paths for o in entries if o not in others))
    contested = {
        path: owner
        for owner in others
        for path in owner.paths
        if path in wanted and present.get(path) != wanted[path] and owner.manager != manager
    }
    if contested and not force:
        raise _conflict(contested)
    removed = own - wanted.keys() - frozenset().union(*(o.paths for o in others))
    result: JsonObject = live or {}
    for path in removed:
        result = _without(result, path)
    result = as_object(merge(result, _without_nulls(intent)))
    changed = frozenset(path for path, value in wanted.items() if present.get(path) != value)
    kept = [_keeping(owner, owner.paths - changed) for owner in others]
    api_version = as_text(intent.get("apiVersion"))
    mine = Owner(manager, "Apply", subresource, api_version, now, frozenset(wanted))
    before = next((o for o in entries if o not in others), None)
    if before is not None and before.paths == mine.paths and not changed and not removed:
        return with_owners(result, entries)
    return with_owners(result, [*kept, mine])


def _keeping(owner: Owner, paths: frozenset[Path]) -> Owner:
    return Owner(owner.manager, owner.operation, owner.subresource, owner.api_version, owner.time, paths)


def _without(document: JsonObject, path: Path) -> JsonObject:
    key, *rest = path
    if key not in document:
        return document
    if not rest:
        return {k: v for k, v in document.items() if k != key}
    inner = _without(as_object(document[key]), tuple(rest))
    if not inner:
        return {k: v for k, v in document.items() if k != key}
    return {**document, key: inner}


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def _conflict(contested: dict[Path, Owner]) -> Failure:
    causes: list[Json] = []
    lines = []
    for path, owner in sorted(contested.items()):
        by = f'conflict with "{owner.manager}" using {owner.api_version}'
        causes.append({"reason": "FieldManagerConflict", "message": by, "field": "." + ".".join(path)})
        lines.append(f"{by}: .{'.'.join(path)}")
    plural = "s" if len(lines) > 1 else ""
    message = f"Apply failed with {len(lines)} conflict{plural}: " + "\n".join(lines)
    return Failure(409, "Conflict", message, {"causes": causes})
