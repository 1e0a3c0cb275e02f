"""Datums as clients ask for them: those of a job, from its meta commit, or those an input would give."""

from collections.abc import Iterator

from howdah.core.refs import BranchRef, CommitSpec
from howdah.errors import Invalid
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.datums import Datum, datums
from howdah.pachd.pipelines.errors import DatumNotFound, JobNotFound
from howdah.pachd.pipelines.files import CommitFiles
from howdah.pachd.pipelines.inputs import Input, at_commits, branch_of, crons, leaves
from howdah.pachd.pipelines.meta import Meta
from howdah.pachd.pipelines.parse_input import parse_input
from howdah.pachd.pipelines.reading import Reader
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef
from howdah.pachd.pipelines.refused import refuse
from howdah.pachd.pipelines.schema import JsonObject, canonical
from howdah.pachd.versions import Versions


def of_job(versions: Versions, files: CommitFiles, job: JobRef) -> Iterator[Meta]:
    """By id. Of a job that runs, those that are done."""
    with versions.view() as view:
        info = tables.job(view.connection, job)
        exists = info is not None and view.find_commit(job.meta) is not None
    if info is None:
        raise JobNotFound(job)
    if exists:
        yield from files.metas(job.meta)


def one(files: CommitFiles, job: JobRef, id: DatumId) -> Meta:
    meta = files.meta(job.meta, id)
    if meta is None:
        raise DatumNotFound(id, job)
    return meta


def of_input(versions: Versions, files: CommitFiles, given: JsonObject) -> Iterator[Datum]:
    """What a pipeline with this input would be given now."""
    value = canonical(given, "pps_v2.Input", "input")
    refuse({"input": value})
    root = parse_input(Reader(value, "input"), PipelineRef("listed"))
    if crons(root):
        raise Invalid(
            "can't list datums with a cron input, there will be no datums until the pipeline is created"
        )
    return datums(_at_heads(versions, root), files)


def _at_heads(versions: Versions, root: Input) -> Input:
    heads: dict[BranchRef, str] = {}
    with versions.view() as view:
        for leaf in leaves(root):
            branch = branch_of(leaf)
            heads[branch] = view.commit(CommitSpec(branch.repo, branch.name)).ref.id
    return at_commits(root, heads)
