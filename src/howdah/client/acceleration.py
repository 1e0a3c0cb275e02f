"""`howdah.accelerate()`: the SDK with protobuf's own codec in place of the pure Python one.

Nothing of the SDK's interface changes: the same classes come and go, only reading and writing them
takes a fraction of the time. Clients made after the call profit; it may be called again, and by
anyone, and does nothing then. What it cannot convert it leaves to the SDK's own codec.
"""

import threading
from pathlib import Path

import betterproto

from howdah.client.conversion import Shapes, sdk_classes
from howdah.client.datum_variables import replace_reader
from howdah.core.messages.catalogue import catalogue
from howdah.core.messages.recording import record, sdk_modules
from howdah.core.varint import varint

_BODY, _ADD_FILE, _SOURCE, _RAW = "body", "add_file", "source", "raw"
_lock = threading.Lock()
_done = False


def accelerate(cache: Path | None = None) -> None:
    """`cache` names a folder that may keep what is worked out, for a faster start next time."""
    global _done
    with _lock:
        if not _done:
            _replace_codec(_shapes(cache))
            replace_reader()
            _done = True


def _shapes(cache: Path | None) -> Shapes:
    shapes = Shapes(catalogue(cache))
    modules = sdk_modules()
    for name, kind in sdk_classes(modules, record(modules)):
        shapes.add(name, kind)
    return shapes


def _replace_codec(shapes: Shapes) -> None:
    slow_write = betterproto.Message.__bytes__
    slow_read = betterproto.Message.parse

    def write(self: betterproto.Message) -> bytes:
        payload = _payload(self)
        if payload is not None:
            return payload
        shape = shapes.find(type(self))
        if shape is None or vars(self)["_unknown_fields"]:
            return slow_write(self)
        fast = shape.fast()
        try:
            shape.encode(self, fast)
        except (TypeError, ValueError, AttributeError):
            return slow_write(self)  # accepts a little more, and words its refusals as users know them
        return fast.SerializeToString()

    def read(cls: type[betterproto.Message], data: bytes) -> betterproto.Message:
        shape = shapes.find(cls)
        if shape is None:
            return slow_read(cls(), data)
        return shape.decode(shape.fast.FromString(data))

    # Stubs take both from the class when they are constructed.
    betterproto.Message.SerializeToString = write  # type: ignore[method-assign]
    betterproto.Message.FromString = classmethod(read)  # type: ignore[method-assign,assignment]


def _payload(message: betterproto.Message) -> bytes | None:
    """A ModifyFileRequest that only carries bytes, in one copy."""
    if type(message).__name__ != "ModifyFileRequest":
        return None
    state = vars(message)
    if state["_group_current"][_BODY] != _ADD_FILE:
        return None
    add = vars(state[_ADD_FILE])
    raw = add[_RAW]
    if add["_group_current"][_SOURCE] != _RAW or type(raw) is not bytes or type(add["path"]) is not str:
        return None
    datum = add["datum"]
    if datum is not betterproto.PLACEHOLDER and datum:
        return None
    path = add["path"].encode()
    value = b"\x0a" + varint(len(raw)) if raw else b""
    wrapped = b"\x1a" + varint(len(value) + len(raw)) + value
    named = b"\x0a" + varint(len(path)) + path if path else b""
    return b"".join((b"\x12", varint(len(named) + len(wrapped) + len(raw)), named, wrapped, raw))
