"""What a worker looks at while user code runs: its output, its time, its memory, the disk."""

import os
import stat
import threading
from pathlib import Path

from howdah.core.clock import Clock
from howdah.pachd.pipelines.logs import DatumLog
from howdah.pachd.pipelines.spec import Resources
from howdah.pachd.pipelines.workers.sandbox import Sandbox, Watch
from howdah.pachd.pipelines.workers.workplace import Guard

WEIGH_S = 1.0
"""How often a folder is walked to weigh it; the free space of the disk is asked much more often."""
KEPT_BETWEEN = 1 << 16
"""What a command says between two datums is kept for the next one, up to this."""
CANCELLED = "cancelled"


class DatumWatch(Watch):
    """`begin` and `pause` change it while a command runs that takes datum after datum."""

    def __init__(
        self, folder: Path, limits: Resources, guard: Guard, clock: Clock, cancelled: threading.Event
    ) -> None:
        self.log: DatumLog | None = None
        self._between = b""
        self._logging = threading.Lock()
        self.sandbox: Sandbox | None = None
        self.timeout_s: float | None = None
        self._folder = folder
        self._limits = limits
        self._guard = guard
        self._clock = clock
        self._cancelled = cancelled
        self._next_weighing = 0.0

    def begin(self, log: DatumLog, timeout_s: float | None) -> None:
        """From now on, the time and the words belong to this datum."""
        self.timeout_s = timeout_s
        self.deadline_s = None if timeout_s is None else self._clock.monotonic_s() + timeout_s
        with self._logging:
            self.log = log
            if self._between:
                log.output("stdout", self._between)
                self._between = b""

    def pause(self) -> None:
        """The datum is done; its log may be closed."""
        self.deadline_s = None
        with self._logging:
            self.log = None

    def output(self, stream: str, data: bytes) -> None:
        with self._logging:
            if self.log is not None:
                self.log.output(stream, data)
            else:
                self._between = (self._between + data)[-KEPT_BETWEEN:]

    def stop(self) -> str:
        now = self._clock.monotonic_s()
        if self._cancelled.is_set():
            return CANCELLED
        if self.deadline_s is not None and now >= self.deadline_s:
            return f"the command was killed: it ran longer than its datum_timeout of {self.timeout_s:g} s"
        return self._memory() or self._disk(now)

    def _memory(self) -> str:
        allowed = self._limits.memory_bytes
        if not allowed or self.sandbox is None:
            return ""
        held = self.sandbox.memory_bytes()
        if held <= allowed:
            return ""
        return (
            f"the command was killed: it held {size(held)} of memory, more than its limit of {size(allowed)}"
        )

    def _disk(self, now: float) -> str:
        free = self._guard.free_bytes(self._folder)
        if free < self._guard.disk_reserve_bytes:
            return f"the command was killed: it filled the disk; only {size(free)} are left"
        allowed = self._limits.disk_bytes
        if allowed and now >= self._next_weighing:
            self._next_weighing = now + WEIGH_S
            held = weigh(self._folder / "out") + weigh(self._folder / "tmp")
            if held > allowed:
                wrote = f"it wrote {size(held)} to disk, more than its limit of {size(allowed)}"
                return f"the command was killed: {wrote}"
        return ""


def weigh(folder: Path) -> int:
    """Bytes that a folder takes on disk; what vanishes meanwhile does not count."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        total += weigh(Path(entry.path)) if stat.S_ISDIR(status.st_mode) else status.st_blocks * 512
    return total


def size(count: int) -> str:
    for unit, step in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= step:
            return f"{count / step:.4g} {unit}"
    return f"{count} bytes"
