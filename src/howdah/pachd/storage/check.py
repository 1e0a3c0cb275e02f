"""Whether the packs hold what the index says. Nothing is changed, whatever is found.

The structure is read from every pack's own tables and compared with the index both ways; with `data`
every byte is read and checked against its hash as well. What is found is told chunk by chunk: which
files of which commits that touches is for `versions` to say.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from howdah.errors import Corrupt, NotFound
from howdah.pachd.storage import scan, tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content, Hash, hash_of
from howdah.pachd.storage.packs import name_of
from howdah.pachd.storage.tables import Location


@dataclass(frozen=True)
class Damage:
    """Chunks that cannot be read, and where they should be."""

    pack: str
    offset: int
    hashes: tuple[Hash, ...]
    reason: str


def check(blobs: Blobs, *, data: bool = False) -> Iterator[Damage]:
    """All damage to chunks that the index knew when the check began, pack by pack; nothing when the
    store is sound. Uploads and reads go on meanwhile; Conflict when gc, a backup or another check runs."""
    blobs.begin_maintenance("check")
    try:
        with blobs.database.read() as connection:
            lengths, counts = tables.packs(connection), tables.counts(connection)
        for pack in sorted(lengths.keys() | counts.keys()):
            yield from _check_pack(blobs, pack, lengths.get(pack, 0), counts.get(pack, 0), data)
    finally:
        blobs.end_maintenance()


def touches(blobs: Blobs, damaged: Set[Hash], content: Content) -> bool:
    """Whether any part of the content is among the damaged chunks, or cannot be asked about."""
    try:
        return any(hash in damaged for hash in blobs.hashes(content))
    except (NotFound, Corrupt):
        return True


def _check_pack(blobs: Blobs, pack: int, length: int, rows: int, data: bool) -> Iterator[Damage]:
    """Walk the pack; where its chain of records breaks, or it accounts for fewer chunks than the
    index finds in it, ask the index record by record."""
    size = next((info.size for info in blobs.objects.list(name_of(pack))), 0)
    sound = reached = 0
    try:
        for found in scan.records(blobs.objects, pack, length):
            if found.end > size:
                break
            here = _indexed_here(blobs, pack, found)
            sound += len(here)
            if data and here:
                yield from _check_payload(blobs, pack, found, here)
            reached = found.end
    except (NotFound, Corrupt):
        sound = -1
    if sound != rows:
        yield from _check_rows(blobs, pack, size, reached if data else size)


def _indexed_here(blobs: Blobs, pack: int, found: scan.Scanned) -> dict[Hash, Location]:
    where = blobs.packs.find([hash for hash, _, _ in found.items])
    return {
        hash: location
        for hash, start, size in found.items
        if (location := Location(pack, found.offset, found.size, start, size)) == where.get(hash)
    }


def _check_payload(
    blobs: Blobs, pack: int, found: scan.Scanned, here: dict[Hash, Location]
) -> Iterator[Damage]:
    try:
        payload = scan.payload(blobs.objects, pack, found)
    except scan.DamagedRecord as error:
        yield Damage(name_of(pack), found.offset, tuple(here), error.reason)
        return
    for hash, location in here.items():
        if hash_of(payload[location.start : location.start + location.length]) != hash:
            reason = "its bytes do not match its hash"
            yield Damage(name_of(pack), found.offset, (hash,), reason)


def _check_rows(blobs: Blobs, pack: int, size: int, read_from: int) -> Iterator[Damage]:
    """Ask for every record that the index knows; read the payloads of those from `read_from` on."""
    by_record: dict[int, dict[Hash, Location]] = {}
    with blobs.database.read() as connection:
        for hash, location in tables.chunks_in(connection, pack):
            by_record.setdefault(location.offset, {})[hash] = location
    for offset, rows in sorted(by_record.items()):
        try:
            found = scan.record_at(blobs.objects, pack, offset)
            if found.end > size:
                raise scan.DamagedRecord(pack, offset, f"the pack is cut off at {size}")
        except NotFound:
            yield Damage(name_of(pack), offset, tuple(rows), "the pack is missing")
            continue
        except scan.DamagedRecord as error:
            yield Damage(name_of(pack), offset, tuple(rows), error.reason)
            continue
        here = _indexed_here(blobs, pack, found)
        if strangers := tuple(rows.keys() - here.keys()):
            yield Damage(name_of(pack), offset, strangers, "the index finds them here, the record does not")
        if offset >= read_from:
            yield from _check_payload(blobs, pack, found, here)
