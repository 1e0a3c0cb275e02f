"""The facade of this package: what wire, pipelines and the daemon hold."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from howdah.core.clock import Clock, SystemClock
from howdah.core.refs import DEFAULT_PROJECT, CommitId, CommitRef, CommitSpec, RepoRef, new_commit_id
from howdah.errors import NotFound
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.trees import Roots
from howdah.pachd.versions import tables
from howdah.pachd.versions.at_once import make_or_attach, merged_at_once, settled_base
from howdah.pachd.versions.errors import CommitNotFinished
from howdah.pachd.versions.events import Cancel, Notifier, TimedOut
from howdah.pachd.versions.files import filesets
from howdah.pachd.versions.files.blocks import through, trees_in
from howdah.pachd.versions.files.filesets import DEFAULT_TTL_S, as_layers, composed
from howdah.pachd.versions.files.opened import OpenedCommits
from howdah.pachd.versions.files.previews import Previews
from howdah.pachd.versions.files.reader import CommitFiles
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.files.sources import LayersOverBase, layers_over_base
from howdah.pachd.versions.names import clean_path
from howdah.pachd.versions.one_off import check_writable
from howdah.pachd.versions.records import CommitInfo, CommitState, Event, FindResult, Origin, ProjectInfo
from howdah.pachd.versions.transaction import Participant, Transaction, settle
from howdah.pachd.versions.view import View
from howdah.pachd.versions.work import Work

type AnyCommit = CommitRef | CommitSpec
type Waiting = Callable[[], AbstractContextManager[object]]


class _Rehearsed(Exception):
    """Not an error: it carries a transaction that succeeded out through a rollback."""


class Versions:
    def __init__(self, database: Database, blobs: Blobs, folder: Path, clock: Clock | None = None) -> None:
        """`database` must have been opened with `tables.SCHEMA`; `folder` is for what is sorted on
        disk, and nothing in it outlives the process. Commits finish once a `Finisher` runs."""
        self.database = database
        self.blobs = blobs
        self.trees = trees_in(blobs, folder)
        self._previews = Previews(blobs, self.trees)
        self._opened = OpenedCommits()
        self.clock = clock or SystemClock()
        self.notifier = Notifier()
        self.finishes_at_once = False
        """Whether small writes finish the commits that they make; as long as there is a `Finisher`."""
        self._participants: list[Participant] = []
        database.write(self._ensure_default_project)

    def _ensure_default_project(self, connection: tables.Connection) -> None:
        if tables.project(connection, DEFAULT_PROJECT) is None:
            tables.put_project(connection, ProjectInfo(DEFAULT_PROJECT, created_ns=self.clock.now_ns()))

    def close(self) -> None:
        """Let go of the blob store; before it is closed, and after all who use this."""
        self._previews.close()

    def register(self, participant: Participant) -> None:
        """Have it asked at the end of every transaction from now on, after those already registered."""
        self._participants.append(participant)

    # -- writing

    def transact[T](
        self, change: Callable[[Transaction], T], *, id: CommitId | None = None, dry_run: bool = False
    ) -> T:
        """Run `change` on the writer's thread as one transaction and return its value once it is
        durable. If it raises, nothing has happened. `dry_run` undoes everything in the end and
        returns the value that would have come.

        `change` holds up all other writers: it must not wait, nor call `transact`.
        """
        set_id = id or new_commit_id()
        keys: set[str] = set()
        rehearsed: list[T] = []

        def apply(connection: tables.Connection) -> T:
            work = Work(connection, self.clock.now_ns(), set_id)
            tx = Transaction(work, self._participants)
            value = change(tx)
            settle(tx, work, self._participants)
            keys.update(work.keys)
            if dry_run:
                rehearsed.append(value)
                raise _Rehearsed
            return value

        try:
            value = self.database.write(apply)
        except _Rehearsed:
            return rehearsed[0]
        self.notifier.wake(keys)
        return value

    # -- writing files

    def prepare(self) -> FileSession:
        """Write files that no commit holds yet: seal the session, attach its layer in a transaction
        (`Transaction.attach`), close it. Results of many datums, of many commits even, become durable
        together this way."""
        return FileSession(self.blobs, self.trees)

    @contextmanager
    def modify(self, commit: AnyCommit, check: Callable[[], None] | None = None) -> Iterator[FileSession]:
        """Write to an open commit; durable and visible, all of it, when the block ends, and not at
        all if it raises.

        A branch whose head is not open gets a new commit, made and finished in the same transaction,
        and is itself made if it is missing. A finished commit named by its id is CommitFinished.
        `check` may still raise at the last moment before anything becomes visible.
        """

        def attach(tx: Transaction) -> CommitRef:
            if check is not None:
                check()
            return make_or_attach(tx, commit, layer, at_once)

        with self.view() as view:
            check_writable(view, commit)
        with self.prepare() as session:
            yield session
            at_once = None
            if self.finishes_at_once:
                with self.view() as view:
                    base = settled_base(view, commit)
                at_once = merged_at_once(session, self.trees, base)
            layer = session.seal()
            session.commit = self.transact(attach)

    def create_fileset(self, session: FileSession, ttl_s: float = DEFAULT_TTL_S) -> str:
        """What the session wrote, under an id of its own for a time. The caller closes the session."""
        content = LayersOverBase(Roots(), (session.seal(),))
        return self.transact(lambda tx: tx.create_fileset(content, ttl_s))

    def fileset_of_commit(self, commit: AnyCommit, ttl_s: float = DEFAULT_TTL_S) -> str:
        """A fileset of what the commit holds now."""

        def change(tx: Transaction) -> str:
            info = tx.view.commit(commit)
            return tx.create_fileset(layers_over_base(tx.connection, info), ttl_s)

        return self.transact(change)

    def compose_filesets(self, ids: Sequence[str], ttl_s: float = DEFAULT_TTL_S) -> str:
        """One fileset of several, as if each were written after the one before: what a later one
        appends stands behind, and what it deletes before appending is replaced."""
        with self.blobs.upload() as upload:
            whole = composed(through(self.trees, upload), [self._fileset(id) for id in ids])
            upload.sync()
            return self.transact(lambda tx: tx.create_fileset(whole, ttl_s, of=ids))

    def add_fileset(self, commit: AnyCommit, id: str) -> None:
        """Write a fileset to an open commit."""
        with self.blobs.upload() as upload:
            layers = as_layers(through(self.trees, upload), self._fileset(id))
            upload.sync()
            self.transact(lambda tx: tx.attach(commit, layers, of=[id]))

    def _fileset(self, id: str) -> LayersOverBase:
        with self.view() as view:
            return filesets.get(view.connection, id, self.clock.now_ns())

    # -- reading

    @contextmanager
    def view(self) -> Iterator[View]:
        """A consistent snapshot, as of now. Keep it short."""
        with self.database.read() as connection:
            yield View(connection)

    # -- reading files

    def files(
        self, commit: AnyCommit, cancel: Cancel | None = None, waiting: Waiting = nullcontext
    ) -> CommitFiles:
        """The files of a commit: of an open one as written so far; of one that is finishing once it
        has finished, inside of `waiting()`; of a fileset under the repo name `__filesets__`.

        BaseCommitNotFinished when the commit rests on one that is still open.
        """
        generation = self.database.generation
        opened = self._opened.get(commit, generation)
        if opened is None:
            opened = self._open(commit, cancel, waiting)
            if opened.info.row and opened.info.finished:
                self._opened.keep(commit, generation, opened)
        return opened

    def _open(self, commit: AnyCommit, cancel: Cancel | None, waiting: Waiting) -> CommitFiles:
        with self.view() as view:
            info = view.commit(commit)
            over = None if _is_finishing(info) else self._over(view, info)
        if over is None:
            with waiting():
                info = self.wait_commit(info.ref, cancel=cancel)
            with self.view() as view:
                over = self._over(view, info)
        if not over.layers:
            return CommitFiles(self.blobs, self.trees, info, over.base)
        preview = self._previews.get(over)
        return CommitFiles(self.blobs, preview.trees, info, preview.roots, preview)

    def _over(self, view: View, info: CommitInfo) -> LayersOverBase:
        if info.row:
            return layers_over_base(view.connection, info)
        return filesets.get(view.connection, info.ref.id, self.clock.now_ns())

    def find_commits(self, start: AnyCommit, path: str, limit: int = 0) -> Iterator[FindResult]:
        """Back from `start`, the commits that changed the file; the last result closes the search."""
        searched, found = 0, 0
        with self.view() as view:
            info: CommitInfo | None = view.commit(start)
        while info is not None:
            last = info
            if not info.finished:
                raise CommitNotFinished(info.ref)
            if self._changed(info, path):
                found += 1
                yield FindResult(info.ref, info.ref, searched)
            searched += 1
            if found == limit != 0 or info.parent is None:
                break
            with self.view() as view:
                info = view.commit(info.parent)
        yield FindResult(None, last.ref, searched)

    def _changed(self, info: CommitInfo, path: str) -> bool:
        now = self.files(info.ref).tree.find(clean_path(path))
        before = None if info.parent is None else self.files(info.parent).tree.find(clean_path(path))
        return (now and now.hash) != (before and before.hash)

    # -- waiting

    def wait_commit(
        self,
        commit: AnyCommit,
        state: CommitState = CommitState.FINISHED,
        *,
        timeout_s: float | None = None,
        cancel: Cancel | None = None,
    ) -> CommitInfo:
        """The commit, once it has reached the state (for READY: once all it is computed from has
        finished). Raises CommitDeleted if it goes away meanwhile, TimedOut, Cancelled.
        """
        with self.view() as view:
            info = view.commit(commit)
            reached = view.state(info) >= state
        if reached or info.row == 0:
            return info
        keys = (str(info.ref), *map(str, info.direct_provenance))

        def look(view: View) -> CommitInfo | None:
            found = view.commit_by_row(info.row, info.ref)
            return found if view.state(found) >= state else None

        return self.wait_until(look, keys, f"waiting for commit {info.ref}", timeout_s, cancel)

    def wait_until[T](
        self,
        look: Callable[[View], T | None],
        keys: tuple[str, ...],
        what: str,
        timeout_s: float | None = None,
        cancel: Cancel | None = None,
    ) -> T:
        """Park until `look` finds something, looking again whenever one of the keys is woken."""
        deadline_s = None if timeout_s is None else self.clock.monotonic_s() + timeout_s
        with self.notifier.watch(*keys, cancel=cancel) as watch:
            while True:
                with self.view() as view:
                    found = look(view)
                if found is not None:
                    return found
                if cancel is not None:
                    cancel.check()
                left_s = None if deadline_s is None else deadline_s - self.clock.monotonic_s()
                if left_s is not None and (left_s <= 0 or not watch.wait(left_s)):
                    raise TimedOut(what)
                if left_s is None:
                    watch.wait()

    def subscribe_commits(
        self,
        repo: RepoRef,
        *,
        branch: str = "",
        from_: AnyCommit | None = None,
        state: CommitState = CommitState.STARTED,
        origin: Origin | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[CommitInfo]:
        """Every commit of the repo, oldest first, those to come included, each once it has reached
        the state. Endless: ends with Cancelled, or RepoNotFound when the repo is deleted.

        `from_` itself and what is older are left out, and so is what is deleted meanwhile.
        """
        with self.view() as view:
            view.repo(repo)
            last = 0 if from_ is None else view.commit(from_).row

        def look(view: View) -> list[CommitInfo] | None:
            row = view.repo(repo).row
            return list(tables.commits(view.connection, row, after=last, oldest_first=True)) or None

        while True:
            found = self.wait_until(look, (str(repo),), f"subscribing to {repo}", None, cancel)
            for info in found:
                last = info.row
                if (branch and info.branch != branch) or origin not in (None, info.origin):
                    continue
                try:
                    reached = self.wait_commit(info.ref, state, cancel=cancel)
                except NotFound:
                    continue  # deleted before it got there
                if reached.row == info.row:
                    yield reached

    def wait_events(
        self, after: int, *, timeout_s: float | None = None, cancel: Cancel | None = None
    ) -> list[Event]:
        """Events after the cursor, as soon as there are any."""
        return self.wait_until(
            lambda view: view.events(after) or None, ("*",), "waiting for events", timeout_s, cancel
        )


def _is_finishing(info: CommitInfo) -> bool:
    return bool(info.row) and not info.open and not info.finished
