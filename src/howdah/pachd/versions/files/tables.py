"""SQL for what hangs on commits and filesets: layers, roots, and the lives of filesets."""

from collections.abc import Iterable
from typing import NamedTuple

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import Roots
from howdah.pachd.versions.tables import Connection, Content


def roots_of(content: Content) -> Roots:
    """The trees of a finished commit; columns are empty where a tree is."""
    empty = Roots()
    return Roots(
        empty.content if content.root is None else Hash(content.root),
        empty.attribution if content.attribution is None else Hash(content.attribution),
    )


def content_of(roots: Roots) -> Content:
    empty = Roots()
    return Content(
        None if roots.content == empty.content else roots.content,
        None if roots.attribution == empty.attribution else roots.attribution,
    )


def attach_to_commit(connection: Connection, row: int, layers: Iterable[Hash]) -> None:
    connection.executemany(
        "INSERT INTO layers (commit_row, layer) VALUES (?, ?)", [(row, each) for each in layers]
    )


def layers_of_commit(connection: Connection, row: int) -> list[Hash]:
    """In the order in which they apply."""
    found = connection.execute("SELECT layer FROM layers WHERE commit_row = ? ORDER BY id", (row,))
    return [Hash(layer) for (layer,) in found]


def commits_with_layers(connection: Connection) -> list[int]:
    rows = connection.execute("SELECT DISTINCT commit_row FROM layers WHERE commit_row IS NOT NULL")
    return [int(row) for (row,) in rows]


def all_layers(connection: Connection, living_at_ns: int = 0) -> list[Hash]:
    """Of commits, and of filesets that are there and live at that time."""
    rows = connection.execute(
        "SELECT DISTINCT layer FROM layers LEFT JOIN filesets ON filesets.id = layers.fileset"
        " WHERE layers.fileset IS NULL OR filesets.expires_ns > ?",
        (living_at_ns,),
    )
    return [Hash(layer) for (layer,) in rows]


def all_roots(connection: Connection, living_at_ns: int = 0) -> list[Roots]:
    """Of commits that have finished, and of filesets that are there and live at that time."""
    rows = connection.execute(
        "SELECT root, attribution FROM commits WHERE root IS NOT NULL OR attribution IS NOT NULL"
        " UNION SELECT root, attribution FROM filesets WHERE expires_ns > ?",
        (living_at_ns,),
    )
    return [roots_of(Content(root, attribution)) for root, attribution in rows]


# ---------------------------------------------------------------- filesets


class FilesetRow(NamedTuple):
    expires_ns: int
    roots: Roots
    layers: tuple[Hash, ...]


def insert_fileset(connection: Connection, id: str, row: FilesetRow) -> None:
    connection.execute(
        "INSERT INTO filesets (id, expires_ns, root, attribution) VALUES (?, ?, ?, ?)",
        (id, row.expires_ns, *content_of(row.roots)),
    )
    connection.executemany(
        "INSERT INTO layers (fileset, layer) VALUES (?, ?)", [(id, each) for each in row.layers]
    )


def fileset(connection: Connection, id: str, now_ns: int) -> FilesetRow | None:
    row = connection.execute(
        "SELECT expires_ns, root, attribution FROM filesets WHERE id = ? AND expires_ns > ?", (id, now_ns)
    ).fetchone()
    if row is None:
        return None
    layers = connection.execute("SELECT layer FROM layers WHERE fileset = ? ORDER BY id", (id,))
    return FilesetRow(
        int(row[0]), roots_of(Content(row[1], row[2])), tuple(Hash(layer) for (layer,) in layers)
    )


def filesets(connection: Connection) -> dict[str, FilesetRow]:
    """All that are there, their time over or not."""
    layers: dict[str, list[Hash]] = {}
    found = connection.execute("SELECT fileset, layer FROM layers WHERE fileset IS NOT NULL ORDER BY id")
    for id, layer in found:
        layers.setdefault(id, []).append(Hash(layer))
    rows = connection.execute("SELECT id, expires_ns, root, attribution FROM filesets").fetchall()
    return {
        id: FilesetRow(int(expires_ns), roots_of(Content(root, attribution)), tuple(layers.get(id, ())))
        for id, expires_ns, root, attribution in rows
    }


def renew_fileset(connection: Connection, id: str, expires_ns: int) -> None:
    """A fileset never lives shorter for having been renewed."""
    connection.execute("UPDATE filesets SET expires_ns = max(expires_ns, ?) WHERE id = ?", (expires_ns, id))


def delete_expired_filesets(connection: Connection, now_ns: int) -> int:
    connection.execute(
        "DELETE FROM layers WHERE fileset IN (SELECT id FROM filesets WHERE expires_ns <= ?)", (now_ns,)
    )
    return connection.execute("DELETE FROM filesets WHERE expires_ns <= ?", (now_ns,)).rowcount
