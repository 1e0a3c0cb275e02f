"""One line on stderr that says how far a transfer is; silent where nobody watches."""

import os
import sys
import time
from types import TracebackType

from howdah.cli.pachctl.printing import size

# Often enough to look alive, seldom enough to cost nothing.
EVERY_S = 0.1


class Transfer:
    """Counts bytes, and files where they are told of; `total` is nought while it is unknown."""

    def __init__(self, what: str, total: int = 0, wanted: bool = True) -> None:
        self._what = what
        self._total = total
        self._shown = wanted and sys.stderr.isatty()
        self._begun = self._last = time.monotonic()
        self._bytes = self._files = 0

    def __enter__(self) -> "Transfer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._bytes:
            self._draw()
            sys.stderr.write("\n")

    def advance(self, count: int, total: int = 0) -> None:
        """So many bytes more; of so many in all, where that becomes known only now."""
        self._bytes += count
        self._total = total or self._total
        if self._shown and time.monotonic() - self._last > EVERY_S:
            self._draw()

    def finish_file(self) -> None:
        self._files += 1

    def _draw(self) -> None:
        self._last = time.monotonic()
        rate = self._bytes / max(self._last - self._begun, 1e-3)
        line = f"{self._what} {size(self._bytes)}"
        if self._total:
            # What surrounds the bytes that count, such as an archive's headers, was counted with them.
            share = min(100 * self._bytes // self._total, 100)
            line += f" of {size(self._total)} ({share}%), {left(self._total - self._bytes, rate)}"
        if self._files:
            line += f", {self._files} files"
        draw(f"{line}, {size(int(rate))}/s")


def left(count: int, rate: float) -> str:
    """How long the rest will take."""
    return f"{max(count, 0) / max(rate, 1e-3):.0f} s left"


def draw(line: str) -> None:
    """The line in the place of the one before."""
    # A line that the terminal breaks could not be written over; some say that they have no columns.
    columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
    sys.stderr.write(f"\r\x1b[K{line[: columns - 1]}")
    sys.stderr.flush()


def erase() -> None:
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()
