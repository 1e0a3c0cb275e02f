"""The shape of a pipeline spec, derived from the protocol's own messages.

No field can be forgotten, because none is listed here: `shape` reads them off the descriptor.
`canonical` checks a JSON value against a shape and returns it with every field under its
JSON name and every enum by name, so that specs written with either spelling merge; values
are otherwise left as they were written. The first thing wrong is reported with the path
to it, and an unknown key with the nearest right one.
"""

import base64
import binascii
import dataclasses
import datetime
import difflib
import functools
import re
from collections.abc import Mapping
from typing import TypeGuard

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from howdah.core.messages.catalogue import catalogue
from howdah.errors import Invalid

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]

CREATE_PIPELINE = "pps_v2.CreatePipelineRequest"


class SpecError(Invalid):
    """Something in a spec is wrong; `path` leads to it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    json_name: str
    kind: str  # protobuf's own word: string, int64, enum, message, …
    message: str  # full name of the message that it holds, if any
    enum: Mapping[int, str] | None
    repeated: bool
    map_values: str  # the kind of a map's values


# The only name in these messages that is not snake case in the .proto file.
_ODD_NAMES = {("pps_v2.Egress", "url"): "URL"}
_KINDS: Mapping[int, str] = {
    value: name.removeprefix("TYPE_").lower() for name, value in FieldDescriptorProto.Type.items()
}
_WRAPPED = re.compile(r"google\.protobuf\.(\w+)Value")
_TIMESTAMP, _DURATION_MESSAGE = "google.protobuf.Timestamp", "google.protobuf.Duration"
_INTEGER_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")


@functools.cache
def shape(message: str) -> Mapping[str, Field]:
    """Every field of the message, under both of its spellings."""
    fields: dict[str, Field] = {}
    descriptor = catalogue().message(message).DESCRIPTOR
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    repeated = {item.name for item in proto.field if item.label == FieldDescriptorProto.LABEL_REPEATED}
    for item in descriptor.fields:
        inner = item.message_type
        values = inner.fields_by_name["value"] if inner and inner.GetOptions().map_entry else None
        wrapped = _WRAPPED.fullmatch(inner.full_name) if inner else None
        field = Field(
            json_name=_ODD_NAMES.get((message, item.name), item.json_name),
            kind=wrapped[1].lower() if wrapped else _KINDS[item.type],
            message=inner.full_name if inner and not wrapped and not values else "",
            enum={value.number: value.name for value in item.enum_type.values} if item.enum_type else None,
            repeated=item.name in repeated and values is None,
            map_values=_KINDS[values.type] if values else "",
        )
        fields[item.name] = fields[field.json_name] = field
    return fields


def canonical_spec(value: Json) -> JsonObject:
    """A CreatePipelineRequest in JSON, checked, with canonical names."""
    return canonical(value, CREATE_PIPELINE)


def canonical(value: Json, message: str, path: str = "") -> JsonObject:
    if not isinstance(value, dict):
        raise SpecError(path, f"expected an object, not {_named(value)}")
    fields = shape(message)
    result: JsonObject = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None:
            raise SpecError(_join(path, key), _unknown(key, fields))
        result[field.json_name] = None if item is None else _value(item, field, _join(path, key))
    return result


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _unknown(key: str, fields: Mapping[str, Field]) -> str:
    near = difflib.get_close_matches(key, fields, n=1)
    if near:
        return f'no such field; did you mean "{near[0]}"?'
    return "no such field; there are " + ", ".join(sorted({f.json_name for f in fields.values()}))


def _value(value: Json, field: Field, path: str) -> Json:
    if field.repeated:
        if not isinstance(value, list):
            raise SpecError(path, f"expected a list, not {_named(value)}")
        return [_single(item, field, f"{path}[{i}]") for i, item in enumerate(value)]
    if field.map_values:
        if not isinstance(value, dict):
            raise SpecError(path, f"expected an object, not {_named(value)}")
        return {key: _scalar(item, field.map_values, f"{path}.{key}") for key, item in value.items()}
    return _single(value, field, path)


def _single(value: Json, field: Field, path: str) -> Json:
    if field.message == _TIMESTAMP:
        return _timestamp(value, path)
    if field.message == _DURATION_MESSAGE:
        return _duration(value, path)
    if field.message:
        return canonical(value, field.message, path)
    if field.enum is not None:
        return _enum(value, field.enum, path)
    return _scalar(value, field.kind, path)


def _scalar(value: Json, kind: str, path: str) -> Json:
    if kind in _INTEGER_RANGES:
        return _integer(value, kind, path)
    match kind:
        case "string" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "float" | "double" if _is_number(value):
            return value
        case "bytes" if isinstance(value, str):
            return _bytes(value, path)
    words = {"string": "a text", "bool": "true or false", "float": "a number", "double": "a number"}
    raise SpecError(path, f"expected {words.get(kind, kind)}, not {_named(value)}")


def _is_number(value: Json) -> TypeGuard[int | float | str]:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def _integer(value: Json, kind: str, path: str) -> Json:
    written = isinstance(value, str) and re.fullmatch(r"-?\d+", value)
    counted = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    if not isinstance(value, str | int | float) or not (written or counted):
        raise SpecError(path, f"expected a whole number, not {_named(value)}")
    number = int(value)
    low, high = _INTEGER_RANGES[kind]
    if not low <= number <= high:
        what = "must not be negative" if low == 0 and number < 0 else "is too large"
        raise SpecError(path, f"{number} {what}")
    return number if isinstance(value, float) else value


def _bytes(value: str, path: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise SpecError(path, "expected base64") from None
    return value


def _enum(value: Json, names: Mapping[int, str], path: str) -> Json:
    if isinstance(value, int) and value in names:
        return names[value]
    if isinstance(value, str) and value in names.values():
        return value
    raise SpecError(path, f"expected one of {', '.join(names.values())}, not {_named(value)}")


def _duration(value: Json, path: str) -> str:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return value
    raise SpecError(path, f'expected seconds such as "300s" or "1.5s", not {_named(value)}')


def _timestamp(value: Json, path: str) -> str:
    if isinstance(value, str):
        try:
            if datetime.datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            pass
    raise SpecError(path, f'expected a time such as "2026-01-31T08:00:00Z", not {_named(value)}')


def _named(value: Json) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value}"' if len(value) < 40 else "a text"
        case list():
            return "a list"
        case _:
            return "an object"
