"""How a job changes, inside the transaction that changes its commits.

A job never says that it ended before its commits do: whoever ends it closes the output and
meta commits in the same transaction. An error on them makes every job downstream UNRUNNABLE.
"""

from collections.abc import Iterable

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.errors import JobFinished, JobNotFound
from howdah.pachd.pipelines.meta import ProcessStats
from howdah.pachd.pipelines.records import Counts, JobInfo, JobState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.versions import Transaction


def require(tx: Transaction, ref: JobRef) -> JobInfo:
    info = tables.job(tx.connection, ref)
    if info is None:
        raise JobNotFound(ref)
    return info


def announce(tx: Transaction, ref: JobRef, what: str) -> None:
    tx.emit(f"job.{what.lower()}", str(ref), ref.id, keys=(f"jobs:{ref.pipeline}", "jobs"))


def to_state(tx: Transaction, info: JobInfo, state: JobState, reason: str = "") -> None:
    """Raises `JobFinished` for a job that has already come to an end."""
    if info.state.terminal:
        raise JobFinished(info.ref)
    tables.set_job_state(tx.connection, info.row, state, reason, tx.now_ns)
    announce(tx, info.ref, state.name)


def progress(tx: Transaction, info: JobInfo, counts: Counts, stats: ProcessStats) -> None:
    tables.set_job_progress(tx.connection, info.row, counts, stats)
    announce(tx, info.ref, "progress")


def finish_work(tx: Transaction, info: JobInfo) -> None:
    """The user's code is done: FINISHING, until the output commit is finished."""
    to_state(tx, info, JobState.FINISHING)
    close(tx, [info.ref.output])


def end(tx: Transaction, info: JobInfo, state: JobState, reason: str) -> None:
    """FAILURE, KILLED or UNRUNNABLE, which its commits bear as their error."""
    to_state(tx, info, state, reason)
    close(tx, [info.ref.meta, info.ref.output], reason)


def stop(tx: Transaction, ref: JobRef, reason: str = "") -> None:
    """As StopJob: a job that has ended stays as it is."""
    info = require(tx, ref)
    reason = reason or "job stopped"
    close(tx, [ref.meta, ref.output], reason)
    if not info.state.terminal:
        to_state(tx, info, JobState.KILLED, reason)


def stop_all(tx: Transaction, pipeline: PipelineRef, reason: str) -> None:
    for info in tables.unfinished_jobs(tx.connection, pipeline):
        stop(tx, info.ref, reason)


def delete(tx: Transaction, ref: JobRef) -> None:
    info = require(tx, ref)
    stop(tx, ref, "job deleted")
    tables.delete_job(tx.connection, info.row)
    announce(tx, ref, "deleted")


def close(tx: Transaction, commits: Iterable[CommitRef], error: str = "") -> None:
    """Finish those that exist and are open. A service has no meta commit."""
    for ref in commits:
        info = tx.view.find_commit(ref)
        if info is not None and info.open:
            tx.finish_commit(ref, error=error, force=True)
