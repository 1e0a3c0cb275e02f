"""Jobs follow commits: born with an output commit, ended when it is finished, gone with it.

This participant runs at the end of every transaction that touches commits, so there is no
moment at which an open output commit has no job or a finished one has a running job.
"""

from howdah.core.refs import META, SPEC, USER, RepoRef
from howdah.pachd.pipelines import changing_jobs, tables
from howdah.pachd.pipelines.errors import OutputFinishedByHand, RepoBelongsToPipeline
from howdah.pachd.pipelines.records import JobInfo, JobState, PipelineInfo
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.versions import Changes, CommitInfo, Transaction


class Births:
    """The `Participant` that keeps jobs in step with commits."""

    def settle(self, tx: Transaction, changes: Changes) -> None:
        for info in changes.created:
            self._born(tx, info)
        for info in changes.finished:
            self._finished(tx, info)
        for info in changes.deleted:
            self._deleted(tx, info)

    def check_delete_repo(self, tx: Transaction, repo: RepoRef) -> None:
        if repo.type in (USER, META, SPEC) and _pipeline_of(tx, repo) is not None:
            raise RepoBelongsToPipeline

    def check_finish_commit(self, tx: Transaction, commit: CommitInfo) -> None:
        if commit.ref.repo.type in (USER, META) and _pipeline_of(tx, commit.ref.repo) is not None:
            raise OutputFinishedByHand

    def _born(self, tx: Transaction, commit: CommitInfo) -> None:
        if commit.ref.repo.type != USER or not commit.open:
            return
        pipeline = _pipeline_of(tx, commit.ref.repo)
        if pipeline is None or commit.branch != pipeline.spec.output_branch:
            return
        ref = JobRef(pipeline.ref, commit.ref.id)
        if tables.job(tx.connection, ref) is None:
            tables.insert_job(tx.connection, ref, pipeline.version, tx.now_ns)
            changing_jobs.announce(tx, ref, JobState.CREATED.name)

    def _finished(self, tx: Transaction, commit: CommitInfo) -> None:
        job = _job_of(tx, commit)
        if job is None:
            return
        # The meta commit is closed only now: an output that turned out invalid must not leave
        # meta behind that looks as if its datums had been processed.
        changing_jobs.close(tx, [job.ref.meta], commit.error)
        if not job.state.terminal:
            state = JobState.FAILURE if commit.error else JobState.SUCCESS
            changing_jobs.to_state(tx, job, state, commit.error)

    def _deleted(self, tx: Transaction, commit: CommitInfo) -> None:
        job = _job_of(tx, commit)
        if job is not None:
            tables.delete_job(tx.connection, job.row)
            changing_jobs.announce(tx, job.ref, "deleted")


def _pipeline_of(tx: Transaction, repo: RepoRef) -> PipelineInfo | None:
    return tables.pipeline(tx.connection, PipelineRef(repo.name, repo.project))


def _job_of(tx: Transaction, commit: CommitInfo) -> JobInfo | None:
    repo = commit.ref.repo
    if repo.type != USER:
        return None
    return tables.job(tx.connection, JobRef(PipelineRef(repo.name, repo.project), commit.ref.id))
