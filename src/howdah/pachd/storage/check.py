"""Whether the packs hold what the index says. Nothing is changed, whatever is found.

The structure is read from every pack's own tables and compared with the index both ways; with `data`
every byte is read and checked against its hash as well. What is found is told chunk by chunk: which
files of which commits that touches is for `versions` to say.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import islice

from howdah.errors import Corrupt, NotFound
from howdah.pachd.storage import scan, tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content, Hash, hash_of
from howdah.pachd.storage.packs import FOLDER, id_of, name_of
from howdah.pachd.storage.progress import Progress, unwatched
from howdah.pachd.storage.tables import Location

_RECORDS_AT_ONCE = 64


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
    with blobs.maintenance("check"):
        yield from damages(blobs, data=data)


def damages(blobs: Blobs, *, data: bool = False, progress: Progress = unwatched) -> Iterator[Damage]:
    """As `check`, for callers that hold the maintenance themselves and ask more under it."""
    with blobs.database.read() as connection:
        lengths, counts = tables.packs(connection), tables.counts(connection)
    sizes = {id_of(info.name): info.size for info in blobs.objects.list(FOLDER)}
    for pack in sorted(lengths.keys() | counts.keys()):
        extent = _Extent(pack, lengths.get(pack, 0), sizes.get(pack, 0), counts.get(pack, 0))
        yield from _check_pack(blobs, extent, data)
        progress(extent.length, sum(lengths.values()))


def touches(blobs: Blobs, damaged: Set[Hash], content: Content) -> bool:
    """Whether any part of the content is among the damaged chunks, or cannot be asked about."""
    try:
        return any(hash in damaged for hash in blobs.hashes(content))
    except (NotFound, Corrupt):
        return True


@dataclass(frozen=True)
class _Extent:
    """A pack: its durable length, its present size, and how many chunks the index finds in it."""

    pack: int
    length: int
    size: int
    rows: int


def _check_pack(blobs: Blobs, extent: _Extent, data: bool) -> Iterator[Damage]:
    """Walk the pack; where its chain of records breaks, or it accounts for fewer chunks than the
    index finds in it, ask the index record by record."""
    pack, sound, reached = extent.pack, 0, 0
    walk = scan.records(blobs.objects, pack, extent.length)
    try:
        while some := list(islice(walk, _RECORDS_AT_ONCE)):
            where = blobs.packs.find_durable([hash for found in some for hash, _, _ in found.items])
            for found in some:
                if found.end > extent.size:
                    raise scan.DamagedRecord(pack, found.offset, f"the pack is cut off at {extent.size}")
                here = _here(pack, found, where)
                sound += len(here)
                if data and here:
                    yield from _check_payload(blobs, pack, found, here)
                reached = found.end
    except (NotFound, Corrupt):
        sound = -1
    if sound != extent.rows:
        yield from _check_rows(blobs, pack, extent.size, reached if data else extent.size)


def _here(pack: int, found: scan.Scanned, where: Mapping[Hash, Location]) -> dict[Hash, Location]:
    """Those items of the record that the index finds in it."""
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
        here = _here(pack, found, rows)
        if strangers := tuple(rows.keys() - here.keys()):
            yield Damage(name_of(pack), offset, strangers, "the index finds them here, the record does not")
        if offset >= read_from:
            yield from _check_payload(blobs, pack, found, here)
