"""`pps_v2.API`, jobs and job sets."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from howdah.core.refs import USER, CommitRef
from howdah.errors import Invalid, NotFound
from howdah.pachd.pipelines import changing_jobs, tables
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.errors import JobNotFound
from howdah.pachd.pipelines.jobrun import fixed_input
from howdah.pachd.pipelines.records import Counts, JobInfo, JobState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.versions import Cancel, Transaction, View
from howdah.pachd.wire import convert, pps_convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pps
from howdah.pachd.wire.jq_filter import jq_filter
from howdah.pachd.wire.transactor import Transactor


class JobDeleted(NotFound):
    def __init__(self, job: JobRef) -> None:
        super().__init__(f"job {job.id} was deleted")


class JobReader:
    """Jobs as messages, with their details where asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.versions = engine.versions

    def message(self, view: View, info: JobInfo, details: bool) -> Any:
        message = pps_convert.job_info(info)
        if details:
            pipeline = tables.pipeline(view.connection, info.ref.pipeline, info.version)
            if pipeline is not None and view.find_commit(info.ref.output) is not None:
                fixed = fixed_input(view, pipeline.spec, info.ref)
                doing = self._engine.controller.doing(info.ref)
                pps_convert.add_job_details(message, pipeline, fixed, doing)
        return message

    def wait(self, ref: JobRef, cancel: Cancel) -> JobInfo:
        def look(view: View) -> JobInfo | None:
            info = tables.job(view.connection, ref)
            if info is None:
                raise JobDeleted(ref)
            return info if info.state.terminal else None

        return self.versions.wait_until(look, (str(ref),), f"waiting for job {ref}", None, cancel)


class JobCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine, transactor: Transactor) -> None:
        self._versions = engine.versions
        self._reader = JobReader(engine)
        self._transactor = transactor
        transactor.register("stop_job", _stop_job)
        transactor.register("update_job_state", _update_job_state)

    def inspect_job(self, request: Any, call: Call) -> Any:
        ref = pps_convert.job_ref(request.job)
        with self._versions.view() as view:
            info = tables.job(view.connection, ref)
            if info is None:
                raise JobNotFound(ref)
            if info.state.terminal or not request.wait:
                return self._reader.message(view, info, request.details)
        with call.waiting() as cancel:
            info = self._reader.wait(ref, cancel)
        with self._versions.view() as view:
            return self._reader.message(view, info, request.details)

    def list_job(self, request: Any, call: Call) -> Iterator[Any]:
        keep = jq_filter(request.jq_filter)
        with self._versions.view() as view:
            inputs = [view.commit(convert.commit_spec(commit)).ref for commit in request.input_commit]
            messages = (
                self._reader.message(view, info, request.details or bool(inputs))
                for info in _Listing(request).jobs(view)
                if not inputs or _reads(view, info.ref, inputs)
            )
            return iter(list(islice(filter(keep, messages), request.number or None)))

    def subscribe_job(self, request: Any, call: Call) -> Iterator[Any]:
        if not request.pipeline.name:
            raise Invalid("pipeline must be specified")
        ref = pps_convert.pipeline_ref(request.pipeline)
        last = 0

        def look(view: View) -> list[JobInfo] | None:
            fresh = [job for job in tables.jobs(view.connection, ref, oldest_first=True) if job.row > last]
            return fresh or None

        with self._versions.view() as view:
            found = tables.unfinished_jobs(view.connection, ref)
            seen = next(iter(tables.jobs(view.connection, ref)), None)
        last = seen.row if seen else 0
        with call.waiting() as cancel:
            while True:
                for info in found:
                    with self._versions.view() as view:
                        yield self._reader.message(view, info, request.details)
                found = self._versions.wait_until(
                    look, (f"jobs:{ref}",), f"subscribing to jobs of {ref}", None, cancel
                )
                last = found[-1].row

    def stop_job(self, request: Any, call: Call) -> Any:
        return self._transactor.run("stop_job", request, call)

    def update_job_state(self, request: Any, call: Call) -> Any:
        return self._transactor.run("update_job_state", request, call)

    def delete_job(self, request: Any, call: Call) -> Any:
        if not request.HasField("job"):
            raise Invalid("job cannot be nil")
        ref = pps_convert.job_ref(request.job)
        self._versions.transact(lambda tx: changing_jobs.delete(tx, ref))
        return convert.empty()


