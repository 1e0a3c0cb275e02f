"""Time as a parameter, so that tests own it."""

import time
from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since the epoch; may step when the system's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only grow; for durations and deadlines."""
        ...


class SystemClock:
    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_s(self) -> float:
        return time.monotonic()
