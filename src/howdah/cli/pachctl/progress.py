"""One line on stderr that says how far a transfer is; silent where nobody watches."""

import os
import sys
import time
from types import TracebackType

from howdah.cli.pachctl.printing import size

# Often enough to look alive, seldom enough to cost nothing.
EVERY_S = 0.1


class Transfer:
    """Counts bytes and files; `total` is nought while it is unknown."""

    def __init__(self, what: str, total: int = 0, wanted: bool = True) -> None:
        self._what = what
        self._total = total
        self._shown = wanted and sys.stderr.isatty()
        self._begun = self._last = time.monotonic()
        self._bytes = 0

    def __enter__(self) -> "Transfer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._bytes:
            self._draw()
            sys.stderr.write("\n")

    def advance(self, count: int) -> None:
        self._bytes += count
        if self._shown and time.monotonic() - self._last > EVERY_S:
            self._draw()

    def _draw(self) -> None:
        self._last = time.monotonic()
        rate = self._bytes / max(self._last - self._begun, 1e-3)
        line = f"{self._what} {size(self._bytes)}"
        if self._total:
            left = max(self._total - self._bytes, 0) / max(rate, 1)
            line += f" of {size(self._total)} ({100 * self._bytes // self._total}%), {left:.0f} s left"
        # A line that the terminal breaks could not be written over; some say that they have no columns.
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        shown = f"{line}, {size(int(rate))}/s"[: columns - 1]
        sys.stderr.write(f"\r\x1b[K{shown}")
        sys.stderr.flush()