def _stop_job(tx: Transaction, request: Any) -> Any:
    changing_jobs.stop(tx, pps_convert.job_ref(request.job), request.reason)
    return convert.empty()


def _update_job_state(tx: Transaction, request: Any) -> Any:
    info = changing_jobs.require(tx, pps_convert.job_ref(request.job))
    counts = Counts(
        request.data_processed,
        request.data_skipped,
        request.data_failed,
        request.data_recovered,
        request.data_total,
    )
    changing_jobs.to_state(tx, info, JobState(request.state), request.reason)
    changing_jobs.progress(tx, info, counts, info.stats)
    return convert.empty()


class _Listing:
    """Which jobs a ListJob asks for, before jq has its say."""

    def __init__(self, request: Any) -> None:
        self._pipeline = pps_convert.pipeline_ref(request.pipeline) if request.pipeline.name else None
        self._projects = {convert.project_name(project) for project in request.projects}
        self._history = request.history
        self._reverse = request.reverse
        marked = request.HasField("pagination_marker")
        self._bound_ns = request.pagination_marker.ToNanoseconds() if marked else None

    def jobs(self, view: View) -> Iterator[JobInfo]:
        least: dict[PipelineRef, int] = {}
        for info in tables.pipelines(view.connection):
            least[info.ref] = 0 if self._history < 0 else info.version - self._history
        found = tables.jobs(
            view.connection, self._pipeline, oldest_first=self._reverse, bound_ns=self._bound_ns
        )
        for job in found:
            ref = job.ref.pipeline
            if job.version >= least[ref] and (not self._projects or ref.project in self._projects):
                yield job


def _reads(view: View, job: JobRef, inputs: list[CommitRef]) -> bool:
    output = view.find_commit(job.output)
    return output is not None and set(inputs) <= set(output.direct_provenance)


class JobSetCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._versions = engine.versions
        self._reader = JobReader(engine)

    def inspect_job_set(self, request: Any, call: Call) -> Iterator[Any]:
        if not request.job_set.id:
            raise Invalid("must specify a job set")
        with self._versions.view() as view:
            refs = _in_order(view, request.job_set.id)
        for ref in refs:
            if request.wait:
                with call.waiting() as cancel:
                    self._reader.wait(ref, cancel)
            with self._versions.view() as view:
                info = tables.job(view.connection, ref)
                if info is not None:
                    yield self._reader.message(view, info, request.details)

    def list_job_set(self, request: Any, call: Call) -> Iterator[Any]:
        if request.number < 0:
            raise Invalid("number must be non-negative")
        keep = jq_filter(request.jq_filter)
        projects = {convert.project_name(project) for project in request.projects}
        marker = request.pagination_marker
        bound_ns = marker.ToNanoseconds() if request.HasField("pagination_marker") else None
        with self._versions.view() as view:
            sets = (
                (set_id, self._jobs(view, set_id, request.details, projects, keep))
                for set_id, newest_ns in tables.job_set_ids(view.connection, request.reverse)
                if bound_ns is None or _beyond(newest_ns, bound_ns, request.reverse)
            )
            found = (pps.JobSetInfo(job_set=pps.JobSet(id=id), jobs=jobs) for id, jobs in sets if jobs)
            return iter(list(islice(found, request.number or None)))

    def _jobs(
        self, view: View, set_id: str, details: bool, projects: set[str], keep: Callable[[Any], bool]
    ) -> list[Any]:
        infos = [tables.job(view.connection, ref) for ref in _in_order(view, set_id)]
        messages = [
            self._reader.message(view, info, details)
            for info in infos
            if info is not None and (not projects or info.ref.pipeline.project in projects)
        ]
        return [message for message in messages if keep(message)]


def _beyond(newest_ns: int, bound_ns: int, reverse: bool) -> bool:
    return newest_ns > bound_ns if reverse else newest_ns < bound_ns


def _in_order(view: View, set_id: str) -> list[JobRef]:
    """The set's jobs, upstream first."""
    jobs = {info.ref.output: info.ref for info in tables.jobs_of_set(view.connection, set_id)}
    ordered = [
        jobs.pop(commit.ref)
        for commit in view.commit_set(set_id, aliases=False).commits
        if commit.ref.repo.type == USER and commit.ref in jobs
    ]
    return ordered + list(jobs.values())
