"""One SQLite file an engine, one thread that writes it, any number that read.

`write(change)` hands a function to the writer thread and returns its value once the transaction that
holds it is on disk. Changes that queue up while one is being synced share the next transaction, each
in a savepoint of its own: an exception undoes that change alone, and many writers pay for one sync.

`read()` yields a connection on the snapshot that is current when it is entered. WAL mode: readers
never wait for the writer nor the writer for readers.

Every package states its tables as a `Schema` with a version. Opening creates what is missing, carries
older versions forward in one transaction, and refuses a database that a newer Howdah has written.

What breaks it: a network file system (WAL needs shared memory and honest locks), or deleting the
`-wal` file of a database that was not closed. Two processes on one file are refused.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from howdah.core.failpoints import Failpoint
from howdah.errors import Conflict, Corrupt, Unavailable
from howdah.pachd.storage.durability import sync_file, sync_folder
from howdah.pachd.storage.faults import told_as_unavailable
from howdah.pachd.storage.lock import FileLock

__all__ = ["Connection", "Database", "NewerVersion", "Schema"]

BEFORE_COMMIT = Failpoint("database.before_commit")
AFTER_COMMIT = Failpoint("database.after_commit")

_GROUP_LIMIT = 256
_IDLE_READERS = 16
_WRITER_CACHE_KIB, _READER_CACHE_KIB = 32 << 10, 4 << 10
_CHECKPOINT_PAGES = 4000


@dataclass(frozen=True)
class Schema:
    """A package's tables. `create` makes version `version` from nothing; `upgrades[n]` turns version
    n into n + 1. Statements run in order inside one transaction."""

    name: str
    version: int
    create: Sequence[str]
    upgrades: Mapping[int, Sequence[str]] = field(default_factory=dict)


class NewerVersion(Conflict):
    """The database was written by a newer Howdah than this one."""

    def __init__(self, path: Path, schema: str, found: int, known: int) -> None:
        self.path, self.schema, self.found, self.known = path, schema, found, known
        super().__init__(
            f"{path} holds version {found} of {schema!r}, and this Howdah knows versions up to {known}; "
            "open it with the Howdah that wrote it, or a newer one"
        )


class _Change[T]:
    """A change, and where its caller waits."""

    def __init__(self, function: Callable[[Connection], T]) -> None:
        self.future: Future[T] = Future()
        self._function = function
        self.deliver: Callable[[], None]

    def apply(self, connection: Connection, path: Path) -> None:
        """Run inside a savepoint; what came of it is delivered after the commit."""
        connection.execute("SAVEPOINT change")
        try:
            with _translated(path):
                value = self._function(connection)
        except BaseException as error:  # noqa: BLE001  the caller waits in another thread
            if connection.in_transaction:  # a full disk may have rolled everything back
                connection.execute("ROLLBACK TO change")
                connection.execute("RELEASE change")
            self.fail_with(error)
        else:
            connection.execute("RELEASE change")
            self.deliver = partial(self.future.set_result, value)

    def fail_with(self, error: BaseException) -> None:
        self.deliver = partial(self.future.set_exception, error)


class Database:
    def __init__(self, path: Path, schemas: Sequence[Schema]) -> None:
        """Open or create. Raises FolderInUse, NewerVersion, Corrupt (not a database, or a damaged
        one), Unavailable (disk full)."""
        self.path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._queue: queue.SimpleQueue[_Change[object] | None] = queue.SimpleQueue()
        self._readers: list[Connection] = []
        self._readers_lock = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False
        self._generation = 0
        try:
            with _translated(path):
                self._writer = _connect(path, _WRITER_CACHE_KIB)
                try:
                    self._writer.execute("PRAGMA journal_mode = WAL")
                    self._writer.execute("PRAGMA synchronous = FULL")
                    self._writer.execute("PRAGMA fullfsync = ON")
                    self._writer.execute("PRAGMA checkpoint_fullfsync = ON")
                    self._writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                    self._writer.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * 4096}")
                    _prepare(self._writer, path, schemas)
                except BaseException:
                    self._writer.close()
                    raise
            sync_folder(path.parent)  # the names of the database and of its log
        except BaseException:
            self._lock.close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"{path.name} writer", daemon=True)
        self._thread.start()

    def write[T](self, change: Callable[[Connection], T]) -> T:
        """Run `change` alone on the writer thread and return its value once it is durable.

        All of it happens or, if it raises, nothing. It must not call `write`, nor wait for a thread
        that does. Raises whatever `change` raises, and Unavailable when the disk is full or the
        database is closed."""
        return self.submit(change).result()

    def submit[T](self, change: Callable[[Connection], T]) -> Future[T]:
        """As `write`, without waiting. Changes are made in the order in which they were submitted, and
        cannot be taken back: the future is not to be cancelled."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a change may not write to the database that runs it")
        waiting = _Change(change)
        waiting.future.set_running_or_notify_cancel()
        with self._closing:
            if self._closed:
                raise Unavailable(f"{self.path} is closed")
            self._queue.put(waiting)  # type: ignore[arg-type]  # the queue does not look inside
        return waiting.future

    @property
    def generation(self) -> int:
        """Grows with every transaction, before any of its callers hears of it. What was read after
        looking at it still stands while it is the same."""
        return self._generation

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot, current as of entry, for reading only. Keep it short: the log
        cannot be folded into the database past the oldest snapshot in use."""
        connection = self._borrow()
        try:
            with _translated(self.path):
                connection.execute("BEGIN")
                # A transaction's snapshot is taken by its first read, not by BEGIN.
                connection.execute("SELECT 1 FROM schemas LIMIT 1").fetchone()
                yield connection
        finally:
            self._give_back(connection)

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For reading with single statements, each of which sees what is current when it runs: a
        third of the cost of `read` where a snapshot over several is not needed."""
        connection = self._borrow()
        try:
            with _translated(self.path):
                yield connection
        finally:
            self._give_back(connection)

    def backup(self, path: Path) -> None:
        """Copy a consistent snapshot to `path`, which must not exist; writers go on meanwhile."""
        path.touch(mode=0o600, exist_ok=False)
        with self.read() as source, _translated(path), contextlib.closing(_connect(path, 0)) as target:
            source.backup(target)
        with path.open("rb") as file:
            sync_file(file.fileno())
        sync_folder(path.parent)

    def close(self) -> None:
        """Finish what is queued, refuse what comes later, release the file. Idempotent."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        with self._readers_lock:
            for reader in self._readers:
                reader.close()
            self._readers.clear()
        self._writer.close()
        self._lock.close()

    def _borrow(self) -> Connection:
        with self._readers_lock:
            if self._closed:
                raise Unavailable(f"{self.path} is closed")
            if self._readers:
                return self._readers.pop()
        with _translated(self.path):
            connection = _connect(self.path, _READER_CACHE_KIB)
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _give_back(self, connection: Connection) -> None:
        connection.rollback()
        with self._readers_lock:
            if not self._closed and len(self._readers) < _IDLE_READERS:
                self._readers.append(connection)
                return
        connection.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = [first], False
            with contextlib.suppress(queue.Empty):
                while len(group) < _GROUP_LIMIT:
                    if (following := self._queue.get_nowait()) is None:
                        last = True
                        break
                    group.append(following)
            self._commit(group)
            if last:
                return

    def _commit(self, group: Sequence[_Change[object]]) -> None:
        try:
            with _translated(self.path), told_as_unavailable(self.path):
                self._writer.execute("BEGIN IMMEDIATE")
                for change in group:
                    change.apply(self._writer, self.path)
                    if not self._writer.in_transaction:
                        raise Unavailable(f"{self.path}: the disk is full; free some space and try again")
                BEFORE_COMMIT.hit()
                self._writer.execute("COMMIT")
                self._generation += 1
                AFTER_COMMIT.hit()
        except BaseException as error:  # noqa: BLE001  every caller of the group must hear of it
            with contextlib.suppress(sqlite3.Error):
                self._writer.rollback()
            for change in group:
                change.fail_with(error)
        for change in group:
            change.deliver()


def _connect(path: Path, cache_kib: int) -> Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=30
    )
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection


def _prepare(connection: Connection, path: Path, schemas: Sequence[Schema]) -> None:
    """Bring the schemas up to date. Where they are, nothing is written: a full disk can be opened."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schemas'").fetchone()
    found = dict(connection.execute("SELECT name, version FROM schemas")) if known else {}
    for schema in schemas:
        if (version := found.get(schema.name, 0)) > schema.version:
            raise NewerVersion(path, schema.name, version, schema.version)
    if known and all(found.get(schema.name) == schema.version for schema in schemas):
        return
    connection.execute("BEGIN IMMEDIATE")
    if not known:
        connection.execute(
            "CREATE TABLE schemas (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
        )
    for schema in schemas:
        for statement in _statements(schema, found.get(schema.name)):
            connection.execute(statement)
        connection.execute("REPLACE INTO schemas VALUES (?, ?)", (schema.name, schema.version))
    connection.execute("COMMIT")


def _statements(schema: Schema, version: int | None) -> Iterator[str]:
    if version is None:
        yield from schema.create
        return
    for step in range(version, schema.version):
        yield from schema.upgrades[step]


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's complaints about the file, in our words; mistakes in our SQL stay what they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise Unavailable(f"{path}: the disk is full; free some space and try again") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Corrupt(f"{path} is damaged ({error}); restore a backup") from error
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise Unavailable(f"{path} cannot be used ({error})") from error
        raise
