"""From hashed pieces to records in packs: what is stored already is found and pinned, the rest is
compressed where that pays and appended."""

import threading
from collections.abc import Iterable, Iterator, Sequence

from howdah.pachd.storage import record
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.leases import Lease
from howdah.pachd.storage.objects import Buffer
from howdah.pachd.storage.packs import Packs, Record, make_record
from howdah.pachd.storage.record import Compressor

Item = tuple[Hash, Buffer]

OWN_RECORD_BYTES = 16 << 10
"""Pieces from this size have a record of their own; smaller ones share records."""

_BUNDLE_BYTES = {record.CHUNKS: 128 << 10, record.BLOCKS: 16 << 10}
"""What shares a record before compression. Blocks are read one by one, and a record is unpacked whole
for any of them, so theirs are smaller."""
_BUNDLE_ITEMS = 4096
_PROBE_BYTES = 64 << 10


class Ingest:
    """Safe from any thread."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._local = threading.local()

    def store(self, kind: int, items: Iterable[Item], lease: Lease, *, most_are_new: bool = False) -> None:
        """Append those of the items that are not stored yet. Afterwards all of them can be read, gc
        leaves them alone for as long as the lease lasts, and the next sync makes them durable. Where
        most are new only what came lately is looked for, and what came before is stored once more."""
        if new := self._new(dict(items), lease, most_are_new):
            self._packs.append(list(self._records(kind, new)), lease)

    def _new(self, items: dict[Hash, Buffer], lease: Lease, most_are_new: bool) -> list[Item]:
        find = self._packs.find_recent if most_are_new else self._packs.find
        found = find(list(items))
        lost = lease.pin({location.pack for location in found.values()})
        return [
            item for item in items.items() if not (location := found.get(item[0])) or location.pack in lost
        ]

    def _records(self, kind: int, items: Sequence[Item]) -> Iterator[Record]:
        compressor = self._compressor_for(kind, items)
        bundle: list[Item] = []
        room = _BUNDLE_BYTES[kind]
        for item in items:
            size = len(item[1])
            if size >= OWN_RECORD_BYTES:
                yield make_record(kind, [item], compressor)
                continue
            if bundle and (size > room or len(bundle) == _BUNDLE_ITEMS):
                yield make_record(kind, bundle, compressor)
                bundle, room = [], _BUNDLE_BYTES[kind]
            bundle.append(item)
            room -= size
        if bundle:
            yield make_record(kind, bundle, compressor)

    def _compressor_for(self, kind: int, items: Sequence[Item]) -> Compressor | None:
        """One probe speaks for all: the items of a call are neighbours."""
        compressors: dict[int, Compressor] | None = getattr(self._local, "compressors", None)
        if compressors is None:
            compressors = self._local.compressors = {
                kind: Compressor(kind) for kind in (record.CHUNKS, record.BLOCKS)
            }
        compressor = compressors[kind]
        probe, size = [], 0
        for _, data in items:
            probe.append(memoryview(data)[: _PROBE_BYTES - size])
            size += len(probe[-1])
            if size >= _PROBE_BYTES:
                break
        pays = compressor.pays(probe[0] if len(probe) == 1 else b"".join(probe))
        return compressor if pays else None
