"""Projects, and what is known of the installation as a whole."""

from collections.abc import Sequence

from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import Metadata, ProjectInfo
from howdah.pachd.versions.tables.values import int_of, metadata_of, one, text_of


def _project(row: Sequence[object]) -> ProjectInfo:
    name, description, created_ns, metadata = row
    return ProjectInfo(str(name), str(description), int_of(created_ns), metadata_of(metadata))


_PROJECT = "SELECT name, description, created_ns, metadata FROM projects"


def project(connection: Connection, name: str) -> ProjectInfo | None:
    return one(connection, _project, f"{_PROJECT} WHERE name = ?", name)


def projects(connection: Connection) -> list[ProjectInfo]:
    return [_project(row) for row in connection.execute(f"{_PROJECT} ORDER BY created_ns, name")]


def put_project(connection: Connection, info: ProjectInfo) -> None:
    connection.execute(
        "INSERT INTO projects (name, description, created_ns, metadata) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET description = excluded.description, metadata = excluded.metadata",
        (info.name, info.description, info.created_ns, text_of(info.metadata)),
    )


def delete_project(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM projects WHERE name = ?", (name,))


def cluster_metadata(connection: Connection) -> Metadata:
    return metadata_of(connection.execute("SELECT metadata FROM cluster").fetchone()[0])


def set_cluster_metadata(connection: Connection, metadata: Metadata) -> None:
    connection.execute("UPDATE cluster SET metadata = ?", (text_of(metadata),))
