"""Where a write goes: into the open commit that was named, or into a commit of its own.

Naming a branch means its head. If that is not open the write becomes a child of it, made and
finished at once. Naming a commit by its id means that commit and no other.
"""

from howdah.core.refs import BranchRef, CommitRef, CommitSpec
from howdah.errors import NotFound
from howdah.pachd.storage.content import Hash
from howdah.pachd.versions.errors import CommitFinished, CommitOnOutputBranch, RepoNotFound
from howdah.pachd.versions.names import is_commit_id, parse_ancestry, validate_branch_name
from howdah.pachd.versions.records import CommitInfo
from howdah.pachd.versions.transaction import Transaction
from howdah.pachd.versions.view import View


def check_writable(view: View, commit: CommitRef | CommitSpec) -> None:
    """Refuse early what would be refused in the end, before any byte is taken in."""
    info = _target(view, commit)
    if info is None or not info.open:
        branch = _branch(commit)
        validate_branch_name(branch.name)
        found = view.find_branch(branch)
        if found is not None and found.provenance:
            raise CommitOnOutputBranch(branch)


def attach_or_make(tx: Transaction, commit: CommitRef | CommitSpec, layer: Hash) -> CommitRef:
    info = _target(tx.view, commit)
    if info is not None and info.open:
        tx.attach(info.ref, [layer])
        return info.ref
    made = tx.start_commit(_branch(commit))
    tx.attach(made, [layer])
    tx.finish_commit(made)
    return made


def is_open(view: View, commit: CommitRef | CommitSpec) -> bool:
    """Whether a write goes into a commit that is there."""
    info = _target(view, commit)
    return info is not None and info.open


def writes_after(view: View, commit: CommitRef | CommitSpec) -> CommitInfo | None:
    """The head whose child a write makes; None if it makes none, or the first of its branch."""
    info = _target(view, commit)
    return None if info is None or info.open else info


def _target(view: View, commit: CommitRef | CommitSpec) -> CommitInfo | None:
    """The commit that is named, None for a branch that is still to be made."""
    try:
        info = view.commit(commit)
    except NotFound:
        if not _names_branch(commit):
            raise
        if not view.repo_exists(commit.repo):
            raise RepoNotFound(commit.repo) from None
        return None
    if not info.open and not _names_branch(commit):
        raise CommitFinished(info.ref)
    return info


def _names_branch(commit: CommitRef | CommitSpec) -> bool:
    if isinstance(commit, CommitRef):
        return False
    ancestry = parse_ancestry(commit.expression)
    return ancestry.base == commit.expression and not is_commit_id(ancestry.base)


def _branch(commit: CommitRef | CommitSpec) -> BranchRef:
    assert isinstance(commit, CommitSpec)
    return BranchRef(commit.repo, commit.expression)
