"""A tar stream of many small files, at the speed of joining bytes.

Headers are ustar, filled into one template; a path above 100 bytes goes before its entry as a GNU long
name, a size above 8 GiB in base 256: what tar programs and Go's and Python's readers all know.
"""

BLOCK = 512
END = bytes(2 * BLOCK)
_NAME_BYTES = 100
_OCTAL_LIMIT = 1 << 33
_REGULAR, _DIRECTORY, _LONG_NAME = b"0", b"5", b"L"
_LONG_LINK = b"././@LongLink"


def _template(kind: bytes, mode: int, mtime_s: int) -> bytes:
    """Everything of a header but name, size and checksum, which are zero here and spaces there."""
    return b"".join(
        (
            bytes(_NAME_BYTES),
            b"%07o\0" % mode,
            b"0000000\0",
            b"0000000\0",
            bytes(12),
            b"%011o\0" % mtime_s,
            b" " * 8,
            kind,
            bytes(100),
            b"ustar\00000",
            bytes(64),
            b"0000000\0",
            b"0000000\0",
            bytes(167),
        )
    )


class Headers:
    """Headers whose entries share one modification time."""

    def __init__(self, mtime_s: int = 0) -> None:
        self._kinds = {
            kind: self._split(_template(kind, mode, mtime_s))
            for kind, mode in ((_REGULAR, 0o644), (_DIRECTORY, 0o755), (_LONG_NAME, 0o644))
        }

    @staticmethod
    def _split(template: bytes) -> tuple[bytes, bytes, int]:
        """What stands between name and size, what after the size up to the checksum and beyond it."""
        return template[100:124], template[136:148] + template[156:], sum(template)

    def file(self, path: str, size: int) -> bytes:
        return self._header(path.encode(), size, _REGULAR)

    def directory(self, path: str) -> bytes:
        return self._header(path.encode(), 0, _DIRECTORY)

    def _header(self, name: bytes, size: int, kind: bytes) -> bytes:
        before = b""
        if len(name) > _NAME_BYTES:
            long = name + b"\0"
            before = self._header(_LONG_LINK, len(long), _LONG_NAME) + long + padding(len(long))
            name = name[:_NAME_BYTES]
        middle, rest, total = self._kinds[kind]
        length = b"%011o\0" % size if size < _OCTAL_LIMIT else b"\x80" + size.to_bytes(11, "big")
        checksum = b"%06o\0 " % (total + sum(name) + sum(length))
        return before + name.ljust(_NAME_BYTES, b"\0") + middle + length + rest[:12] + checksum + rest[12:]


def padding(size: int) -> bytes:
    return bytes(-size % BLOCK)
