"""The one way to change versioned data.

A transaction is all or nothing across repos, and everything it commits shares one commit set id.
At its end propagation gives every branch downstream of one that moved a commit of the set; then
the participants are asked, in the same database transaction, which may act through the same
methods; then propagation again, until nothing moves any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from howdah.core.refs import BranchRef, CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import Conflict, Invalid
from howdah.pachd.storage.content import Hash
from howdah.pachd.versions import branches, commits, propagation, repos, squash, tables
from howdah.pachd.versions.files import filesets
from howdah.pachd.versions.files import tables as file_tables
from howdah.pachd.versions.files.sources import LayersOverBase
from howdah.pachd.versions.records import CommitInfo, Metadata, ProjectInfo, Trigger
from howdah.pachd.versions.tables import Content
from howdah.pachd.versions.view import View
from howdah.pachd.versions.work import Changes, Work

type AnyCommit = CommitRef | CommitSpec
_LIMIT_ROUNDS = 100


class Participant(Protocol):
    """Someone whose own rows must change in the very transaction that changes commits.

    Called on the writer's thread, so quick and without waiting. Whatever a method raises undoes
    the whole transaction and reaches its caller.
    """

    def settle(self, tx: "Transaction", changes: Changes) -> None:
        """Called at the end of a transaction that touched commits, after propagation.

        It may write its own tables through `tx.connection` and call any operation of `tx`; if
        that touches commits again it is called again, with those changes only.
        """
        ...

    def check_delete_repo(self, tx: "Transaction", repo: RepoRef) -> None:
        """Raise if this repo may not be deleted on its own."""
        ...

    def check_finish_commit(self, tx: "Transaction", commit: CommitInfo) -> None:
        """Raise if a client may not finish this commit (asked only without `force`)."""
        ...


class Transaction:
    """Alive only inside `Versions.transact`. Reads through `view` see what was changed so far."""

    def __init__(self, work: Work, participants: Sequence[Participant]) -> None:
        self._work = work
        self._participants = participants

    @property
    def id(self) -> CommitId:
        """The commit set id of everything committed here."""
        return self._work.set_id

    @property
    def now_ns(self) -> int:
        """One moment for the whole transaction."""
        return self._work.now_ns

    @property
    def view(self) -> View:
        return self._work.view

    @property
    def connection(self) -> tables.Connection:
        """For participants' own tables."""
        return self._work.connection

    def emit(self, kind: str, subject: str, set_id: str = "", keys: Collection[str] = ()) -> None:
        """Append to the event log; waiters on kind, subject, set id and further keys wake once it
        is durable."""
        self._work.emit(kind, subject, set_id, keys)

    # -- projects and repos

    def create_project(self, name: str, description: str = "", update: bool = False) -> None:
        repos.create_project(self._work, name, description, update)

    def delete_project(self, name: str, force: bool = False) -> None:
        """Without `force` the project must be empty; with it its repos go too."""
        self._check_delete(info.ref for info in self.view.repos(projects=[name]))
        repos.delete_project(self._work, name, force)

    def create_repo(self, repo: RepoRef, description: str = "", update: bool = False) -> None:
        """`update` makes the call idempotent and sets the description of a repo that exists."""
        repos.create_repo(self._work, repo, description, update)

    def delete_repo(self, repo: RepoRef, force: bool = False) -> bool:
        """With its branches, commits and, for a user repo, the system repos beside it.

        False if there is no such repo. Without `force` no branch may depend on its branches.
        """
        if not self.view.repo_exists(repo):
            return False
        self._check_delete([repo])
        repos.delete_infos(self._work, repos.related(self._work, repo), force)
        return True

    def delete_repos(self, projects: Sequence[str] = (), force: bool = False) -> list[RepoRef]:
        """All repos of these projects, or of all."""
        infos = self.view.repos(projects=projects)
        self._check_delete(info.ref for info in infos)
        repos.delete_infos(self._work, infos, force)
        return [info.ref for info in infos]

    def delete_all(self) -> None:
        """Everything; the default project is made anew."""
        self.delete_repos(force=True)
        for project in self.view.projects():
            repos.delete_project(self._work, project.name, force=True)
        self.create_project("default")

    def _check_delete(self, refs: Iterable[RepoRef]) -> None:
        for ref in refs:
            for participant in self._participants:
                participant.check_delete_repo(self, ref)

    # -- branches

    def create_branch(
        self,
        branch: BranchRef,
        *,
        head: AnyCommit | None = None,
        provenance: Sequence[BranchRef] = (),
        trigger: Trigger | None = None,
        never: Collection[BranchRef] = (),
    ) -> None:
        """Make a branch, or give one that exists this head, provenance or trigger.

        Missing upstream branches are made. A branch whose provenance changes gets a new head; so
        does one without any. `never` names provenance whose commits do not propagate to it.
        """
        branches.create_branch(self._work, branch, head, provenance, trigger, never)

    def move_head(self, branch: BranchRef, head: AnyCommit) -> None:
        """Point a branch that exists at another commit of its repo; downstream follows."""
        row = self.view.commit(head).row
        self._work.refuse_forgotten(row)
        self._work.move_head(self.view.branch(branch), row)

    def delete_branch(self, branch: BranchRef, force: bool = False) -> None:
        """Its commits stay. Without `force` nothing may depend on it."""
        branches.delete_branch(self._work, branch, force)

    # -- commits

    def start_commit(
        self,
        branch: BranchRef,
        *,
        parent: AnyCommit | None = None,
        description: str = "",
        allow_output: bool = False,
    ) -> CommitRef:
        """A new open head of the branch, which is made if need be.

        The parent is the old head unless given, and at least FINISHING. `allow_output` is for
        those who compute a branch that has provenance.
        """
        return commits.start_commit(self._work, branch, parent, description, allow_output)

    def attach(self, commit: AnyCommit, layers: Sequence[Hash], of: Sequence[str] = ()) -> CommitInfo:
        """Add what sessions have sealed to an open commit, in this order.

        Layers may be attached only while something keeps them from gc: the session that sealed them,
        or the filesets `of` these ids, which must still live.
        """
        self._check_filesets(of)
        info = self.view.commit(commit)
        commits.attach(self._work, info, layers)
        return info

    def create_fileset(
        self, content: LayersOverBase, ttl_s: float = filesets.DEFAULT_TTL_S, of: Sequence[str] = ()
    ) -> str:
        """The id of a fileset that lives for this long unless it is renewed; `of` as for `attach`."""
        self._check_filesets(of)
        return filesets.create(self.connection, self.now_ns, filesets.checked_ttl(ttl_s), content)

    def _check_filesets(self, ids: Sequence[str]) -> None:
        for id in ids:
            filesets.get(self.connection, id, self.now_ns)

    def renew_fileset(self, id: str, ttl_s: float) -> None:
        ttl_ns = filesets.checked_ttl(ttl_s)
        filesets.get(self.connection, id, self.now_ns)
        file_tables.renew_fileset(self.connection, id, self.now_ns + ttl_ns)

    def finish_commit(
        self, commit: AnyCommit, *, error: str = "", description: str = "", force: bool = False
    ) -> CommitInfo:
        """Nothing can be written from here on; FINISHED follows in the background."""
        info = self.view.commit(commit)
        if not force and info.direct_provenance:
            for participant in self._participants:
                participant.check_finish_commit(self, info)
        commits.finish_commit(self._work, info, error, description)
        return self.view.commit_by_row(info.row, info.ref)

    def complete_commit(self, info: CommitInfo, *, error: str, size_bytes: int, content: Content) -> None:
        """FINISHING to FINISHED, once the content is durable. For the finisher, and for those who
        make whole commits by other means."""
        if info.open or info.finished:
            raise Conflict(f"commit {info.ref} is not finishing")
        commits.complete_commit(self._work, info.row, error or info.error, size_bytes, content)

    def clear_commit(self, commit: AnyCommit) -> None:
        """Take back what was written to an open commit."""
        commits.clear_commit(self._work, self.view.commit(commit))

    def squash_commit_set(self, id: str) -> None:
        squash.squash_set(self._work, id)

    def drop_commit_set(self, id: str) -> None:
        squash.drop_set(self._work, id)

    def squash_commit(self, commit: AnyCommit, recursive: bool = False) -> None:
        squash.squash_commit(self._work, commit, recursive)

    def drop_commit(self, commit: AnyCommit, recursive: bool = False) -> None:
        squash.drop_commit(self._work, commit, recursive)

    def forget_commit(self, commit: AnyCommit) -> CommitInfo:
        return squash.forget_commit(self._work, commit)

    # -- metadata: each call replaces the whole mapping

    def set_cluster_metadata(self, metadata: Metadata) -> None:
        tables.set_cluster_metadata(self.connection, metadata)
        self.emit("cluster.updated", "cluster")

    def set_project_metadata(self, project: str, metadata: Metadata) -> None:
        info: ProjectInfo = self.view.project(project)
        tables.put_project(self.connection, replace(info, metadata=metadata))
        self.emit("project.updated", project)

    def set_repo_metadata(self, repo: RepoRef, metadata: Metadata) -> None:
        info = self.view.repo(repo)
        tables.update_repo(self.connection, info.row, info.description, metadata)
        self.emit("repo.updated", str(repo), keys=(repo.project,))

    def set_branch_metadata(self, branch: BranchRef, metadata: Metadata) -> None:
        tables.set_branch_metadata(self.connection, self.view.branch(branch).row, metadata)
        self.emit("branch.updated", str(branch), keys=(str(branch.repo),))

    def set_commit_metadata(self, commit: AnyCommit, metadata: Metadata) -> None:
        info = self.view.commit(commit)
        tables.set_commit_metadata(self.connection, info.row, metadata)
        self._work.emit_commit("updated", info.ref)

    # -- transactions that a client assembles over several calls

    def store_transaction(self, id: str) -> None:
        tables.insert_transaction(self.connection, id, self.now_ns)
        self.emit("transaction.started", id)

    def append_to_stored_transaction(self, id: str, request: bytes) -> None:
        self.view.stored_transaction(id)
        tables.append_request(self.connection, id, request)
        self.emit("transaction.updated", id)

    def delete_stored_transaction(self, id: str) -> None:
        self.view.stored_transaction(id)
        tables.delete_transaction(self.connection, id)
        self.emit("transaction.deleted", id)


def add_key(metadata: Metadata, key: str, value: str) -> Metadata:
    """As EditMetadata's add_key: the key must be new."""
    if key in metadata:
        raise Invalid(f'add_key target key "{key}" already exists; use edit_key instead')
    return {**metadata, key: value}


def without_key(metadata: Mapping[str, str], key: str) -> Metadata:
    return {name: value for name, value in metadata.items() if name != key}


def settle(tx: Transaction, work: Work, participants: Sequence[Participant]) -> None:
    """Propagate and ask the participants until nothing moves any more."""
    for _ in range(_LIMIT_ROUNDS):
        moved, work.moved = list(work.moved), {}
        if moved:
            propagation.check_structure(moved, work.view.branch)
            for planned in propagation.plan(moved, work.view.branch, work.set_id):
                commits.make_planned(work, planned)
        changes = work.take_changes()
        if not changes:
            return
        for participant in participants:
            participant.settle(tx, changes)
    raise Conflict("the participants of this transaction keep changing what they are told of")
