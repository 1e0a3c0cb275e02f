"""One worker: a sandbox of its own, one datum after the other.

The thread that calls `run` drives it. Each attempt begins with fresh inputs and an empty
out; a sandbox that had to be killed is built anew for the next attempt. With
`datum_batching` the command runs on from datum to datum (`batching.py`).
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from howdah.errors import Invalid
from howdah.pachd.pipelines.logs import DatumLog
from howdah.pachd.pipelines.meta import DatumState, ProcessStats
from howdah.pachd.pipelines.workers import variables
from howdah.pachd.pipelines.workers.batching import Batch
from howdah.pachd.pipelines.workers.folder import Placed, WorkerFolder, remove
from howdah.pachd.pipelines.workers.lazy import Feeder
from howdah.pachd.pipelines.workers.outputs import Output, Where, collect
from howdah.pachd.pipelines.workers.task import DatumResult, DatumTask, Doing, Ending, WorkerSetup
from howdah.pachd.pipelines.workers.usercode import UserCode
from howdah.pachd.pipelines.workers.watching import CANCELLED, DatumWatch
from howdah.pachd.pipelines.workers.workplace import BatchPort, Workplace


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try: an output, or the reason why there is none."""

    output: Output | None = None
    reason: str = ""
    stats: ProcessStats = field(default_factory=ProcessStats)


