"""Recording every exchange before its answer leaves.

`Recorder.append` returns after write(2): a kill -9 of the server loses nothing that a caller has
seen. A thread syncs to disk at least once a second, so a power cut loses at most that second; it
completes segments too, since no answer may wait for a disk. What cannot be written is counted:
serving goes on when the disk is full.
"""

import contextlib
import math
import os
import threading
import time
import zlib
from pathlib import Path

from howdah.core import inference_log
from howdah.runtimes.front.place import LogPlace

SYNC_EVERY_S = 0.5
# After a pause this long nobody is likely to add to the segment soon, and somebody may ask why.
LULL_S = 3.0
SEGMENT_LIMIT_BYTES = 64 << 20


def in_sample(id: str, sample: float) -> bool:
    """Whether this exchange is kept: the same answer for all that share an ID."""
    return sample >= 1 or (zlib.crc32(id.encode()) % 10_000) < sample * 10_000


class Recorder:
    def __init__(self, place: LogPlace) -> None:
        assert place.folder is not None
        self._place = place
        self._folder: Path = place.folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._segment: _Segment | None = None
        self._full: list[_Segment] = []
        self._retired_s = -math.inf
        self._closing = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._keep_safe, name="inference-log", daemon=True)
        self._thread.start()

    def append(self, frame: bytes) -> None:
        with self._lock:
            try:
                segment = self._segment or self._begin()
                segment.append(frame)
            except OSError:
                self.dropped += 1
                return
            if segment.rows >= self._place.rotate_rows or segment.size_bytes >= SEGMENT_LIMIT_BYTES:
                self._retire(segment)

    def close(self) -> None:
        """Returns once every segment is complete."""
        self._closing.set()
        self._thread.join()

    def _begin(self) -> "_Segment":
        self._segment = _Segment(self._folder / f"{time.time_ns():020d}-{os.getpid()}{inference_log.OPEN}")
        return self._segment

    def _retire(self, segment: "_Segment") -> None:
        self._full.append(segment)
        self._segment = None
        self._retired_s = time.monotonic()

    def _due(self, segment: "_Segment") -> bool:
        """Old enough; or the first for as long and in a lull, so that segments come no oftener for it."""
        old_s = self._place.rotate_s
        rested = time.monotonic() - self._retired_s >= old_s
        return segment.age_s() >= old_s or (rested and segment.quiet_s() >= LULL_S)

    def _keep_safe(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(SYNC_EVERY_S)
            with self._lock:
                if self._segment is not None and (closing or self._due(self._segment)):
                    self._retire(self._segment)
                full, self._full = self._full, []
                segment = self._segment
            for retired in full:
                with contextlib.suppress(OSError):
                    retired.complete()
            if segment is not None:
                with contextlib.suppress(OSError):
                    segment.sync()


class _Segment:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._born_s = self._written_s = time.monotonic()
        self._dirty = False
        self.rows = 0
        self.size_bytes = 0

    def append(self, frame: bytes) -> None:
        written = os.write(self._fd, frame)
        if written < len(frame):
            # A torn frame would hide all that follow it in this segment: take it back.
            os.ftruncate(self._fd, self.size_bytes)
            raise OSError("short write")
        self._dirty = True
        self._written_s = time.monotonic()
        self.rows += 1
        self.size_bytes += written

    def age_s(self) -> float:
        return time.monotonic() - self._born_s

    def quiet_s(self) -> float:
        return time.monotonic() - self._written_s

    def sync(self) -> None:
        if self._dirty:
            self._dirty = False
            os.fdatasync(self._fd)

    def complete(self) -> None:
        os.fdatasync(self._fd)
        os.close(self._fd)
        self._path.rename(self._path.with_suffix(inference_log.COMPLETE))
