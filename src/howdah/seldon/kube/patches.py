"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

import copy

from howdah.core.json import Json, JsonObject, as_text
from howdah.seldon.kube.failures import Failure, bad_request


def merge(target: Json, patch: Json) -> Json:
    """A null removes, an object merges, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result: JsonObject = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Json, patch: Json) -> Json:
    """For secrets, the one built-in kind that is written, a merge patch says all there is to say:
    the kind has no lists to merge by key. Directives ($setElementOrder and the like) fall away."""
    return merge(target, _without_directives(patch))


def _without_directives(patch: Json) -> Json:
    if not isinstance(patch, dict):
        return patch
    return {key: _without_directives(value) for key, value in patch.items() if not key.startswith("$")}


def json_patch(target: Json, operations: Json) -> Json:
    """All operations or none; a failed `test` is Invalid, a path that is not there too."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    document = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request("a JSON patch is a list of operations")
        document = _apply(document, operation)
    return document


def _apply(document: Json, operation: JsonObject) -> Json:
    kind, path = as_text(operation.get("op")), _pointer(operation.get("path"))
    if kind == "test":
        if _read(document, path) != operation.get("value"):
            raise _unprocessable(f"testing value {operation.get('path')} failed")
        return document
    if kind == "remove":
        return _removed(document, path)
    if kind in ("add", "replace"):
        if kind == "replace":
            _read(document, path)
        return _added(document, path, operation.get("value"), replace=kind == "replace")
    if kind in ("move", "copy"):
        origin = _pointer(operation.get("from"))
        value = copy.deepcopy(_read(document, origin))
        return _added(_removed(document, origin) if kind == "move" else document, path, value)
    raise bad_request(f"unknown JSON patch operation {kind!r}")


def _pointer(path: Json) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise bad_request(f"not a JSON pointer: {path!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _read(document: Json, path: list[str]) -> Json:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            raise _unprocessable(f"path /{'/'.join(path)} does not exist")
    return document


def _added(document: Json, path: list[str], value: Json, replace: bool = False) -> Json:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and (last == "-" or (last.isdigit() and int(last) <= len(parent))):
        index = len(parent) if last == "-" else int(last)
        parent[index : index + int(replace)] = [value]
    else:
        raise _unprocessable(f"path /{'/'.join(path)} does not exist")
    return document


def _removed(document: Json, path: list[str]) -> Json:
    _read(document, path)
    parent = _read(document, path[:-1])
    if isinstance(parent, dict):
        del parent[path[-1]]
    elif isinstance(parent, list):
        del parent[int(path[-1])]
    return document


def _unprocessable(message: str) -> Failure:
    return Failure(
        422, "Invalid", f"the server rejected our request due to an error in our request: {message}"
    )
