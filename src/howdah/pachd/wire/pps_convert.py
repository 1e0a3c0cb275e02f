"""Between pipelines' records and the protocol's messages, in both directions."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from google.protobuf import json_format

from howdah.core.refs import DEFAULT_PROJECT, CommitId
from howdah.errors import Invalid
from howdah.pachd.pipelines.datums import Datum, InputFile
from howdah.pachd.pipelines.inputs import Input
from howdah.pachd.pipelines.logs import LogLine
from howdah.pachd.pipelines.meta import DatumState, Meta, ProcessStats, pfs_path
from howdah.pachd.pipelines.records import JobInfo, JobState, PipelineInfo, PipelineState, SecretInfo
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef
from howdah.pachd.pipelines.schema import JsonObject
from howdah.pachd.pipelines.showing import details_json
from howdah.pachd.pipelines.spec import not_honoured
from howdah.pachd.pipelines.workers.task import Doing
from howdah.pachd.wire.contract import google, pfs, pps
from howdah.pachd.wire.convert import commit_message, project_message, repo_message, timestamp

NOT_HONOURED = "howdah/not-honoured-here"
"""In a pipeline's metadata: which fields of its spec have no effect outside Kubernetes."""

_VERSIONS_KEPT = 1024

# -- from messages


def pipeline_ref(pipeline: Any) -> PipelineRef:
    if not pipeline.name:
        raise Invalid("request.Pipeline cannot be nil")
    return PipelineRef(pipeline.name, pipeline.project.name or DEFAULT_PROJECT)


def job_ref(job: Any) -> JobRef:
    if not job.id:
        raise Invalid("must specify a job")
    if not job.pipeline.name:
        raise Invalid("pipeline must be specified for the given job")
    return JobRef(pipeline_ref(job.pipeline), CommitId(job.id))


def as_json(message: Any) -> JsonObject:
    """In the spelling that specs are written in: protojson, field names in camel case."""
    value: JsonObject = json_format.MessageToDict(message)
    return value


# -- to messages


def pipeline_message(ref: PipelineRef) -> Any:
    return pps.Pipeline(project=project_message(ref.project), name=ref.name)


def job_message(ref: JobRef) -> Any:
    return pps.Job(pipeline=pipeline_message(ref.pipeline), id=ref.id)


def pipeline_info(info: PipelineInfo, last_job: JobState | None, available: int) -> Any:
    message = pps.PipelineInfo()
    made = _as_made(replace(info, stopped=False, state=PipelineState.STARTING, reason=""))
    message.CopyFrom(made)
    message.stopped = info.stopped
    message.state = int(info.state)
    message.reason = info.reason
    message.last_job_state = int(last_job or 0)
    message.details.workers_available = available
    message.details.recent_error = message.details.reason = info.reason
    return message


@lru_cache(_VERSIONS_KEPT)
def _as_made(info: PipelineInfo) -> Any:
    """What of a version never changes: worked out of its spec once, not for every listing. To be copied."""
    spec = info.spec
    kind = "PIPELINE_TYPE_SERVICE" if spec.service else "PIPELINE_TYPE_TRANSFORM"
    message = pps.PipelineInfo(
        pipeline=pipeline_message(info.ref),
        version=info.version,
        spec_commit=commit_message(info.spec_commit),
        parallelism=spec.parallelism,
        type=getattr(pps.PipelineInfoPipelineType, kind),
        user_spec_json=info.user_json,
        effective_spec_json=info.effective_json,
        metadata=_remarks(info),
    )
    json_format.ParseDict(details_json(info, "pps_v2.PipelineInfoDetails"), message.details)
    message.details.created_at.CopyFrom(timestamp(info.created_ns))
    message.details.updated_at.CopyFrom(timestamp(info.updated_ns))
    message.details.workers_requested = spec.parallelism
    return message


def _remarks(info: PipelineInfo) -> Mapping[str, str]:
    found = not_honoured(info.effective)
    return {NOT_HONOURED: ", ".join(found)} if found else {}


