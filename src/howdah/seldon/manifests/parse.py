"""From JSON to fields, and from a mistake to the path of the field and the nearest right name."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from howdah.errors import Invalid
from howdah.seldon.manifests.fields import API_VERSION, KIND, SeldonDeployment
from howdah.seldon.manifests.podspec import unknown_in_containers

UNKNOWN, INVALID, REQUIRED = "FieldValueUnknown", "FieldValueInvalid", "FieldValueRequired"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One violation: where it stands, as Kubernetes writes it, and what is wrong there."""

    path: str
    message: str
    reason: str = INVALID

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ManifestInvalid(Invalid):
    def __init__(self, name: str, errors: tuple[FieldError, ...]) -> None:
        self.name = name
        self.errors = errors
        shown = str(errors[0]) if len(errors) == 1 else "[" + ", ".join(map(str, errors)) + "]"
        super().__init__(f'SeldonDeployment.machinelearning.seldon.io "{name}" is invalid: {shown}')


class FieldsUnknown(ManifestInvalid):
    """Fields that the schema does not have: Kubernetes answers these before any validation."""

    def __init__(self, name: str, errors: tuple[FieldError, ...]) -> None:
        super().__init__(name, errors)
        self.args = ("strict decoding error: " + ", ".join(error.message for error in errors),)


def parse(document: object) -> SeldonDeployment:
    """Check names and types. `status` may be there and is not read."""
    if not isinstance(document, dict):
        raise ManifestInvalid("", (FieldError("", "a SeldonDeployment must be a JSON object"),))
    name = _name(document)
    _check_kind(name, document)
    strictly(document)
    try:
        return SeldonDeployment.model_validate({k: v for k, v in document.items() if k != "status"})
    except ValidationError as error:
        raise ManifestInvalid(name, tuple(_typed(error))) from None


def strictly(document: dict[str, object]) -> None:
    """Refuse every field that SeldonDeployment v1 does not have, naming the nearest that it has."""
    body = {k: v for k, v in document.items() if k not in ("status", "metadata")}
    errors = (*_unknown(SeldonDeployment, body, ""), *unknown_in_containers(document))
    if errors:
        raise FieldsUnknown(
            _name(document), tuple(FieldError(path, _nearest(path, known), UNKNOWN) for path, known in errors)
        )


def _name(document: dict[str, object]) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _check_kind(name: str, document: dict[str, object]) -> None:
    if str(document.get("apiVersion")).startswith("mlops.seldon.io/"):
        message = f"manifests of Seldon Core 2 are not run here: this engine takes {API_VERSION}, kind {KIND}"
        raise ManifestInvalid(name, (FieldError("apiVersion", message),))
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.get(key) != wanted:
            message = f"Invalid value: {_quoted(document.get(key))}: must be {wanted}"
            raise ManifestInvalid(name, (FieldError(key, message),))


def _unknown(model: type[BaseModel], value: object, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(value, dict):
        return
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in fields:
            yield here, tuple(fields)
            continue
        nested = _nested_model(fields[key])
        if nested is None:
            continue
        if isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _unknown(nested, item, f"{here}[{index}]")
        else:
            yield from _unknown(nested, inner, here)


def _nested_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next(filter(None, map(_nested_model, get_args(annotation))), None)
    return None


def _nearest(path: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(path.rsplit(".", 1)[-1], known, n=1, cutoff=0.5)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    return f'unknown field "{path}"{hint}'


def _typed(error: ValidationError) -> Iterator[FieldError]:
    for found in error.errors(include_url=False):
        path = ""
        for part in found["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
        if found["type"] == "missing":
            yield FieldError(path, "Required value", REQUIRED)
        else:
            yield FieldError(path, f"Invalid value: {_quoted(found['input'])}: {found['msg']}")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
