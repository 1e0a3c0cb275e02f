"""Named places where a crash test may stop the process or make the disk fail.

A module declares its failpoints as constants and calls `hit()` where a crash would be most awkward.
Until `arm()` is called a hit costs one attribute read. The edges of the program (the daemon, the
children of crash tests) decide whether to arm; nothing here reads the environment.
"""

import errno
import os
import signal
import threading
from collections.abc import Iterator

from howdah.errors import Invalid

ENVIRONMENT_VARIABLE = "HOWDAH_FAILPOINTS"
"""Where the edges look for what to arm."""

KILL = "kill"
ERRORS = {
    "full": (errno.ENOSPC, "no space left on device"),
    "broken": (errno.EIO, "input/output error"),
    "no_files": (errno.EMFILE, "too many open files"),
}
"""What the disk may be made to say instead."""

_declared: dict[str, "Failpoint"] = {}


class Failpoint:
    """One named place. Names read `package.moment` and are unique."""

    __slots__ = ("_action", "_countdown", "_lock", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._action: str | None = None
        self._countdown = 0
        self._lock = threading.Lock()
        _declared[name] = self

    def hit(self) -> None:
        if self._action is not None:
            self._count()

    def _count(self) -> None:
        with self._lock:
            self._countdown -= 1
            if self._countdown != 0:
                return
            action, self._action = self._action, None
        if action == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if action in ERRORS:
            number, words = ERRORS[action]
            raise OSError(number, f"{words} (failpoint {self.name})")

    def arm(self, action: str, at: int) -> None:
        with self._lock:
            self._countdown, self._action = at, action

    def disarm(self) -> None:
        with self._lock:
            self._action = None


def declared() -> Iterator[str]:
    """The names of all failpoints in the modules imported so far."""
    yield from sorted(_declared)


def arm(spec: str) -> None:
    """Arm failpoints: `name`, `name@3` (at the third hit), `name@3=full` (raise ENOSPC instead of
    killing the process; `broken` is EIO, `no_files` EMFILE), several separated by commas. Each fires
    once."""
    for part in filter(None, spec.split(",")):
        place, _, action = part.strip().partition("=")
        name, _, at = place.partition("@")
        if name not in _declared:
            raise Invalid(f"no failpoint is named {name!r}; known: {', '.join(declared())}")
        if (action or KILL) not in (KILL, *ERRORS) or not (at or "1").isdigit() or at == "0":
            raise Invalid(f"failpoint {part!r} does not read name[@hit][=kill|{'|'.join(ERRORS)}]")
        _declared[name].arm(action or KILL, int(at or 1))


def disarm_all() -> None:
    for failpoint in _declared.values():
        failpoint.disarm()
