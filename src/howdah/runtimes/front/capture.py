"""Recording every exchange before its answer leaves.

`Recorder.record` returns after write(2): a kill -9 of the server loses nothing that a caller has
seen. A thread syncs to disk at least once a second, so a power cut loses at most that second.
What cannot be written is counted, never waited for: serving goes on when the disk is full.
"""

import contextlib
import math
import os
import threading
import time
import zlib
from pathlib import Path

from howdah.core import inference_log
from howdah.core.inference_log import Record
from howdah.runtimes.front.place import LogPlace
from howdah.runtimes.front.redaction import without

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
        self._finished_s = -math.inf
        self._closing = threading.Event()
        self.dropped = 0
        threading.Thread(target=self._sync_forever, name="inference-log", daemon=True).start()

    def record(self, record: Record) -> None:
        if self._place.redact:
            names = self._place.redact
            asked, told = without(record.request, names), without(record.response, names, answers=True)
            record = Record(record.header, asked, told)
        frame = inference_log.encode(record)
        with self._lock:
            try:
                segment = self._segment or self._begin()
                segment.append(frame)
            except OSError:
                self.dropped += 1
                return
            if segment.rows >= self._place.rotate_rows or segment.size_bytes >= SEGMENT_LIMIT_BYTES:
                self._finish()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self._finish()

    def _begin(self) -> "_Segment":
        self._segment = _Segment(self._folder / f"{time.time_ns():020d}-{os.getpid()}{inference_log.OPEN}")
        return self._segment

    def _finish(self) -> None:
        if self._segment is not None:
            with contextlib.suppress(OSError):
                self._segment.complete()
            self._segment = None
            self._finished_s = time.monotonic()

    def _due(self, segment: "_Segment") -> bool:
        """Old enough; or the first for as long and in a lull, so that segments come no oftener for it."""
        old_s = self._place.rotate_s
        rested = time.monotonic() - self._finished_s >= old_s
        return segment.age_s() >= old_s or (rested and segment.quiet_s() >= LULL_S)

    def _sync_forever(self) -> None:
        while not self._closing.wait(SYNC_EVERY_S):
            with self._lock:
                segment = self._segment
                if segment is not None and self._due(segment):
                    self._finish()
                    continue
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
