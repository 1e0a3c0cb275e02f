"""`pps_v2.API/GetLogs` and `logs.API/GetLogs`: what jobs, user code and masters said."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from howdah.core.refs import DEFAULT_PROJECT, CommitId
from howdah.errors import Invalid
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.errors import JobNotFound, PipelineNotFound
from howdah.pachd.pipelines.logs import LogLine, LogQuery
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef
from howdah.pachd.versions.events import Watch
from howdah.pachd.wire import pps_convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import google, logs, pps
from howdah.pachd.wire.convert import timestamp

_DAY_NS = 24 * 3600 * 10**9


class LogReader:
    """Reads and follows a query's lines until the client goes away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, query: LogQuery, follow: bool, call: Call) -> Iterator[LogLine]:
        store = self._engine.logs
        if not follow:
            yield from store.read(query)
            return
        gone = _Gone(store.wake)
        with call.waiting() as cancel, cancel.covering(gone):
            cancel.check()
            yield from store.read(query, follow=True, cancelled=lambda: gone.gone)


class _Gone(Watch):
    """Knows whether the client went away, and wakes the reader when it does."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell
        self.gone = False

    def wake(self) -> None:
        self.gone = True
        super().wake()
        self._tell()


class PpsLogCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = LogReader(engine)

    def get_logs(self, request: Any, call: Call) -> Iterator[Any]:
        has_job, has_pipeline = request.HasField("job"), request.HasField("pipeline")
        if not has_job and not has_pipeline:
            if request.data_filters or request.HasField("datum"):
                raise Invalid("must specify the Job or Pipeline that the datum is from to get logs for it")
            raise Invalid("must specify the Job or Pipeline to get logs for; pachd's own log is a file")
        if has_job and not request.job.pipeline.name:
            raise Invalid("pipeline must be specified for the given job")
        if has_job and has_pipeline and request.job.pipeline != request.pipeline:
            raise Invalid("job is from the wrong pipeline")
        for line in self._reader.read(self._query(request), request.follow, call):
            yield pps_convert.log_message(line)

    def _query(self, request: Any) -> LogQuery:
        job: JobRef | None = None
        if request.HasField("job"):
            job = pps_convert.job_ref(request.job)
        pipeline = job.pipeline if job else pps_convert.pipeline_ref(request.pipeline)
        with self._engine.versions.view() as view:
            if tables.pipeline(view.connection, pipeline) is None:
                raise PipelineNotFound(pipeline)
            if job is not None and tables.job(view.connection, job) is None:
                raise JobNotFound(job)
        since_ns = request.since.ToNanoseconds() if request.HasField("since") else 0
        ago_ns = since_ns or (None if job else _DAY_NS)
        return LogQuery(
            pipeline=pipeline,
            job=job.id if job else None,
            datum=DatumId(request.datum.id) if request.datum.id else None,
            data_filters=tuple(request.data_filters),
            master=request.master,
            since_ns=None if ago_ns is None else self._engine.versions.clock.now_ns() - ago_ns,
            tail=request.tail or None,
        )


class LogsService:
    service = "logs.API"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = LogReader(engine)

    def get_logs(self, request: Any, call: Call) -> Iterator[Any]:
        wanted = _matcher(request.filter)
        sent = 0
        limit = request.filter.limit
        for query in self._queries(request):
            for line in self._reader.read(query, request.tail, call):
                if not wanted(line):
                    continue
                yield logs.GetLogsResponse(log=_message(line))
                sent += 1
                if sent == limit:
                    return

    def _queries(self, request: Any) -> list[LogQuery]:
        time = request.filter.time_range
        since_ns = getattr(time, "from").ToNanoseconds() if time.HasField("from") else None
        until_ns = time.until.ToNanoseconds() if time.HasField("until") else None
        return [
            LogQuery(pipeline, job, datum, master=master, since_ns=since_ns, until_ns=until_ns)
            for pipeline, job, datum, master in self._asked(request.query)
        ]

    def _asked(self, query: Any) -> Iterator[tuple[PipelineRef, CommitId | None, DatumId | None, bool]]:
        if query.WhichOneof("query_type") == "admin":
            kind = query.admin.WhichOneof("admin_type")
            if kind == "master":
                yield _pipeline(query.admin.master), None, None, True
                return
            if kind != "user":
                raise Invalid(f"logs by {kind or 'nothing'} need Kubernetes and Loki; ask by pipeline or job")
            user = query.admin.user
        else:
            user = query.user
        kind = user.WhichOneof("user_type")
        match kind:
            case "pipeline":
                yield _pipeline(user.pipeline), None, None, False
            case "pipeline_job":
                yield _pipeline(user.pipeline_job.pipeline), CommitId(user.pipeline_job.job), None, False
            case "pipeline_datum":
                asked = user.pipeline_datum
                yield _pipeline(asked.pipeline), None, DatumId(asked.datum), False
            case "job":
                yield from self._of_job(user.job, None)
            case "job_datum":
                yield from self._of_job(user.job_datum.job, DatumId(user.job_datum.datum))
            case "project" | "datum":
                yield from self._everywhere(user, kind)
            case _:
                raise Invalid("a log query must name a project, pipeline, job or datum")

    def _of_job(
        self, id: str, datum: DatumId | None
    ) -> Iterator[tuple[PipelineRef, CommitId | None, DatumId | None, bool]]:
        with self._engine.versions.view() as view:
            jobs = tables.jobs_of_set(view.connection, id)
        for job in jobs:
            yield job.ref.pipeline, job.ref.id, datum, False

    def _everywhere(
        self, user: Any, kind: str
    ) -> Iterator[tuple[PipelineRef, CommitId | None, DatumId | None, bool]]:
        with self._engine.versions.view() as view:
            refs = [info.ref for info in tables.pipelines(view.connection)]
        datum = DatumId(user.datum) if kind == "datum" else None
        for ref in refs:
            if datum is not None or ref.project == user.project:
                yield ref, None, datum, False


def _pipeline(query: Any) -> PipelineRef:
    return PipelineRef(query.pipeline, query.project or DEFAULT_PROJECT)


def _matcher(filter: Any) -> Callable[[LogLine], bool]:
    try:
        pattern = re.compile(filter.regex.pattern)
    except re.error as error:
        raise Invalid(f"the log filter's pattern cannot be read: {error}") from None

    def wanted(line: LogLine) -> bool:
        if filter.user_logs_only and not line.user:
            return False
        return not filter.regex.pattern or bool(pattern.search(line.message)) != filter.regex.negate

    return wanted


def _message(line: LogLine) -> Any:
    found = pps_convert.log_message(line)
    fields = google.Struct()
    fields.update({"message": line.message, "jobId": line.job or "", "datumId": line.datum or ""})
    return logs.LogMessage(
        verbatim=logs.VerbatimLogMessage(line=line.message.encode(), timestamp=timestamp(line.ts_ns)),
        object=fields,
        native_timestamp=timestamp(line.ts_ns),
        pps_log_message=pps.LogMessage.FromString(found.SerializeToString()),
    )
