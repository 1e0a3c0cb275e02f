"""The tables of this package. Row ids are never reused (AUTOINCREMENT), so that a waiter can tell a deleted
commit from a new one, and "newest first" is simply "largest row first"."""

from howdah.pachd.storage.database import Schema

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
