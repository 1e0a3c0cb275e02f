"""Limits that a laptop can keep without control groups: memory by looking, CPUs by affinity."""

import math
import os
import threading
from collections import Counter
from dataclasses import dataclass

from howdah.processes import trees


def most_bytes() -> int:
    """Three quarters of the machine's memory: what one program may hold where nobody says less."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. For processors see `Processors`."""

    memory_bytes: int | None = None

    def memory_excess(self, pid: int) -> int | None:
        """How many bytes `pid` and its descendants hold, if that is more than they may."""
        if self.memory_bytes is None:
            return None
        held = trees.resident_bytes(pid)
        return held if held > self.memory_bytes else None


class Processors:
    """Hands out this machine's processors, those first that fewest have. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: Counter[int] = Counter()

    def take(self, cpus: float | None) -> frozenset[int] | None:
        """Those to run on, or None for all. Affinity knows whole ones only: a fraction is rounded up."""
        if cpus is None or not hasattr(os, "sched_getaffinity"):
            return None
        mine = os.sched_getaffinity(0)
        count = max(1, math.ceil(cpus))
        if count >= len(mine):
            return None
        with self._lock:
            chosen = frozenset(sorted(mine, key=lambda number: (self._holders[number], number))[:count])
            self._holders.update(chosen)
        return chosen

    def give_back(self, taken: frozenset[int] | None) -> None:
        with self._lock:
            self._holders.subtract(taken or ())
