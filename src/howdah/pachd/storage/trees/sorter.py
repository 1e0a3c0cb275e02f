"""Sorting more than memory holds: runs on disk, merged as they are read."""

import contextlib
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from struct import Struct
from typing import IO

from howdah.core.failpoints import Failpoint
from howdah.pachd.storage.faults import told_as_unavailable

_LENGTHS = Struct("<II")
_RECORD_OVERHEAD_BYTES = 180
"""What a pair of bytes costs in memory beside its own."""
MEMORY_BYTES = 48 << 20
"""What a sorter holds before it writes a run."""
MOST_RUNS = 64

SPILLING = Failpoint("sorter.spilling")

Pair = tuple[bytes, bytes]


class Sorter:
    """Pairs in, pairs out by key; equal keys keep the order in which they came.

    The runs are unnamed files in `folder`: they vanish with the process. One thread's own.
    Unavailable where `folder` has no room for them, or cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pairs: list[Pair] = []
        self._held_bytes = 0
        self._runs: list[IO[bytes]] = []
        self._closed = False

    def add(self, key: bytes, value: bytes) -> None:
        if self._closed:
            raise ValueError("this sorter is closed")
        self._pairs.append((key, value))
        self._held_bytes += len(key) + len(value) + _RECORD_OVERHEAD_BYTES
        if self._held_bytes > MEMORY_BYTES:
            self._spill()

    def sorted(self) -> Iterator[Pair]:
        """Everything added, ascending. Asked for once; nothing may be added after."""
        self._pairs.sort(key=itemgetter(0))
        if not self._runs:
            return iter(self._pairs)
        runs = [self._pairs_of(run) for run in self._runs]
        return heapq.merge(*runs, self._pairs, key=itemgetter(0))

    def close(self) -> None:
        for run in self._runs:
            run.close()
        self._runs, self._pairs, self._closed = [], [], True

    def _spill(self) -> None:
        self._pairs.sort(key=itemgetter(0))
        if len(self._runs) == MOST_RUNS:
            merged = self._write(heapq.merge(*map(self._pairs_of, self._runs), key=itemgetter(0)))
            for run in self._runs:
                run.close()
            self._runs = [merged]
        self._runs.append(self._write(self._pairs))
        self._pairs, self._held_bytes = [], 0

    def _write(self, pairs: Iterable[Pair]) -> IO[bytes]:
        with told_as_unavailable(self._folder):
            run = tempfile.TemporaryFile(dir=self._folder, buffering=1 << 18)  # noqa: SIM115  # by close()
            try:
                SPILLING.hit()
                pack, write = _LENGTHS.pack, run.write
                for key, value in pairs:
                    write(b"".join((pack(len(key), len(value)), key, value)))
                run.flush()  # what has no room is to be met here, not when the run is read or closed
            except BaseException:
                with contextlib.suppress(OSError):
                    run.close()
                raise
        return run

    def _pairs_of(self, run: IO[bytes]) -> Iterator[Pair]:
        with told_as_unavailable(self._folder):
            run.seek(0)
            read, size, unpack = run.read, _LENGTHS.size, _LENGTHS.unpack
            while head := read(size):
                key_bytes, value_bytes = unpack(head)
                yield read(key_bytes), read(value_bytes)
