"""All SQL of this package: schema, rows in and out. No rule of the domain stands here.

Times are nanoseconds since the epoch, metadata and triggers are JSON, row ids are never
reused (AUTOINCREMENT), so that a waiter can tell a deleted commit from a new one, and
"newest first" is simply "largest row first".
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef
from howdah.pachd.storage.database import Schema
from howdah.pachd.versions.records import (
    BranchInfo,
    CommitInfo,
    Event,
    Metadata,
    Origin,
    ProjectInfo,
    RepoInfo,
    Trigger,
)

type Connection = sqlite3.Connection

_TABLES = """
CREATE TABLE projects (
    name TEXT PRIMARY KEY, description TEXT NOT NULL, created_ns INTEGER NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE cluster (id INTEGER PRIMARY KEY CHECK (id = 1), metadata TEXT NOT NULL) STRICT;
INSERT INTO cluster VALUES (1, '{}');
CREATE TABLE repos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    description TEXT NOT NULL, created_ns INTEGER NOT NULL, metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (project, name, type)
) STRICT;
CREATE TABLE branches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo INTEGER NOT NULL, name TEXT NOT NULL, head INTEGER NOT NULL, trigger_spec TEXT,
    created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL, metadata TEXT NOT NULL DEFAULT '{}',
    UNIQUE (repo, name)
) STRICT;
CREATE INDEX branches_by_head ON branches (head);
CREATE TABLE branch_provenance (
    branch INTEGER NOT NULL, upstream INTEGER NOT NULL, never INTEGER NOT NULL,
    PRIMARY KEY (branch, upstream)
) STRICT, WITHOUT ROWID;
CREATE INDEX branch_subvenance ON branch_provenance (upstream);
CREATE TABLE commits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo INTEGER NOT NULL, set_id TEXT NOT NULL, branch INTEGER, parent INTEGER,
    origin TEXT NOT NULL, description TEXT NOT NULL, metadata TEXT NOT NULL DEFAULT '{}',
    started_ns INTEGER NOT NULL, finishing_ns INTEGER, finished_ns INTEGER,
    error TEXT NOT NULL DEFAULT '', forgotten INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0, root BLOB, attribution BLOB,
    UNIQUE (repo, set_id)
) STRICT;
CREATE INDEX commits_by_set ON commits (set_id);
CREATE INDEX commits_by_parent ON commits (parent);
CREATE INDEX commits_by_branch ON commits (branch);
CREATE INDEX commits_finishing ON commits (finishing_ns)
    WHERE finishing_ns IS NOT NULL AND finished_ns IS NULL;