class Worker:
    """Implements `task.Running`. `outer` is the daemon's own environment."""

    def __init__(self, workplace: Workplace, setup: WorkerSetup, outer: Mapping[str, str]) -> None:
        self._workplace = workplace
        self._setup = setup
        self._outer = outer
        self._shut_in = workplace.detected.isolation.shuts_in
        path = workplace.places.workers / f"{setup.pod_name}-{id(self):x}"
        self._folder = WorkerFolder(path, shut_in=self._shut_in)
        self._cancelled = threading.Event()
        self._closed = False
        self._running = threading.Lock()
        self._code: UserCode | None = None
        self._image_id = ""
        self._warnings: tuple[str, ...] = ()
        self._batch: Batch | None = None
        self._batch_watch: DatumWatch | None = None
        self._port: BatchPort | None = None
        self._doing: Doing | None = None

    def run(self, task: DatumTask) -> DatumResult:
        with self._running:
            now_ns = self._workplace.clock.now_ns()
            self._doing = Doing(self._setup.number, task.job, task.datum.inputs, now_ns)
            log = self._workplace.logs.datum(task.job, task.datum, self._setup.pod_name)
            try:
                code = self._prepare(log)
                warnings, self._warnings = self._warnings, ()
                for warning in warnings:
                    log.note(f"warning: {warning}")
                return self._run(code, task, log, warnings)
            finally:
                self._doing = None
                if self._batch_watch is not None:
                    self._batch_watch.pause()
                log.close()
                self._cancelled.clear()

    def cancel(self) -> None:
        # Between two datums this ends the next one, which nobody may conclude anything from either.
        self._cancelled.set()
        if self._code is not None:
            self._code.interrupt()

    def close(self) -> None:
        self._closed = True
        self.cancel()
        with self._running:
            self._end_batch()
            if self._port is not None:
                self._port.close()
            if self._code is not None:
                self._code.close()
            remove(self._folder.path)

    def _prepare(self, log: DatumLog) -> UserCode:
        if self._code is None:
            environment = self._workplace.images.prepare(self._setup.transform.image, log.note)
            self._image_id = environment.id
            ours = self._workplace.detected.warning
            user = self._setup.transform.user
            as_us = f'transform.user "{user}" has no effect here: code runs as the user who started Howdah'
            self._warnings = (*environment.warnings, *([ours] if ours else []), *([as_us] if user else []))
            self._code = UserCode(self._workplace, self._setup, self._outer, self._folder, environment)
        return self._code

    def _run(self, code: UserCode, task: DatumTask, log: DatumLog, warnings: tuple[str, ...]) -> DatumResult:
        attempt = _Attempt(reason=CANCELLED)
        tries = max(1, task.tries)
        for number in range(1, tries + 1):
            if self._over():
                break
            attempt = self._attempt(code, task, log)
            if attempt.output is not None:
                return self._result(DatumState.PROCESSED, attempt, warnings)
            if attempt.reason == CANCELLED or self._over():
                break
            log.note(f"attempt {number} of {tries} failed: {attempt.reason}")
            if self._recovers(code, task, log):
                return self._result(DatumState.RECOVERED, attempt, warnings)
        if attempt.reason == CANCELLED or self._over():
            return DatumResult(Ending.CANCELLED, DatumState.FAILED, CANCELLED, warnings=warnings)
        return self._result(DatumState.FAILED, attempt, warnings)

    def _over(self) -> bool:
        return self._closed or self._cancelled.is_set()

    def _result(self, state: DatumState, attempt: _Attempt, warnings: tuple[str, ...]) -> DatumResult:
        return DatumResult(
            Ending.RAN, state, attempt.reason, attempt.output, attempt.stats, self._image_id, warnings
        )

    def _attempt(self, code: UserCode, task: DatumTask, log: DatumLog) -> _Attempt:
        clock = self._workplace.clock
        began = clock.monotonic_s()
        batching = self._setup.transform.datum_batching
        if batching and (reason := self._begin_batch(code, task, log)):
            return _Attempt(reason=reason)
        self._folder.clear(code.kept_in_tmp, tmp=not batching)
        try:
            placed = self._folder.place(task.datum, self._workplace.data, self._workplace.cache)
        except (Invalid, OSError) as error:
            return _Attempt(reason=f"the inputs cannot be laid out: {error}")
        own = variables.of_datum(task, code.pfs)
        self._folder.write_env(variables.dotenv(own))
        feeder = Feeder(placed.lazy, self._workplace.data) if placed.lazy else None
        ready = clock.monotonic_s()
        try:
            if batching:
                reason = self._step(own, task, log)
            else:
                reason = self._command(code, {**code.variables, **own}, task, log)
        finally:
            if feeder is not None:
                feeder.close()
        if feeder is not None and feeder.failure is not None:
            raise feeder.failure
        ended = clock.monotonic_s()
        log.note(f"the command took {ended - ready:.3f} s")
        read = placed.bytes + (feeder.fed_bytes if feeder is not None else 0)
        stats = ProcessStats(ready - began, ended - ready, 0.0, read, 0)
        if reason:
            return _Attempt(reason=reason, stats=stats)
        return self._collect(code, placed, stats)

    def _command(self, code: UserCode, env: Mapping[str, str], task: DatumTask, log: DatumLog) -> str:
        transform = self._setup.transform
        watch = self._watch()
        watch.begin(log, task.timeout_s)
        return code.execute(transform.cmd, transform.stdin, env, watch, transform.accept_return_code)

    def _recovers(self, code: UserCode, task: DatumTask, log: DatumLog) -> bool:
        transform = self._setup.transform
        if not transform.err_cmd:
            return False
        self._end_batch()
        env = {**code.variables, **variables.of_datum(task, code.pfs)}
        watch = self._watch()
        watch.begin(log, task.timeout_s)
        reason = code.execute(transform.err_cmd, transform.err_stdin, env, watch)
        log.note(f"err_cmd: {reason}" if reason else "err_cmd ended well: the datum counts as recovered")
        return not reason

    def _collect(self, code: UserCode, placed: Placed, stats: ProcessStats) -> _Attempt:
        taken = self._folder.take_results()
        where = Where(code.pfs, placed.contents, code.root, self._shut_in)
        try:
            return _Attempt(collect(taken, where, self._workplace.check_path), stats=stats)
        except Invalid as error:
            taken.close()
            return _Attempt(reason=str(error), stats=stats)

    def _watch(self) -> DatumWatch:
        place = self._workplace
        return DatumWatch(self._folder.path, self._setup.limits, place.guard, place.clock, self._cancelled)

    def _begin_batch(self, code: UserCode, task: DatumTask, log: DatumLog) -> str:
        """Have the command running and waiting for a datum; else say why it is not."""
        if self._batch is not None and self._batch.alive:
            return ""
        self._end_batch()
        if self._workplace.batch_ports is None:
            raise Invalid("datum_batching needs a worker's port, which this daemon was not given")
        if self._port is None:
            self._port = self._workplace.batch_ports.open(self)
        watch = self._batch_watch = self._watch()
        watch.begin(log, None)
        transform = self._setup.transform
        port = str(self._port.port)
        env = {**code.variables, **variables.of_job(task), variables.WORKER_PORT: port}

        def execute() -> str:
            accepted = transform.accept_return_code
            return code.execute(transform.cmd, transform.stdin, env, watch, accepted)

        def flush() -> None:
            if (sandbox := code.sandbox) is not None:
                sandbox.flush()

        self._folder.clear(code.kept_in_tmp)
        self._batch = Batch(execute, flush)
        return self._batch.start()

    # -- for who asks at its port; see `workplace.Desk`

    def present(self) -> Doing | None:
        return self._doing

    def begin_again(self, job: str, filters: Sequence[str]) -> bool:
        doing = self._doing
        if doing is None or doing.job.id != job or not doing.matches(filters):
            return False
        self.cancel()
        return True

    def next_datum(self, error: str) -> list[str]:
        batch = self._batch
        if batch is None:
            raise Invalid("no datum is being processed")
        return batch.next_datum(error)

    def _step(self, own: Mapping[str, str], task: DatumTask, log: DatumLog) -> str:
        assert self._batch is not None and self._batch_watch is not None
        self._batch_watch.begin(log, task.timeout_s)
        return self._batch.step([f"{name}={value}" for name, value in own.items()])

    def _end_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is None or self._code is None:
            return
        if batch.alive:
            self._code.kill()
        batch.join()
