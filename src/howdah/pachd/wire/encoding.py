"""The few messages that are sent by the ten thousand, written straight into bytes.

`FileInfo` repeats its commit in every message of a listing, and `BytesValue` only wraps a payload: so
the first is put together from parts that are encoded once, and the second is a header before bytes.
The results are exactly what protobuf would write; the tests compare.
"""

from collections.abc import Sequence
from typing import Any

from howdah.core.varint import varint
from howdah.pachd.storage.trees.files import File
from howdah.pachd.versions import CommitInfo
from howdah.pachd.versions.files.reader import Entry
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.convert import commit_message, timestamp

_FILE, _COMMITTED, _HASH, _PATH, _COMMIT = b"\x0a", b"\x1a", b"\x2a", b"\x12", b"\x0a"
_TYPE_FILE, _TYPE_DIRECTORY, _SIZE = b"\x10\x01", b"\x10\x02", b"\x20"


def field(tag: bytes, data: bytes) -> bytes:
    return tag + varint(len(data)) + data


def bytes_value(parts: Sequence[bytes | memoryview]) -> bytes:
    """A `BytesValue` of these parts, in one copy."""
    size = sum(map(len, parts))
    return b"".join((_PATH_OF_VALUE, varint(size), *parts)) if size else b""


_PATH_OF_VALUE = b"\x0a"


class FileInfos:
    """`FileInfo`s of one commit."""

    def __init__(self, info: CommitInfo) -> None:
        self._commit = field(_COMMIT, commit_message(info.ref).SerializeToString())
        at_ns = info.finished_ns
        committed = b"" if at_ns is None else field(_COMMITTED, timestamp(at_ns).SerializeToString())
        self._file_type = _TYPE_FILE + committed
        self._directory_type = _TYPE_DIRECTORY + committed

    def encode(self, entry: Entry) -> bytes:
        path = entry.path.encode()
        file = self._commit + _PATH + varint(len(path)) + path
        kind = self._file_type if isinstance(entry, File) else self._directory_type
        size = _SIZE + varint(entry.size) if entry.size else b""
        return _FILE + varint(len(file)) + file + kind + size + _HASH + varint(len(entry.hash)) + entry.hash

    def message(self, entry: Entry) -> Any:
        return pfs.FileInfo.FromString(self.encode(entry))
