"""Lazy inputs: a FIFO for each file, fed only when user code opens it.

A writer can open a FIFO without waiting only when a reader is there, so the feeder asks
again and again, slower while nothing happens, and each file that is opened gets a thread
of its own. A file is fed once: whether a second reader is a new one cannot be told safely.
"""

import contextlib
import os
import select
import threading
from collections.abc import Mapping
from pathlib import Path

from howdah.pachd.pipelines.workers.task import InputData
from howdah.pachd.storage.content import Content

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05


class Feeder:
    """Feeds until closed. `fed_bytes` counts what went through."""

    def __init__(self, files: Mapping[Path, Content], data: InputData) -> None:
        self._waiting = dict(files)
        self._data = data
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.fed_bytes = 0
        self.failure: Exception | None = None
        self._watcher = threading.Thread(target=self._watch, name="lazy inputs", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """After user code has ended, or has gone on to its next datum: nobody reads any more."""
        self._stopped.set()
        self._watcher.join()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        pause = FIRST_PAUSE_S
        while self._waiting and not self._stopped.wait(pause):
            opened = [
                (path, fd) for path in list(self._waiting) if (fd := _open_for_reader(path)) is not None
            ]
            pause = FIRST_PAUSE_S if opened else min(pause * 2, LONGEST_PAUSE_S)
            for path, fd in opened:
                content = self._waiting.pop(path)
                thread = threading.Thread(target=self._feed, args=(fd, content), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _feed(self, fd: int, content: Content) -> None:
        try:
            for piece in self._data.read(content):
                view = memoryview(piece)
                while view:
                    written = self._write(fd, view)
                    if not written:
                        return
                    view = view[written:]
                    with self._lock:
                        self.fed_bytes += written
        except BrokenPipeError:
            return  # the reader has had enough
        except Exception as error:  # noqa: BLE001 - kept for the worker's thread, which raises it
            self.failure = error
        finally:
            os.close(fd)

    def _write(self, fd: int, data: memoryview) -> int:
        """What the reader makes room for; 0 when the feeder was closed while it made none."""
        while True:
            try:
                return os.write(fd, data)
            except BlockingIOError:
                if self._stopped.is_set():
                    return 0
                select.select([], [fd], [], LONGEST_PAUSE_S)


def _open_for_reader(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return None
