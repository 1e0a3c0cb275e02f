"""What things are called: projects, repos, branches and commits.

References are values. They say nothing about whether the thing exists; that is
`pachd.versions`' to know. The empty project name means `default` everywhere, and
is replaced here so that no other module has to remember it.
"""

import uuid
from dataclasses import dataclass
from typing import NewType

CommitId = NewType("CommitId", str)
"""A global id: a UUID without dashes, shared by all commits of one commit set."""

DEFAULT_PROJECT = "default"
USER, META, SPEC = "user", "meta", "spec"


def new_commit_id() -> CommitId:
    # Version 4, as Pachyderm's: clients check the thirteenth digit.
    return CommitId(uuid.uuid4().hex)


@dataclass(frozen=True, slots=True, order=True)
class RepoRef:
    name: str
    type: str = USER
    project: str = DEFAULT_PROJECT

    def __post_init__(self) -> None:
        if not self.project:
            object.__setattr__(self, "project", DEFAULT_PROJECT)
        if not self.type:
            object.__setattr__(self, "type", USER)

    def __str__(self) -> str:
        name = self.name if self.type == USER else f"{self.name}.{self.type}"
        return f"{self.project}/{name}"


@dataclass(frozen=True, slots=True, order=True)
class BranchRef:
    repo: RepoRef
    name: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class CommitRef:
    """One repo's part of a commit set."""

    repo: RepoRef
    id: CommitId

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"


@dataclass(frozen=True, slots=True)
class CommitSpec:
    """How a caller names a commit: an id, a branch, or an ancestor of either.

    The expression is what stands after the `@`: `master`, `master^2`, `master.1`,
    `<id>`, `<id>~`. Resolving it needs a store.
    """

    repo: RepoRef
    expression: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.expression}"

    @classmethod
    def of(cls, repo: RepoRef, branch: str = "", id: str = "") -> "CommitSpec":
        """As clients send it: a branch, an id, or a branch with ancestry in the id's place."""
        if branch and (not id or id[0] in ".^~"):
            return cls(repo, branch + id)
        return cls(repo, id)
