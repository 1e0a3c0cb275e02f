"""Where in a long log file to begin, so that a page far down costs no reading of all before it.

A file is marked every so many bytes with the newest time that stands before the mark. Lines are
nearly in order of time, not quite: a worker's notes are written at their datum's end. The newest
time so far never falls, so nothing before the last mark older than T is as new as T. Marks are
made by one pass over the file that only looks at each line's beginning, and kept for a few files;
a file that has grown is marked on from where the last pass ended.
"""

import json
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK_EVERY_BYTES = 1 << 18
FILES = 8

_TS = b'{"ts": '
_DATA = b'"data": ['

Inputs = list[tuple[str, str]]


@dataclass(slots=True)
class _Marks:
    inode: int
    end: int = 0
    newest: int = 0
    offsets: list[int] = field(default_factory=lambda: [0])
    newest_before: list[int] = field(default_factory=lambda: [0])
    lines: int = 0
    lines_before: list[int] = field(default_factory=lambda: [0])
    inputs: dict[str, Inputs] = field(default_factory=dict)


class LogPlaces:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: OrderedDict[Path, _Marks] = OrderedDict()

    def since(self, path: Path, ts_ns: int) -> tuple[int, Mapping[str, Inputs]]:
        """An offset at a line's beginning with nothing of `ts_ns` or newer before it, and the inputs of
        every datum of the file. Raises FileNotFoundError."""
        with self._lock:
            marks = self._marked(path)
            place = bisect_left(marks.newest_before, ts_ns) - 1
            return marks.offsets[max(0, place)], dict(marks.inputs)

    def last(self, path: Path, count: int) -> tuple[int, Mapping[str, Inputs]]:
        """The same for an offset with at least `count` lines, or all, behind it."""
        with self._lock:
            marks = self._marked(path)
            place = bisect_right(marks.lines_before, marks.lines - count) - 1
            return marks.offsets[max(0, place)], dict(marks.inputs)

    def _marked(self, path: Path) -> _Marks:
        with path.open("rb") as file:
            status = path.stat()
            marks = self._marks.pop(path, None)
            if marks is None or marks.inode != status.st_ino or marks.end > status.st_size:
                marks = _Marks(status.st_ino)
            self._marks[path] = marks
            while len(self._marks) > FILES:
                self._marks.popitem(last=False)
            file.seek(marks.end)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # being written
                _see(marks, line)
        return marks


def _see(marks: _Marks, line: bytes) -> None:
    if marks.end - marks.offsets[-1] >= MARK_EVERY_BYTES:
        marks.offsets.append(marks.end)
        marks.newest_before.append(marks.newest)
        marks.lines_before.append(marks.lines)
    if line.startswith(_TS):
        marks.lines += 1
        marks.newest = max(marks.newest, int(line[len(_TS) : line.index(b",", len(_TS))]))
    elif _DATA in line:
        record = json.loads(line)
        marks.inputs[record["datum"]] = record["data"]
    marks.end += len(line)
