"""The index anew from the packs: for a database that lost it, or that is older or newer than its packs,
as when a folder was copied file by file while it was in use."""

from collections.abc import Iterator

from howdah.errors import NotFound
from howdah.pachd.storage import scan, tables
from howdah.pachd.storage.blobs import check_format
from howdah.pachd.storage.content import hash_of
from howdah.pachd.storage.database import Connection, Database
from howdah.pachd.storage.objects import Objects
from howdah.pachd.storage.packs import FOLDER, id_of
from howdah.pachd.storage.scan import Scanned
from howdah.pachd.storage.tables import Location, Row


def rebuild_index(objects: Objects, database: Database) -> int:
    """Forget where chunks lie and learn it from the packs; returns how many chunks were found.

    Run it before `Blobs` is opened on the same database. Every byte is read: what is damaged is passed
    over, and what is intact behind it is found. Where a chunk is stored twice the later copy counts.
    All or nothing. NotFound where there are no packs and the index knows some, or no store at all:
    a disk that is not mounted must not empty the index. NewerStore."""
    check_format(objects)

    def change(connection: Connection) -> int:
        packs = list(objects.list(FOLDER))
        if not packs and any(tables.packs(connection).values()):
            raise NotFound(
                "the packs that the index knows are all missing; nothing was changed",
                remedy="Put objects/packs back, or restore a backup into a new state folder.",
            )
        tables.clear(connection)
        for info in packs:
            pack, reached = id_of(info.name), 0
            for found in _intact(objects, pack, info.size):
                tables.enter(connection, _rows(objects, pack, found))
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


def _rows(objects: Objects, pack: int, found: Scanned) -> Iterator[Row]:
    try:
        payload = scan.payload(objects, pack, found)
    except scan.DamagedRecord:
        return
    for hash, start, length in found.items:
        if hash_of(payload[start : start + length]) == hash:
            yield hash, Location(pack, found.offset, found.size, start, length)
