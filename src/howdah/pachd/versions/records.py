"""What the store says about its objects: frozen records, one per noun."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef

Metadata = Mapping[str, str]

FILESETS_REPO = "__filesets__"
"""The repo name under which a fileset can be read as if it were a finished commit."""


class Origin(enum.StrEnum):
    USER = "USER"
    AUTO = "AUTO"
    FSCK = "FSCK"


class CommitState(enum.IntEnum):
    """In the order in which a commit passes through them."""

    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    name: str
    description: str = ""
    created_ns: int = 0
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepoInfo:
    row: int
    ref: RepoRef
    description: str = ""
    created_ns: int = 0
    branches: tuple[BranchRef, ...] = ()
    size_bytes: int = 0
    """The size of the newest finished commit of `master`, 0 if there is none."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """When the head of `branch` becomes the head of the branch that has this trigger.

    `cron_spec` stands alone. Of the others any one is enough, or every one that is given if `all`.
    """

    branch: str
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


@dataclass(frozen=True, slots=True)
class BranchInfo:
    row: int
    ref: BranchRef
    head: CommitRef
    direct_provenance: tuple[BranchRef, ...] = ()
    provenance: tuple[BranchRef, ...] = ()
    subvenance: tuple[BranchRef, ...] = ()
    never: frozenset[BranchRef] = frozenset()
    """Direct provenance whose new commits do not propagate to this branch."""
    trigger: Trigger | None = None
    created_ns: int = 0
    updated_ns: int = 0
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as it stood when it was read.

    `branch` is the name of the branch it was made on, "" once that branch is deleted.
    `size_bytes` is the size of its content once finished, and of its nearest finished
    ancestor before. `row` is 0 for a fileset that is read as a commit.
    """

    row: int
    ref: CommitRef
    branch: str
    origin: Origin
    started_ns: int
    finishing_ns: int | None = None
    finished_ns: int | None = None
    error: str = ""
    description: str = ""
    parent: CommitRef | None = None
    children: tuple[CommitRef, ...] = ()
    direct_provenance: tuple[CommitRef, ...] = ()
    size_bytes: int = 0
    metadata: Metadata = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.finishing_ns is None

    @property
    def finished(self) -> bool:
        return self.finished_ns is not None


@dataclass(frozen=True, slots=True)
class CommitSetInfo:
    """All commits of one id and everything in their provenance, upstream first."""

    id: CommitId
    commits: tuple[CommitInfo, ...]


@dataclass(frozen=True, slots=True)
class FindResult:
    """One step of a search back through a branch: `found` is None in the last, which closes it."""

    found: CommitRef | None
    last_searched: CommitRef
    searched: int


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction that a client is still assembling: opaque requests, to be replayed in order."""

    id: str
    started_ns: int
    requests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One change, as the log keeps it.

    `kind` is `<noun>.<what happened>`, `subject` the noun's full name, `set_id` the commit
    set concerned or "".
    """

    seq: int
    at_ns: int
    kind: str
    subject: str
    set_id: str = ""
