"""The engine's own SQLite file: API objects, their changes, and the children it started.

One connection, one lock, short transactions: the engine writes a few rows a second at most, so
a writer thread would buy nothing here. `BEGIN IMMEDIATE` and synchronous=FULL: when a method
returns, what it wrote survives a power cut.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from howdah.core.json import JsonObject

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    version INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, type TEXT NOT NULL,
    namespace TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS manifests (
    namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS serving (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS children (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
"""
CHANGES_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log, which watches read."""

    version: int
    kind: str
    type: str
    namespace: str
    body: JsonObject


class Tables:
    """Every method takes the caller's open transaction, from `write()` or `read()`."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, all or nothing; may be nested, the outermost commits."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def put(self, kind: str, namespace: str, name: str, type: str, body: JsonObject) -> int:
        """Store an object and log the change; the version it got is also written into its metadata."""
        with self.write():
            version = self._next_version()
            text = _stamped(body, version)
            self._log(version, kind, type, namespace, text)
            self._db.execute(
                "INSERT INTO objects VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET version=excluded.version, "
                "body=excluded.body",
                (kind, namespace, name, version, text),
            )
            return version

    def drop(self, kind: str, namespace: str, name: str, body: JsonObject) -> int:
        with self.write():
            version = self._next_version()
            self._log(version, kind, "DELETED", namespace, _stamped(body, version))
            self._db.execute(
                "DELETE FROM objects WHERE kind=? AND namespace=? AND name=?", (kind, namespace, name)
            )
            return version

    def get(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM objects WHERE kind=? AND namespace=? AND name=?", (kind, namespace, name)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def scan(self, kind: str, namespace: str | None) -> tuple[list[JsonObject], int]:
        """All objects of a kind (of one namespace) in name order, and the version of that state."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM objects WHERE kind=? AND (? IS NULL OR namespace=?) "
                "ORDER BY namespace, name",
                (kind, namespace, namespace),
            ).fetchall()
            return [json.loads(row[0]) for row in rows], self.version()

    def namespaces(self) -> list[str]:
        with self._lock:
            return [
                row[0]
                for row in self._db.execute("SELECT DISTINCT namespace FROM objects ORDER BY namespace")
            ]

    def version(self) -> int:
        with self._lock:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='changes'").fetchone()
        return int(row[0]) if row else 0

    def oldest_change(self) -> int:
        """The first version still in the log; a watch from before it has missed something."""
        with self._lock:
            row = self._db.execute("SELECT min(version) FROM changes").fetchone()
        return int(row[0]) if row[0] is not None else self.version() + 1

    def changes(self, kind: str, after: int) -> list[Change]:
        with self._lock:
            rows = self._db.execute(
                "SELECT version, kind, type, namespace, body FROM changes WHERE version>? AND kind=? "
                "ORDER BY version",
                (after, kind),
            ).fetchall()
        return [Change(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows]

    def put_manifest(self, namespace: str, name: str, body: JsonObject) -> None:
        """The last one that could be brought about."""
        with self.write():
            row = (namespace, name, json.dumps(body))
            self._db.execute("INSERT OR REPLACE INTO manifests VALUES (?,?,?)", row)

    def manifest(self, namespace: str, name: str) -> JsonObject | None:
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM manifests WHERE namespace=? AND name=?", (namespace, name)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def manifests(self) -> set[tuple[str, str]]:
        with self._lock:
            return set(self._db.execute("SELECT namespace, name FROM manifests").fetchall())

    def drop_manifest(self, namespace: str, name: str) -> None:
        with self.write():
            self._db.execute("DELETE FROM manifests WHERE namespace=? AND name=?", (namespace, name))

    def put_serving(self, key: str, body: JsonObject) -> None:
        """What the live revision of a group consists of."""
        with self.write():
            self._db.execute("INSERT OR REPLACE INTO serving VALUES (?,?)", (key, json.dumps(body)))

    def drop_serving(self, key: str) -> None:
        with self.write():
            self._db.execute("DELETE FROM serving WHERE key=?", (key,))

    def serving(self) -> dict[str, JsonObject]:
        with self._lock:
            rows = self._db.execute("SELECT key, body FROM serving").fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def put_child(self, key: str, record: JsonObject) -> None:
        with self.write():
            self._db.execute("INSERT OR REPLACE INTO children VALUES (?,?)", (key, json.dumps(record)))

    def drop_child(self, key: str) -> None:
        with self.write():
            self._db.execute("DELETE FROM children WHERE key=?", (key,))

    def children(self) -> dict[str, JsonObject]:
        with self._lock:
            rows = self._db.execute("SELECT key, record FROM children").fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def _next_version(self) -> int:
        return self.version() + 1

    def _log(self, version: int, kind: str, type: str, namespace: str, text: str) -> None:
        self._db.execute("INSERT INTO changes VALUES (?,?,?,?,?)", (version, kind, type, namespace, text))
        self._db.execute("DELETE FROM changes WHERE version <= ?", (version - CHANGES_KEPT,))


def back_up(path: Path, target: Path) -> None:
    """Copy a consistent snapshot, beside an engine that goes on writing or without one."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _stamped(body: JsonObject, version: int) -> str:
    metadata = body.get("metadata")
    stamped = {**(metadata if isinstance(metadata, dict) else {}), "resourceVersion": str(version)}
    return json.dumps({**body, "metadata": stamped})
