"""What `plan` sees of one pipeline, read from one consistent view."""

from collections.abc import Collection

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.plan import JobSeen, Seen
from howdah.pachd.pipelines.records import JobInfo, JobState, PipelineInfo
from howdah.pachd.pipelines.refs import JobRef
from howdah.pachd.versions import CommitState, View

LOOK_AHEAD = 4
"""How many of the jobs that wait are looked at; a thousand of them cost no more."""


def observe(
    view: View,
    pipeline: PipelineInfo,
    *,
    working: Collection[JobRef] = (),
    trouble: str = "",
    now_ns: int = 0,
) -> Seen:
    spec = pipeline.spec
    unfinished = tables.unfinished_jobs(view.connection, pipeline.ref)
    looked_at = unfinished if spec.service else unfinished[:LOOK_AHEAD]
    return Seen(
        stopped=pipeline.stopped,
        state=pipeline.state,
        reason=pipeline.reason,
        jobs=[_job(view, job, job.ref in working, now_ns) for job in looked_at],
        working=tuple(working),
        base_closed=not unfinished or _base_closed(view, unfinished[0]),
        trouble=trouble,
        service=spec.service is not None,
        job_timeout_s=spec.job_timeout_s,
    )


def _job(view: View, job: JobInfo, working: bool, now_ns: int) -> JobSeen:
    started_ns = job.started_ns
    running_s = None if started_ns is None else (now_ns - started_ns) / 1e9
    commit = view.find_commit(job.ref.output)
    if commit is None or job.state is JobState.FINISHING:
        return JobSeen(job.ref, job.state, running_s=running_s, working=working)
    upstream = [view.find_commit(ref) for ref in commit.direct_provenance]
    failed = tuple(info.ref.repo.name for info in upstream if info is not None and info.error)
    ready = view.state(commit) is CommitState.READY
    return JobSeen(job.ref, job.state, ready, failed if ready else (), running_s, working)


def _base_closed(view: View, first: JobInfo) -> bool:
    """What the oldest unfinished job would stand on can be read."""
    return all(_parent_finished(view, ref) for ref in (first.ref.output, first.ref.meta))


def _parent_finished(view: View, ref: CommitRef) -> bool:
    commit = view.find_commit(ref)
    parent = view.find_commit(commit.parent) if commit and commit.parent else None
    return parent is None or parent.finished
