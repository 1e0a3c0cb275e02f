"""Branches and what flows between them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef
from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import BranchInfo, Metadata, Trigger
from howdah.pachd.versions.tables.values import int_of, metadata_of, one, text_of

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
        int_of(id),
        ref,
        CommitRef(ref.repo, CommitId(str(head))),
        tuple(_branch_ref(row[:4]) for row in direct),
        tuple(_branch_ref(row) for row in connection.execute(_UPSTREAM + _BRANCH_NEAR, (id,))),
        tuple(_branch_ref(row) for row in connection.execute(_DOWNSTREAM + _BRANCH_NEAR, (id,))),
        frozenset(_branch_ref(row[:4]) for row in direct if row[4]),
        None if trigger is None else Trigger(**json.loads(str(trigger))),
        int_of(created_ns),
        int_of(updated_ns),
        metadata_of(metadata),
    )


def branch(connection: Connection, ref: BranchRef) -> BranchInfo | None:
    sql = f"{_BRANCH} WHERE r.project = ? AND r.name = ? AND r.type = ? AND b.name = ?"
    key = (ref.repo.project, ref.repo.name, ref.repo.type, ref.name)
    return one(connection, lambda row: _branch(connection, row), sql, *key)


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
    return int_of(cursor.lastrowid)


def set_branch_head(connection: Connection, row: int, head: int, now_ns: int) -> None:
    connection.execute("UPDATE branches SET head = ?, updated_ns = ? WHERE id = ?", (head, now_ns, row))


def set_branch_trigger(connection: Connection, row: int, trigger: Trigger | None) -> None:
    spec = None if trigger is None else json.dumps(asdict(trigger))
    connection.execute("UPDATE branches SET trigger_spec = ? WHERE id = ?", (spec, row))


def set_branch_metadata(connection: Connection, row: int, metadata: Metadata) -> None:
    connection.execute("UPDATE branches SET metadata = ? WHERE id = ?", (text_of(metadata), row))


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