CREATE TABLE commit_provenance (
    downstream INTEGER NOT NULL, upstream INTEGER NOT NULL, PRIMARY KEY (downstream, upstream)
) STRICT, WITHOUT ROWID;
CREATE INDEX commit_subvenance ON commit_provenance (upstream);
CREATE TABLE layers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, commit_row INTEGER, fileset TEXT, layer BLOB NOT NULL
) STRICT;
CREATE INDEX layers_by_commit ON layers (commit_row) WHERE commit_row IS NOT NULL;
CREATE INDEX layers_by_fileset ON layers (fileset) WHERE fileset IS NOT NULL;
CREATE TABLE filesets (
    id TEXT PRIMARY KEY, expires_ns INTEGER NOT NULL, root BLOB, attribution BLOB
) STRICT;
CREATE INDEX filesets_by_expiry ON filesets (expires_ns);
CREATE TABLE transactions (id TEXT PRIMARY KEY, started_ns INTEGER NOT NULL) STRICT;
CREATE TABLE transaction_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, transaction_id TEXT NOT NULL, request BLOB NOT NULL
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL, subject TEXT NOT NULL, set_id TEXT NOT NULL
) STRICT;
"""
SCHEMA = Schema("versions", 1, tuple(text for text in _TABLES.split(";\n") if text.strip()))


def _one[T](
    connection: Connection, build: Callable[[tuple[object, ...]], T], sql: str, *values: object
) -> T | None:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else build(row)


# ---------------------------------------------------------------- projects, cluster


def _project(row: Sequence[object]) -> ProjectInfo:
    name, description, created_ns, metadata = row
    return ProjectInfo(str(name), str(description), _int(created_ns), _metadata(metadata))


_PROJECT = "SELECT name, description, created_ns, metadata FROM projects"


def project(connection: Connection, name: str) -> ProjectInfo | None:
    return _one(connection, _project, f"{_PROJECT} WHERE name = ?", name)


def projects(connection: Connection) -> list[ProjectInfo]:
    return [_project(row) for row in connection.execute(f"{_PROJECT} ORDER BY created_ns, name")]


def put_project(connection: Connection, info: ProjectInfo) -> None:
    connection.execute(
        "INSERT INTO projects (name, description, created_ns, metadata) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET description = excluded.description, metadata = excluded.metadata",
        (info.name, info.description, info.created_ns, _dump(info.metadata)),
    )


def delete_project(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM projects WHERE name = ?", (name,))


def cluster_metadata(connection: Connection) -> Metadata:
    return _metadata(connection.execute("SELECT metadata FROM cluster").fetchone()[0])


def set_cluster_metadata(connection: Connection, metadata: Metadata) -> None:
    connection.execute("UPDATE cluster SET metadata = ?", (_dump(metadata),))


# ---------------------------------------------------------------- repos

_REPO = "SELECT id, project, name, type, description, created_ns, metadata FROM repos"


def _repo(connection: Connection, row: Sequence[object]) -> RepoInfo:
    id, project, name, type, description, created_ns, metadata = row
    ref = RepoRef(str(name), str(type), str(project))
    names = connection.execute("SELECT name FROM branches WHERE repo = ? ORDER BY id", (id,))
    return RepoInfo(
        _int(id),
        ref,
        str(description),
        _int(created_ns),
        tuple(BranchRef(ref, name) for (name,) in names),
        _master_size(connection, _int(id)),
        _metadata(metadata),
    )


def _master_size(connection: Connection, repo: int) -> int:
    row = connection.execute(
        "WITH RECURSIVE line(id, depth) AS ("
        " SELECT head, 0 FROM branches WHERE repo = ? AND name = 'master'"
        " UNION ALL SELECT c.parent, depth + 1 FROM line JOIN commits c ON c.id = line.id"
        "  WHERE c.finished_ns IS NULL AND c.parent IS NOT NULL)"
        " SELECT c.size_bytes FROM line JOIN commits c ON c.id = line.id"
        " WHERE c.finished_ns IS NOT NULL ORDER BY depth LIMIT 1",
        (repo,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def repo(connection: Connection, ref: RepoRef) -> RepoInfo | None:
    sql = f"{_REPO} WHERE project = ? AND name = ? AND type = ?"
    return _one(connection, lambda row: _repo(connection, row), sql, ref.project, ref.name, ref.type)


def repo_row(connection: Connection, ref: RepoRef) -> int | None:
    sql = "SELECT id FROM repos WHERE project = ? AND name = ? AND type = ?"
    return _one(connection, lambda row: _int(row[0]), sql, ref.project, ref.name, ref.type)


def repos(
    connection: Connection, type: str = "", project: str | None = None, name: str = ""
) -> list[RepoInfo]:
    rows = connection.execute(
        f"{_REPO} WHERE (? = '' OR type = ?) AND (? IS NULL OR project = ?) AND (? = '' OR name = ?)"
        " ORDER BY id DESC",
        (type, type, project, project, name, name),
    ).fetchall()
    return [_repo(connection, row) for row in rows]


def insert_repo(connection: Connection, ref: RepoRef, description: str, now_ns: int) -> None:
    connection.execute(
        "INSERT INTO repos (project, name, type, description, created_ns) VALUES (?, ?, ?, ?, ?)",
        (ref.project, ref.name, ref.type, description, now_ns),
    )


def update_repo(connection: Connection, row: int, description: str, metadata: Metadata) -> None:
    connection.execute(
        "UPDATE repos SET description = ?, metadata = ? WHERE id = ?", (description, _dump(metadata), row)
    )


def delete_repo(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM repos WHERE id = ?", (row,))


# ---------------------------------------------------------------- branches

_BRANCH = (
    "SELECT b.id, r.project, r.name, r.type, b.name, h.set_id, b.trigger_spec, b.created_ns, b.updated_ns,"
    " b.metadata FROM branches b JOIN repos r ON r.id = b.repo JOIN commits h ON h.id = b.head"
)
_BRANCH_NEAR = (
    "SELECT r.project, r.name, r.type, b.name FROM branches b JOIN repos r ON r.id = b.repo"
    " JOIN near ON near.id = b.id ORDER BY b.id"
)
_UPSTREAM = (
    "WITH RECURSIVE near(id) AS (SELECT upstream FROM branch_provenance WHERE branch = ?"
    " UNION SELECT p.upstream FROM near JOIN branch_provenance p ON p.branch = near.id) "
)
_DOWNSTREAM = (
    "WITH RECURSIVE near(id) AS (SELECT branch FROM branch_provenance WHERE upstream = ?"
    " UNION SELECT p.branch FROM near JOIN branch_provenance p ON p.upstream = near.id) "
)


def _branch_ref(row: Sequence[object]) -> BranchRef:
    project, name, type, branch = (str(value) for value in row)
    return BranchRef(RepoRef(name, type, project), branch)


def _branch(connection: Connection, row: Sequence[object]) -> BranchInfo:
    id, project, name, type, branch, head, trigger, created_ns, updated_ns, metadata = row
    ref = _branch_ref((project, name, type, branch))
    direct = connection.execute(
        "SELECT r.project, r.name, r.type, b.name, p.never FROM branch_provenance p"
        " JOIN branches b ON b.id = p.upstream JOIN repos r ON r.id = b.repo WHERE p.branch = ?"
        " ORDER BY r.project, r.name, r.type, b.name",
        (id,),
    ).fetchall()
    return BranchInfo(
        _int(id),
        ref,
        CommitRef(ref.repo, CommitId(str(head))),
        tuple(_branch_ref(row[:4]) for row in direct),
        tuple(_branch_ref(row) for row in connection.execute(_UPSTREAM + _BRANCH_NEAR, (id,))),
        tuple(_branch_ref(row) for row in connection.execute(_DOWNSTREAM + _BRANCH_NEAR, (id,))),
        frozenset(_branch_ref(row[:4]) for row in direct if row[4]),
        None if trigger is None else Trigger(**json.loads(str(trigger))),
        _int(created_ns),
        _int(updated_ns),
        _metadata(metadata),
    )


def branch(connection: Connection, ref: BranchRef) -> BranchInfo | None:
    sql = f"{_BRANCH} WHERE r.project = ? AND r.name = ? AND r.type = ? AND b.name = ?"
    key = (ref.repo.project, ref.repo.name, ref.repo.type, ref.name)
    return _one(connection, lambda row: _branch(connection, row), sql, *key)


def branches(connection: Connection, repo: int | None = None) -> list[BranchInfo]:
    """Newest first, of one repo or of all."""
    sql = f"{_BRANCH} WHERE (? IS NULL OR b.repo = ?) ORDER BY b.id DESC"
    return [_branch(connection, row) for row in connection.execute(sql, (repo, repo)).fetchall()]


def branches_with_trigger(connection: Connection) -> list[BranchInfo]:
    rows = connection.execute(f"{_BRANCH} WHERE b.trigger_spec IS NOT NULL ORDER BY b.id").fetchall()
    return [_branch(connection, row) for row in rows]


def branches_headed_by(connection: Connection, commit: int) -> list[BranchInfo]:
    rows = connection.execute(f"{_BRANCH} WHERE b.head = ? ORDER BY b.id", (commit,)).fetchall()
    return [_branch(connection, row) for row in rows]


def branch_direct_subvenance(connection: Connection, row: int) -> list[BranchRef]:
    sql = (
        "SELECT r.project, r.name, r.type, b.name FROM branch_provenance p JOIN branches b ON b.id = p.branch"
        " JOIN repos r ON r.id = b.repo WHERE p.upstream = ? ORDER BY b.id"
    )
    return [_branch_ref(found) for found in connection.execute(sql, (row,))]


def insert_branch(connection: Connection, repo: int, name: str, head: int, now_ns: int) -> int:
    cursor = connection.execute(
        "INSERT INTO branches (repo, name, head, created_ns, updated_ns) VALUES (?, ?, ?, ?, ?)",
        (repo, name, head, now_ns, now_ns),
    )
    return _int(cursor.lastrowid)


def set_branch_head(connection: Connection, row: int, head: int, now_ns: int) -> None:
    connection.execute("UPDATE branches SET head = ?, updated_ns = ? WHERE id = ?", (head, now_ns, row))


def set_branch_trigger(connection: Connection, row: int, trigger: Trigger | None) -> None:
    spec = None if trigger is None else json.dumps(asdict(trigger))
    connection.execute("UPDATE branches SET trigger_spec = ? WHERE id = ?", (spec, row))


def set_branch_metadata(connection: Connection, row: int, metadata: Metadata) -> None:
    connection.execute("UPDATE branches SET metadata = ? WHERE id = ?", (_dump(metadata), row))


def set_branch_provenance(connection: Connection, row: int, upstream: Mapping[int, bool]) -> None:
    """`upstream` maps each upstream branch to whether it never propagates."""
    connection.execute("DELETE FROM branch_provenance WHERE branch = ?", (row,))
    connection.executemany(
        "INSERT INTO branch_provenance VALUES (?, ?, ?)",
        [(row, up, int(never)) for up, never in upstream.items()],
    )


def delete_branch(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM branch_provenance WHERE branch = ? OR upstream = ?", (row, row))
    connection.execute("UPDATE commits SET branch = NULL WHERE branch = ?", (row,))
    connection.execute("DELETE FROM branches WHERE id = ?", (row,))


# ---------------------------------------------------------------- commits

_COMMIT = (
    "SELECT c.id, r.project, r.name, r.type, c.set_id, b.name, c.origin, c.started_ns, c.finishing_ns,"
    " c.finished_ns, c.error, c.description, p.set_id, c.size_bytes, c.metadata"
    " FROM commits c JOIN repos r ON r.id = c.repo LEFT JOIN branches b ON b.id = c.branch"
    " LEFT JOIN commits p ON p.id = c.parent"
)
_COMMIT_REF = "SELECT r.project, r.name, r.type, c.set_id FROM commits c JOIN repos r ON r.id = c.repo"


def _commit_ref(row: Sequence[object]) -> CommitRef:
    project, name, type, set_id = (str(value) for value in row)
    return CommitRef(RepoRef(name, type, project), CommitId(set_id))


def _commit(connection: Connection, row: Sequence[object]) -> CommitInfo:
    id, project, name, type, set_id, branch, origin, started, finishing, finished = row[:10]
    error, description, parent, size_bytes, metadata = row[10:]
    ref = _commit_ref((project, name, type, set_id))
    children = connection.execute("SELECT set_id FROM commits WHERE parent = ? ORDER BY id", (id,))
    upstream = connection.execute(
        f"{_COMMIT_REF} JOIN commit_provenance v ON v.upstream = c.id WHERE v.downstream = ?"
        " ORDER BY r.project, r.name, r.type",
        (id,),
    )
    return CommitInfo(
        row=_int(id),
        ref=ref,
        branch="" if branch is None else str(branch),
        origin=Origin(str(origin)),
        started_ns=_int(started),
        finishing_ns=None if finishing is None else _int(finishing),
        finished_ns=None if finished is None else _int(finished),
        error=str(error),
        description=str(description),
        parent=None if parent is None else CommitRef(ref.repo, CommitId(str(parent))),
        children=tuple(CommitRef(ref.repo, CommitId(child)) for (child,) in children),
        direct_provenance=tuple(_commit_ref(found) for found in upstream),
        size_bytes=_int(size_bytes),
        metadata=_metadata(metadata),
    )


def commit(connection: Connection, ref: CommitRef) -> CommitInfo | None:
    sql = f"{_COMMIT} WHERE r.project = ? AND r.name = ? AND r.type = ? AND c.set_id = ?"
    key = (ref.repo.project, ref.repo.name, ref.repo.type, ref.id)
    return _one(connection, lambda row: _commit(connection, row), sql, *key)


def commit_by_row(connection: Connection, row: int) -> CommitInfo | None:
    return _one(connection, lambda found: _commit(connection, found), f"{_COMMIT} WHERE c.id = ?", row)


def commits(
    connection: Connection,
    repo: int | None = None,
    after: int = 0,
    before: int | None = None,
    oldest_first: bool = False,
) -> Iterator[CommitInfo]:
    """Of one repo or of all, read a page at a time; `after` and `before` are rows, both exclusive."""
    low, high = after, before if before is not None else 1 << 62
    order, page = ("", 256) if oldest_first else ("DESC", 256)
    while True:
        rows = connection.execute(
            f"{_COMMIT} WHERE (? IS NULL OR c.repo = ?) AND c.id > ? AND c.id < ?"
            f" ORDER BY c.id {order} LIMIT ?",
            (repo, repo, low, high, page),
        ).fetchall()
        for row in rows:
            yield _commit(connection, row)
        if len(rows) < page:
            return
        last = _int(rows[-1][0])
        low, high = (last, high) if oldest_first else (low, last)


def commits_of_set(connection: Connection, set_id: str) -> list[CommitInfo]:
    rows = connection.execute(f"{_COMMIT} WHERE c.set_id = ? ORDER BY c.id", (set_id,)).fetchall()
    return [_commit(connection, row) for row in rows]


def set_ids_newest_first(connection: Connection, project: str | None = None) -> list[str]:
    rows = connection.execute(
        "SELECT c.set_id FROM commits c JOIN repos r ON r.id = c.repo WHERE (? IS NULL OR r.project = ?)"
        " GROUP BY c.set_id ORDER BY max(c.id) DESC",
        (project, project),
    )
    return [str(set_id) for (set_id,) in rows]


def commits_finishing(connection: Connection) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM commits WHERE finishing_ns IS NOT NULL AND finished_ns IS NULL ORDER BY id"
    )
    return [int(row) for (row,) in rows]


def _set_walk(connection: Connection, start: str, step: str, set_id: str) -> list[CommitInfo]:
    near, far = ("downstream", "upstream") if step == "upstream" else ("upstream", "downstream")
    rows = connection.execute(
        f"WITH RECURSIVE walk(id) AS (SELECT v.{far} FROM commit_provenance v"
        f" JOIN commits s ON s.id = v.{near} WHERE s.set_id = ?"
        f" UNION SELECT v.{far} FROM walk JOIN commit_provenance v ON v.{near} = walk.id)"
        f" {_COMMIT} JOIN walk ON walk.id = c.id WHERE c.set_id <> ? ORDER BY c.id",
        (start, set_id),
    ).fetchall()
    return [_commit(connection, row) for row in rows]


def set_provenance(connection: Connection, set_id: str) -> list[CommitInfo]:
    """Commits of other sets on which those of this set rest, at any distance."""
    return _set_walk(connection, set_id, "upstream", set_id)


def set_subvenance(connection: Connection, set_id: str) -> list[CommitInfo]:
    """Commits of other sets that rest on those of this set, at any distance."""
    return _set_walk(connection, set_id, "downstream", set_id)


def commit_neighbours(connection: Connection, row: int, upstream: bool) -> list[int]:
    sql = (
        "SELECT upstream FROM commit_provenance WHERE downstream = ? ORDER BY upstream"
        if upstream
        else "SELECT downstream FROM commit_provenance WHERE upstream = ? ORDER BY downstream"
    )
    return [int(found) for (found,) in connection.execute(sql, (row,))]


class NewCommit(NamedTuple):
    repo: int
    set_id: str
    branch: int | None
    parent: int | None
    origin: Origin
    description: str
    started_ns: int
    size_bytes: int


def insert_commit(connection: Connection, new: NewCommit, upstream: Iterable[int]) -> int:
    cursor = connection.execute(
        "INSERT INTO commits (repo, set_id, branch, parent, origin, description, started_ns, size_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        new,
    )
    row = _int(cursor.lastrowid)
    connection.executemany(
        "INSERT OR IGNORE INTO commit_provenance VALUES (?, ?)", [(row, found) for found in upstream]
    )
    return row


def set_commit_branch(connection: Connection, row: int, branch: int) -> None:
    connection.execute("UPDATE commits SET branch = ? WHERE id = ?", (branch, row))


def set_commit_parent_of_children(connection: Connection, row: int, parent: int | None) -> None:
    connection.execute("UPDATE commits SET parent = ? WHERE parent = ?", (parent, row))


def parent_row(connection: Connection, row: int) -> int | None:
    found = connection.execute("SELECT parent FROM commits WHERE id = ?", (row,)).fetchone()
    return None if found is None or found[0] is None else int(found[0])


def describe_commit(connection: Connection, row: int, description: str) -> None:
    connection.execute("UPDATE commits SET description = ? WHERE id = ?", (description, row))


def set_commit_metadata(connection: Connection, row: int, metadata: Metadata) -> None:
    connection.execute("UPDATE commits SET metadata = ? WHERE id = ?", (_dump(metadata), row))


def mark_finishing(connection: Connection, row: int, now_ns: int, error: str) -> None:
    connection.execute("UPDATE commits SET finishing_ns = ?, error = ? WHERE id = ?", (now_ns, error, row))


class Content(NamedTuple):
    """Where a finished commit's files are: the tree of its content and that of who wrote what."""

    root: bytes | None
    attribution: bytes | None


