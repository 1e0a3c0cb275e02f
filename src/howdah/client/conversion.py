"""Between the SDK's messages and the fast ones, a shape per class worked out once.

A decoded message is in the state in which betterproto's own parser would have left it: what was not
sent stays lazily unset, oneofs know their choice, the SDK's own defaults (a repo's project) are there.
Unknown fields are the exception: they are dropped, and the SDK of this version knows every field.
"""

import copy
import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType

import betterproto
from google.protobuf.message import Message as Fast

from howdah.core.messages.catalogue import Catalogue
from howdah.core.messages.recording import RecordedRpc

Slow = betterproto.Message
_Decode = Callable[[typing.Any], object]  # type: ignore[explicit-any]  # values of every kind pass here
_Encode = Callable[[Fast, typing.Any], None]  # type: ignore[explicit-any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sdk_classes(modules: list[ModuleType], rpcs: list[RecordedRpc]) -> Iterator[tuple[str, type[Slow]]]:
    """Every message class of the SDK with the full name of its fast twin."""
    packages = {rpc.module: rpc.service.rpartition(".")[0] for rpc in rpcs}
    for module in modules:
        package = packages.get(module.__name__, module.__name__.rpartition(".")[2])
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Slow) and value.__module__ == module.__name__:
                yield f"{package}.{name}", value


class Shapes:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._names: dict[type[Slow], str] = {}
        self._shapes: dict[type[Slow], Shape] = {}

    def add(self, full_name: str, slow: type[Slow]) -> None:
        self._names[slow] = full_name

    def find(self, slow: type[Slow]) -> "Shape | None":
        """None for classes that are not the SDK's."""
        shape = self._shapes.get(slow)
        if shape is None:
            name = self._names.get(slow)
            if name is None and slow.__module__.startswith("betterproto.lib"):
                name = f"google.protobuf.{slow.__name__}"
            if name is None:
                return None
            try:
                fast = self._catalogue.message(name)
            except KeyError:
                return None
            shape = self._shapes[slow] = Shape(slow, fast)
            shape.prepare(self)
        return shape

    def get(self, slow: type[Slow]) -> "Shape":
        shape = self.find(slow)
        if shape is None:
            raise TypeError(f"{slow.__name__} is no message of the SDK")
        return shape


class Shape:
    """One class: how its fields are named and converted."""

    def __init__(self, slow: type[Slow], fast: type[Fast]) -> None:
        self.slow, self.fast = slow, fast
        self._decode: dict[int, tuple[str, str | None, _Decode]] = {}
        self._encode: dict[str, tuple[str | None, _Encode]] = {}
        blank = vars(slow())
        self._groups: Mapping[str, str | None] = dict(blank["_group_current"])
        self._blank = blank
        # Values that the SDK itself puts into a new message; each message needs its own.
        self._given = [name for name, value in blank.items() if isinstance(value, Slow)]

    def prepare(self, shapes: Shapes) -> None:
        hints = typing.get_type_hints(self.slow)
        for field in dataclasses.fields(self.slow):  # type: ignore[arg-type]
            meta = betterproto.FieldMetadata.get(field)
            name = self.fast.DESCRIPTOR.fields_by_number[meta.number].name
            decode, encode = _converters(shapes, name, meta, hints[field.name])
            self._decode[meta.number] = (field.name, meta.group, decode)
            self._encode[field.name] = (meta.group, encode)

    def decode(self, fast: Fast) -> Slow:
        state = dict(self._blank)
        groups = dict(self._groups)
        table = self._decode
        for descriptor, value in fast.ListFields():
            name, group, convert = table[descriptor.number]
            state[name] = convert(value)
            if group is not None:
                groups[group] = name
        for name in self._given:
            if state[name] is self._blank[name]:
                state[name] = copy.deepcopy(state[name])
        state["_serialized_on_wire"] = True
        state["_group_current"] = groups
        made = object.__new__(self.slow)
        made.__dict__.update(state)
        return made

    def encode(self, slow: Slow, fast: Fast) -> None:
        """Fill `fast`. TypeError or ValueError when a value is not of its field's type."""
        state = vars(slow)
        groups = state["_group_current"]
        for name, (group, convert) in self._encode.items():
            value = state[name]
            if value is betterproto.PLACEHOLDER or value is None:
                continue
            if group is None or groups[group] == name:
                convert(fast, value)


