"""A running child, and the record by which the next daemon may adopt it.

A child of this daemon is known through the spawner, which is told how it ends. An
adopted child is somebody else's: its life is watched through a pidfd (by looking, where
the system has none), and its exit code stays unknown.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from howdah.processes import identity, trees
from howdah.processes.commands import Exit

LOOK_S = 0.05
AFTERMATH_S = 5.0
"""How long SIGKILL may take: longer, and the process hangs in the kernel."""


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """What to write down, durably, before a child is put to use."""

    pid: int
    started: str
    configuration: str
    """The digest of the command and of all else that must match for an adoption."""


class Child(Protocol):
    @property
    def record(self) -> ChildRecord: ...

    def poll(self) -> Exit | None:
        """How it ended, or None while it runs."""
        ...

    def wait(self, timeout_s: float | None = None) -> Exit | None:
        """Wait for its end; None when the time is over first."""
        ...

    def signal(self, number: int) -> None:
        """Send to its whole process group; nothing happens once it has ended."""
        ...

    def stop(self, grace_s: float) -> Exit:
        """SIGTERM, then after `grace_s` SIGKILL to it and everything below it."""
        ...


class SpawnedChild:
    """A child of this daemon's spawner."""

    def __init__(self, record: ChildRecord, send_signal: Callable[[int, int], None]) -> None:
        self._record = record
        self._send_signal = send_signal
        self._exit: Exit | None = None
        self._ended = threading.Event()

    @property
    def record(self) -> ChildRecord:
        return self._record

    def end(self, how: Exit) -> None:
        """The spawner's word that the child has ended and its leavings are killed."""
        self._exit = how
        self._ended.set()

    def poll(self) -> Exit | None:
        return self._exit

    def wait(self, timeout_s: float | None = None) -> Exit | None:
        self._ended.wait(timeout_s)
        return self._exit

    def signal(self, number: int) -> None:
        if self._exit is None:
            self._send_signal(self._record.pid, number)

    def stop(self, grace_s: float) -> Exit:
        return _stop(self, grace_s)


class AdoptedChild:
    """A child of an earlier daemon, proven to be the one in the record."""

    def __init__(self, record: ChildRecord) -> None:
        self._record = record
        self._pidfd = os.pidfd_open(record.pid) if sys.platform == "linux" else -1

    @property
    def record(self) -> ChildRecord:
        return self._record

    def poll(self) -> Exit | None:
        return None if identity.is_alive(self._record.pid, self._record.started) else Exit()

    def wait(self, timeout_s: float | None = None) -> Exit | None:
        if self._pidfd >= 0:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            poll.poll(None if timeout_s is None else timeout_s * 1000)
            return self.poll()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self.poll() is None and (deadline is None or time.monotonic() < deadline):
            time.sleep(LOOK_S)
        return self.poll()

    def signal(self, number: int) -> None:
        if self.poll() is not None:
            return
        try:
            os.killpg(self._record.pid, number)
        except ProcessLookupError:
            return

    def stop(self, grace_s: float) -> Exit:
        return _stop(self, grace_s)

    def __del__(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)


def adopt(record: ChildRecord, configuration: str) -> Child | None:
    """The running child that `record` tells of, if it is that one and configured as `configuration`.

    None means: not there, another process with its number, or another configuration.
    In the last case the old child still runs; `adopt(record, record.configuration)`
    gives it, to be stopped.
    """
    if record.configuration != configuration or not identity.is_alive(record.pid, record.started):
        return None
    try:
        child = AdoptedChild(record)
    except ProcessLookupError:
        return None
    # The pidfd was opened by number: look again that the number still meant our child.
    return child if child.poll() is None else None


def _stop(child: Child, grace_s: float) -> Exit:
    pid = child.record.pid
    if (ended := child.poll()) is not None:
        return ended
    before = _identified(pid)
    child.signal(signal.SIGTERM)
    how = child.wait(grace_s)
    if how is None:
        before |= _identified(pid)
        child.signal(signal.SIGKILL)
        how = child.wait(AFTERMATH_S)
    for member, start in before:
        if identity.is_alive(member, start):
            _kill(member)
    return how if how is not None else Exit(signal=signal.SIGKILL)


def _identified(pid: int) -> set[tuple[int, str]]:
    return {(below, start) for below in trees.descendants(pid) if (start := identity.started(below))}


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
