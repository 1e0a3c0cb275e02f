"""`Range` headers: one range of bytes, as every S3 client sends it."""

import re

from howdah.pachd.wire.s3.failures import InvalidRange
from howdah.pachd.wire.s3.numbers import number

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


def resolve(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, length), or None for the whole: also for what is no single range of bytes, which HTTP
    says to ignore. InvalidRange when nothing of it can be served."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = (number(each) for each in match.groups())
    if first is None:
        start, end = max(0, size - (last or 0)), size
    else:
        start = first
        if last is not None and last < start:
            return None
        end = size if last is None else min(size, last + 1)
    if start >= size or start >= end:
        raise InvalidRange(f"{match[0][:80]} lies outside of {size} bytes")
    return start, end - start
