"""The controller: wakes, looks, asks `plan`, acts.

One thread looks after all pipelines. It follows the event log only to know whom to look at;
everything it acts on is read afresh, so a lost event or a crash costs nothing but time. Work on
jobs happens in threads of their own, which wake it when they are done.

Three things end a wait: a change that concerns a pipeline, a time that has come (a cron tick,
a job's timeout, a retry), and being told to stop.
"""

import errno
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from howdah.core import logs
from howdah.core.refs import CommitId
from howdah.errors import Corrupt, HowdahError, Invalid, NotFound, Unavailable
from howdah.pachd.pipelines import changing_jobs, tables
from howdah.pachd.pipelines.crew import Crew, CrewDismissed
from howdah.pachd.pipelines.cron import Ticker, latest, next_ns
from howdah.pachd.pipelines.errors import JobFinished, JobNotFound
from howdah.pachd.pipelines.files import CommitFiles
from howdah.pachd.pipelines.inputs import branch_of, crons, leaves
from howdah.pachd.pipelines.jobrun import JobRun, ServiceRun
from howdah.pachd.pipelines.observe import observe
from howdah.pachd.pipelines.plan import Abandon, Await, Effect, End, Retire, SetState, Work, plan
from howdah.pachd.pipelines.records import JobState, PipelineInfo, PipelineState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.results import JobGone
from howdah.pachd.pipelines.workers.task import Doing
from howdah.pachd.versions import Event, Transaction, Versions
from howdah.pachd.versions.errors import EventsForgotten
from howdah.pachd.versions.events import ANY

log = logs.get("pachd.pipelines")

_RETRY_S = (0.5, 2.0, 10.0, 30.0)
_FAREWELL_S = 10.0
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
"""What the machine lacks now and may have later."""

Version = tuple[PipelineRef, CommitId]
"""By its spec commit: numbers begin anew when a pipeline is deleted and made again."""


@dataclass
class _Known:
    """What the controller remembers about a pipeline between looks; all of it can be lost."""

    info: PipelineInfo
    runs: dict[JobRef, JobRun] = field(default_factory=dict)
    trouble: str = ""
    failures: int = 0
    retry_at_s: float | None = None
    ticks_at_ns: int | None = None


