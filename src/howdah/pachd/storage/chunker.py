"""Where chunks begin and end: at places that the bytes choose (FastCDC), so that an insertion moves
boundaries only near itself.

The cuts of a file depend on its bytes alone, not on how they arrived: a cut is made only where the
longest possible chunk is in sight, or the file has ended. The parameters below are part of the format
in this sense only: a store whose writer changes them still reads, but finds fewer bytes that it has.
"""

from collections.abc import Iterator
from typing import Final

from pyfastcdc import FastCDC

AVERAGE_BYTES = 64 << 10
MIN_BYTES = 16 << 10
MAX_BYTES = 256 << 10
_NORMALIZATION: Final = 2


class Chunker:
    """Cuts one file at a time; used by one thread."""

    def __init__(self) -> None:
        self._cdc = FastCDC(
            AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES, normalized_chunking=_NORMALIZATION
        )

    def cut(self, data: memoryview, *, last: bool) -> Iterator[memoryview]:
        """The chunks of `data`, which begins where a chunk begins. Unless `last`, stops where fewer
        than MAX_BYTES are left: what was not yielded must come again, with more behind it."""
        end = len(data) if last else len(data) - MAX_BYTES
        if end <= 0:
            return
        for chunk in self._cdc.cut_buf(data):
            yield chunk.data
            if chunk.offset + chunk.length > end:
                return
