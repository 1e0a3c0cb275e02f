"""What jobs have said: one file of JSON lines a job, one a pipeline for its master.

A line is `{ts, datum, worker, user, stream, message}`; what all lines of a datum share (its
input files) stands once, in a line with `data`. Each datum keeps the first lines it
wrote up to a cap and the last ones beyond, so that a flood costs neither the disk nor the
error at its end; each pipeline keeps its newest jobs up to a cap. Readers may follow.
"""

import heapq
import json
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import TypedDict

from howdah.core.clock import Clock
from howdah.core.refs import CommitId
from howdah.pachd.pipelines.datums import Datum
from howdah.pachd.pipelines.log_places import LogPlaces
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef


class Record(TypedDict, total=False):
    """A line of a log file."""

    ts: int
    job: str
    datum: str
    worker: str
    user: bool
    stream: str
    message: str
    data: list[tuple[str, str]]


OPEN_FILES = 16
LONGEST_LINE = 1 << 16
"""Longer ones are broken up."""
TAIL_LINES = 100


LINE_BYTES = 192
"""What a line takes in the file beside its words: of short lines, most."""


@dataclass(frozen=True, slots=True)
class Caps:
    datum_bytes: int = 4 << 20
    pipeline_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class InputOf:
    path: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class LogLine:
    pipeline: PipelineRef
    ts_ns: int
    message: str
    job: CommitId | None = None
    datum: DatumId | None = None
    worker: str = ""
    user: bool = False
    """Said by user code, not by Howdah."""
    master: bool = False
    stream: str = ""
    data: tuple[InputOf, ...] = ()


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are asked for; empty fields leave all."""

    pipeline: PipelineRef
    job: CommitId | None = None
    datum: DatumId | None = None
    data_filters: tuple[str, ...] = ()
    """Paths or hexadecimal hashes; a line's datum must have an input for each."""
    master: bool = False
    """Only what the pipeline's master said; otherwise only what workers and user code said."""
    since_ns: int | None = None
    until_ns: int | None = None
    tail: int | None = None

    @property
    def takes_whole_file(self) -> bool:
        narrowed = self.datum or self.data_filters or self.until_ns is not None
        return not narrowed and (self.job is None) == self.master