class Controller:
    def __init__(
        self,
        versions: Versions,
        files: CommitFiles,
        make_crew: Callable[[PipelineInfo], Crew],
        say: Callable[[PipelineRef, CommitId | None, str], None],
    ) -> None:
        """`make_crew` hires nobody yet: a worker that cannot be had, for want of its environment say,
        ends the job that needs it and no other. `say` writes a line to the pipeline's master log."""
        self.idle_s = 600.0
        """Workers that had nothing to do for so long are sent home: batched code may hold a gigabyte."""
        self._versions = versions
        self._files = files
        self._make_crew = make_crew
        self._say = say
        self._ticker = Ticker(versions, files)
        self._known: dict[PipelineRef, _Known] = {}
        self._crews: dict[Version, Crew] = {}
        self._readers: dict[str, set[PipelineRef]] = {}
        self._lock = threading.Lock()
        self._dirty: set[PipelineRef] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="pipelines", daemon=True)

    # -- for the daemon

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End all work; jobs that ran go on when the daemon comes back."""
        self._stopping.set()
        self._versions.notifier.wake([_OWN])
        self._thread.join()
        with self._lock:
            runs = [run for known in self._known.values() for run in known.runs.values()]
            crews = list(self._crews.values())
        for run in runs:
            run.cancel()
        farewells = [threading.Thread(target=crew.close, daemon=True) for crew in crews]
        for farewell in farewells:
            farewell.start()
        until_s = self._versions.clock.monotonic_s() + _FAREWELL_S
        for farewell in farewells:
            farewell.join(max(0.0, until_s - self._versions.clock.monotonic_s()))
        for run in runs:
            run.ended.wait(max(0.0, until_s - self._versions.clock.monotonic_s()))

    # -- for the wire

    def doing(self, job: JobRef) -> list[Doing]:
        """What the workers are at for this job."""
        with self._lock:
            crews = [crew for (ref, _), crew in self._crews.items() if ref == job.pipeline]
        return [doing for crew in crews for doing in crew.doing(job)]

    def restart_datum(self, job: JobRef, filters: list[str]) -> bool:
        with self._lock:
            crews = [crew for (ref, _), crew in self._crews.items() if ref == job.pipeline]
        return sum(crew.restart(job, filters) for crew in crews) > 0  # every crew is asked

    def run_cron(self, info: PipelineInfo) -> None:
        """One tick for every cron input, now."""
        now_ns = self._versions.clock.now_ns()
        for cron in crons(info.spec.input):
            self._ticker.tick(cron, now_ns)

    # -- the loop

    def _loop(self) -> None:
        with self._versions.notifier.watch(ANY) as watch:
            with self._versions.view() as view:
                cursor = view.last_event()
            self._reload()
            while not self._stopping.is_set():
                try:
                    self._round()
                    watch.wait(self._patience_s())
                    cursor = self._follow(cursor)
                except Exception:  # without this thread no pipeline would ever move again
                    log.exception("pipelines could not be looked after")
                    self._stopping.wait(_RETRY_S[0])
                    with self._lock:
                        self._dirty.update(self._known)

    def _follow(self, cursor: int) -> int:
        """Note whom the events after the cursor concern."""
        while True:
            try:
                with self._versions.view() as view:
                    events = view.events(cursor)
            except EventsForgotten as behind:
                cursor = behind.last
                self._reload()
                with self._lock:
                    self._dirty.update(self._known)
                continue
            if not events:
                return cursor
            cursor = events[-1].seq
            if any(event.kind.startswith("pipeline.") for event in events):
                self._reload()
            for event in events:
                with self._lock:
                    self._dirty.update(self._concerned(event))

    def _concerned(self, event: Event) -> Iterable[PipelineRef]:
        noun, _, what = event.kind.partition(".")
        if noun == "job" and what != "progress":
            return self._owners(event.subject)
        if noun == "commit" and what in ("finished", "deleted"):
            repo = event.subject.partition("@")[0]
            return {*self._readers.get(repo, ()), *self._owners(event.subject)}
        if noun == "pipeline":
            return self._owners(event.subject.removeprefix("pipeline:"))
        return ()

    def _owners(self, subject: str) -> Iterable[PipelineRef]:
        project, _, name = subject.partition("@")[0].partition("/")
        ref = PipelineRef(name.removesuffix(".meta"), project)
        return (ref,) if ref in self._known else ()

    def _reload(self) -> None:
        """Read all pipelines: who there is and who reads what."""
        with self._versions.view() as view:
            infos = {info.ref: info for info in tables.pipelines(view.connection)}
        readers: defaultdict[str, set[PipelineRef]] = defaultdict(set)
        for ref, info in infos.items():
            for leaf in leaves(info.spec.input):
                readers[str(branch_of(leaf).repo)].add(ref)
        with self._lock:
            gone = [known for ref, known in self._known.items() if ref not in infos]
            for ref, info in infos.items():
                known = self._known.get(ref)
                if known is None or _version(known.info) != _version(info):
                    runs = known.runs if known else {}
                    self._known[ref] = _Known(info, runs)
                    self._dirty.add(ref)
                else:
                    known.info = info
            self._known = {ref: known for ref, known in self._known.items() if ref in infos}
            self._readers = dict(readers)
        for known in gone:
            for run in known.runs.values():
                run.cancel()
        self._retire_crews({_version(info) for info in infos.values()})

    def _retire_crews(self, current: set[Version]) -> None:
        self._dismiss(lambda version, crew: version not in current)

    def _dismiss(self, chosen: Callable[[Version, Crew], bool]) -> None:
        with self._lock:
            old = [version for version, crew in self._crews.items() if chosen(version, crew)]
            crews = [self._crews.pop(version) for version in old]
        for crew in crews:
            # It may be building an environment, for minutes, which no other pipeline should wait for.
            threading.Thread(target=crew.close, name="dismissal", daemon=True).start()

    def _round(self) -> None:
        self._pass_time()
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        for ref in dirty:
            known = self._known.get(ref)
            if known is None:
                continue
            try:
                self._look_after(known)
            except (JobFinished, JobNotFound, NotFound):
                self._mark(ref)  # it changed while we looked: look again
            except HowdahError as error:
                self._in_trouble(known, f"{error}")
            except Exception as error:
                log.exception("a pipeline could not be looked after", pipeline=str(ref))
                self._in_trouble(known, f"internal error: {error!r}")

    def _look_after(self, known: _Known) -> None:
        with self._versions.view() as view:
            info = tables.pipeline(view.connection, known.info.ref)
            if info is None:
                return
            known.info = info
            if info.stopped:
                self._dismiss(lambda version, crew: version[0] == info.ref)
            seen = observe(
                view,
                info,
                working=tuple(known.runs),
                trouble=known.trouble,
                now_ns=self._versions.clock.now_ns(),
            )
        for effect in plan(seen):
            self._act(known, effect)

    def _act(self, known: _Known, effect: Effect) -> None:
        match effect:
            case SetState(wanted, why):
                self._transact(lambda tx: _set_state(tx, known.info.ref, wanted, why))
            case Await(job):
                self._transact(lambda tx: _await(tx, job))
            case Work(job):
                self._begin(known, job)
            case End(job, state, reason):
                self._say(job.pipeline, job.id, f"job ended: {state.name}: {reason}")
                self._transact(
                    lambda tx: changing_jobs.end(tx, changing_jobs.require(tx, job), state, reason)
                )
                self._abandon(known, job)
            case Retire(job):
                self._abandon(known, job)
                self._transact(lambda tx: changing_jobs.finish_work(tx, changing_jobs.require(tx, job)))
            case Abandon(job):
                self._abandon(known, job)
            case _:
                assert_never(effect)

    def _transact(self, change: Callable[[Transaction], None]) -> None:
        self._versions.transact(change)

    def _abandon(self, known: _Known, job: JobRef) -> None:
        run = known.runs.get(job)
        if run is not None:
            run.cancel()

    # -- work

    def _begin(self, known: _Known, ref: JobRef) -> None:
        with self._versions.view() as view:
            job = tables.job(view.connection, ref)
            pipeline = tables.pipeline(view.connection, ref.pipeline, job.version) if job else None
        if job is None or pipeline is None:
            return
        crew = self._crew(pipeline)
        kind = ServiceRun if pipeline.spec.service else JobRun
        run = kind(self._versions, self._files, crew, pipeline, job)
        with self._lock:
            known.runs[ref] = run
        self._say(ref.pipeline, ref.id, "job resumed" if job.state is JobState.RUNNING else "job started")
        name = f"job-{ref.pipeline.name}-{ref.id[:8]}"
        threading.Thread(target=self._work, args=(known, run), name=name, daemon=True).start()

    def _crew(self, pipeline: PipelineInfo) -> Crew:
        version = _version(pipeline)
        with self._lock:
            crew = self._crews.get(version)
            if crew is None:
                crew = self._crews[version] = self._make_crew(pipeline)
        return crew

    def _work(self, known: _Known, run: JobRun) -> None:
        ref = run.job.ref
        try:
            run.work()
            known.trouble, known.failures = "", 0
            self._say(ref.pipeline, ref.id, f"job's work is over: {run.summary}")
        except (JobGone, JobFinished, JobNotFound, CrewDismissed):
            pass
        except Unavailable as error:
            self._in_trouble(known, str(error))
        except (Invalid, Corrupt, NotFound) as error:
            self._fail(known, run, str(error))
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _PASSING:
                self._in_trouble(known, f"this machine cannot do it now: {error.strerror}")
            elif not self._stopping.is_set() and not run.dismissed:
                log.exception("a job could not be worked on", job=str(ref))
                if known.failures >= len(_RETRY_S):
                    self._fail(known, run, f"internal error: {error!r}")
                self._in_trouble(known, f"internal error: {error!r}")
        finally:
            with self._lock:
                known.runs.pop(ref, None)
            run.ended.set()
            self._mark(ref.pipeline)

    def _fail(self, known: _Known, run: JobRun, reason: str) -> None:
        ref = run.job.ref
        if run.cancelled.is_set():
            return
        self._say(ref.pipeline, ref.id, f"job failed: {reason}")

        def change(tx: Transaction) -> None:
            info = tables.job(tx.connection, ref)
            if info is not None and not info.state.terminal:
                changing_jobs.end(tx, info, JobState.FAILURE, reason)

        try:
            self._versions.transact(change)
        except HowdahError as error:  # a full disk, say: without a pause it would go on and on
            self._in_trouble(known, str(error))

    def _in_trouble(self, known: _Known, why: str) -> None:
        """Something that may pass: try again, later and later."""
        if self._stopping.is_set():
            return
        wait_s = _RETRY_S[min(known.failures, len(_RETRY_S) - 1)]
        known.failures += 1
        known.trouble = why
        known.retry_at_s = self._versions.clock.monotonic_s() + wait_s
        self._mark(known.info.ref)

    def _mark(self, ref: PipelineRef) -> None:
        with self._lock:
            self._dirty.add(ref)
        self._versions.notifier.wake([_OWN])

    # -- time

    def _pass_time(self) -> None:
        """Do what is due: ticks, retries, and looks at jobs whose time may be up."""
        now_ns, now_s = self._versions.clock.now_ns(), self._versions.clock.monotonic_s()
        self._dismiss(lambda version, crew: (crew.idle_since_s or now_s) + self.idle_s <= now_s)
        for known in list(self._known.values()):
            if known.retry_at_s is not None and known.retry_at_s <= now_s:
                known.retry_at_s, known.trouble = None, ""
                self._mark(known.info.ref)
            if known.runs and known.info.spec.job_timeout_s is not None:
                self._mark(known.info.ref)
            if known.info.stopped:
                known.ticks_at_ns = None
            elif known.retry_at_s is None and crons(known.info.spec.input):
                try:
                    self._tick(known, now_ns)
                except HowdahError as error:
                    self._in_trouble(known, str(error))

    def _tick(self, known: _Known, now_ns: int) -> None:
        if known.ticks_at_ns is not None and known.ticks_at_ns > now_ns:
            return
        upcoming: list[int] = []
        for cron in crons(known.info.spec.input):
            last_ns = self._ticker.last_ns(cron, known.info.cron_start_ns)
            due_ns = latest(cron.spec, last_ns, now_ns)
            if due_ns is not None:
                self._ticker.tick(cron, due_ns)
                last_ns = due_ns
            following_ns = next_ns(cron.spec, last_ns)
            if following_ns is not None:
                upcoming.append(following_ns)
        known.ticks_at_ns = min(upcoming, default=1 << 62)

    def _patience_s(self) -> float | None:
        """How long nothing will happen by itself."""
        with self._lock:
            if self._dirty:
                return 0.0
        now_ns, now_s = self._versions.clock.now_ns(), self._versions.clock.monotonic_s()
        waits = [known.retry_at_s - now_s for known in self._known.values() if known.retry_at_s is not None]
        waits += [
            (known.ticks_at_ns - now_ns) / 1e9
            for known in self._known.values()
            if known.ticks_at_ns is not None and known.retry_at_s is None
        ]
        waits += [1.0 for known in self._known.values() if known.runs and known.info.spec.job_timeout_s]
        with self._lock:
            rested = [crew.idle_since_s for crew in self._crews.values()]
        waits += [since_s + self.idle_s - now_s for since_s in rested if since_s is not None]
        return max(0.0, min(waits)) if waits else None


_OWN = "pipelines.controller"


def _version(info: PipelineInfo) -> Version:
    return info.ref, info.spec_commit.id


def _set_state(tx: Transaction, ref: PipelineRef, state: PipelineState, reason: str) -> None:
    tables.set_pipeline_state(tx.connection, ref, state, reason)
    tx.emit("pipeline-state", f"pipeline:{ref}", keys=("pipelines",))


def _await(tx: Transaction, ref: JobRef) -> None:
    info = changing_jobs.require(tx, ref)
    if info.state is JobState.CREATED:
        changing_jobs.to_state(tx, info, JobState.STARTING)
