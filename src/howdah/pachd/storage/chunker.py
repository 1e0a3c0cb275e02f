"""Where chunks begin and end: at places that the bytes choose (FastCDC), so that an insertion moves
boundaries only near itself.

The cuts of a file depend on its bytes alone, not on how they arrived: a cut is made only where the
longest possible chunk is in sight, or the file has ended. The parameters below are part of the format
in this sense only: a store whose writer changes them still reads, but finds fewer bytes that it has.
"""

from typing import Final

from pyfastcdc import FastCDC

from howdah.pachd.storage.objects import Buffer

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

    def cut(self, carried: Buffer, data: memoryview, *, last: bool) -> tuple[list[memoryview], memoryview]:
        """The chunks of `carried` followed by `data`, and the rest: fewer than MAX_BYTES for which
        more must be seen, to be carried into the next call. With `last` there is no rest. `carried`
        begins where a chunk begins. Bytes are copied only around the seam."""
        # With two more maximal chunks in sight, every chunk that begins in what was carried is final.
        seam = memoryview(b"".join((carried, data[: 2 * MAX_BYTES]))) if carried else data
        if len(carried) + len(data) <= len(seam):
            return self._cut(seam, len(seam), last=last)
        chunks, rest = self._cut(seam, len(carried), last=False)
        begun = len(seam) - len(rest) - len(carried)
        more, rest = self._cut(data[begun:], len(data), last=last)
        return chunks + more, rest

    def _cut(self, data: memoryview, until: int, *, last: bool) -> tuple[list[memoryview], memoryview]:
        """The chunks that begin before `until`, as far as they are certain, and what is left."""
        end = len(data) if last else len(data) - MAX_BYTES
        chunks: list[memoryview] = []
        at = 0
        cuts = iter(self._cdc.cut_buf(data))
        while at < until and at < end:
            chunk = next(cuts).data
            chunks.append(chunk)
            at += len(chunk)
        return chunks, data[at:]
