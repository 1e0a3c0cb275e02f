"""Removing commits: squash keeps what they wrote in their children, drop takes it away.

A finished commit's tree is whole by itself, so neither has to move a byte: the children of a
commit that goes become children of its parent, and branches that pointed at it point at that.
"""

from collections.abc import Sequence

from howdah.core.refs import SPEC, CommitRef, CommitSpec
from howdah.errors import Conflict
from howdah.pachd.versions import commits, tables
from howdah.pachd.versions.errors import (
    DropWithChildren,
    SquashWithoutChildren,
    SquashWithSubvenance,
)
from howdah.pachd.versions.records import CommitInfo, Origin
from howdah.pachd.versions.work import Work


def squash_set(work: Work, id: str) -> None:
    infos = _whole_set(work, id)
    for info in infos:
        _refuse_spec(info)
        _refuse_without_children(info)
    _delete(work, infos)


def drop_set(work: Work, id: str) -> None:
    infos = _whole_set(work, id)
    for info in infos:
        _refuse_spec(info)
        _refuse_with_children(info)
    _delete(work, infos)


def squash_commit(work: Work, commit: CommitRef | CommitSpec, recursive: bool) -> None:
    infos = _with_subvenance(work, commit, recursive, "squash")
    for info in infos:
        _refuse_spec(info)
        _refuse_without_children(info)
    _delete(work, infos)


def drop_commit(work: Work, commit: CommitRef | CommitSpec, recursive: bool) -> None:
    infos = _with_subvenance(work, commit, recursive, "drop")
    for info in infos:
        _refuse_spec(info)
        _refuse_with_children(info)
    _delete(work, infos)


def forget_commit(work: Work, commit: CommitRef | CommitSpec) -> CommitInfo:
    """Give up the content of a computed commit and keep its place in history."""
    info = work.view.commit(commit)
    if any(not work.view.commit(child).finished for child in info.children):
        raise Conflict("direct descendants must be closed")
    if not info.direct_provenance:
        raise Conflict("the commit to be forgotten must be in an output repo")
    if not info.finished:
        raise Conflict(f"commit {info.ref} must be finished before it can be forgotten")
    if tables.branches_headed_by(work.connection, info.row):
        raise Conflict("the branch head cannot be a forgotten commit")
    _refuse_foundation(work, info)
    tables.forget_content(work.connection, info.row)
    work.emit_commit("forgotten", info.ref)
    return info


def _whole_set(work: Work, id: str) -> Sequence[CommitInfo]:
    subvenant = work.view.subvenant_sets(id)
    if subvenant:
        raise SquashWithSubvenance(id, subvenant)
    return work.view.commit_set(id, aliases=False).commits


def _with_subvenance(
    work: Work, commit: CommitRef | CommitSpec, recursive: bool, verb: str
) -> list[CommitInfo]:
    info = work.view.commit(commit)
    below = work.view.commit_provenance(info.ref, downstream=True)
    if below and not recursive:
        raise Conflict(f"cannot {verb} commit ({info.ref}) with subvenance without recursive")
    return [info, *below]


def _refuse_spec(info: CommitInfo) -> None:
    if info.ref.repo.type == SPEC and info.origin is Origin.USER:
        raise Conflict(f"cannot squash commit {info.ref} because it updated a pipeline")


def _refuse_without_children(info: CommitInfo) -> None:
    if not info.children:
        raise SquashWithoutChildren(info.ref)


def _refuse_with_children(info: CommitInfo) -> None:
    if info.children:
        raise DropWithChildren(info.ref)


def _delete(work: Work, infos: Sequence[CommitInfo]) -> None:
    for info in infos:
        _refuse_unfinished_children(work, info)
        _refuse_foundation(work, info)
    for info in infos:
        _repoint_branches(work, info)
        parent = tables.parent_row(work.connection, info.row)
        tables.set_commit_parent_of_children(work.connection, info.row, parent)
        tables.delete_commit(work.connection, info.row)
        work.deleted(info)


def _refuse_unfinished_children(work: Work, info: CommitInfo) -> None:
    for ref in info.children:
        child = work.view.commit(ref)
        if not child.finished:
            hint = "" if child.open else ", consider using WaitCommit"
            raise Conflict(f"cannot squash until child commit {ref} is finished{hint}")


def _refuse_foundation(work: Work, info: CommitInfo) -> None:
    """A child with an error is no base for anyone: what comes after it rests on this commit."""
    for ref in info.children:
        child = work.view.commit(ref)
        if not child.error:
            continue
        grandchildren = [work.view.commit(each) for each in child.children]
        is_head = bool(tables.branches_headed_by(work.connection, child.row))
        if is_head or not all(each.finished for each in grandchildren):
            raise Conflict(
                f"cannot squash or forget commit {info.ref}: its child {ref} finished with an error, and "
                "what is written after that still rests on this commit; write a good commit first"
            )
        _refuse_foundation(work, child)


def _repoint_branches(work: Work, info: CommitInfo) -> None:
    headless = tables.branches_headed_by(work.connection, info.row)
    if not headless:
        return
    head = tables.parent_row(work.connection, info.row)
    if head is None:
        first = headless[0]
        beside = tables.commit(work.connection, CommitRef(info.ref.repo, work.set_id))
        if beside is not None and beside.row != info.row:
            head = beside.row
        else:
            upstream = [work.view.branch(each).head for each in first.direct_provenance]
            head = commits.make_empty(work, first.ref, upstream, None)
            tables.set_commit_branch(work.connection, head, first.row)
    work.refuse_forgotten(head)
    for branch in headless:
        work.point(branch.ref, branch.row, head)
