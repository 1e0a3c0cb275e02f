"""The unfinished business of one transaction: what it changed and what must follow at its end."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef
from howdah.errors import Conflict
from howdah.pachd.versions import tables
from howdah.pachd.versions.errors import RepoNotFound
from howdah.pachd.versions.records import BranchInfo, CommitInfo
from howdah.pachd.versions.view import View

KEPT_EVENTS = 100_000
"""At least so many of the log's last events can be read; a reader further behind is told."""
PRUNE_EVERY = 1000


@dataclass(slots=True)
class Changes:
    """What happened to commits since participants were last asked, each list in order.

    `created` holds commits that are still open or were made finished; `deleted` holds them as
    they were. A commit may stand in several lists.
    """

    created: list[CommitInfo] = field(default_factory=list)
    finishing: list[CommitInfo] = field(default_factory=list)
    finished: list[CommitInfo] = field(default_factory=list)
    deleted: list[CommitInfo] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.created or self.finishing or self.finished or self.deleted)


class Work:
    """Lives inside one database transaction, on the writer's thread."""

    def __init__(self, connection: tables.Connection, now_ns: int, set_id: CommitId) -> None:
        self.connection = connection
        self.view = View(connection)
        self.now_ns = now_ns
        self.set_id = set_id
        self.keys: set[str] = set()
        self.moved: dict[BranchRef, None] = {}
        self._created: list[CommitRef] = []
        self._finishing: list[CommitRef] = []
        self._finished: list[CommitRef] = []
        self._deleted: list[CommitInfo] = []

    # -- events

    def emit(self, kind: str, subject: str, set_id: str = "", keys: Iterable[str] = ()) -> None:
        seq = tables.append_event(self.connection, self.now_ns, kind, subject, set_id)
        if seq % PRUNE_EVERY == 0:
            tables.forget_events(self.connection, seq - KEPT_EVENTS, 10 * PRUNE_EVERY)
        self.keys.update((kind, subject, *keys))
        if set_id:
            self.keys.add(set_id)

    def emit_commit(self, what: str, ref: CommitRef) -> None:
        self.emit(f"commit.{what}", str(ref), ref.id, keys=(str(ref.repo),))

    # -- commits, as they go through their states

    def created(self, ref: CommitRef) -> None:
        self._created.append(ref)
        self.emit_commit("started", ref)

    def finishing(self, ref: CommitRef) -> None:
        self._finishing.append(ref)
        self.emit_commit("finishing", ref)

    def finished(self, ref: CommitRef) -> None:
        self._finished.append(ref)
        self.emit_commit("finished", ref)

    def deleted(self, info: CommitInfo) -> None:
        self._deleted.append(info)
        self.emit_commit("deleted", info.ref)

    def take_changes(self) -> Changes:
        """What changed since the last call, as it stands now."""
        changes = Changes(
            self._present(self._created),
            self._present(self._finishing),
            self._present(self._finished),
            self._deleted,
        )
        self._created, self._finishing, self._finished, self._deleted = [], [], [], []
        return changes

    def _present(self, refs: Iterable[CommitRef]) -> list[CommitInfo]:
        found = (tables.commit(self.connection, ref) for ref in refs)
        return [info for info in found if info is not None]

    # -- branches

    def propagate(self, branch: BranchRef) -> None:
        """Its head moved: what is downstream follows at the end of the transaction."""
        self.moved[branch] = None

    def point(self, branch: BranchRef, row: int, head_row: int) -> None:
        """Give a branch that exists another head."""
        tables.set_branch_head(self.connection, row, head_row, self.now_ns)
        self.emit("branch.updated", str(branch), keys=(str(branch.repo),))

    def move_head(self, info: BranchInfo, head_row: int) -> None:
        self.point(info.ref, info.row, head_row)
        self.propagate(info.ref)

    def refuse_forgotten(self, row: int) -> None:
        """For a commit that is to be a branch's head or a parent."""
        if tables.commit_content(self.connection, row)[1]:
            info = tables.commit_by_row(self.connection, row)
            raise Conflict(f"commit {info and info.ref} is forgotten: nothing can rest on it any more")

    def repo_row(self, repo: RepoRef) -> int:
        row = tables.repo_row(self.connection, repo)
        if row is None:
            raise RepoNotFound(repo)
        return row
