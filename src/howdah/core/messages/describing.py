"""Protobuf descriptors derived from the SDK's dataclasses.

betterproto keeps a message's schema in dataclass metadata (number, wire type, oneof,
wrapper) and type hints (message and enum classes, lists, maps, optionals). That is all
a descriptor needs, so real protobuf classes come from the same source as the SDK's and
speak the same bytes, hundreds of times faster. Names on the wire's outside follow
too: packages from the services recorded, field names with Python's `from_` undone.
"""

import dataclasses
import types
import typing
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import ModuleType

import betterproto
from google.protobuf import descriptor_pb2 as pb

from howdah.core.messages.recording import RecordedRpc

_Field = pb.FieldDescriptorProto
_SCALARS = {
    betterproto.TYPE_BOOL: _Field.TYPE_BOOL,
    betterproto.TYPE_INT32: _Field.TYPE_INT32,
    betterproto.TYPE_INT64: _Field.TYPE_INT64,
    betterproto.TYPE_UINT32: _Field.TYPE_UINT32,
    betterproto.TYPE_UINT64: _Field.TYPE_UINT64,
    betterproto.TYPE_SINT32: _Field.TYPE_SINT32,
    betterproto.TYPE_SINT64: _Field.TYPE_SINT64,
    betterproto.TYPE_FLOAT: _Field.TYPE_FLOAT,
    betterproto.TYPE_DOUBLE: _Field.TYPE_DOUBLE,
    betterproto.TYPE_FIXED32: _Field.TYPE_FIXED32,
    betterproto.TYPE_SFIXED32: _Field.TYPE_SFIXED32,
    betterproto.TYPE_FIXED64: _Field.TYPE_FIXED64,
    betterproto.TYPE_SFIXED64: _Field.TYPE_SFIXED64,
    betterproto.TYPE_STRING: _Field.TYPE_STRING,
    betterproto.TYPE_BYTES: _Field.TYPE_BYTES,
}
_WRAPPERS = {
    betterproto.TYPE_BOOL: "BoolValue",
    betterproto.TYPE_BYTES: "BytesValue",
    betterproto.TYPE_DOUBLE: "DoubleValue",
    betterproto.TYPE_FLOAT: "FloatValue",
    betterproto.TYPE_ENUM: "Int32Value",
    betterproto.TYPE_INT32: "Int32Value",
    betterproto.TYPE_INT64: "Int64Value",
    betterproto.TYPE_STRING: "StringValue",
    betterproto.TYPE_UINT32: "UInt32Value",
    betterproto.TYPE_UINT64: "UInt64Value",
}
_ENUM = "Value"
_GOOGLE = "google.protobuf"
_GOOGLE_FILES = {
    "Any": "any",
    "Duration": "duration",
    "Empty": "empty",
    "Struct": "struct",
    "Timestamp": "timestamp",
    **dict.fromkeys(_WRAPPERS.values(), "wrappers"),
}


def describe(modules: list[ModuleType], rpcs: list[RecordedRpc]) -> pb.FileDescriptorSet:
    """One file a package, messages, enums and services, each after what it depends on."""
    packages = _packages(modules, rpcs)
    files = {module.__name__: _describe_module(module, packages, rpcs) for module in modules}
    by_name = {file.name: file for file in files.values()}
    ordered: dict[str, pb.FileDescriptorProto] = {}

    def place(file: pb.FileDescriptorProto) -> None:
        for dependency in file.dependency:
            if dependency in by_name and dependency not in ordered:
                place(by_name[dependency])
        ordered.setdefault(file.name, file)

    for file in files.values():
        place(file)
    return pb.FileDescriptorSet(file=ordered.values())


def _packages(modules: Iterable[ModuleType], rpcs: Iterable[RecordedRpc]) -> dict[str, str]:
    """Module name to protobuf package; modules without a service keep their own name."""
    packages = {module.__name__: module.__name__.rpartition(".")[2] for module in modules}
    for rpc in rpcs:
        packages[rpc.module] = rpc.service.rpartition(".")[0]
    return packages


def _describe_module(
    module: ModuleType, packages: dict[str, str], rpcs: list[RecordedRpc]
) -> pb.FileDescriptorProto:
    package = packages[module.__name__]
    file = pb.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    describer = _Describer(packages, file)
    for value in vars(module).values():
        if not isinstance(value, type) or value.__module__ != module.__name__:
            continue
        if issubclass(value, betterproto.Enum):
            describer.add_enum(value)
        elif issubclass(value, betterproto.Message):
            describer.add_message(value)
    for rpc in rpcs:
        if rpc.module == module.__name__:
            describer.add_rpc(rpc)
    file.dependency.extend(sorted(describer.dependencies))
    return file


