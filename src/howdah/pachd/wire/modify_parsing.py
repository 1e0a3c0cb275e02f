"""Requests of a ModifyFile stream, without copying what they carry.

Nearly all bytes that ever arrive are in one shape: `add_file { path, datum?, raw { value } }`. It is
read here field by field and its payload given on as a view into the message that gRPC received. Any
other shape (and any that is odd in the least) goes to protobuf, whose word is final: the fast path
only ever recognises, it never judges.
"""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.errors import Malformed

_ADD_FILE, _PATH, _DATUM, _RAW, _VALUE = 0x12, 0x0A, 0x12, 0x1A, 0x0A
"""Tags: field number and wire type 2, all below 128."""


@dataclass(frozen=True, slots=True)
class Append:
    path: str
    datum: str
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Other:
    """Any other request, as protobuf read it."""

    request: Any


def parse(data: bytes) -> Append | Other:
    """Malformed when the bytes are no ModifyFileRequest."""
    fast = _append(data)
    if fast is not None:
        return fast
    try:
        request = pfs.ModifyFileRequest.FromString(data)
    except DecodeError as error:
        raise Malformed("a request of the ModifyFile stream is not a ModifyFileRequest") from error
    body = request.WhichOneof("body")
    if body == "add_file" and request.add_file.WhichOneof("source") != "url":
        file = request.add_file
        return Append(file.path, file.datum, file.raw.value)
    return Other(request)


def _append(data: bytes) -> Append | None:
    """The request, if it is one `add_file` with a path, maybe a datum, and raw bytes, in this order."""
    try:
        if data[0] != _ADD_FILE:
            return None
        length, at = _varint(data, 1)
        end = len(data)
        if at + length != end or data[at] != _PATH:
            return None
        length, at = _varint(data, at + 1)
        path = data[at : at + length].decode()
        at += length
        datum = ""
        if data[at] == _DATUM:
            length, at = _varint(data, at + 1)
            datum = data[at : at + length].decode()
            at += length
        if data[at] != _RAW:
            return None
        length, at = _varint(data, at + 1)
        if at + length != end:
            return None
        if length == 0:
            return Append(path, datum, b"")
        if data[at] != _VALUE:
            return None
        length, at = _varint(data, at + 1)
        return Append(path, datum, memoryview(data)[at:]) if at + length == end else None
    except (IndexError, UnicodeDecodeError):
        return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
        if shift > 28:  # longer than any message may be
            raise IndexError
