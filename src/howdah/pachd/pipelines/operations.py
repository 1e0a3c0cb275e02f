"""Creating, updating, starting, stopping and deleting pipelines, inside a transaction.

A pipeline is an output repo, a spec repo with a commit per version, a meta repo (unless it is
a service) and a row; its branches' provenance is its inputs and its spec. Stopping takes the
provenance away, so that nothing propagates; starting gives it back, which makes a new job.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from howdah.core.refs import DEFAULT_PROJECT, BranchRef, CommitRef, RepoRef
from howdah.pachd.pipelines import changing_jobs, tables
from howdah.pachd.pipelines.defaults import EffectiveSpec, effective_spec, parse_text
from howdah.pachd.pipelines.errors import NameTaken, PipelineExists, PipelineNotFound
from howdah.pachd.pipelines.inputs import CronInput, PfsInput, branch_of, branches, crons, leaves
from howdah.pachd.pipelines.reading import Reader
from howdah.pachd.pipelines.records import PipelineInfo, PipelineState
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.schema import canonical_spec
from howdah.pachd.pipelines.secrets import check_mount
from howdah.pachd.pipelines.spec import PipelineSpec, parse
from howdah.pachd.storage.database import Connection
from howdah.pachd.versions import Transaction, Trigger
from howdah.pachd.versions.tables import Content


@dataclass(frozen=True, slots=True)
class Said:
    """What a spec says about the call that carries it."""

    update: bool
    reprocess: bool
    dry_run: bool


def said_in_spec(user_json: str) -> Said:
    spec = Reader(canonical_spec(parse_text(user_json)))
    return Said(spec.flag("update"), spec.flag("reprocess"), spec.flag("dryRun"))


def effective(tx: Transaction, user_json: str) -> EffectiveSpec:
    """The user's spec under the defaults that hold now for its project."""
    return effective_in(tx.connection, user_json)


def effective_in(connection: Connection, user_json: str) -> EffectiveSpec:
    named = Reader(canonical_spec(parse_text(user_json))).object("pipeline")
    project = named.object("project") if named else None
    name = project.text("name") if project else ""
    cluster, _ = tables.defaults(connection)
    own, _ = tables.defaults(connection, name or DEFAULT_PROJECT)
    return effective_spec(user_json, cluster, own)


def require(tx: Transaction, ref: PipelineRef) -> PipelineInfo:
    info = tables.pipeline(tx.connection, ref)
    if info is None:
        raise PipelineNotFound(ref)
    return info


def create(
    tx: Transaction, given: EffectiveSpec, *, update: bool = False, reprocess: bool = False
) -> PipelineInfo:
    """Make the pipeline, or with `update` its next version if it exists."""
    spec = parse(given.value)
    old = tables.pipeline(tx.connection, spec.pipeline)
    if old is not None and not update:
        raise PipelineExists(spec.pipeline)
    _check_secrets(tx, spec)
    _prepare_inputs(tx, spec)
    if old is None:
        _create_repos(tx, spec.pipeline)
    info = PipelineInfo(
        ref=spec.pipeline,
        version=old.version + 1 if old else 1,
        spec_commit=_spec_commit(tx, spec.pipeline),
        user_json=given.user_json,
        effective_json=given.effective_json,
        salt=_salt(spec, old, reprocess),
        created_ns=old.created_ns if old else tx.now_ns,
        updated_ns=tx.now_ns,
        cron_start_ns=tx.now_ns,
        stopped=old.stopped if old else False,
        state=PipelineState.PAUSED if old and old.stopped else PipelineState.STARTING,
    )
    if old is not None:
        changing_jobs.stop_all(tx, spec.pipeline, "all jobs killed because pipeline was updated")
    tables.insert_version(tx.connection, info)
    _wire(tx, spec, stopped=info.stopped, old=old.spec if old else None)
    tx.emit("pipeline.updated" if old else "pipeline.created", f"pipeline:{info.ref}", keys=("pipelines",))
    return info


def _salt(spec: PipelineSpec, old: PipelineInfo | None, reprocess: bool) -> str:
    if old is not None and not reprocess:
        return old.salt
    return spec.salt if spec.salt and not reprocess else uuid.uuid4().hex


def _check_secrets(tx: Transaction, spec: PipelineSpec) -> None:
    for mount in spec.transform.secrets:
        check_mount(tx.connection, mount)


def _prepare_inputs(tx: Transaction, spec: PipelineSpec) -> None:
    for leaf in leaves(spec.input):
        if not isinstance(leaf, CronInput):
            tx.view.repo(leaf.repo)
        elif not tx.view.repo_exists(leaf.repo):
            tx.create_repo(leaf.repo, f"Cron tick repo for pipeline {spec.pipeline}.")


def _create_repos(tx: Transaction, ref: PipelineRef) -> None:
    if tx.view.repo_exists(ref.output):
        raise NameTaken(ref)
    tx.create_repo(ref.output, f"Output repo for pipeline {ref}.")
    tx.create_repo(ref.spec, f"Spec repo for pipeline {ref}.", update=True)


