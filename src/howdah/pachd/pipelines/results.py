"""Datums' results on their way into the job's commits, made durable in groups.

One thread a job takes what workers hand in and what must be dropped, in that order, and makes
it durable whenever 256 results are together or 100 ms have passed: bytes first, then one
transaction that attaches them to the output and meta commits and moves the job's counts. What
that transaction holds is acknowledged: after a crash those datums are not run again.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from howdah.core.clock import Clock
from howdah.errors import HowdahError, Invalid
from howdah.pachd.pipelines import changing_jobs
from howdah.pachd.pipelines.files import CommitFiles, Writing
from howdah.pachd.pipelines.meta import DatumState, Meta, ProcessStats, encode, meta_path, pfs_path
from howdah.pachd.pipelines.records import Counts, JobInfo, JobState
from howdah.pachd.pipelines.refs import DatumId, JobRef
from howdah.pachd.pipelines.workers.task import CopiedInput, DatumOutput, DatumResult, DatumTask
from howdah.pachd.storage.content import Content
from howdah.pachd.versions import Transaction, Versions

GROUP = 256
GROUP_S = 0.1
LONGEST_REASON = 500
"""What a job says of its first failed datum; all of it stands in the datum's own record."""
MAX_INPUT_FILES = 10_000
"""A datum with more input files than this has none of them listed in the meta repo."""
_PIECE = 1 << 20
_WAITING = 512


class JobGone(HowdahError):
    """The job was ended by someone else while its results were on their way."""


@dataclass(frozen=True, slots=True)
class _Drop:
    id: DatumId


@dataclass(frozen=True, slots=True)
class _Done:
    task: DatumTask
    result: DatumResult


@dataclass(frozen=True, slots=True)
class _End:
    finish: bool


