"""What can go wrong with versioned data. The texts are part of Pachyderm's interface:
its clients match them.
"""

from collections.abc import Iterable

from howdah.core.refs import BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.errors import AlreadyExists, Conflict, Invalid, NotFound, Unavailable

AnyCommit = CommitRef | CommitSpec


class ProjectNotFound(NotFound):
    def __init__(self, project: str) -> None:
        super().__init__(f'project "{project}" not found')
        self.project = project


class ProjectExists(AlreadyExists):
    def __init__(self, project: str) -> None:
        super().__init__(f"project {project} already exists")
        self.project = project


class ProjectNotEmpty(Conflict):
    def __init__(self, project: str, repos: Iterable[RepoRef]) -> None:
        remaining = "\n".join(f"repo {repo} still exists" for repo in repos)
        super().__init__(f"cannot delete project {project}: {remaining}")
        self.project = project


class RepoNotFound(NotFound):
    def __init__(self, repo: RepoRef) -> None:
        super().__init__(f"repo {repo} not found")
        self.repo = repo


class RepoExists(AlreadyExists):
    def __init__(self, repo: RepoRef) -> None:
        super().__init__(f"repo {repo} already exists")
        self.repo = repo


class BranchNotFound(NotFound):
    def __init__(self, branch: BranchRef) -> None:
        super().__init__(f'branch "{branch.name}" not found in repo {branch.repo}')
        self.branch = branch


class BranchInUse(Conflict):
    """A branch that other branches depend on cannot go without `force`."""

    def __init__(self, branch: BranchRef, why: str, others: Iterable[BranchRef]) -> None:
        listed = " ".join(str(other) for other in others)
        super().__init__(f'branch "{branch}" cannot be deleted because it{why} [{listed}]')
        self.branch = branch


class BranchCycle(Conflict):
    def __init__(self, branch: BranchRef, upstream: BranchRef) -> None:
        super().__init__(f"cycle detected because {upstream} is already in the subvenance of {branch}")
        self.branch = branch


class InvalidProvenanceStructure(Conflict):
    def __init__(self, branch: BranchRef) -> None:
        super().__init__(
            f'multiple branches from the same repo, "{branch.repo}", cannot participate in a DAG'
        )
        self.branch = branch


class CommitNotFound(NotFound):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"commit {commit} not found")
        self.commit = commit


class CommitSetNotFound(NotFound):
    def __init__(self, set_id: str) -> None:
        super().__init__(f"no commits found for commitset {set_id}")
        self.set_id = set_id


class CommitDeleted(NotFound):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"commit {commit} was deleted")
        self.commit = commit


class CommitFinished(Conflict):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"commit {commit} has already finished")
        self.commit = commit


class CommitFailed(Conflict):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"commit {commit} finished with an error")
        self.commit = commit


class CommitNotFinished(Unavailable):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"commit {commit} not finished")
        self.commit = commit


class BaseCommitNotFinished(Unavailable):
    def __init__(self, base: AnyCommit, commit: AnyCommit) -> None:
        super().__init__(f"base commit {base} for commit {commit} unfinished")
        self.base = base
        self.commit = commit


class ParentNotFinished(Conflict):
    def __init__(self, parent: AnyCommit) -> None:
        super().__init__(f"parent commit {parent} has not been finished")
        self.parent = parent


class InconsistentCommit(Conflict):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(
            f"inconsistent dependencies: cannot create commit from {commit}; "
            f"repo ({commit.repo.name}) already has a commit in this transaction"
        )
        self.commit = commit


class CommitOnOutputBranch(Conflict):
    def __init__(self, branch: BranchRef) -> None:
        super().__init__(f"cannot start a commit on an output branch: {branch}")
        self.branch = branch


class SquashWithoutChildren(Conflict):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(
            "cannot squash a commit that has no children as that would cause data loss, "
            f"use the drop operation instead: {commit}"
        )
        self.commit = commit


class DropWithChildren(Conflict):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"cannot drop a commit that has children: {commit}")
        self.commit = commit


class SquashWithSubvenance(Conflict):
    def __init__(self, set_id: str, subvenant: Iterable[str]) -> None:
        listed = " ".join(f'id:"{other}"' for other in subvenant)
        super().__init__(
            f'commit set "id:\\"{set_id}\\"" cannot be dropped '
            f"because it has subvenant commit sets: [{listed}]"
        )
        self.set_id = set_id


class CommitForgotten(NotFound):
    def __init__(self, commit: AnyCommit) -> None:
        super().__init__(f"the commit is forgotten: {commit}")
        self.commit = commit


class FileNotFound(NotFound):
    def __init__(self, path: str, commit: CommitRef) -> None:
        super().__init__(f"file {path} not found in repo {commit.repo} at commit {commit.id}")
        self.path = path
        self.commit = commit


class NotOneFile(Invalid):
    """A read of one file hit a directory or several files."""


class FilesetNotFound(NotFound):
    def __init__(self, fileset: str) -> None:
        super().__init__(f"fileset {fileset} not found: its time to live may be over")
        self.fileset = fileset


class TransactionNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"transaction {id} not found")
        self.id = id


class InvalidName(Invalid):
    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"name ({name}) invalid: {why}")
        self.name = name


class InvalidPath(Invalid):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"path ({path}) invalid: {why}")
        self.path = path


class EventsForgotten(NotFound):
    """A reader of the log was away for too long. It can read the present state and go on from `last`."""

    def __init__(self, after: int, first: int, last: int) -> None:
        super().__init__(
            f"events right after {after} are no longer kept: the log begins with {first}; "
            f"read what there is now and go on after {last}"
        )
        self.after, self.first, self.last = after, first, last
