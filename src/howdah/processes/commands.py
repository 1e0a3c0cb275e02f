"""What to run, how long it may live, and how it ended."""

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Lifetime(Enum):
    DIES_WITH_DAEMON = "dies"
    """Killed, with all its descendants, however the daemon ends: pipeline workers."""
    OUTLIVES_DAEMON = "outlives"
    """Goes on after a daemon's crash, to be adopted by the next: model servers, Envoy."""


@dataclass(frozen=True, slots=True)
class Command:
    """One program to start. `argv` is never seen by a shell.

    `stdout` and `stderr` are a file to append to, an open descriptor, or None for
    /dev/null; a child that outlives the daemon must write to files, since nobody
    would be left to read a pipe. `pass_fds` maps a number in the child to a
    descriptor of ours, which stays ours to close.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    lifetime: Lifetime = Lifetime.DIES_WITH_DAEMON
    stdout: Path | int | None = None
    stderr: Path | int | None = None
    pass_fds: Mapping[int, int] = field(default_factory=dict)
    nice: int = 0
    cpus: frozenset[int] | None = None

    def digest(self, *more: str) -> str:
        """A hash of everything that decides how the child behaves, for adoption.

        `more` is whatever else must match, such as the contents of configuration files.
        """
        words = [list(self.argv), sorted(self.env.items()), str(self.cwd), self.lifetime.value, list(more)]
        return hashlib.blake2b(json.dumps(words).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: a code, a signal, or neither where nobody could know.

    The code of an adopted child is unknown: only a parent is told.
    """

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_status(cls, status: int) -> "Exit":
        if os.WIFSIGNALED(status):
            return cls(signal=os.WTERMSIG(status))
        return cls(code=os.WEXITSTATUS(status))

    @property
    def succeeded(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        if self.code is not None:
            return f"exited with code {self.code}"
        if self.signal is not None:
            return f"was killed by {signal_name(self.signal)}"
        return "ended"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