def job_info(info: JobInfo) -> Any:
    counts = info.counts
    message = pps.JobInfo(
        job=job_message(info.ref),
        pipeline_version=info.version,
        output_commit=commit_message(info.ref.output),
        restart=info.restarts,
        data_processed=counts.processed,
        data_skipped=counts.skipped,
        data_total=counts.total,
        data_failed=counts.failed,
        data_recovered=counts.recovered,
        stats=process_stats(info.stats),
        state=int(info.state),
        reason=info.reason,
        created=timestamp(info.created_ns),
    )
    if info.started_ns is not None:
        message.started.CopyFrom(timestamp(info.started_ns))
    if info.finished_ns is not None:
        message.finished.CopyFrom(timestamp(info.finished_ns))
    return message


def add_job_details(message: Any, pipeline: PipelineInfo, fixed: Input, doing: list[Doing]) -> None:
    json_format.ParseDict(details_json(pipeline, "pps_v2.JobInfoDetails", fixed), message.details)
    message.details.worker_status.extend(map(worker_status, doing))


def worker_status(doing: Doing) -> Any:
    return pps.WorkerStatus(
        worker_id=str(doing.number),
        job_id=doing.job.id,
        datum_status=pps.DatumStatus(
            started=timestamp(doing.since_ns),
            data=[pps.InputFile(path=item.path, hash=item.hash) for item in doing.inputs],
        ),
    )


def process_stats(stats: ProcessStats) -> Any:
    return pps.ProcessStats(
        download_time=_duration(stats.download_s),
        process_time=_duration(stats.process_s),
        upload_time=_duration(stats.upload_s),
        download_bytes=stats.download_bytes,
        upload_bytes=stats.upload_bytes,
    )


def _duration(seconds: float) -> Any:
    whole = int(seconds)
    return google.Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


_STATES = {DatumState.PROCESSED: "SUCCESS", DatumState.FAILED: "FAILED", DatumState.RECOVERED: "RECOVERED"}


def datum_info(meta: Meta, asked: JobRef) -> Any:
    """SKIPPED means that the datum's record was left by another job than the one asked about."""
    state = _STATES[meta.state] if meta.job == asked else "SKIPPED"
    return pps.DatumInfo(
        datum=pps.Datum(job=job_message(meta.job), id=meta.datum.id),
        state=getattr(pps.DatumState, state),
        stats=process_stats(meta.stats),
        pfs_state=pfs.File(commit=commit_message(asked.meta), path=pfs_path(meta.datum.id)),
        data=[_file_info(item) for item in meta.datum.inputs],
        image_id=meta.image_id,
    )


def datum_of_input(datum: Datum) -> Any:
    return pps.DatumInfo(
        datum=pps.Datum(id=datum.id),
        state=pps.DatumState.UNKNOWN,
        data=[_file_info(item) for item in datum.inputs],
    )


def _file_info(item: InputFile) -> Any:
    commit = commit_message(item.source.at)
    commit.branch.CopyFrom(pfs.Branch(repo=repo_message(item.source.repo), name=item.source.branch))
    kind = pfs.FileType.DIR if item.path.endswith("/") else pfs.FileType.FILE
    return pfs.FileInfo(
        file=pfs.File(commit=commit, path=item.path),
        file_type=kind,
        size_bytes=item.size,
        hash=item.hash,
    )


def log_message(line: LogLine) -> Any:
    return pps.LogMessage(
        project_name=line.pipeline.project,
        pipeline_name=line.pipeline.name,
        job_id=line.job or "",
        worker_id=line.worker,
        datum_id=line.datum or DatumId(""),
        master=line.master,
        user=line.user,
        ts=timestamp(line.ts_ns),
        message=line.message,
        data=[pps.InputFile(path=item.path, hash=item.hash) for item in line.data],
    )


def secret_info(info: SecretInfo) -> Any:
    return pps.SecretInfo(
        secret=pps.Secret(name=info.name), type=info.type, creation_timestamp=timestamp(info.created_ns)
    )
