"""`Range` headers: one range of bytes, as every S3 client sends it."""

import re

from howdah.pachd.wire.s3.failures import InvalidRange

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def resolve(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, length), or None for the whole: also for what is no single range of bytes, which HTTP
    says to ignore. InvalidRange when nothing of it can be served."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        end = min(size, int(last) + 1) if last else size
    if start >= size or start >= end:
        raise InvalidRange(f"{header} lies outside of {size} bytes")
    return start, end - start