def _spec_commit(tx: Transaction, ref: PipelineRef) -> CommitRef:
    """An empty commit that marks the version; finished at once, since it has nothing to write."""
    commit = tx.start_commit(ref.spec_branch)
    finishing = tx.finish_commit(commit)
    tx.complete_commit(finishing, error="", size_bytes=0, content=Content(None, None))
    return commit


def _wire(tx: Transaction, spec: PipelineSpec, *, stopped: bool, old: PipelineSpec | None) -> None:
    for leaf in leaves(spec.input):
        if isinstance(leaf, PfsInput) and leaf.trigger is not None:
            _trigger_branch(tx, leaf)
    if spec.service is None:
        tx.create_repo(spec.pipeline.meta, f"Meta repo for pipeline {spec.pipeline.name}", update=True)
    if old is not None and old.output_branch != spec.output_branch:
        connect(tx, old, on=False)
    connect(tx, spec, on=not stopped)


def _trigger_branch(tx: Transaction, leaf: PfsInput) -> None:
    wanted = leaf.trigger
    assert wanted is not None
    existing = tx.view.find_branch(branch_of(leaf))
    watched = BranchRef(leaf.repo, wanted.branch)
    if tx.view.find_branch(watched) is None:
        # Its first, empty commit serves both: a transaction makes one commit a repo.
        tx.create_branch(watched)
        existing = existing or tx.view.branch(watched)
    tx.create_branch(
        branch_of(leaf),
        head=existing.head if existing else None,
        trigger=Trigger(
            wanted.branch,
            wanted.all,
            wanted.rate_limit_spec,
            wanted.size,
            wanted.commits,
            wanted.cron_spec,
        ),
    )


def connect(tx: Transaction, spec: PipelineSpec, *, on: bool) -> None:
    """Give the output and meta branches their provenance, or take it away."""
    provenance: Sequence[BranchRef] = (*branches(spec.input), spec.pipeline.spec_branch) if on else ()
    never = {
        branch_of(leaf)
        for leaf in leaves(spec.input)
        if on and isinstance(leaf, PfsInput) and leaf.never_propagates
    }
    repos = [spec.pipeline.output] + ([spec.pipeline.meta] if spec.service is None else [])
    for repo in repos:
        tx.create_branch(BranchRef(repo, spec.output_branch), provenance=provenance, never=never)


def start(tx: Transaction, ref: PipelineRef) -> None:
    info = require(tx, ref)
    connect(tx, info.spec, on=True)
    tables.set_stopped(tx.connection, ref, False)
    tx.emit("pipeline.started", f"pipeline:{ref}", keys=("pipelines",))


def stop(tx: Transaction, ref: PipelineRef) -> None:
    info = require(tx, ref)
    connect(tx, info.spec, on=False)
    tables.set_stopped(tx.connection, ref, True)
    changing_jobs.stop_all(tx, ref, "all jobs killed because pipeline was stopped")
    tables.set_pipeline_state(tx.connection, ref, PipelineState.PAUSED, "")
    tx.emit("pipeline.stopped", f"pipeline:{ref}", keys=("pipelines",))


def rerun(tx: Transaction, ref: PipelineRef, *, reprocess: bool) -> PipelineInfo:
    """The present spec again as a new version, and so a new job."""
    info = require(tx, ref)
    again = EffectiveSpec(info.user_json, info.effective_json, info.effective)
    return create(tx, again, update=True, reprocess=reprocess)


def delete(tx: Transaction, ref: PipelineRef, *, force: bool = False, keep_repo: bool = False) -> bool:
    """False if there is no such pipeline. `keep_repo` leaves the output as a repo like any other."""
    info = tables.pipeline(tx.connection, ref)
    if info is None:
        return False
    spec = info.spec
    connect(tx, spec, on=False)
    changing_jobs.stop_all(tx, ref, "all jobs killed because pipeline was stopped")
    tables.delete_pipeline(tx.connection, ref)
    doomed: list[RepoRef] = [ref.meta, ref.spec, *(cron.repo for cron in crons(spec.input))]
    if not keep_repo:
        doomed.insert(0, ref.output)
    for repo in doomed:
        tx.delete_repo(repo, force=force)
    tx.emit("pipeline.deleted", f"pipeline:{ref}", keys=("pipelines", f"jobs:{ref}", "jobs"))
    return True


def delete_all(
    tx: Transaction, projects: Sequence[str] | None, *, force: bool = False, keep_repo: bool = False
) -> list[PipelineRef]:
    """Of these projects, or of all; downstream first, so that no branch is in use when its turn comes."""
    refs = [
        info.ref
        for info in tables.pipelines(tx.connection)
        if projects is None or info.ref.project in projects
    ]
    depth = {ref: len(tx.view.branch(_output_branch(tx, ref)).provenance) for ref in refs}
    for ref in refs:
        connect(tx, require(tx, ref).spec, on=False)
    for ref in sorted(refs, key=lambda ref: -depth[ref]):
        delete(tx, ref, force=force, keep_repo=keep_repo)
    return refs


def _output_branch(tx: Transaction, ref: PipelineRef) -> BranchRef:
    return BranchRef(ref.output, require(tx, ref).spec.output_branch)
