"""Who a process is, beyond a number that the system gives to another one later."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path


def started(pid: int) -> str | None:
    """A text that no other process will ever share together with `pid`; None if there is none.

    It holds the boot and the moment of the start. A zombie counts as gone.
    """
    if sys.platform != "linux":
        ps = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
        words = ps.stdout.split(maxsplit=1)
        return words[1].strip() if len(words) == 2 and not words[0].startswith("Z") else None
    fields = stat_fields(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return f"{_boot()}/{fields[19]}"


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the program's name: state, parent, group, session, …"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int, start: str) -> bool:
    return started(pid) == start


def page_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE")
