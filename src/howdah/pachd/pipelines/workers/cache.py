"""Input files on disk, once per content, shared by all workers and jobs.

A cached file is hard-linked into a worker's folder only where the sandbox shows that folder
through a read-only mount that user code cannot change; a plain process gets copies. The
links keep a file alive while a datum uses it, so eviction is a plain unlink. The cache
belongs to one boot: after a power cut its files may hold less than their names promise.
"""

import os
import shutil
import threading
import uuid
from collections import OrderedDict
from pathlib import Path

from howdah.pachd.pipelines.workers.task import InputData
from howdah.pachd.storage.content import Content, Hash

DEFAULT_CAP_BYTES = 10 << 30
_TOO_MANY_LINKS = 31


class InputCache:
    """Thread-safe. `boot` tells one run of the system from another."""

    def __init__(self, folder: Path, boot: str, cap_bytes: int = DEFAULT_CAP_BYTES) -> None:
        self._folder = folder / boot
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Hash, int] = OrderedDict()
        self._held_bytes = 0
        self._making: dict[Hash, threading.Event] = {}
        self._open(folder)

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old != self._folder:
                shutil.rmtree(old)
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.glob("??/*"):
            if path.suffix:  # half written when the last daemon ended
                path.unlink()
                continue
            self._sizes[Hash(bytes.fromhex(path.name))] = path.stat().st_size
        self._held_bytes = sum(self._sizes.values())

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    def link(self, content: Content, data: InputData, target: Path) -> None:
        """Make `target` a hard link to the content. Only where nobody can write through it."""
        for _ in range(3):
            path = self._file(content, data)
            try:
                os.link(path, target)
                return
            except FileNotFoundError:
                continue  # evicted between the two steps
            except OSError as error:
                if error.errno != _TOO_MANY_LINKS:
                    raise
                break
        write(content, data, target)

    def copy(self, content: Content, data: InputData, target: Path) -> None:
        """Make `target` a file of its own with the content."""
        for _ in range(3):
            try:
                shutil.copyfile(self._file(content, data), target)
            except FileNotFoundError:
                continue
            target.chmod(0o444)
            return
        write(content, data, target)

    def _file(self, content: Content, data: InputData) -> Path:
        path = self._path(content.hash)
        while True:
            with self._lock:
                if content.hash in self._sizes:
                    self._sizes.move_to_end(content.hash)
                    return path
                others = self._making.get(content.hash)
                if others is None:
                    done = self._making[content.hash] = threading.Event()
                    break
            others.wait()
        try:
            self._make(content, data, path)
        finally:
            with self._lock:
                del self._making[content.hash]
            done.set()
        return path

    def _make(self, content: Content, data: InputData, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_suffix(f".{uuid.uuid4().hex}")
        try:
            write(content, data, fresh)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        with self._lock:
            self._sizes[content.hash] = content.size
            self._held_bytes += content.size
            # The newest always stays, even when it alone is over the cap: somebody needs it now.
            while self._held_bytes > self._cap_bytes and len(self._sizes) > 1:
                oldest, size = self._sizes.popitem(last=False)
                self._held_bytes -= size
                self._path(oldest).unlink(missing_ok=True)

    def _path(self, hash: Hash) -> Path:
        name = hash.hex()
        return self._folder / name[:2] / name


def write(content: Content, data: InputData, target: Path | str) -> None:
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        for piece in data.read(content):
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
