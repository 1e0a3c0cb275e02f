"""Branches: making and changing them, their provenance or trigger, deleting them."""

from collections.abc import Collection, Sequence

from howdah.core.refs import BranchRef, CommitRef, CommitSpec
from howdah.errors import Invalid
from howdah.pachd.versions import commits, propagation, tables, triggers
from howdah.pachd.versions.errors import BranchCycle, BranchInUse, BranchNotFound
from howdah.pachd.versions.names import validate_branch_name
from howdah.pachd.versions.records import BranchInfo, Trigger
from howdah.pachd.versions.work import Work


def create_branch(
    work: Work,
    ref: BranchRef,
    head: CommitRef | CommitSpec | None,
    provenance: Sequence[BranchRef],
    trigger: Trigger | None,
    never: Collection[BranchRef],
) -> None:
    provenance = sorted(set(provenance))
    _validate(work, ref, provenance, trigger, never)
    _create_missing(work, provenance)
    pointed = None if head is None else work.view.commit(head)
    if pointed is not None and pointed.ref.repo != ref.repo:
        raise Invalid(f"the head of branch {ref} must be a commit of its own repo, not {pointed.ref}")
    if pointed is not None:
        work.refuse_forgotten(pointed.row)
    existing = tables.branch(work.connection, ref)
    old_provenance = () if existing is None else existing.direct_provenance
    head_row = pointed.row if pointed is not None else _head_row(work, existing)
    # A branch always has a head, and one that is computed from the branch's present provenance.
    fresh = head_row is None or bool(provenance and set(old_provenance) != set(provenance))
    if fresh:
        upstream = [_branch(work, each).head for each in provenance]
        parent = None if head_row is None else head_row
        head_row = commits.make_empty(work, ref, upstream, parent)
    assert head_row is not None
    row = _point(work, ref, existing, head_row)
    if fresh:
        tables.set_commit_branch(work.connection, head_row, row)
    _set_provenance(work, ref, row, provenance, never)
    if trigger is not None or provenance:
        tables.set_branch_trigger(work.connection, row, trigger)
        propagation.check_triggers(ref, tables.branches_with_trigger(work.connection), work.view.branch)
    if fresh or pointed is not None:
        work.propagate(ref)


def _validate(
    work: Work,
    ref: BranchRef,
    provenance: Sequence[BranchRef],
    trigger: Trigger | None,
    never: Collection[BranchRef],
) -> None:
    work.repo_row(ref.repo)
    for branch in (*provenance, ref):
        validate_branch_name(branch.name)
    if trigger is not None:
        others = {info.ref.name: info for info in work.view.branches(ref.repo)}
        triggers.validate(ref, trigger, others)
        if provenance:
            raise Invalid("a branch cannot have both provenance and a trigger")
        if trigger.branch not in others:
            raise BranchNotFound(BranchRef(ref.repo, trigger.branch))
    for branch in never:
        if branch not in provenance:
            raise Invalid(
                f"branch propagation spec must reference provenant branch (referenced branch: {branch})"
            )
    for branch in provenance:
        if branch.repo == ref.repo:
            raise Invalid(f"repo {ref.repo} cannot be in the provenance of its own branch")


def _create_missing(work: Work, provenance: Sequence[BranchRef]) -> None:
    for ref in provenance:
        if tables.branch(work.connection, ref) is None:
            create_branch(work, ref, None, (), None, ())


def _branch(work: Work, ref: BranchRef) -> BranchInfo:
    return work.view.branch(ref)


def _head_row(work: Work, existing: BranchInfo | None) -> int | None:
    return None if existing is None else work.view.commit(existing.head).row


def _point(work: Work, ref: BranchRef, existing: BranchInfo | None, head_row: int) -> int:
    if existing is None:
        row = tables.insert_branch(work.connection, work.repo_row(ref.repo), ref.name, head_row, work.now_ns)
        work.emit("branch.created", str(ref), keys=(str(ref.repo),))
        return row
    work.point(ref, existing.row, head_row)
    return existing.row


def _set_provenance(
    work: Work, ref: BranchRef, row: int, provenance: Sequence[BranchRef], never: Collection[BranchRef]
) -> None:
    below = set(work.view.branch(ref).subvenance)
    for branch in provenance:
        if branch in below:
            raise BranchCycle(ref, branch)
    upstream = {work.view.branch(branch).row: branch in never for branch in provenance}
    tables.set_branch_provenance(work.connection, row, upstream)


def delete_branch(work: Work, ref: BranchRef, force: bool) -> None:
    info = work.view.branch(ref)
    if not force:
        _refuse_if_in_use(work, info)
    for other in work.view.branches(ref.repo):
        if other.trigger is not None and other.trigger.branch == ref.name:
            tables.set_branch_trigger(work.connection, other.row, None)
    tables.delete_branch(work.connection, info.row)
    work.moved.pop(ref, None)
    work.emit("branch.deleted", str(ref), keys=(str(ref.repo),))


def _refuse_if_in_use(work: Work, info: BranchInfo) -> None:
    below = tables.branch_direct_subvenance(work.connection, info.row)
    if below:
        raise BranchInUse(info.ref, "'s in the direct provenance of", below)
    triggered = [
        other.ref
        for other in work.view.branches(info.ref.repo)
        if other.trigger is not None and other.trigger.branch == info.ref.name
    ]
    if triggered:
        raise BranchInUse(info.ref, " triggers branches", triggered)