class _Describer:
    def __init__(self, packages: dict[str, str], file: pb.FileDescriptorProto) -> None:
        self._packages = packages
        self._file = file
        self.dependencies: set[str] = set()

    def add_enum(self, enum: type[betterproto.Enum]) -> None:
        # Protobuf scopes the value names of an enum to what encloses it, and two flattened
        # enums of one package may share some; so each stands in a message of its own name.
        described = self._file.message_type.add(name=enum.__name__).enum_type.add(name=_ENUM)
        for name, member in enum.__members__.items():
            described.value.add(name=name, number=int(member))

    def add_message(self, message: type[betterproto.Message]) -> None:
        described = self._file.message_type.add(name=message.__name__)
        hints = typing.get_type_hints(message)
        oneofs: dict[str, int] = {}
        proto3_optionals: list[pb.FieldDescriptorProto] = []
        for field in sorted(dataclasses.fields(message), key=_number):  # type: ignore[arg-type]
            meta = betterproto.FieldMetadata.get(field)
            proto = described.field.add(name=field.name.rstrip("_"), number=meta.number)
            proto.label = _Field.LABEL_OPTIONAL
            if meta.proto_type == betterproto.TYPE_MAP:
                self._map_field(described, proto, meta, hints[field.name])
                continue
            hint, repeated = _unwrap(hints[field.name])
            if repeated:
                proto.label = _Field.LABEL_REPEATED
            self._set_type(proto, meta.proto_type, meta.wraps, hint)
            if meta.group is not None:
                if meta.group not in oneofs:
                    oneofs[meta.group] = len(described.oneof_decl)
                    described.oneof_decl.add(name=meta.group)
                proto.oneof_index = oneofs[meta.group]
            elif meta.optional:
                proto3_optionals.append(proto)
        for proto in proto3_optionals:  # synthetic oneofs must follow the real ones
            proto.proto3_optional = True
            proto.oneof_index = len(described.oneof_decl)
            described.oneof_decl.add(name=f"_{proto.name}")

    def add_rpc(self, rpc: RecordedRpc) -> None:
        name = rpc.service.rpartition(".")[2]
        service = next((known for known in self._file.service if known.name == name), None)
        if service is None:
            service = self._file.service.add(name=name)
        service.method.add(
            name=rpc.name,
            input_type=self._type_name(rpc.request),
            output_type=self._type_name(rpc.response),
            client_streaming=rpc.client_streams,
            server_streaming=rpc.server_streams,
        )

    def _map_field(
        self,
        parent: pb.DescriptorProto,
        proto: pb.FieldDescriptorProto,
        meta: betterproto.FieldMetadata,
        hint: object,
    ) -> None:
        name = "".join(part.capitalize() for part in proto.name.split("_")) + "Entry"
        entry = parent.nested_type.add(name=name)
        entry.options.map_entry = True
        assert meta.map_types is not None
        for number, (part, kind, part_hint) in enumerate(
            zip(("key", "value"), meta.map_types, typing.get_args(hint), strict=True), start=1
        ):
            field = entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL)
            self._set_type(field, kind, None, part_hint)
        proto.label = _Field.LABEL_REPEATED
        proto.type = _Field.TYPE_MESSAGE
        proto.type_name = f".{self._file.package}.{parent.name}.{name}"

    def _set_type(self, proto: pb.FieldDescriptorProto, kind: str, wraps: str | None, hint: object) -> None:
        if kind in _SCALARS:
            proto.type = _SCALARS[kind]
            return
        proto.type = _Field.TYPE_ENUM if kind == betterproto.TYPE_ENUM else _Field.TYPE_MESSAGE
        if wraps is not None:
            proto.type_name = self._google(_WRAPPERS[wraps])
        elif hint is datetime:
            proto.type_name = self._google("Timestamp")
        elif hint is timedelta:
            proto.type_name = self._google("Duration")
        else:
            assert isinstance(hint, type)
            proto.type_name = self._type_name(hint)
            if proto.type == _Field.TYPE_ENUM:
                proto.type_name += f".{_ENUM}"

    def _type_name(self, kind: type) -> str:
        if kind.__module__.startswith("betterproto.lib"):
            return self._google(kind.__name__)
        package = self._packages[kind.__module__]
        if package != self._file.package:
            self.dependencies.add(f"{package}.proto")
        return f".{package}.{kind.__name__}"

    def _google(self, name: str) -> str:
        self.dependencies.add(f"google/protobuf/{_GOOGLE_FILES[name]}.proto")
        return f".{_GOOGLE}.{name}"


def _number(field: "dataclasses.Field[object]") -> int:
    return betterproto.FieldMetadata.get(field).number


def _unwrap(hint: object) -> tuple[object, bool]:
    """The element type of `List[X]` or `Optional[X]`, and whether it is repeated."""
    origin = typing.get_origin(hint)
    if origin is list:
        return typing.get_args(hint)[0], True
    if origin in (typing.Union, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None)), False
    return hint, False