class LogStore:
    """Thread-safe."""

    def __init__(self, folder: Path, clock: Clock, caps: Caps | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self.caps = caps or Caps()
        self._changed = threading.Condition()
        self._version = 0
        self._open: dict[Path, FileIO] = {}
        self._places = LogPlaces()

    def master(self, pipeline: PipelineRef, message: str, job: CommitId | None = None) -> None:
        """What the pipeline's master does: jobs created, workers started, failures."""
        record: Record = {"ts": self._clock.now_ns(), "message": message}
        if job is not None:
            record["job"] = job
        self.append(self._master_file(pipeline), [record])

    def datum(self, job: JobRef, datum: Datum, worker: str) -> "DatumLog":
        return DatumLog(self, self._job_file(job), datum, worker, self._clock)

    def append(self, path: Path, records: Sequence[Record]) -> None:
        """Add whole lines at once; concurrent writers do not mix."""
        data = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        with self._changed:
            file = self._open.get(path) or self._open_for(path)
            file.write(data.encode("utf-8", "replace"))
            self._version += 1
            self._changed.notify_all()

    def _open_for(self, path: Path) -> FileIO:
        while len(self._open) >= OPEN_FILES:
            self._open.pop(next(iter(self._open))).close()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(path.parent)
        file = self._open[path] = FileIO(path, "ab")
        return file

    def close(self) -> None:
        """Close the files that are kept open for more; they open again when needed."""
        with self._changed:
            while self._open:
                self._open.popitem()[1].close()

    def read(
        self, query: LogQuery, *, follow: bool = False, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[LogLine]:
        """Matching lines in order of time. With `follow`, goes on until `cancelled`; `wake` makes it look."""
        offsets: dict[Path, int] = {}
        data: dict[tuple[Path, str], tuple[InputOf, ...]] = {}
        tail = query.tail
        while True:
            version = self._version
            streams = [self._lines(path, query, offsets, data) for path in self._files(query)]
            lines: Iterator[LogLine] = heapq.merge(*streams, key=lambda line: line.ts_ns)
            if tail is not None:
                lines, tail = iter(deque(lines, maxlen=tail)), None
            yield from lines
            if not follow or cancelled():
                return
            with self._changed:
                self._changed.wait_for(lambda seen=version: self._version != seen or cancelled())  # type: ignore[misc]
            if cancelled():
                return

    def wake(self) -> None:
        """Have followers ask `cancelled` again."""
        with self._changed:
            self._changed.notify_all()

    def forget(self, pipeline: PipelineRef) -> None:
        """Drop all of a pipeline's logs, when it is deleted."""
        folder = self._pipeline_folder(pipeline)
        with self._changed:
            for path in folder.glob("*.jsonl"):
                self._drop(path)

    def _lines(
        self,
        path: Path,
        query: LogQuery,
        offsets: dict[Path, int],
        data: dict[tuple[Path, str], tuple[InputOf, ...]],
    ) -> Iterator[LogLine]:
        master = path.name == "master.jsonl"
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            if path not in offsets:
                offsets[path] = self._begin(path, query, data)
            file.seek(offsets[path])
            for raw in file:
                if not raw.endswith(b"\n"):
                    break  # being written
                offsets[path] += len(raw)
                record: Record = json.loads(raw)
                datum = record.get("datum", "")
                if "data" in record:
                    data[path, datum] = _inputs(record["data"])
                    continue
                line = _line(query.pipeline, path, record, data.get((path, datum), ()), master)
                if _wanted(line, query):
                    yield line

    def _begin(self, path: Path, query: LogQuery, data: dict[tuple[Path, str], tuple[InputOf, ...]]) -> int:
        if query.since_ns is not None:
            offset, inputs = self._places.since(path, query.since_ns)
        elif query.tail is not None and query.takes_whole_file:
            offset, inputs = self._places.last(path, query.tail)
        else:
            return 0
        data |= {(path, datum): _inputs(found) for datum, found in inputs.items()}
        return offset

    def _files(self, query: LogQuery) -> list[Path]:
        if query.master:
            return [self._master_file(query.pipeline)]
        if query.job is not None:
            return [self._job_file(JobRef(query.pipeline, query.job))]
        folder = self._pipeline_folder(query.pipeline)
        return sorted(path for path in folder.glob("*.jsonl") if path.name != "master.jsonl")

    def _make_room(self, folder: Path) -> None:
        kept = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        total = 0
        for path in kept:
            total += path.stat().st_size
            if total > self.caps.pipeline_bytes and path.name != "master.jsonl":
                self._drop(path)

    def _drop(self, path: Path) -> None:
        if (file := self._open.pop(path, None)) is not None:
            file.close()
        path.unlink()

    @lru_cache(maxsize=256)  # noqa: B019 - one store a daemon
    def _pipeline_folder(self, pipeline: PipelineRef) -> Path:
        return self._folder / urllib.parse.quote(pipeline.project, safe="") / pipeline.name

    def _job_file(self, job: JobRef) -> Path:
        return self._pipeline_folder(job.pipeline) / f"{job.id}.jsonl"

    def _master_file(self, pipeline: PipelineRef) -> Path:
        return self._pipeline_folder(pipeline) / "master.jsonl"


class DatumLog:
    """One datum's lines, from one thread. Output is readable at once, notes at the latest at the end."""

    def __init__(self, store: LogStore, path: Path, datum: Datum, worker: str, clock: Clock) -> None:
        self._store = store
        self._path = path
        self._datum = datum
        self._worker = worker
        self._clock = clock
        self._pending: list[Record] = []
        self._begun = False
        self._partial: dict[str, bytes] = {}
        self._kept_bytes = 0
        self._dropped_bytes = 0
        self._tail = b""
        self._last_words = ""

    @property
    def last_words(self) -> str:
        """The last line that user code wrote that is not blank: most often, why it failed."""
        return self._last_words

    def note(self, message: str) -> None:
        """Something that the worker itself has to say."""
        self._add(message, user=False, stream="")

    def output(self, stream: str, data: bytes) -> None:
        """Bytes from user code; whole lines are written at once."""
        if self._kept_bytes >= self._store.caps.datum_bytes:
            self._drop(data)
            return
        *lines, rest = (self._partial.get(stream, b"") + data).split(b"\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._partial[stream] = rest
        for number, line in enumerate(lines):
            self._line(stream, line)
            if self._kept_bytes >= self._store.caps.datum_bytes:
                self._partial.clear()
                self._drop(b"\n".join([*lines[number + 1 :], rest]))
                break
        self._flush()

    def close(self) -> None:
        for stream, rest in self._partial.items():
            if rest:
                self._line(stream, rest)
        self._partial.clear()
        if self._dropped_bytes:
            last = self._tail[-LONGEST_LINE:].rstrip(b"\n").split(b"\n")[-TAIL_LINES:]
            left_out = max(0, self._dropped_bytes - sum(len(line) + 1 for line in last))
            cap = self._store.caps.datum_bytes
            self.note(f"{left_out} bytes of output were left out here: a datum keeps {cap} bytes of log")
            for line in last:
                self._line("stdout", line)
            self._dropped_bytes, self._tail = 0, b""
        self._flush()

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        self._tail = (self._tail + data)[-LONGEST_LINE:]

    def _line(self, stream: str, line: bytes) -> None:
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        if text.strip():
            self._last_words = text.strip()
        self._kept_bytes += len(line) + LINE_BYTES
        self._add(text, user=True, stream=stream)

    def _add(self, message: str, *, user: bool, stream: str) -> None:
        record: Record = {
            "ts": self._clock.now_ns(),
            "datum": self._datum.id,
            "worker": self._worker,
            "message": message,
        }
        if user:
            record["user"] = True
            record["stream"] = stream
        self._pending.append(record)

    def _flush(self) -> None:
        if not self._pending:
            return
        records = self._pending
        if not self._begun:
            files = [(file.path, file.hash.hex()) for file in self._datum.inputs]
            records = [{"datum": self._datum.id, "data": files}, *records]
            self._begun = True
        self._store.append(self._path, records)
        self._pending = []


def _inputs(found: Sequence[tuple[str, str]]) -> tuple[InputOf, ...]:
    return tuple(InputOf(path, bytes.fromhex(digest)) for path, digest in found)


def _line(
    pipeline: PipelineRef, path: Path, record: Record, data: tuple[InputOf, ...], master: bool
) -> LogLine:
    job = record.get("job") if master else path.stem
    datum = record.get("datum")
    return LogLine(
        pipeline,
        record["ts"],
        record["message"],
        CommitId(job) if job else None,
        DatumId(datum) if datum else None,
        record.get("worker", ""),
        record.get("user", False),
        master,
        record.get("stream", ""),
        data,
    )


def _wanted(line: LogLine, query: LogQuery) -> bool:
    return (
        (query.datum is None or line.datum == query.datum)
        and (query.job is None or line.job == query.job)
        and (query.since_ns is None or line.ts_ns >= query.since_ns)
        and (query.until_ns is None or line.ts_ns <= query.until_ns)
        and all(any(_is(item, asked) for item in line.data) for asked in query.data_filters)
    )


def _is(item: InputOf, asked: str) -> bool:
    return asked in (item.path, item.path.lstrip("/"), item.hash.hex())
