"""What a job stands on: the nearest earlier job whose output and meta commits carry no error.

The work of a failed job is not reused, as in Pachyderm: its commits are not what the next
commits begin from either.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.meta import DatumState, Meta
from howdah.pachd.pipelines.records import JobInfo
from howdah.pachd.pipelines.refs import DatumId, JobRef
from howdah.pachd.pipelines.skip import Earlier
from howdah.pachd.versions import CommitInfo, Origin, View


class Metas(Protocol):
    def metas(self, commit: CommitRef) -> Iterator[Meta]:
        """Every datum's record in a meta commit, by id."""
        ...

    def meta(self, commit: CommitRef, id: DatumId) -> Meta | None: ...


def find_base(view: View, job: JobRef) -> JobInfo | None:
    meta = view.find_commit(job.meta)
    while meta is not None and meta.parent is not None:
        meta = view.find_commit(meta.parent)
        if meta is not None and _sound(view, job, meta):
            earlier = tables.job(view.connection, JobRef(job.pipeline, meta.ref.id))
            if earlier is not None:
                return earlier
    return None


def _sound(view: View, job: JobRef, meta: CommitInfo) -> bool:
    if meta.origin is not Origin.AUTO or meta.error:
        return False
    output = view.find_commit(CommitRef(job.pipeline.output, meta.ref.id))
    return output is not None and not output.error


def index(metas: Iterator[Meta]) -> Mapping[DatumId, Earlier]:
    return {meta.datum.id: Earlier(meta.hash, meta.state is DatumState.PROCESSED) for meta in metas}
