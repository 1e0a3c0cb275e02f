"""Gc's lower half: given what is alive, free the rest.

    with Collection(blobs) as collection:
        snapshot = ...                     every root, read after the collection began
        for hash in ...: collection.mark(hash)
        report = collection.sweep()

Uploads and reads go on all the while. Only packs that were complete when the collection began are
considered, and none that an upload has relied on since (see `leases`). A pack without a living chunk is
deleted; one less than half alive is rewritten: its living chunks are appended to the active pack, made
durable and indexed there, and then the old pack goes. When there are many small packs they are
rewritten into few. A pack in which something living is damaged is left alone and reported.

A crash at any point leaves either the old pack, or both copies, or a file without an entry, which the
next gc deletes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from howdah.core.failpoints import Failpoint
from howdah.errors import Corrupt
from howdah.pachd.storage import record, scan, tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Hash, hash_of
from howdah.pachd.storage.database import Connection
from howdah.pachd.storage.faults import told_as_unavailable
from howdah.pachd.storage.marks import Marks
from howdah.pachd.storage.packs import FOLDER, Record, id_of, make_record, name_of
from howdah.pachd.storage.progress import Progress, unwatched
from howdah.pachd.storage.scan import Scanned

_SMALL_PACK = 8  # a pack below an eighth of the full size is small
_MANY_SMALL_PACKS = 8
_COPY_BYTES = 8 << 20

COPIED = Failpoint("gc.copied")
FORGOTTEN = Failpoint("gc.forgotten")


@dataclass
class SweepReport:
    dry_run: bool
    freed_bytes: int = 0
    """What the packs are smaller by; with dry_run, what they would be."""
    deleted_packs: int = 0
    rewritten_packs: int = 0
    pinned_packs: int = 0
    """Left for a later run because an upload relies on them."""
    damaged_packs: list[str] = field(default_factory=list)
    """Left alone: run the check."""


@dataclass
class _Survey:
    """A pack's records, each with those of its items that are alive and found here by the index."""

    pack: int
    length: int
    records: list[tuple[Scanned, list[Hash]]]

    @property
    def alive_bytes(self) -> int:
        return sum(_alive_bytes(found, alive) for found, alive in self.records)

    @property
    def hashes(self) -> Iterator[Hash]:
        return (hash for found, _ in self.records for hash, _, _ in found.items)


class Collection:
    """A gc run. Conflict when one runs already, or a check or a backup."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        blobs.begin_maintenance("gc")
        try:
            blobs.leases.begin_collection()
            # Chunks written from here on lie in later packs, which are not considered.
            following = blobs.packs.seal()
            blobs.packs.enter_notes()
            with blobs.database.read() as connection:
                self._packs = tables.packs(connection)
                self._marks = Marks(tables.chunk_count(connection))
            # A crash or a full disk leaves packs of which nothing was ever acknowledged.
            sizes = {id_of(info.name): info.size for info in blobs.objects.list(FOLDER)}
            self._sizes = {pack: size for pack, size in sizes.items() if pack < following}
            self._packs = dict.fromkeys(self._sizes, 0) | self._packs
        except BaseException:
            self.close()
            raise

    def mark(self, hash: Hash) -> None:
        """This chunk or block is alive."""
        self._marks.add(hash)

    def mark_all(self, hashes: Iterable[Hash]) -> None:
        for hash in hashes:
            self._marks.add(hash)

    def sweep(self, *, dry_run: bool = False, progress: Progress = unwatched) -> SweepReport:
        """Free what was not marked. Call once, when everything alive has been marked. Unavailable when
        the disk is full or failing: the next gc goes on from there."""
        report = SweepReport(dry_run)
        merge = self._small_packs()
        with told_as_unavailable(FOLDER):
            for pack, length in self._packs.items():
                try:
                    self._sweep_pack(self._survey(pack, length), pack in merge, report)
                except Corrupt:
                    report.damaged_packs.append(name_of(pack))
                progress(length, sum(self._packs.values()))
        return report

    def close(self) -> None:
        self._blobs.leases.end_collection()
        self._blobs.end_maintenance()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _small_packs(self) -> set[int]:
        limit = self._blobs.packs.pack_bytes // _SMALL_PACK
        small = {pack for pack, length in self._packs.items() if length < limit}
        return small if len(small) >= _MANY_SMALL_PACKS else set()

    def _survey(self, pack: int, length: int) -> _Survey:
        survey = _Survey(pack, length, [])
        scanned = list(scan.records(self._blobs.objects, pack, length))
        where = self._blobs.packs.find_durable([hash for found in scanned for hash, _, _ in found.items])
        for found in scanned:
            alive = [
                hash
                for hash, start, size in found.items
                if hash in self._marks and where.get(hash) == (pack, found.offset, found.size, start, size)
            ]
            survey.records.append((found, alive))
        return survey

    def _sweep_pack(self, survey: _Survey, merge: bool, report: SweepReport) -> None:
        alive = survey.alive_bytes
        if alive and alive * 2 >= survey.length and not merge:
            return
        if report.dry_run:
            self._count(survey, alive, report)
        elif not self._blobs.leases.condemn(survey.pack):
            report.pinned_packs += 1
        else:
            try:
                self._copy_living(survey)
            except BaseException:
                self._blobs.leases.pardon(survey.pack)
                raise
            COPIED.hit()
            self._count(survey, alive, report)
            self._delete(survey)

    def _count(self, survey: _Survey, alive: int, report: SweepReport) -> None:
        report.freed_bytes += self._sizes.get(survey.pack, survey.length) - alive
        report.rewritten_packs += alive > 0
        report.deleted_packs += alive == 0

    def _copy_living(self, survey: _Survey) -> None:
        """Append the living chunks elsewhere, durably. Each is verified on the way: a damaged one
        must not be carried into a sound pack."""
        lease = self._blobs.leases.grant()
        try:
            batch: list[Record] = []
            for found, alive in survey.records:
                if alive:
                    batch.append(self._living_record(survey.pack, found, set(alive)))
                if sum(one.size for one in batch) >= _COPY_BYTES:
                    self._blobs.packs.append(batch, lease)
                    batch = []
            if batch:
                self._blobs.packs.append(batch, lease)
            self._blobs.packs.sync()
            self._blobs.packs.check_kept(lease)
        finally:
            lease.release()

    def _living_record(self, pack: int, found: Scanned, alive: set[Hash]) -> Record:
        payload = scan.payload(self._blobs.objects, pack, found)
        items = []
        for hash, start, size in found.items:
            data = payload[start : start + size]
            if hash in alive:
                if hash_of(data) != hash:
                    raise scan.DamagedRecord(
                        pack, found.offset, f"chunk {hash.hex()} does not match its hash"
                    )
                items.append((hash, data))
        compressor = record.Compressor(found.header.kind) if found.header.codec == record.ZSTD else None
        return make_record(found.header.kind, items, compressor)

    def _delete(self, survey: _Survey) -> None:
        def change(connection: Connection) -> None:
            tables.forget(connection, survey.pack, survey.hashes)

        # The rows go first: a row without its pack would be a lie, a pack without rows is garbage.
        self._blobs.database.write(change)
        FORGOTTEN.hit()
        self._blobs.objects.delete(name_of(survey.pack))


def _alive_bytes(found: Scanned, alive: Sequence[Hash]) -> int:
    if len(alive) == len(found.items):
        return found.size
    living = set(alive)
    raw = sum(size for hash, _, size in found.items if hash in living)
    return found.size * raw // max(found.header.raw_bytes, 1)
