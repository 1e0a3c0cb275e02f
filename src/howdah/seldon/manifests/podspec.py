"""Strictness inside Kubernetes' own types, which lightkube's models describe.

Only names are checked: the engine reads few of these fields and echoes all of them.
"""

import functools
import typing
from collections.abc import Iterator

import msgspec

Found = tuple[str, tuple[str, ...]]


def unknown_in_containers(document: dict[str, object]) -> tuple[Found, ...]:
    """The unknown fields below every componentSpecs[].spec and explainer.containerSpec."""
    from lightkube.models.core_v1 import Container, PodSpec  # slow to import, so only when needed

    found: list[Found] = []
    for path, predictor in _items(document, "spec.predictors"):
        for spec_path, spec in _items(predictor, "componentSpecs"):
            found += _unknown(PodSpec, spec.get("spec"), f"spec.{path}.{spec_path}.spec")
        explainer = predictor.get("explainer")
        if isinstance(explainer, dict):
            container = explainer.get("containerSpec")
            found += _unknown(Container, container, f"spec.{path}.explainer.containerSpec")
    return tuple(found)


def _items(document: dict[str, object], path: str) -> Iterator[tuple[str, dict[str, object]]]:
    value: object = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    name = path.rsplit(".", 1)[-1]
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield f"{name}[{index}]", item


def _unknown(model: type, value: object, path: str) -> Iterator[Found]:
    if not isinstance(value, dict):
        return
    known = _fields(model)
    for key, inner in value.items():
        here = f"{path}.{key}"
        if key not in known:
            yield here, tuple(known)
            continue
        nested = known[key]
        if nested is None:
            continue
        entries = enumerate(inner) if isinstance(inner, list) else ((None, inner),)
        for index, entry in entries:
            yield from _unknown(nested, entry, here if index is None else f"{here}[{index}]")


@functools.cache
def _fields(model: type) -> dict[str, type | None]:
    return {field.encode_name: _struct_in(field.type) for field in msgspec.structs.fields(model)}


def _struct_in(annotation: object) -> type | None:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    if typing.get_origin(annotation) is dict:
        return None
    return next(filter(None, map(_struct_in, typing.get_args(annotation))), None)
