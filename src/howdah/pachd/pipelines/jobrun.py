"""One job being worked on: what must be done is planned, done and recorded as it goes.

A run can begin at any point of a job's life. Datums that this job has already recorded in its
meta commit are not run again; whatever else a run that ended in a crash had in hand never
happened. Nothing is held in memory but the files of the inputs and an index of the base.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from howdah.core.refs import BranchRef, CommitId, CommitRef
from howdah.errors import Invalid, Unavailable
from howdah.pachd.pipelines import base as bases
from howdah.pachd.pipelines import changing_jobs, tables
from howdah.pachd.pipelines.changed import Changed, shortcut
from howdah.pachd.pipelines.crew import Crew
from howdah.pachd.pipelines.datums import Datum, datums
from howdah.pachd.pipelines.files import CommitFiles
from howdah.pachd.pipelines.inputs import Input, Leaf, at_commits, branch_of, leaves
from howdah.pachd.pipelines.records import JobInfo, JobState, PipelineInfo
from howdah.pachd.pipelines.refs import DatumId, JobRef
from howdah.pachd.pipelines.results import JobGone, Results, Tally
from howdah.pachd.pipelines.sets import in_sets
from howdah.pachd.pipelines.skip import Decision, Drop, Earlier, Run, decide
from howdah.pachd.pipelines.spec import PipelineSpec
from howdah.pachd.pipelines.workers.task import DatumResult, DatumTask
from howdah.pachd.versions import Transaction, Versions, View
from howdah.processes.forwarding import Forward

_LONGEST_PAUSE_S = 30.0
_GIVEN_UP_S = 5.0
_LOOK_S = 0.05


def fixed_input(view: View, spec: PipelineSpec, job: JobRef) -> Input:
    """The pipeline's input with each branch fixed to the commit that the job reads."""
    output = view.commit(job.output)
    by_repo = {upstream.repo: upstream.id for upstream in output.direct_provenance}
    commits: dict[BranchRef, str] = {
        branch_of(leaf): by_repo[leaf.repo] for leaf in leaves(spec.input) if leaf.repo in by_repo
    }
    return at_commits(spec.input, commits)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run needs to know before it can plan, read in one consistent look."""

    input: Input
    base: JobInfo | None
    base_pipeline: PipelineInfo | None
    """The version that the base ran."""
    base_input: Input | None
    """What the base read; None if any of it is gone."""


def survey(view: View, pipeline: PipelineInfo, job: JobRef) -> Ground:
    base = bases.find_base(view, job)
    then = tables.pipeline(view.connection, job.pipeline, base.version) if base else None
    read = fixed_input(view, then.spec, base.ref) if base and then else None
    there = read is not None and all(_is_there(view, leaf) for leaf in leaves(read))
    return Ground(fixed_input(view, pipeline.spec, job), base, then, read if there else None)


def _is_there(view: View, leaf: Leaf) -> bool:
    return bool(leaf.commit) and view.find_commit(CommitRef(leaf.repo, CommitId(leaf.commit))) is not None


class JobRun:
    """Work on one job, in the thread that calls `work`; `cancel` from any other."""

    def __init__(
        self, versions: Versions, files: CommitFiles, crew: Crew, pipeline: PipelineInfo, job: JobInfo
    ) -> None:
        self.job = job
        self.cancelled = threading.Event()
        self.ended = threading.Event()
        """Set when nobody works on it any more."""
        self._versions = versions
        self._files = files
        self._crew = crew
        self._pipeline = pipeline
        self._spec = pipeline.spec
        self._tally = Tally()

    @property
    def summary(self) -> str:
        counts = self._tally.counts
        return (
            f"{counts.total} datums: {counts.processed} processed, {counts.skipped} skipped, "
            f"{counts.failed} failed, {counts.recovered} recovered"
        )

    @property
    def dismissed(self) -> bool:
        """It was cancelled or its workers are gone, so that whatever else went wrong is no news."""
        return self.cancelled.is_set() or self._crew.closed

    def cancel(self) -> None:
        self.cancelled.set()
        self._crew.cancel(self.job.ref)

    def work(self) -> None:
        """Returns when the job's work is recorded or it was cancelled.

        Raises `JobGone` if the job was ended by someone else, Invalid if its environment cannot
        be built, Unavailable when no worker can be had, Corrupt when inputs cannot be read.
        """
        resumed = self.job.state is JobState.RUNNING
        self._begin()
        with self._versions.view() as view:
            ground = survey(view, self._pipeline, self.job.ref)
        already = self._already_done() if resumed else frozenset()
        base = ground.base.ref if ground.base else None
        results = Results(self._versions, self._files, self.job, base, self._tally, self._pipeline.salt)
        finished = False
        try:
            todo = self._todo(ground, already, results)
            sets = in_sets(todo, self._spec.datum_sets, self._crew.size)
            self._crew.work(self._tasks(sets), results.done, self.cancelled)
            finished = not self.cancelled.is_set()
        finally:
            results.end(finish=finished)

    def _begin(self) -> None:
        def change(tx: Transaction) -> None:
            info = changing_jobs.require(tx, self.job.ref)
            if info.state is JobState.RUNNING:
                tables.count_restart(tx.connection, info.row)
                changing_jobs.announce(tx, info.ref, "restarted")
            elif info.state in (JobState.CREATED, JobState.STARTING):
                changing_jobs.to_state(tx, info, JobState.RUNNING)
            else:
                raise JobGone(f"job {info.ref} is {info.state.name}")

        self._versions.transact(change)

    def _already_done(self) -> frozenset[DatumId]:
        done: set[DatumId] = set()
        for meta in self._files.metas(self.job.ref.meta):
            if meta.job == self.job.ref:
                done.add(meta.datum.id)
                self._tally.count(meta)
        return frozenset(done)

    def _todo(self, ground: Ground, already: frozenset[DatumId], results: Results) -> Iterator[Datum]:
        for decision in self._decisions(ground):
            if self.cancelled.is_set():
                return
            if isinstance(decision, Drop):
                results.drop(decision.id)
            elif isinstance(decision, Run) and decision.datum.id not in already:
                if decision.replaces:
                    results.drop(decision.datum.id)
                yield decision.datum

    def _decisions(self, ground: Ground) -> Iterator[Decision]:
        short = shortcut(self._pipeline, ground.input, ground.base, ground.base_pipeline, ground.base_input)
        if short is not None:
            changed = Changed(short.total)
            self._tally.set(short.total, short.total)
            yield from changed.decide(short, self._files)
            self._tally.set(changed.total, changed.skipped)
            return
        current = datums(ground.input, self._files)
        for decision in decide(current, self._earlier(ground), self._pipeline.salt, self._spec.every_job):
            if isinstance(decision, Run):
                self._tally.add(total=1)
            elif not isinstance(decision, Drop):
                self._tally.add(total=1, skipped=1)
            yield decision

    def _earlier(self, ground: Ground) -> Mapping[DatumId, Earlier]:
        """Which datums the base had. If it processed all of them its inputs tell as much as its
        meta, and reading names costs less than reading a record for each."""
        base, then = ground.base, ground.base_pipeline
        if base is None:
            return {}
        if then is None or ground.base_input is None or base.counts.failed or base.counts.recovered:
            return bases.index(self._files.metas(base.ref.meta))
        found = datums(ground.base_input, self._files)
        return {datum.id: Earlier(datum.hash(then.salt), True) for datum in found}

    def _tasks(self, sets: Iterator[Sequence[Datum]]) -> Iterator[Sequence[DatumTask]]:
        spec, ref = self._spec, self.job.ref
        for batch in sets:
            yield [DatumTask(ref, datum, ref.id, spec.datum_tries, spec.datum_timeout_s) for datum in batch]


class ServiceRun(JobRun):
    """A service: one datum, run for as long as the job lasts, begun again whenever it ends."""

    def work(self) -> None:
        self._begin()
        with self._versions.view() as view:
            fixed = fixed_input(view, self._spec, self.job.ref)
        found = list(datums(fixed, self._files))
        if len(found) != 1:
            raise Invalid(
                f"a service needs an input that gives exactly one datum, and this one gives {len(found)}; "
                'the glob "/" gives the whole repo as one'
            )
        ref = self.job.ref
        task = DatumTask(ref, found[0], ref.id, tries=1)
        with ExitStack() as stack:
            self._forward(stack)
            self._crew.work(self._again_and_again(task), _let_go, self.cancelled)

    def _forward(self, stack: ExitStack) -> None:
        """Have `external_port` lead to the port that user code listens on."""
        service = self._spec.service
        if service is None or service.external_port in (0, service.internal_port):
            return
        until_s = self._versions.clock.monotonic_s() + _GIVEN_UP_S  # the job before may still be letting go
        while not self.cancelled.is_set():
            try:
                stack.enter_context(Forward(service.external_port, service.internal_port))
                return
            except OSError as error:
                if self._versions.clock.monotonic_s() > until_s:
                    raise Unavailable(
                        f"the service's external_port {service.external_port} cannot be had on this "
                        f"machine: {error.strerror}"
                    ) from error
            self.cancelled.wait(_LOOK_S)

    def _again_and_again(self, task: DatumTask) -> Iterator[Sequence[DatumTask]]:
        pause_s = 0.0
        while not self.cancelled.wait(pause_s):
            begun_s = self._versions.clock.monotonic_s()
            yield [task]
            lasted_s = self._versions.clock.monotonic_s() - begun_s
            pause_s = 0.0 if lasted_s > _LONGEST_PAUSE_S else min(_LONGEST_PAUSE_S, pause_s * 2 or 0.5)


def _let_go(task: DatumTask, result: DatumResult) -> None:
    """A service's output is nobody's."""
    if result.output is not None:
        result.output.close()
