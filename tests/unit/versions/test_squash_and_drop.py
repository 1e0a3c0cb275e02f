"""Removing commits, and what is left behind."""

import pytest

from howdah.core.refs import SPEC, BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.errors import Conflict
from howdah.pachd.versions import Origin, Transaction, Versions
from howdah.pachd.versions.errors import (
    CommitSetNotFound,
    DropWithChildren,
    SquashWithoutChildren,
    SquashWithSubvenance,
)
from howdah.pachd.versions.tables import Content

RAW, CLEAN = RepoRef("raw"), RepoRef("clean")
MASTER = BranchRef(RAW, "master")


def finished(versions: Versions, branch: BranchRef = MASTER) -> CommitRef:
    """A commit that has gone all the way, without files."""
    ref = versions.transact(lambda tx: tx.start_commit(branch))
    versions.transact(lambda tx: tx.finish_commit(ref))
    complete(versions, ref)
    return ref


def complete(versions: Versions, ref: CommitRef, error: str = "", size_bytes: int = 0) -> None:
    def change(tx: Transaction) -> None:
        info = tx.view.commit(ref)
        tx.complete_commit(info, error=error, size_bytes=size_bytes, content=Content(None, None))

    versions.transact(change)


def test_squash_needs_children_and_hands_them_to_the_parent(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    one, two, three = (finished(versions) for _ in range(3))
    with pytest.raises(SquashWithoutChildren, match="no children as that would cause data loss"):
        versions.transact(lambda tx: tx.squash_commit_set(three.id))
    versions.transact(lambda tx: tx.squash_commit_set(two.id))
    with versions.view() as view:
        assert view.commit(three).parent == one
        assert view.commit(one).children == (three,)


def test_drop_needs_no_children_and_moves_the_head_back(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    one, two = finished(versions), finished(versions)
    with pytest.raises(DropWithChildren, match="cannot drop a commit that has children"):
        versions.transact(lambda tx: tx.drop_commit_set(one.id))
    versions.transact(lambda tx: tx.drop_commit_set(two.id))
    with versions.view() as view:
        assert view.branch(MASTER).head == one
    versions.transact(lambda tx: tx.drop_commit_set(one.id))
    with versions.view() as view:
        head = view.commit(CommitSpec(RAW, "master"))
        assert (head.origin, head.parent, head.finished) == (Origin.AUTO, None, True)


def test_a_set_that_others_rest_on_stays(versions: Versions) -> None:
    labels = BranchRef(RepoRef("labels"), "master")

    def change(tx: Transaction) -> None:
        for repo in (RAW, labels.repo, CLEAN):
            tx.create_repo(repo)
        tx.create_branch(BranchRef(CLEAN, "master"), provenance=[MASTER, labels])

    versions.transact(change)
    one, two = finished(versions), finished(versions, labels)
    with pytest.raises(SquashWithSubvenance, match="cannot be dropped because it has subvenant commit sets"):
        versions.transact(lambda tx: tx.drop_commit_set(one.id))
    with pytest.raises(Conflict, match="with subvenance without recursive"):
        versions.transact(lambda tx: tx.drop_commit(two))
    versions.transact(lambda tx: tx.drop_commit(two, recursive=True))
    with versions.view() as view:
        assert view.find_commit(CommitRef(CLEAN, two.id)) is None
        assert view.branch(BranchRef(CLEAN, "master")).head == CommitRef(CLEAN, one.id)
    with pytest.raises(CommitSetNotFound, match="no commits found for commitset"):
        versions.transact(lambda tx: tx.squash_commit_set(two.id))


def test_an_unfinished_child_protects_its_parent(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    one = finished(versions)
    child = versions.transact(lambda tx: tx.start_commit(MASTER))
    with pytest.raises(Conflict, match=f"cannot squash until child commit {child} is finished$"):
        versions.transact(lambda tx: tx.squash_commit_set(one.id))
    versions.transact(lambda tx: tx.finish_commit(child))
    with pytest.raises(Conflict, match="is finished, consider using WaitCommit"):
        versions.transact(lambda tx: tx.squash_commit_set(one.id))


def test_a_commit_that_updated_a_pipeline_stays(versions: Versions) -> None:
    spec = BranchRef(RepoRef("raw", SPEC), "master")
    versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_repo(spec.repo)))
    one, _ = finished(versions, spec), finished(versions, spec)
    with pytest.raises(Conflict, match="because it updated a pipeline"):
        versions.transact(lambda tx: tx.squash_commit_set(one.id))


def test_only_old_computed_commits_can_be_forgotten(versions: Versions) -> None:
    versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_repo(CLEAN)))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "master"), provenance=[MASTER]))
    first = finished(versions)
    with pytest.raises(Conflict, match="must be in an output repo"):
        versions.transact(lambda tx: tx.forget_commit(first))
    out = CommitRef(CLEAN, first.id)
    versions.transact(lambda tx: tx.finish_commit(out))
    complete(versions, out)
    with pytest.raises(Conflict, match="the branch head cannot be a forgotten commit"):
        versions.transact(lambda tx: tx.forget_commit(out))
    second = finished(versions)
    versions.transact(lambda tx: tx.finish_commit(CommitRef(CLEAN, second.id)))
    complete(versions, CommitRef(CLEAN, second.id))
    versions.transact(lambda tx: tx.forget_commit(out))
    for attempt in (
        lambda tx: tx.create_branch(BranchRef(CLEAN, "old"), head=out),
        lambda tx: tx.move_head(BranchRef(CLEAN, "master"), out),
        lambda tx: tx.start_commit(BranchRef(CLEAN, "new"), parent=out),
        lambda tx: tx.drop_commit(CommitRef(CLEAN, second.id)),
    ):
        with pytest.raises(Conflict, match="nothing can rest on it"):
            versions.transact(attempt)
