"""What a process has used and holds, as Prometheus' own client libraries name it."""

import os
from pathlib import Path

from howdah.processes.identity import page_bytes, stat_fields


def prometheus(pid: int) -> bytes:
    """In Prometheus' text; nothing once the process is gone, or where there is no /proc."""
    fields = stat_fields(pid)
    if fields is None:
        return b""
    try:
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return b""
    ticks = int(fields[11]) + int(fields[12])
    return (
        "# TYPE process_cpu_seconds_total counter\n"
        f"process_cpu_seconds_total {ticks / os.sysconf('SC_CLK_TCK')}\n"
        "# TYPE process_resident_memory_bytes gauge\n"
        f"process_resident_memory_bytes {int(fields[21]) * page_bytes()}\n"
        "# TYPE process_open_fds gauge\n"
        f"process_open_fds {files}\n"
    ).encode()