@dataclass
class Tally:
    """Counts that the planning side and the results side move together."""

    counts: Counts = field(default_factory=Counts)
    stats: ProcessStats = field(default_factory=ProcessStats)
    failed: str = ""
    """The first datum that failed, and why; empty while there is none."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **more: int) -> None:
        with self._lock:
            self.counts += Counts(**more)

    def set(self, total: int, skipped: int) -> None:
        with self._lock:
            self.counts = replace(self.counts, total=total, skipped=skipped)

    def count(self, meta: Meta) -> None:
        self.add(**{meta.state.name.lower(): 1})
        with self._lock:
            self.stats += meta.stats
            if meta.state is DatumState.FAILED and not self.failed:
                why = f": {meta.reason[:LONGEST_REASON]}" if meta.reason else ""
                self.failed = f"datum {meta.datum.id} failed{why}"


class Results:
    def __init__(
        self,
        versions: Versions,
        files: CommitFiles,
        job: JobInfo,
        base: JobRef | None,
        tally: Tally,
        salt: str,
    ) -> None:
        self._versions = versions
        self._files = files
        self._job = job
        self._base = base
        self._tally = tally
        self._salt = salt
        self._clock: Clock = versions.clock
        self._queue: queue.Queue[_Drop | _Done | _End] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"results-{job.ref}", daemon=True)
        self._thread.start()

    def drop(self, id: DatumId) -> None:
        """Take away what the base has of this datum, before anything that is handed in later."""
        self._put(_Drop(id))

    def done(self, task: DatumTask, result: DatumResult) -> None:
        self._put(_Done(task, result))

    def end(self, *, finish: bool) -> None:
        """Make the rest durable, and with `finish` close the job with it. Raises what went wrong
        in between; `JobGone` if the job was ended by someone else."""
        self._put(_End(finish))
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _put(self, item: _Drop | _Done | _End) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(item, timeout=1)
                return
            except queue.Full:
                continue
        if self._error is not None and not isinstance(item, _End):
            raise self._error

    def _run(self) -> None:
        try:
            while self._group():
                pass
        except BaseException as error:  # noqa: BLE001  raised again by whoever hands in the next
            self._error = error
            self._let_go()

    def _let_go(self) -> None:
        """Delete what was handed in and will not be taken."""
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _Done) and item.result.output is not None:
                item.result.output.close()

    def _group(self) -> bool:
        """Take one group in and make it durable; False after the end."""
        items: list[_Drop | _Done] = []
        group = _Group(self._files, self._job, self._base, self._salt)
        end: _End | None = None
        deadline_s: float | None = None
        try:
            while end is None and len(items) < GROUP:
                item = self._take(deadline_s)
                if item is None:
                    break
                if isinstance(item, _End):
                    end = item
                    break
                deadline_s = deadline_s or self._clock.monotonic_s() + GROUP_S
                items.append(item)
                self._tell(group, item)
            if items or (end is not None and end.finish):
                group.seal()
                self._commit(group, end)
        finally:
            group.close()
        return end is None

    def _take(self, deadline_s: float | None) -> _Drop | _Done | _End | None:
        try:
            if deadline_s is None:
                return self._queue.get()
            return self._queue.get(timeout=max(0.0, deadline_s - self._clock.monotonic_s()))
        except queue.Empty:
            return None

    def _tell(self, group: "_Group", item: _Drop | _Done) -> None:
        if isinstance(item, _Drop):
            group.drop(item.id)
            return
        begun_s = self._clock.monotonic_s()
        meta = group.add(item.task, item.result, lambda: self._clock.monotonic_s() - begun_s)
        self._tally.count(meta)

    def _commit(self, group: "_Group", end: _End | None) -> None:
        tally = self._tally

        def change(tx: Transaction) -> None:
            info = changing_jobs.require(tx, self._job.ref)
            if info.state is not JobState.RUNNING:
                raise JobGone(f"job {info.ref} is {info.state.name}")
            group.attach(tx)
            changing_jobs.progress(tx, info, tally.counts, tally.stats)
            if end is None or not end.finish:
                return
            if tally.failed:
                changing_jobs.end(tx, info, JobState.FAILURE, tally.failed)
            else:
                changing_jobs.finish_work(tx, info)

        self._versions.transact(change)


class _Group:
    """Files of one group, not yet visible."""

    def __init__(self, files: CommitFiles, job: JobInfo, base: JobRef | None, salt: str) -> None:
        self._files = files
        self._job = job
        self._base = base
        self._salt = salt
        self._output: Writing | None = None
        self._meta: Writing | None = None
        self._written: list[tuple[str, Content]] = []
        """What the meta commit gets of the output: only once the output's bytes are stored, since
        until then nobody but the upload that took them knows where they are."""

    @property
    def output(self) -> Writing:
        self._output = self._output or self._files.writing()
        return self._output

    @property
    def meta(self) -> Writing:
        self._meta = self._meta or self._files.writing()
        return self._meta

    def drop(self, id: DatumId) -> None:
        if self._base is None:
            return
        for path in self._files.written_by(self._base.output, id):
            self.output.delete_file(path, id)
        self.meta.delete_folder(f"/meta/{id}/")
        self.meta.delete_folder(f"{pfs_path(id)}/")

    def add(self, task: DatumTask, result: DatumResult, upload_s: Callable[[], float]) -> Meta:
        id = task.datum.id
        state, reason, written = result.state, result.reason, 0
        if result.output is not None:
            try:
                written = self._take_output(id, result.output)
            except Invalid as error:
                state, reason = DatumState.FAILED, str(error)
            finally:
                result.output.close()
        self._list_inputs(task)
        stats = replace(result.stats, upload_s=upload_s(), upload_bytes=written)
        hash = task.datum.hash(self._salt)
        meta = Meta(task.job, task.datum, hash, state, reason, stats, result.image_id)
        self.meta.put(meta_path(id), [encode(meta)])
        return meta

    def _take_output(self, id: DatumId, output: DatumOutput) -> int:
        # All of a datum's files or none: the list is complete before anything is written.
        written = 0
        for file in list(output):
            if isinstance(file, CopiedInput):
                content: Content = file.content
                self.output.put_content(file.path, content, id)
            else:
                content = self.output.put(file.path, _pieces(file.source), id)
                written += file.size
            self._written.append((f"{pfs_path(id)}/out{file.path}", content))
        return written

    def _list_inputs(self, task: DatumTask) -> None:
        id = task.datum.id
        listed: list[tuple[str, Content]] = []
        for item in task.datum.inputs:
            folder = f"{pfs_path(id)}/{item.source.name}"
            for path, content in self._files.files(item):
                listed.append((folder + path, content))
                if len(listed) > MAX_INPUT_FILES:
                    return
        for path, content in listed:
            self.meta.put_content(path, content)

    def seal(self) -> None:
        if self._output is not None:
            self._output.seal()
        for path, content in self._written:
            self.meta.put_content(path, content)
        if self._meta is not None:
            self._meta.seal()

    def attach(self, tx: Transaction) -> None:
        if self._output is not None:
            self._output.attach(tx, self._job.ref.output)
        if self._meta is not None:
            self._meta.attach(tx, self._job.ref.meta)

    def close(self) -> None:
        for writing in self._writings():
            writing.close()

    def _writings(self) -> Sequence[Writing]:
        return [writing for writing in (self._output, self._meta) if writing is not None]


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            yield piece
