"""Limits that a laptop can keep without control groups: memory by looking, CPUs by affinity."""

import math
import os
from dataclasses import dataclass

from howdah.processes import trees


def most_bytes() -> int:
    """Three quarters of the machine's memory: what one program may hold where nobody says less."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. `cpus` may be a fraction; affinity can only honour whole ones, rounded up."""

    memory_bytes: int | None = None
    cpus: float | None = None

    def affinity(self, turn: int = 0) -> frozenset[int] | None:
        """The processors to run on, or None for all; `turn` spreads several workers over them."""
        if self.cpus is None or not hasattr(os, "sched_getaffinity"):
            return None
        mine = sorted(os.sched_getaffinity(0))
        count = max(1, math.ceil(self.cpus))
        if count >= len(mine):
            return None
        return frozenset(mine[(turn * count + offset) % len(mine)] for offset in range(count))

    def memory_excess(self, pid: int) -> int | None:
        """How many bytes `pid` and its descendants hold, if that is more than they may."""
        if self.memory_bytes is None:
            return None
        held = trees.resident_bytes(pid)
        return held if held > self.memory_bytes else None
