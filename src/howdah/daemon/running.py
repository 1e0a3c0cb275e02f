"""What a running daemon leaves in its state folder, for other processes to find it by.

The file names the process so that no other one, later given the same number, is taken for it. It is
written when everything answers and removed at the end; one left behind by a crash is seen to be stale.
"""

import json
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from howdah.errors import NotFound, Unavailable
from howdah.processes.identity import is_alive, started

_FILE = "daemon.json"


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    start: str
    """Tells this process from any other that ever has its number."""
    started_ns: int
    version: str
    pachd: str
    """`grpc://127.0.0.1:30650`."""
    s3: str
    http: str
    ingress: str
    kubeconfig: str
    deployment_id: str
    token_needed: bool

    def write(self, state: Path) -> None:
        temporary = state / f"{_FILE}.new"
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(state / _FILE)


def remove(state: Path) -> None:
    (state / _FILE).unlink(missing_ok=True)


def this_process() -> tuple[int, str]:
    pid = os.getpid()
    return pid, started(pid) or ""


def find(state: Path) -> Running:
    """The daemon that serves this state folder; NotFound when none does."""
    try:
        running = Running(**json.loads((state / _FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        running = None
    if running is None or not is_alive(running.pid, running.start):
        raise NotFound(f"no Howdah is running on {state}", remedy="Start one with `howdah up`.")
    return running


def stop(running: Running, timeout_s: float) -> None:
    """Ask it to end and wait until it has; Unavailable when it takes longer."""
    try:
        handle = os.pidfd_open(running.pid)
    except ProcessLookupError:
        return
    try:
        if not is_alive(running.pid, running.start):
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        ready, _, _ = select.select([handle], [], [], timeout_s)
    finally:
        os.close(handle)
    if not ready:
        raise Unavailable(
            f"process {running.pid} did not end within {timeout_s:.0f} seconds",
            remedy="See its log; it may be finishing a large commit. Run `howdah down` again.",
        )
