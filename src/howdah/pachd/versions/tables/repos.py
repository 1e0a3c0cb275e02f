"""Repos."""

from collections.abc import Sequence

from howdah.core.refs import BranchRef, RepoRef
from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import Metadata, RepoInfo
from howdah.pachd.versions.tables.values import int_of, metadata_of, one, text_of

_REPO = "SELECT id, project, name, type, description, created_ns, metadata FROM repos"


def _repo(connection: Connection, row: Sequence[object]) -> RepoInfo:
    id, project, name, type, description, created_ns, metadata = row
    ref = RepoRef(str(name), str(type), str(project))
    names = connection.execute("SELECT name FROM branches WHERE repo = ? ORDER BY id", (id,))
    return RepoInfo(
        int_of(id),
        ref,
        str(description),
        int_of(created_ns),
        tuple(BranchRef(ref, name) for (name,) in names),
        _master_size(connection, int_of(id)),
        metadata_of(metadata),
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
    return one(connection, lambda row: _repo(connection, row), sql, ref.project, ref.name, ref.type)


def repo_row(connection: Connection, ref: RepoRef) -> int | None:
    sql = "SELECT id FROM repos WHERE project = ? AND name = ? AND type = ?"
    return one(connection, lambda row: int_of(row[0]), sql, ref.project, ref.name, ref.type)


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
        "UPDATE repos SET description = ?, metadata = ? WHERE id = ?", (description, text_of(metadata), row)
    )


def delete_repo(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM repos WHERE id = ?", (row,))
