"""What an online detector remembers, in a folder that several processes call theirs in turn.

While a version is replaced, the process before and the one after have the same replica's folder.
The memory belongs to the one that the stream has reached last: with its first event a process reads
what was saved last and puts its name on the folder, and from then on whoever came before saves
nothing any more, not even at its end. If the process that the folder names is gone, another one
that still gets events may save again (a version that was taken back while it was drained).

A save appears whole or not at all, under a name that says what was fitted on which sample with which
options; what cannot be read, or belongs to something else, is discarded with a line in the log. Saves
are not synced: a machine that loses power may lose the last of them.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)
LOCK, OWNER, UNFINISHED = "lock", "owner", "saving-"


class Remembers(Protocol):
    fingerprint: str
    """The same for two detectors exactly if one may go on with the memory of the other."""

    def save(self, folder: Path) -> None: ...

    def restore(self, folder: Path) -> None:
        """May raise anything, and may have changed the memory by then."""
        ...

    def forget(self) -> None:
        """As newly fitted."""
        ...


class Memory:
    def __init__(self, folder: Path, detector: Remembers) -> None:
        self._folder, self._detector = folder, detector
        self._name = f"{os.getpid()} {uuid.uuid4()}"
        self._taken = False

    def take(self) -> None:
        """Call before each event: the first one makes the memory this process' own."""
        if self._taken:
            return
        with self._locked():
            self._restore()
            (self._folder / OWNER).write_text(self._name)
        self._taken = True

    def save(self) -> bool:
        """Whether it was saved: not without an event, nor where a later process has taken the memory."""
        if not self._taken:
            return False
        with self._locked():
            if self._superseded():
                return False
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=UNFINISHED) as fresh:
                self._detector.save(Path(fresh))
                self._kept.mkdir(exist_ok=True)
                for file in Path(fresh).iterdir():
                    file.replace(self._kept / file.name)
            (self._folder / OWNER).write_text(self._name)
        return True

    @property
    def _kept(self) -> Path:
        return self._folder / self._detector.fingerprint

    def _restore(self) -> None:
        for other in self._folder.iterdir():
            if other.is_dir() and other != self._kept:
                if not other.name.startswith(UNFINISHED):
                    log.warning("what was remembered of another sample or with other options is discarded")
                shutil.rmtree(other)
        if not self._kept.is_dir():
            return
        try:
            self._detector.restore(self._kept)
        except Exception:  # as many kinds as there are ways to break a file
            log.exception("what was remembered cannot be read and is discarded")
            self._detector.forget()
            shutil.rmtree(self._kept)

    def _superseded(self) -> bool:
        owner = (self._folder / OWNER).read_text()
        if owner == self._name:
            return False
        number = owner.split(" ")[0]
        return number.isdigit() and int(number) != os.getpid() and _lives(int(number))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
