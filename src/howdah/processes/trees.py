"""A process and all that it started: who belongs, how much memory and processor time they take."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from howdah.processes.identity import page_bytes, stat_fields


def descendants(pid: int) -> list[int]:
    """All living processes below `pid`, parents before children."""
    if sys.platform == "linux" and Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        return _walk(pid)
    return _from_table(pid)


def _walk(pid: int) -> list[int]:
    found: list[int] = []
    pending = [pid]
    while pending:
        parent = pending.pop()
        children: list[int] = []
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                children += map(int, (thread / "children").read_text().split())
        except OSError:
            continue  # it ended while we looked
        found += children
        pending += children
    return found


def _from_table(pid: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for child, parent in _parents():
        children[parent].append(child)
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children[pending.pop()]
        found += below
        pending += below
    return found


def _parents() -> list[tuple[int, int]]:
    if sys.platform == "linux":
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [(pid, int(fields[1])) for pid in pids if (fields := stat_fields(pid)) is not None]
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    return [(int(pid), int(parent)) for pid, parent in map(str.split, table.splitlines())]


def resident_bytes(pid: int) -> int:
    """Memory held by `pid` and its descendants.

    Pages that several of them share are counted once for each, so the sum errs upward.
    Resident size and not address space: libraries reserve far more than they touch.
    """
    pids = [pid, *descendants(pid)]
    if sys.platform != "linux":
        listed = ",".join(map(str, pids))
        table = subprocess.run(["ps", "-o", "rss=", "-p", listed], capture_output=True, text=True).stdout
        return sum(int(word) * 1024 for word in table.split())
    return sum(_resident_pages(member) for member in pids) * page_bytes()


def cpu_seconds(pid: int) -> float:
    """Processor time that `pid` and its living descendants have used, in user code and in the kernel."""
    pids = [pid, *descendants(pid)]
    if sys.platform != "linux":
        listed = ",".join(map(str, pids))
        table = subprocess.run(["ps", "-o", "time=", "-p", listed], capture_output=True, text=True).stdout
        return sum(map(_seconds, table.split()))
    ticks = sum(sum(map(int, fields[11:13])) for member in pids if (fields := stat_fields(member)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _seconds(clock: str) -> float:
    """Of ps: [[days-]hours:]minutes:seconds."""
    days, _, rest = clock.rpartition("-")
    hours, minutes, seconds = map(float, ["0", *rest.split(":")][-3:])
    return ((float(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
