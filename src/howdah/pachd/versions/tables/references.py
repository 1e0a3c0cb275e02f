"""Whether rows fit together."""

from collections.abc import Iterator

from howdah.pachd.storage.database import Connection

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
