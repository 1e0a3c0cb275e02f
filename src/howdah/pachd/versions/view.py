"""What a reader sees: one consistent snapshot of projects, repos, branches and commits.

A view is only as old as the snapshot under it. A transaction reads through a view of its own,
which sees what it has changed so far.
"""

from collections.abc import Iterator, Sequence

from howdah.core.refs import BranchRef, CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import Invalid
from howdah.pachd.versions import tables
from howdah.pachd.versions.errors import (
    BranchNotFound,
    CommitDeleted,
    CommitNotFound,
    CommitSetNotFound,
    EventsForgotten,
    ProjectNotFound,
    RepoNotFound,
    TransactionNotFound,
)
from howdah.pachd.versions.names import Ancestry, is_commit_id, parse_ancestry
from howdah.pachd.versions.records import (
    FILESETS_REPO,
    BranchInfo,
    CommitInfo,
    CommitSetInfo,
    CommitState,
    Event,
    Metadata,
    Origin,
    ProjectInfo,
    RepoInfo,
    StoredTransaction,
)


class View:
    """Methods that name one thing raise NotFound's children if it is missing; lists never do."""

    def __init__(self, connection: tables.Connection) -> None:
        self.connection = connection

    # -- projects, repos

    def cluster_metadata(self) -> Metadata:
        return tables.cluster_metadata(self.connection)

    def project(self, name: str) -> ProjectInfo:
        info = tables.project(self.connection, name)
        if info is None:
            raise ProjectNotFound(name)
        return info

    def projects(self) -> list[ProjectInfo]:
        return tables.projects(self.connection)

    def repo(self, ref: RepoRef) -> RepoInfo:
        info = tables.repo(self.connection, ref)
        if info is None:
            raise RepoNotFound(ref)
        return info

    def repo_exists(self, ref: RepoRef) -> bool:
        return tables.repo_row(self.connection, ref) is not None

    def repos(self, type: str = "", projects: Sequence[str] = ()) -> list[RepoInfo]:
        """Newest first; `type` "" means every type, no projects means all of them."""
        if not projects:
            return tables.repos(self.connection, type)
        found = [repo for name in projects for repo in tables.repos(self.connection, type, name)]
        return sorted(found, key=lambda repo: -repo.row)

    # -- branches

    def branch(self, ref: BranchRef) -> BranchInfo:
        info = tables.branch(self.connection, ref)
        if info is None:
            raise BranchNotFound(ref)
        return info

    def find_branch(self, ref: BranchRef) -> BranchInfo | None:
        return tables.branch(self.connection, ref)

    def branches(self, repo: RepoRef | None = None, oldest_first: bool = False) -> list[BranchInfo]:
        row = None if repo is None else self.repo(repo).row
        found = tables.branches(self.connection, row)
        return found[::-1] if oldest_first else found

    def branch_provenance(
        self, start: BranchRef, downstream: bool = False, max_depth: int = 1 << 30, limit: int = 1 << 30
    ) -> list[BranchInfo]:
        """Branches that `start` rests on (or that rest on it), nearest first, without itself."""

        def step(info: BranchInfo) -> Sequence[BranchRef]:
            if downstream:
                return tables.branch_direct_subvenance(self.connection, info.row)
            return info.direct_provenance

        seen = {start}
        found: list[BranchInfo] = []
        near = [self.branch(start)]
        for _ in range(max_depth):
            fresh = dict.fromkeys(ref for info in near for ref in step(info) if ref not in seen)
            seen.update(fresh)
            near = [self.branch(ref) for ref in fresh]
            found += near
            if not near or len(found) >= limit:
                break
        return found[:limit]

    # -- commits

    def commit(self, commit: CommitRef | CommitSpec) -> CommitInfo:
        """The commit that the reference or expression names.

        An id that this repo has no commit of resolves through the provenance of its commit set
        to the commit of this repo that the set was computed from.
        """
        if commit.repo.name == FILESETS_REPO:
            return _fileset_commit(commit)
        if isinstance(commit, CommitRef):
            return self._commit_by_id(commit)
        ancestry = parse_ancestry(commit.expression)
        if ancestry.from_root is not None:
            return self._from_root(commit, ancestry.from_root, self._base(commit.repo, ancestry.base))
        return self._back(commit, ancestry, self._base(commit.repo, ancestry.base))

    def find_commit(self, ref: CommitRef) -> CommitInfo | None:
        """The commit stored under exactly this reference; aliases are not followed."""
        return tables.commit(self.connection, ref)

    def commit_by_row(self, row: int, ref: CommitRef) -> CommitInfo:
        info = tables.commit_by_row(self.connection, row)
        if info is None:
            raise CommitDeleted(ref)
        return info

    def _base(self, repo: RepoRef, name: str) -> CommitInfo:
        if is_commit_id(name):
            return self._commit_by_id(CommitRef(repo, CommitId(name.lower())))
        if not name:
            raise Invalid(f"cannot pick a commit of repo {repo} without an ID or a branch")
        if not self.repo_exists(repo):
            raise RepoNotFound(repo)
        head = tables.commit(self.connection, self.branch(BranchRef(repo, name)).head)
        assert head is not None  # a branch cannot outlive its head
        return head

    def _commit_by_id(self, ref: CommitRef) -> CommitInfo:
        found = tables.commit(self.connection, ref)
        if found is not None:
            return found
        for alias in tables.set_provenance(self.connection, ref.id):
            if alias.ref.repo == ref.repo:
                return alias
        if not self.repo_exists(ref.repo):
            raise RepoNotFound(ref.repo)
        raise CommitNotFound(ref)

    def _back(self, asked: CommitSpec, ancestry: Ancestry, info: CommitInfo) -> CommitInfo:
        for gone in range(ancestry.back):
            if info.parent is None:
                raise Invalid(
                    f"picking commit: invalid offset for ancestor of commit: {asked.repo}@{ancestry.base}, "
                    f"offset requested: {ancestry.back}, offset traversable: {gone}"
                )
            info = self._commit_by_id(info.parent)
        return info

    def _from_root(self, asked: CommitSpec, steps: int, head: CommitInfo) -> CommitInfo:
        line = [head.row]
        while (parent := tables.parent_row(self.connection, line[-1])) is not None:
            line.append(parent)
        if steps >= len(line):
            raise Invalid(
                f"picking commit: invalid offset from branch root for head commit: {asked}, "
                f"offset: {steps}, maximum depth: {len(line)}"
            )
        return self.commit_by_row(line[-1 - steps], head.ref)

    def state(self, info: CommitInfo) -> CommitState:
        """READY means that everything it is computed from has finished."""
        if info.finished:
            return CommitState.FINISHED
        if not info.open:
            return CommitState.FINISHING
        upstream = (tables.commit(self.connection, ref) for ref in info.direct_provenance)
        if all(commit is not None and commit.finished for commit in upstream):
            return CommitState.READY
        return CommitState.STARTED

    def commits(
        self,
        repo: RepoRef | None = None,
        *,
        to: CommitRef | CommitSpec | None = None,
        from_: CommitRef | CommitSpec | None = None,
        number: int = 0,
        oldest_first: bool = False,
        origin: Origin | None = None,
        started_before_ns: int | None = None,
    ) -> Iterator[CommitInfo]:
        """Newest first. With `to`, that commit and its ancestors, up to and without `from_`.

        `started_before_ns` bounds where the listing begins; with `oldest_first` it lists what
        started after it. `number` 0 means all.
        """
        found = self._listing(repo, to, from_, oldest_first, started_before_ns)
        sent = 0
        for info in found:
            if origin is not None and info.origin is not origin:
                continue
            yield info
            sent += 1
            if sent == number:
                return

    def _listing(
        self,
        repo: RepoRef | None,
        to: CommitRef | CommitSpec | None,
        from_: CommitRef | CommitSpec | None,
        oldest_first: bool,
        started_before_ns: int | None,
    ) -> Iterator[CommitInfo]:
        row = None if repo is None else self.repo(repo).row
        for end in (to, from_):
            if end is not None and end.repo != repo:
                raise Invalid(f"`from` and `to` commits need to be from repo {repo}")
        if to is not None:
            if oldest_first:
                raise Invalid("cannot use 'Reverse' while also using 'From' or 'To'")
            stop = None if from_ is None else self.commit(from_).ref
            yield from self._ancestors(self.commit(to), stop)
            return
        if from_ is not None:
            raise Invalid("cannot use `from` commit without `to` commit")
        for info in tables.commits(self.connection, row, oldest_first=oldest_first):
            bound = started_before_ns
            if bound is None or (info.started_ns > bound if oldest_first else info.started_ns < bound):
                yield info

    def _ancestors(self, info: CommitInfo, stop: CommitRef | None) -> Iterator[CommitInfo]:
        while info.ref != stop:
            yield info
            if info.parent is None:
                return
            info = self._commit_by_id(info.parent)

    def commit_provenance(
        self,
        start: CommitRef | CommitSpec,
        downstream: bool = False,
        max_depth: int = 1 << 30,
        limit: int = 1 << 30,
    ) -> list[CommitInfo]:
        """Commits that `start` was computed from (or that were computed from it), nearest first."""
        near = [self.commit(start).row]
        seen = set(near)
        rows: list[int] = []
        for _ in range(max_depth):
            step = (tables.commit_neighbours(self.connection, row, not downstream) for row in near)
            near = list(dict.fromkeys(row for found in step for row in found if row not in seen))
            seen.update(near)
            rows += near
            if not near or len(rows) >= limit:
                break
        found = (tables.commit_by_row(self.connection, row) for row in rows[:limit])
        return [info for info in found if info is not None]

    # -- commit sets

    def commit_set(self, id: str, aliases: bool = True) -> CommitSetInfo:
        """The commits of the set, and with `aliases` everything in their provenance; upstream first."""
        commits = tables.commits_of_set(self.connection, id)
        if not commits:
            raise CommitSetNotFound(id)
        if aliases:
            commits = tables.set_provenance(self.connection, id) + commits
        return CommitSetInfo(CommitId(id), tuple(_upstream_first(commits)))

    def commit_sets(self, project: str | None = None) -> Iterator[CommitSetInfo]:
        """By the newest commit of each, newest first."""
        for id in tables.set_ids_newest_first(self.connection, project):
            yield self.commit_set(id)

    def subvenant_sets(self, id: str) -> list[str]:
        """Ids of the sets that hold commits computed, at any remove, from a commit of set `id`."""
        found: dict[str, None] = {}
        near = [id]
        while near:
            downstream = (tables.set_subvenance(self.connection, each) for each in near)
            ids = dict.fromkeys(str(info.ref.id) for infos in downstream for info in infos)
            near = [each for each in ids if each != id and each not in found]
            found.update(dict.fromkeys(near))
        return list(found)

    # -- stored transactions, events

    def stored_transaction(self, id: str) -> StoredTransaction:
        for found, started_ns in tables.transaction_ids(self.connection):
            if found == id:
                requests = tuple(tables.transaction_requests(self.connection, id))
                return StoredTransaction(id, started_ns, requests)
        raise TransactionNotFound(id)

    def stored_transactions(self) -> list[StoredTransaction]:
        return [self.stored_transaction(id) for id, _ in tables.transaction_ids(self.connection)]

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """The log from a cursor on: pass the last `seq` seen, or 0 for as far back as it goes.
        EventsForgotten when events after the cursor are no longer kept."""
        first = tables.first_event(self.connection)
        if 0 < after < first - 1:
            raise EventsForgotten(after, first, self.last_event())
        return tables.events_after(self.connection, after, limit)

    def last_event(self) -> int:
        return tables.last_event(self.connection)


def _fileset_commit(commit: CommitRef | CommitSpec) -> CommitInfo:
    id = commit.id if isinstance(commit, CommitRef) else CommitId(commit.expression)
    ref = CommitRef(commit.repo, id)
    return CommitInfo(0, ref, "", Origin.AUTO, 0, 0, 0, description="FileSet - Virtual Commit")


def _upstream_first(commits: Sequence[CommitInfo]) -> Iterator[CommitInfo]:
    by_ref = {info.ref: info for info in commits}
    seen: set[CommitRef] = set()
    for start in commits:
        stack: list[tuple[CommitInfo, bool]] = [(start, False)]
        while stack:
            info, ready = stack.pop()
            if ready:
                yield info
            elif info.ref not in seen:
                seen.add(info.ref)
                stack.append((info, True))
                upstream = (by_ref.get(ref) for ref in reversed(info.direct_provenance))
                stack += [(found, False) for found in upstream if found is not None]
