"""Seldon's v1 messages: the protobuf classes, and JSON on both sides of them.

The classes are made from descriptors written here, in a pool of their own: Seldon's generated
module imports TensorFlow where it is installed, which would cost a server 11 s and 0.8 GB. A
`tftensor` is carried as bytes, which is what it is on the wire.
"""

from functools import cache

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    empty_pb2,
    message,
    message_factory,
    struct_pb2,
)

PACKAGE = "seldon.protos"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
}
_ENUMS = {"Metric.MetricType", "Status.StatusFlag"}
# name -> fields; a field is (name, number, type); `*` is repeated, `K>V` a map, `|` in the oneof.
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "SeldonMessage": (
        ("status", 1, "Status"),
        ("meta", 2, "Meta"),
        ("data", 3, "|DefaultData"),
        ("binData", 4, "|bytes"),
        ("strData", 5, "|string"),
        ("jsonData", 6, "|google.protobuf.Value"),
        ("customData", 7, "|google.protobuf.Any"),
    ),
    "DefaultData": (
        ("names", 1, "*string"),
        ("tensor", 2, "|Tensor"),
        ("ndarray", 3, "|google.protobuf.ListValue"),
        ("tftensor", 4, "|bytes"),
    ),
    "Tensor": (("shape", 1, "*int32"), ("values", 2, "*double")),
    "Meta": (
        ("puid", 1, "string"),
        ("tags", 2, "string>google.protobuf.Value"),
        ("routing", 3, "string>int32"),
        ("requestPath", 4, "string>string"),
        ("metrics", 5, "*Metric"),
    ),
    "Metric": (
        ("key", 1, "string"),
        ("type", 2, "Metric.MetricType"),
        ("value", 3, "float"),
        ("tags", 4, "string>string"),
    ),
    "SeldonMessageList": (("seldonMessages", 1, "*SeldonMessage"),),
    "Status": (
        ("code", 1, "int32"),
        ("info", 2, "string"),
        ("reason", 3, "string"),
        ("status", 4, "Status.StatusFlag"),
    ),
    "Feedback": (
        ("request", 1, "SeldonMessage"),
        ("response", 2, "SeldonMessage"),
        ("reward", 3, "float"),
        ("truth", 4, "SeldonMessage"),
    ),
    "SeldonModelMetadataRequest": (("name", 1, "string"),),
    "SeldonMessageMetadata": (
        ("messagetype", 1, "string"),
        ("schema", 2, "google.protobuf.Value"),
        ("name", 3, "string"),
        ("datatype", 4, "string"),
        ("shape", 5, "*int64"),
    ),
    "SeldonModelMetadata": (
        ("name", 1, "string"),
        ("versions", 2, "*string"),
        ("platform", 3, "string"),
        ("inputs", 4, "*SeldonMessageMetadata"),
        ("outputs", 5, "*SeldonMessageMetadata"),
        ("custom", 6, "string>string"),
    ),
    "SeldonGraphMetadata": (
        ("name", 1, "string"),
        ("models", 2, "string>SeldonModelMetadata"),
        ("inputs", 3, "*SeldonMessageMetadata"),
        ("outputs", 4, "*SeldonMessageMetadata"),
    ),
}
_ENUM_VALUES = {
    "Metric": ("MetricType", ("COUNTER", "GAUGE", "TIMER")),
    "Status": ("StatusFlag", ("SUCCESS", "FAILURE")),
}


@cache
def message_class(name: str) -> type[message.Message]:
    """The class of `seldon.protos.<name>`, or of a full name such as google.protobuf.Empty."""
    full = name if "." in name else f"{PACKAGE}.{name}"
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(full))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, struct_pb2, empty_pb2):
        described = descriptor_pb2.FileDescriptorProto()
        known.DESCRIPTOR.CopyToProto(described)
        pool.Add(described)
    file = descriptor_pb2.FileDescriptorProto(name="howdah/seldon.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in ("any", "struct", "empty"))
    for name, fields in _MESSAGES.items():
        _describe(file.message_type.add(name=name), name, fields)
    pool.Add(file)
    return pool


def _describe(
    into: descriptor_pb2.DescriptorProto, name: str, fields: tuple[tuple[str, int, str], ...]
) -> None:
    if name in _ENUM_VALUES:
        enum, values = _ENUM_VALUES[name]
        described = into.enum_type.add(name=enum)
        for number, value in enumerate(values):
            described.value.add(name=value, number=number)
    for field_name, number, kind in fields:
        field = into.field.add(name=field_name, number=number, json_name=field_name)
        field.label = _Field.LABEL_OPTIONAL
        if kind.startswith("|"):
            if not into.oneof_decl:
                into.oneof_decl.add(name="data_oneof")
            field.oneof_index = 0
            kind = kind[1:]
        if ">" in kind:
            _describe_map(into, name, field, kind)
            continue
        if kind.startswith("*"):
            field.label = _Field.LABEL_REPEATED
            kind = kind[1:]
        _set_type(field, kind)


def _describe_map(into: descriptor_pb2.DescriptorProto, owner: str, field: _Field, kind: str) -> None:
    key, value = kind.split(">")
    entry_name = field.name[0].upper() + field.name[1:] + "Entry"
    entry = into.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    for number, (part, part_kind) in enumerate((("key", key), ("value", value)), 1):
        described = entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL)
        _set_type(described, part_kind)
    field.label = _Field.LABEL_REPEATED
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{owner}.{entry_name}"


def _set_type(field: _Field, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_ENUM if kind in _ENUMS else _Field.TYPE_MESSAGE
    field.type_name = f".{kind}" if kind.startswith("google.") else f".{PACKAGE}.{kind}"
