"""One process a folder: an advisory lock that the system releases when its holder dies."""

import contextlib
import fcntl
import os
from pathlib import Path

from howdah.errors import Conflict


class FolderInUse(Conflict):
    """Another living process holds the lock."""

    def __init__(self, path: Path, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(
            f"{path.parent} is in use by process {holder or 'unknown'}; "
            "stop that one first, or choose another folder"
        )


class FileLock:
    """Held from construction to `close()`; FolderInUse when another process, or another part of this
    one, holds it. The file stays behind, unlocked: deleting it would let two processes lock two
    different files of the same name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(OSError):
                holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise FolderInUse(path, holder) from None
        # Only for the message; a full disk must not keep the store from being opened.
        with contextlib.suppress(OSError):
            length = os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
            os.ftruncate(self._fd, length)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
