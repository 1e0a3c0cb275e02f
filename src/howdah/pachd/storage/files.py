"""Objects as local files under one folder."""

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from howdah.core.failpoints import Failpoint
from howdah.errors import AlreadyExists, NotFound
from howdah.pachd.storage.durability import make_folder, start_writeback, sync_file, sync_folder
from howdah.pachd.storage.faults import in_our_words, told_as_unavailable
from howdah.pachd.storage.objects import Buffer, ObjectInfo, ObjectWriter, checked_name

_TEMPORARY = ".tmp-"
_OPEN_FILES = 128
_WRITEBACK_BYTES = 8 << 20
_PARTS_AT_ONCE = 512  # below every system's IOV_MAX

OPENING = Failpoint("files.opening")
READING = Failpoint("files.reading")


class _OpenFile:
    """A descriptor that closes when its last reader lets go of it, so that eviction from the cache
    never closes a file under another thread's read."""

    __slots__ = ("fd",)

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            os.close(self.fd)


class _FileWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._written = self._handed_over = 0
        self._name_is_durable = False

    def write(self, parts: Sequence[Buffer]) -> None:
        with told_as_unavailable(self._path):
            try:
                self._written += write_all(self._fd, parts)
            except OSError:
                os.ftruncate(self._fd, self._written)  # a full disk needs the room
                raise
        if self._written - self._handed_over >= _WRITEBACK_BYTES:
            # The disk works while the next bytes are being hashed; the sync at the end finds little left.
            start_writeback(self._fd, self._handed_over, self._written - self._handed_over)
            self._handed_over = self._written

    def sync(self) -> None:
        with told_as_unavailable(self._path):
            sync_file(self._fd)
            if not self._name_is_durable:
                sync_folder(self._path.parent)
                self._name_is_durable = True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LocalObjects:
    appends = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._lock = threading.Lock()
        for left_over in folder.rglob(f"{_TEMPORARY}*"):
            left_over.unlink()

    def create(self, name: str) -> ObjectWriter:
        path = self._path(name)
        try:
            with told_as_unavailable(path):
                make_folder(path.parent)
                return _FileWriter(path)
        except FileExistsError:
            raise AlreadyExists(f"object {name} exists already ({path})") from None

    def put(self, name: str, data: Buffer) -> None:
        path = self._path(name)
        with told_as_unavailable(path):
            make_folder(path.parent)
            temporary = path.with_name(f"{_TEMPORARY}{uuid4().hex}")
            writer = _FileWriter(temporary)
            try:
                writer.write([data])
                writer.sync()
                temporary.replace(path)
                sync_folder(path.parent)
            finally:
                writer.close()
                temporary.unlink(missing_ok=True)
        with self._lock:
            self._open.pop(name, None)

    def get(self, name: str, start: int, length: int) -> bytes:
        file = self._file(name)
        try:
            READING.hit()
            data = os.pread(file.fd, length, start)
            if len(data) == length or not data:
                return data
            parts = [data]
            while length > (got := sum(map(len, parts))):
                if not (more := os.pread(file.fd, length - got, start + got)):
                    break
                parts.append(more)
        except OSError as error:
            raise in_our_words(self._path(name), error) from error
        return b"".join(parts)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = []
        for folder, _, names in os.walk(self._folder / prefix.rpartition("/")[0]):
            for name in names:
                path = Path(folder, name)
                full = path.relative_to(self._folder).as_posix()
                if full.startswith(prefix) and not name.startswith(_TEMPORARY):
                    found.append((full, path))
        for full, path in sorted(found):
            with contextlib.suppress(FileNotFoundError):
                yield ObjectInfo(full, path.stat().st_size)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with contextlib.suppress(FileNotFoundError), told_as_unavailable(path):
            path.unlink()
            sync_folder(path.parent)
        with self._lock:
            self._open.pop(name, None)

    def close(self) -> None:
        with self._lock:
            self._open.clear()

    def _path(self, name: str) -> Path:
        return self._folder / checked_name(name)

    def _file(self, name: str) -> _OpenFile:
        with self._lock:
            if file := self._open.get(name):
                self._open.move_to_end(name)
                return file
        path = self._path(name)
        try:
            with told_as_unavailable(path):
                OPENING.hit()
                file = _OpenFile(path)
        except FileNotFoundError:
            raise NotFound(f"object {name} does not exist in {self._folder}") from None
        with self._lock:
            self._open[name] = file
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)
        return file


def write_all(fd: int, parts: Sequence[Buffer]) -> int:
    """Write every byte of the parts at the file's position; returns how many."""
    total = 0
    for first in range(0, len(parts), _PARTS_AT_ONCE):
        some = parts[first : first + _PARTS_AT_ONCE]
        whole = sum(map(len, some))
        written = os.writev(fd, some)
        if written < whole:  # rare: a signal, or a disk about to be full
            rest = memoryview(b"".join(some))
            while written < whole:
                written += os.write(fd, rest[written:])
        total += whole
    return total
