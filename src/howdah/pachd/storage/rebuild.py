"""The index anew from the packs: for a database that lost it, or that was restored from before it."""

from collections.abc import Iterator

from howdah.pachd.storage import scan, tables
from howdah.pachd.storage.database import Connection, Database
from howdah.pachd.storage.objects import Objects
from howdah.pachd.storage.packs import FOLDER, id_of
from howdah.pachd.storage.scan import Scanned
from howdah.pachd.storage.tables import Location, Row


def rebuild_index(objects: Objects, database: Database) -> int:
    """Forget where chunks lie and learn it from the packs; returns how many chunks were found.

    Run it before `Blobs` is opened on the same database. Damaged stretches are passed over: what is
    intact behind them is found. Where a chunk is stored twice the later copy counts. All or nothing."""

    def change(connection: Connection) -> int:
        tables.clear(connection)
        for info in objects.list(FOLDER):
            pack, reached = id_of(info.name), 0
            for found in _intact(objects, pack, info.size):
                tables.enter(connection, _rows(pack, found))
                reached = found.end
            tables.extend_pack(connection, pack, reached)
        return tables.chunk_count(connection)

    return database.write(change)


def _intact(objects: Objects, pack: int, size: int) -> Iterator[Scanned]:
    start = 0
    while (at := scan.next_record(objects, pack, start)) is not None:
        found = scan.record_at(objects, pack, at)
        whole = found.end <= size
        if whole:
            yield found
        start = found.end if whole else at + 1


def _rows(pack: int, found: Scanned) -> Iterator[Row]:
    for hash, start, length in found.items:
        yield hash, Location(pack, found.offset, found.size, start, length)