def mark_finished(
    connection: Connection, row: int, now_ns: int, error: str, size_bytes: int, content: Content
) -> None:
    connection.execute(
        "UPDATE commits SET finished_ns = ?, error = ?, size_bytes = ?, root = ?, attribution = ?"
        " WHERE id = ?",
        (now_ns, error, size_bytes, content.root, content.attribution, row),
    )


def commit_content(connection: Connection, row: int) -> tuple[Content, bool]:
    """The content, and whether it was forgotten."""
    root, attribution, forgotten = connection.execute(
        "SELECT root, attribution, forgotten FROM commits WHERE id = ?", (row,)
    ).fetchone()
    return Content(root, attribution), bool(forgotten)


def forget_content(connection: Connection, row: int) -> None:
    connection.execute(
        "UPDATE commits SET root = NULL, attribution = NULL, forgotten = 1 WHERE id = ?", (row,)
    )


def delete_commit(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM commit_provenance WHERE downstream = ? OR upstream = ?", (row, row))
    connection.execute("DELETE FROM layers WHERE commit_row = ?", (row,))
    connection.execute("DELETE FROM commits WHERE id = ?", (row,))


# ---------------------------------------------------------------- layers


def delete_layers_of_commit(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM layers WHERE commit_row = ?", (row,))


# ---------------------------------------------------------------- stored transactions


def insert_transaction(connection: Connection, id: str, now_ns: int) -> None:
    connection.execute("INSERT INTO transactions VALUES (?, ?)", (id, now_ns))


def transaction_ids(connection: Connection) -> list[tuple[str, int]]:
    return list(connection.execute("SELECT id, started_ns FROM transactions ORDER BY started_ns, id"))


def transaction_requests(connection: Connection, id: str) -> list[bytes]:
    rows = connection.execute(
        "SELECT request FROM transaction_requests WHERE transaction_id = ? ORDER BY id", (id,)
    )
    return [bytes(request) for (request,) in rows]


def append_request(connection: Connection, id: str, request: bytes) -> None:
    connection.execute(
        "INSERT INTO transaction_requests (transaction_id, request) VALUES (?, ?)", (id, request)
    )


def delete_transaction(connection: Connection, id: str) -> int:
    connection.execute("DELETE FROM transaction_requests WHERE transaction_id = ?", (id,))
    return connection.execute("DELETE FROM transactions WHERE id = ?", (id,)).rowcount


# ---------------------------------------------------------------- events


def append_event(connection: Connection, at_ns: int, kind: str, subject: str, set_id: str) -> None:
    connection.execute(
        "INSERT INTO events (at_ns, kind, subject, set_id) VALUES (?, ?, ?, ?)",
        (at_ns, kind, subject, set_id),
    )


def events_after(connection: Connection, seq: int, limit: int) -> list[Event]:
    rows = connection.execute(
        "SELECT seq, at_ns, kind, subject, set_id FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, limit),
    )
    return [Event(*row) for row in rows]


def last_event(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


# ---------------------------------------------------------------- whether rows fit together

_REFERENCES = (
    ("repos", "project", "projects", "name"),
    ("branches", "repo", "repos", "id"),
    ("branches", "head", "commits", "id"),
    ("branch_provenance", "branch", "branches", "id"),
    ("branch_provenance", "upstream", "branches", "id"),
    ("commits", "repo", "repos", "id"),
    ("commits", "branch", "branches", "id"),
    ("commits", "parent", "commits", "id"),
    ("commit_provenance", "downstream", "commits", "id"),
    ("commit_provenance", "upstream", "commits", "id"),
    ("layers", "commit_row", "commits", "id"),
    ("layers", "fileset", "filesets", "id"),
)


def broken_references(connection: Connection) -> Iterator[str]:
    for table, column, target, key in _REFERENCES:
        rows = connection.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"
            f" AND {column} NOT IN (SELECT {key} FROM {target})"
        )
        for (value,) in rows:
            yield f"{table}.{column} names {value}, which is not in {target}"


# ---------------------------------------------------------------- values


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected an integer from the database, got {value!r}")
    return value


def _metadata(text: object) -> Metadata:
    return {str(key): str(value) for key, value in json.loads(str(text)).items()}


def _dump(metadata: Metadata) -> str:
    return json.dumps(dict(metadata), sort_keys=True)
