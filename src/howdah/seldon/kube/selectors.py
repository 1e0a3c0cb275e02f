"""Label and field selectors."""

import re
from collections.abc import Callable

from howdah.core.json import JsonObject, as_object, at
from howdah.seldon.kube.failures import bad_request

Matches = Callable[[JsonObject], bool]
SET = re.compile(r"^\s*([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)\s*$")


def selector(labels: str, fields: str) -> Matches:
    """Whether an object matches both; raises 400 for a selector that cannot be read."""
    checks = [*map(_label, _split(labels)), *map(_field, _split(fields))]
    return lambda document: all(check(document) for check in checks)


def _split(text: str) -> list[str]:
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label(term: str) -> Matches:
    within = SET.match(term)
    if within:
        key, word, values = within.group(1), within.group(2), {v.strip() for v in within.group(3).split(",")}
        return lambda document: (_labels(document).get(key) in values) == (word == "in")
    key, operator, value = _comparison(term)
    if operator == "exists":
        return lambda document: key in _labels(document)
    if operator == "absent":
        return lambda document: key not in _labels(document)
    return lambda document: (_labels(document).get(key) == value) == (operator == "=")


def _field(term: str) -> Matches:
    key, operator, value = _comparison(term)
    if operator not in ("=", "!="):
        raise bad_request(f"invalid field selector {term!r}")
    path = key.split(".")
    return lambda document: (str(at(document, *path) or "") == value) == (operator == "=")


def _comparison(term: str) -> tuple[str, str, str]:
    term = term.strip()
    for sign, operator in (("!=", "!="), ("==", "="), ("=", "=")):
        if sign in term:
            key, value = term.split(sign, 1)
            return key.strip(), operator, value.strip()
    return (term[1:].strip(), "absent", "") if term.startswith("!") else (term, "exists", "")


def _labels(document: JsonObject) -> JsonObject:
    return as_object(at(document, "metadata", "labels"))
