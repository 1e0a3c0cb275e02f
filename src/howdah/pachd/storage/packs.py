"""Packs: files of about 64 MiB to which records are appended, and which are then never changed.

All uploads append to one active pack, so that small writes of many share its sync. A record that was
appended can be read at once; it is acknowledged by `sync()`, whose order is the store's promise:

    1. the records' bytes, then (for a new pack) its name, are made durable,
    2. the rows that say where chunks lie are committed to the database (few of them as notes).

A crash between the two leaves bytes that nothing points to, for gc to find. A pack is never appended
to by a later process: what stands behind its recorded length after a crash is garbage.

When a sync fails, the bytes since the last one may be lost although a second sync would succeed, so the
pack is written off: its unsynced chunks are forgotten, and every upload that relied on it must fail.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from howdah.core.failpoints import Failpoint
from howdah.errors import Unavailable
from howdah.pachd.storage import record, tables
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.database import Connection, Database
from howdah.pachd.storage.faults import told_as_unavailable
from howdah.pachd.storage.leases import Lease
from howdah.pachd.storage.objects import Buffer, Objects, ObjectWriter
from howdah.pachd.storage.recent import MOST_NOTED, Recent
from howdah.pachd.storage.tables import Location, Row

FOLDER = "packs/"
PREAMBLE = b"HOWDAHPK" + (1).to_bytes(4, "little") + bytes(4)
"""Magic, version of the pack format, four zero bytes."""

PACK_BYTES = 64 << 20
_UNSETTLED_PACKS = 3
_PENDING_ROWS = 1 << 16

APPENDED = Failpoint("packs.appended")
SYNCED = Failpoint("packs.synced")
INDEXED = Failpoint("packs.indexed")


def name_of(pack: int) -> str:
    return f"{FOLDER}{pack:016x}"


def id_of(name: str) -> int:
    return int(name.removeprefix(FOLDER), 16)


@dataclass(frozen=True)
class Record:
    """An encoded record and the chunks in it, as (hash, start, length) of the raw payload."""

    parts: Sequence[Buffer]
    size: int
    chunks: Sequence[tuple[Hash, int, int]]


def make_record(
    kind: int, items: Sequence[tuple[Hash, Buffer]], compressor: record.Compressor | None
) -> Record:
    parts = record.encode(kind, items, compressor)
    chunks, start = [], 0
    for hash, data in items:
        chunks.append((hash, start, len(data)))
        start += len(data)
    return Record(parts, sum(map(len, parts)), chunks)


@dataclass
class _Pack:
    """A pack of this process that is not yet durable and indexed to its end."""

    id: int
    writer: ObjectWriter
    length: int = 0
    rows: list[Row] = field(default_factory=list)
    sealed: bool = False


class Packs:
    def __init__(self, objects: Objects, database: Database, *, pack_bytes: int = PACK_BYTES) -> None:
        self._objects, self._database, self.pack_bytes = objects, database, pack_bytes
        self._append_lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._unsettled: list[_Pack] = []
        self._active: _Pack | None = None
        self._pending: dict[Hash, Location] = {}
        self._lost: set[int] = set()
        self._appended = self._durable = 0
        self._recent = Recent(database)
        self._next_id = self._first_free_id()
        self._work, self._closing = threading.Event(), False
        self._settler = threading.Thread(target=self._settle_sealed, name="pack settler", daemon=True)
        self._settler.start()

    def append(self, records: Sequence[Record], lease: Lease) -> None:
        """Append to the active pack. The chunks can be found and read at once, and are durable
        after the next `sync()`. Pins the pack. Unavailable when the disk is full or failing."""
        left = deque(records)
        with told_as_unavailable(FOLDER), self._append_lock:
            while left:
                self._append_some(left, lease)
            crowded = len(self._unsettled) > _UNSETTLED_PACKS
            heavy = len(self._pending) > _PENDING_ROWS
        if crowded or heavy:  # the disk is slower than we are, or memory fills: do not run further ahead
            with told_as_unavailable(FOLDER), self._sync_lock:
                self._settle(everything=heavy)

    def find(self, hashes: Sequence[Hash]) -> dict[Hash, Location]:
        """Where the chunks lie, durable or not; those that are not stored are left out."""
        # Pending first: a row leaves it only after it can be found durably.
        found = {hash: location for hash in hashes if (location := self._pending.get(hash))}
        if len(found) < len(hashes) and (missing := [hash for hash in hashes if hash not in found]):
            found.update(self.find_durable(missing))
        return found

    def find_recent(self, hashes: Sequence[Hash]) -> dict[Hash, Location]:
        """As `find`, among those only that came lately, which costs nothing."""
        found = {hash: location for hash in hashes if (location := self._pending.get(hash))}
        return self._recent.find(hashes) | found

    def find_durable(self, hashes: Sequence[Hash]) -> dict[Hash, Location]:
        """As `find`, without what the next crash could take. Gc and check must ask this: two uploads
        may store the same chunk, and the copy that came later may not last."""
        # Notes first: they leave only after they have been entered.
        found = self._recent.find(hashes)
        if len(found) < len(hashes) and (missing := [hash for hash in hashes if hash not in found]):
            with self._database.glance() as connection:
                found.update(tables.entered(connection, missing))
        return found

    def sync(self) -> None:
        """Return when everything appended before the call is durable and indexed. Callers that
        arrive while another syncs share the next sync. Unavailable when the disk is full or failing."""
        target = self._appended
        with told_as_unavailable(FOLDER), self._sync_lock:
            if self._durable < target:
                self._settle(everything=True)
        if self._recent.is_too_much:
            self._recent.enter_all()

    def check_kept(self, lease: Lease) -> None:
        """Unavailable when a pack that the lease relies on was written off."""
        if lost := lease.pins & self._lost:
            raise Unavailable(
                f"the disk failed to keep pack {name_of(min(lost))}, which this upload needs; upload again"
            )

    def seal(self) -> int:
        """End the active pack; returns the first id of the packs to come. All before it are complete,
        and those that hold anything are in the database."""
        with self._append_lock:
            if self._active:
                self._seal(self._active)
            following = self._next_id
        self.sync()
        return following

    def enter_notes(self) -> None:
        """When it returns, no note speaks of what was durable before the call."""
        self._recent.enter_all()

    def read(self, location: Location) -> bytes:
        """The bytes of the record at the location; NotFound when gc has moved or removed it."""
        return self._objects.get(name_of(location.pack), location.offset, location.size)

    def close(self) -> None:
        """Make everything appended durable, and stop."""
        try:
            self.seal()
        finally:
            self._closing = True
            self._work.set()
            self._settler.join()
            for pack in self._unsettled:
                pack.writer.close()

    def _append_some(self, left: deque[Record], lease: Lease) -> None:
        """Append as many records as complete the active pack."""
        pack = self._active or self._begin()
        lease.pin([pack.id])
        some, length = [], pack.length
        while left and length < self.pack_bytes:
            some.append(left.popleft())
            length += some[-1].size
        try:
            pack.writer.write([part for one in some for part in one.parts])
        except BaseException:
            self._seal(pack)  # its tail is unknown; what came before it stands
            raise
        for one in some:
            self._enter(pack, one)
        APPENDED.hit()
        if pack.length >= self.pack_bytes:
            self._seal(pack)

    def _begin(self) -> _Pack:
        id, self._next_id = self._next_id, self._next_id + 1
        pack = _Pack(id, self._objects.create(name_of(id)))
        try:
            pack.writer.write([PREAMBLE])
        except BaseException:
            pack.writer.close()
            raise
        pack.length = len(PREAMBLE)
        self._unsettled.append(pack)
        self._active = pack
        return pack

    def _enter(self, pack: _Pack, one: Record) -> None:
        for hash, start, length in one.chunks:
            location = Location(pack.id, pack.length, one.size, start, length)
            pack.rows.append((hash, location))
            self._pending[hash] = location
        pack.length += one.size
        self._appended += 1

    def _seal(self, pack: _Pack) -> None:
        pack.sealed = True
        self._active = None
        self._work.set()

    def _settle(self, *, everything: bool) -> None:
        """Sync and index the sealed packs, or all of them. Under the sync lock."""
        with self._append_lock:
            if everything and self._active and not self._objects.appends:
                self._seal(self._active)
            packs = [pack for pack in self._unsettled if everything or pack.sealed]
            taken = [(pack, pack.rows, pack.length, pack.sealed) for pack in packs]
            for pack in packs:
                pack.rows = []
            reached = self._appended
        kept: list[tuple[int, list[Row], int]] = []
        failure: BaseException | None = None
        complete: list[_Pack] = []
        for pack, rows, length, sealed in taken:
            try:
                if rows:
                    pack.writer.sync()
                    kept.append((pack.id, rows, length))
                if sealed:
                    complete.append(pack)
            except BaseException as error:  # noqa: BLE001  the other packs must be settled all the same
                failure = error
                self._write_off(pack, rows)
        try:
            SYNCED.hit()
            self._index(kept)
            INDEXED.hit()
        except BaseException:
            self._put_back(kept)
            raise
        self._forget_settled(complete, kept)
        if failure:
            raise failure
        if everything:
            self._durable = reached

    def _index(self, kept: Sequence[tuple[int, list[Row], int]]) -> None:
        few = sum(len(rows) for _, rows, _ in kept) <= MOST_NOTED

        def change(connection: Connection) -> int:
            last = 0
            for pack, rows, length in kept:
                if few:
                    last = self._recent.note(connection, pack, rows)
                else:
                    tables.enter(connection, rows)
                tables.extend_pack(connection, pack, length)
            return last

        if kept:
            last = self._database.write(change)
            if few:
                self._recent.noted([row for _, rows, _ in kept for row in rows], last)
                if self._recent.is_enough:
                    self._work.set()

    def _put_back(self, kept: Sequence[tuple[int, list[Row], int]]) -> None:
        """Durable, but not findable by the next process: the next sync tries again."""
        with self._append_lock:
            rows_of = {id: rows for id, rows, _ in kept}
            for pack in self._unsettled:
                pack.rows = rows_of.get(pack.id, []) + pack.rows

    def _forget_settled(self, complete: Iterable[_Pack], kept: Sequence[tuple[int, list[Row], int]]) -> None:
        with self._append_lock:
            for _, rows, _ in kept:
                self._drop_pending(rows)
            for pack in complete:
                pack.writer.close()
                self._unsettled.remove(pack)

    def _write_off(self, pack: _Pack, rows: Sequence[Row]) -> None:
        with self._append_lock:
            self._lost.add(pack.id)
            self._drop_pending([*rows, *pack.rows])
            pack.rows = []
            if pack is self._active:
                self._active = None
            pack.writer.close()
            self._unsettled.remove(pack)

    def _drop_pending(self, rows: Iterable[Row]) -> None:
        for hash, location in rows:
            if self._pending.get(hash) == location:
                del self._pending[hash]

    def _settle_sealed(self) -> None:
        while not self._closing:
            self._work.wait()
            self._work.clear()
            try:
                with self._sync_lock:
                    self._settle(everything=False)
                if self._recent.is_enough and not self._closing:
                    self._recent.enter_all()
            except Exception:  # noqa: BLE001  sync() meets the same failure, and has a caller to tell
                continue

    def _first_free_id(self) -> int:
        ids = [id_of(info.name) for info in self._objects.list(FOLDER)]
        with self._database.read() as connection:
            return max([0, *ids, *tables.packs(connection)]) + 1
