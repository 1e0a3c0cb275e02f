"""A disk that can be copied at any write, as a crash or a power cut would leave it."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.objects import Buffer, ObjectWriter


class Disk:
    """Sees every write of the stores that are opened on it, one at a time, before it is done."""

    def __init__(self) -> None:
        self._one = threading.RLock()
        self._left = 0
        self._copy: Callable[[], None] = lambda: None
        self._durable: dict[Path, int] = {}
        """Of each pack that was begun here, as much as was synced."""

    def before(self, writes: int, copy: Callable[[], None]) -> None:
        """Call `copy` before the write that comes after so many others."""
        self._left, self._copy = writes + 1, copy

    def calm(self) -> None:
        """Forget what was asked for and has not happened."""
        self._left = 0

    @contextmanager
    def write(self) -> Iterator[None]:
        with self._one:
            self._left -= 1
            if self._left == 0:
                self._copy()
            yield

    def synced(self, path: Path, size: int) -> None:
        self._durable[path] = size

    def copy(self, source: Path, target: Path, *, power_fails: bool) -> None:
        """The folder as it is; where the power fails, without what no sync has made durable."""
        shutil.copytree(source, target)
        if power_fails:
            for path, size in self._durable.items():
                if path.is_relative_to(source) and path.exists():
                    left = target / path.relative_to(source)
                    if size:
                        os.truncate(left, size)
                    else:
                        left.unlink()


class _Writer:
    def __init__(self, disk: Disk, writer: ObjectWriter, path: Path) -> None:
        self._disk, self._writer, self._path = disk, writer, path

    def write(self, parts: Sequence[Buffer]) -> None:
        with self._disk.write():
            self._writer.write(parts)

    def sync(self) -> None:
        with self._disk.write():
            self._writer.sync()
            self._disk.synced(self._path, self._path.stat().st_size)

    def close(self) -> None:
        self._writer.close()


def objects_on(disk: Disk) -> type[LocalObjects]:
    """Local files as they are, each write of which the disk sees."""

    class Objects(LocalObjects):
        def create(self, name: str) -> ObjectWriter:
            path = self._path(name)
            with disk.write():
                writer = super().create(name)
                disk.synced(path, 0)
            return _Writer(disk, writer, path)

        def put(self, name: str, data: Buffer) -> None:
            with disk.write():
                super().put(name, data)

        def delete(self, name: str) -> None:
            with disk.write():
                super().delete(name)

    return Objects


def database_on(disk: Disk) -> type[Database]:
    class Watched(Database):
        def _commit(self, group: Sequence[object]) -> None:
            with disk.write():
                super()._commit(group)  # type: ignore[arg-type]

    return Watched
