"""Commits: starting, finishing, completing, describing and clearing them."""

from collections.abc import Iterable, Sequence

from howdah.core.refs import BranchRef, CommitRef, CommitSpec
from howdah.errors import Conflict, Invalid
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import EMPTY_ROOT
from howdah.pachd.versions import tables, triggers
from howdah.pachd.versions.errors import (
    CommitFinished,
    CommitOnOutputBranch,
    InconsistentCommit,
    ParentNotFinished,
)
from howdah.pachd.versions.files.tables import attach_to_commit
from howdah.pachd.versions.names import validate_branch_name
from howdah.pachd.versions.propagation import PlannedCommit
from howdah.pachd.versions.records import CommitInfo, Origin
from howdah.pachd.versions.tables import Content, NewCommit
from howdah.pachd.versions.work import Work


def start_commit(
    work: Work,
    branch: BranchRef,
    parent: CommitRef | CommitSpec | None,
    description: str,
    allow_output: bool,
) -> CommitRef:
    if not branch.name:
        raise Invalid("branch must be specified")
    repo = work.repo_row(branch.repo)
    validate_branch_name(branch.name)
    existing = tables.branch(work.connection, branch)
    if existing is not None and existing.provenance and not allow_output:
        raise CommitOnOutputBranch(branch)
    parent = parent if parent is not None or existing is None else existing.head
    line = None if parent is None else work.view.commit(parent)
    if line is not None:
        _check_parent(branch, line)
        work.refuse_forgotten(line.row)
    direct = () if existing is None else existing.direct_provenance
    upstream = [work.view.branch(each).head for each in direct]
    row = _insert(work, branch, upstream, None if line is None else line.row, Origin.USER, description)
    if existing is None:
        branch_row = tables.insert_branch(work.connection, repo, branch.name, row, work.now_ns)
        work.emit("branch.created", str(branch), keys=(str(branch.repo),))
    else:
        branch_row = existing.row
        work.point(branch, branch_row, row)
    tables.set_commit_branch(work.connection, row, branch_row)
    work.propagate(branch)
    return CommitRef(branch.repo, work.set_id)


def _check_parent(branch: BranchRef, parent: CommitInfo) -> None:
    if parent.ref.repo != branch.repo:
        raise Invalid(f"the parent of a commit on {branch} must be in the same repo, not {parent.ref}")
    if parent.open:
        raise ParentNotFinished(parent.ref)


def _insert(
    work: Work,
    branch: BranchRef,
    upstream: Iterable[CommitRef],
    parent: int | None,
    origin: Origin,
    description: str = "",
) -> int:
    ref = CommitRef(branch.repo, work.set_id)
    if tables.commit(work.connection, ref) is not None:
        raise InconsistentCommit(ref)
    size = 0 if parent is None else work.view.commit_by_row(parent, ref).size_bytes
    repo = work.repo_row(branch.repo)
    new = NewCommit(repo, work.set_id, None, parent, origin, description, work.now_ns, size)
    row = tables.insert_commit(work.connection, new, [work.view.commit(each).row for each in upstream])
    work.created(ref)
    return row


def make_empty(work: Work, branch: BranchRef, upstream: Sequence[CommitRef], parent: int | None) -> int:
    """A commit that only gives a branch its head: finished, unless it is to be computed from others."""
    row = _insert(work, branch, upstream, parent, Origin.AUTO)
    if not upstream:
        tables.mark_finishing(work.connection, row, work.now_ns, "")
        tables.mark_finished(work.connection, row, work.now_ns, "", 0, Content(None, None))
    return row


def make_planned(work: Work, planned: PlannedCommit) -> None:
    """The next commit of a branch because something upstream moved."""
    branch = planned.branch
    parent = work.view.commit(branch.head).row
    row = _insert(work, branch.ref, planned.upstream, parent, Origin.AUTO)
    tables.set_commit_branch(work.connection, row, branch.row)
    work.point(branch.ref, branch.row, row)


def finish_commit(work: Work, info: CommitInfo, error: str, description: str) -> None:
    """From here on nothing can be written to the commit; the finisher does the rest."""
    if not info.open:
        raise CommitFinished(info.ref)
    if description:
        tables.describe_commit(work.connection, info.row, description)
    tables.mark_finishing(work.connection, info.row, work.now_ns, error)
    work.finishing(info.ref)


def attach(work: Work, info: CommitInfo, layers: Sequence[Hash]) -> None:
    if not info.open:
        raise CommitFinished(info.ref)
    attach_to_commit(work.connection, info.row, [layer for layer in layers if layer != EMPTY_ROOT])
    work.emit_commit("written", info.ref)


def complete_commit(work: Work, row: int, error: str, size_bytes: int, content: Content) -> None:
    """FINISHING to FINISHED: the content is durable and validated. Triggers fire if it has no error."""
    tables.mark_finished(work.connection, row, work.now_ns, error, size_bytes, content)
    tables.delete_layers_of_commit(work.connection, row)
    info = tables.commit_by_row(work.connection, row)
    assert info is not None
    work.finished(info.ref)
    if not error:
        _fire_triggers(work, info)


def _fire_triggers(work: Work, info: CommitInfo) -> None:
    by_name = {branch.ref.name: branch for branch in work.view.branches(info.ref.repo, oldest_first=True)}
    for moved in triggers.moves(info, by_name, work.view.commit):
        work.move_head(moved.branch, moved.head.row)


def clear_commit(work: Work, info: CommitInfo) -> None:
    """Take back everything written to an open commit."""
    if not info.open:
        raise Conflict("cannot clear finished commit")
    tables.delete_layers_of_commit(work.connection, info.row)
    work.emit_commit("cleared", info.ref)
