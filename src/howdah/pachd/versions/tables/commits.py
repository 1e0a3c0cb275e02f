"""Commits, their sets, their provenance, their content."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import CommitInfo, Metadata, Origin
from howdah.pachd.versions.tables.values import int_of, metadata_of, one, text_of

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
        row=int_of(id),
        ref=ref,
        branch="" if branch is None else str(branch),
        origin=Origin(str(origin)),
        started_ns=int_of(started),
        finishing_ns=None if finishing is None else int_of(finishing),
        finished_ns=None if finished is None else int_of(finished),
        error=str(error),
        description=str(description),
        parent=None if parent is None else CommitRef(ref.repo, CommitId(str(parent))),
        children=tuple(CommitRef(ref.repo, CommitId(child)) for (child,) in children),
        direct_provenance=tuple(_commit_ref(found) for found in upstream),
        size_bytes=int_of(size_bytes),
        metadata=metadata_of(metadata),
    )


def commit(connection: Connection, ref: CommitRef) -> CommitInfo | None:
    sql = f"{_COMMIT} WHERE r.project = ? AND r.name = ? AND r.type = ? AND c.set_id = ?"
    key = (ref.repo.project, ref.repo.name, ref.repo.type, ref.id)
    return one(connection, lambda row: _commit(connection, row), sql, *key)


def commit_by_row(connection: Connection, row: int) -> CommitInfo | None:
    return one(connection, lambda found: _commit(connection, found), f"{_COMMIT} WHERE c.id = ?", row)


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
        last = int_of(rows[-1][0])
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
    row = int_of(cursor.lastrowid)
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
    connection.execute("UPDATE commits SET metadata = ? WHERE id = ?", (text_of(metadata), row))


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


def delete_layers_of_commit(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM layers WHERE commit_row = ?", (row,))