def _converters(
    shapes: Shapes, name: str, meta: betterproto.FieldMetadata, hint: object
) -> tuple[_Decode, _Encode]:
    repeated = typing.get_origin(hint) is list
    if meta.proto_type == betterproto.TYPE_MAP:
        return _map(shapes, name, typing.get_args(hint)[1])
    if meta.proto_type != betterproto.TYPE_MESSAGE:
        return _scalar(name, repeated)
    if meta.wraps:
        return _wrapped(name)
    kind = hint
    if typing.get_origin(hint) is not None:
        kind = typing.get_args(hint)[0]
    if kind is datetime:
        return _timestamp(name, always=meta.group is not None)
    if kind is timedelta:
        return _duration(name, always=meta.group is not None)
    assert isinstance(kind, type)
    return _message(shapes, name, kind, repeated)


def _scalar(name: str, repeated: bool) -> tuple[_Decode, _Encode]:
    if repeated:
        return list, lambda fast, values: getattr(fast, name).extend(values)
    return (lambda value: value), lambda fast, value: setattr(fast, name, value)


def _wrapped(name: str) -> tuple[_Decode, _Encode]:
    def encode(fast: Fast, value: object) -> None:
        wrapper = getattr(fast, name)
        wrapper.SetInParent()
        wrapper.value = value

    return (lambda wrapper: wrapper.value), encode


def _timestamp(name: str, always: bool) -> tuple[_Decode, _Encode]:
    def encode(fast: Fast, value: datetime) -> None:
        if value == _EPOCH and not always:
            return  # betterproto's way of saying: unset
        stamp = getattr(fast, name)
        stamp.SetInParent()
        stamp.seconds, stamp.nanos = int(value.timestamp()), int(value.microsecond * 1e3)

    def decode(stamp: Fast) -> datetime:
        return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, tz=UTC)  # type: ignore[attr-defined]

    return decode, encode


def _duration(name: str, always: bool) -> tuple[_Decode, _Encode]:
    def encode(fast: Fast, value: timedelta) -> None:
        if not value and not always:
            return
        duration = getattr(fast, name)
        duration.SetInParent()
        microseconds = value // timedelta(microseconds=1)
        duration.seconds = int(microseconds / 1e6)
        duration.nanos = int((microseconds % 1e6) * 1e3)

    def decode(duration: Fast) -> timedelta:
        return timedelta(seconds=duration.seconds, microseconds=duration.nanos / 1e3)  # type: ignore[attr-defined]

    return decode, encode


def _message(shapes: Shapes, name: str, kind: type, repeated: bool) -> tuple[_Decode, _Encode]:
    shape: list[Shape] = []  # found when first needed: messages hold themselves

    def get() -> Shape:
        if not shape:
            shape.append(shapes.get(kind))
        return shape[0]

    def decode(fast: Fast) -> object:
        return (shape[0] if shape else get()).decode(fast)

    def encode(fast: Fast, value: Slow) -> None:
        child = getattr(fast, name)
        if vars(value)["_serialized_on_wire"]:
            child.SetInParent()
        get().encode(value, child)

    if not repeated:
        return decode, encode

    def encode_all(fast: Fast, values: list[Slow]) -> None:
        children = getattr(fast, name)
        for value in values:
            get().encode(value, children.add())

    return (lambda values: [decode(value) for value in values]), encode_all


def _map(shapes: Shapes, name: str, kind: object) -> tuple[_Decode, _Encode]:
    if not (isinstance(kind, type) and issubclass(kind, Slow)):
        return dict, lambda fast, values: getattr(fast, name).update(values)

    def decode(values: Mapping[object, Fast]) -> object:
        shape = shapes.get(kind)
        return {key: shape.decode(value) for key, value in values.items()}

    def encode(fast: Fast, values: Mapping[object, Slow]) -> None:
        shape, target = shapes.get(kind), getattr(fast, name)
        for key, value in values.items():
            target[key].SetInParent()
            shape.encode(value, target[key])

    return decode, encode
