"""The facade of this package: what wire, pipelines and the daemon hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from howdah.core.clock import Clock, SystemClock
from howdah.core.refs import DEFAULT_PROJECT, CommitId, CommitRef, CommitSpec, RepoRef, new_commit_id
from howdah.pachd.storage.database import Database
from howdah.pachd.versions import tables
from howdah.pachd.versions.events import Cancel, Notifier, TimedOut
from howdah.pachd.versions.records import CommitInfo, CommitState, Event, Origin, ProjectInfo
from howdah.pachd.versions.transaction import Participant, Transaction, settle
from howdah.pachd.versions.view import View
from howdah.pachd.versions.work import Work

type AnyCommit = CommitRef | CommitSpec


class _Rehearsed(Exception):
    """Not an error: it carries a transaction that succeeded out through a rollback."""


class Versions:
    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        """`database` must have been opened with `tables.SCHEMA`."""
        self.database = database
        self.clock = clock or SystemClock()
        self.notifier = Notifier()
        self._participants: list[Participant] = []
        database.write(self._ensure_default_project)

    def _ensure_default_project(self, connection: tables.Connection) -> None:
        if tables.project(connection, DEFAULT_PROJECT) is None:
            tables.put_project(connection, ProjectInfo(DEFAULT_PROJECT, created_ns=self.clock.now_ns()))

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

    # -- reading

    @contextmanager
    def view(self) -> Iterator[View]:
        """A consistent snapshot, as of now. Keep it short."""
        with self.database.read() as connection:
            yield View(connection)

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

        `from_` itself and what is older are left out.
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
                if (not branch or info.branch == branch) and origin in (None, info.origin):
                    yield self.wait_commit(info.ref, state, cancel=cancel)

    def wait_events(
        self, after: int, *, timeout_s: float | None = None, cancel: Cancel | None = None
    ) -> list[Event]:
        """Events after the cursor, as soon as there are any."""
        return self.wait_until(
            lambda view: view.events(after) or None, ("*",), "waiting for events", timeout_s, cancel
        )
