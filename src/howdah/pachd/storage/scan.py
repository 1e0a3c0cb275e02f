"""Reading a pack from its beginning, without the index."""

from collections.abc import Iterator
from dataclasses import dataclass

from howdah.errors import Corrupt
from howdah.pachd.storage import record
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.objects import Objects
from howdah.pachd.storage.packs import PREAMBLE, name_of

_WINDOW_BYTES = 4 << 10
_SEARCH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Scanned:
    """A record as its pack describes it; its payload is not looked at."""

    offset: int
    header: record.Header
    items: list[tuple[Hash, int, int]]

    @property
    def size(self) -> int:
        return self.header.record_bytes

    @property
    def end(self) -> int:
        return self.offset + self.size


class DamagedRecord(Corrupt):
    """No intact record at this offset of the pack."""

    def __init__(self, pack: int, offset: int, reason: str) -> None:
        self.pack, self.offset, self.reason = pack, offset, reason
        super().__init__(f"{name_of(pack)} is damaged at {offset}: {reason}")


def record_at(objects: Objects, pack: int, offset: int) -> Scanned:
    """The record that begins here; DamagedRecord, NotFound when the pack is missing."""
    try:
        data = objects.get(name_of(pack), offset, _WINDOW_BYTES)
        header = record.decode_header(data)
        if header.table_end > len(data):
            data += objects.get(name_of(pack), offset + len(data), header.table_end - len(data))
        return Scanned(offset, header, record.decode_table(header, data))
    except Corrupt as error:
        raise DamagedRecord(pack, offset, str(error)) from error


def records(objects: Objects, pack: int, length: int) -> Iterator[Scanned]:
    """The records that begin below `length`, in order. DamagedRecord where the chain breaks: what
    lies behind can only be found through the index or `next_record`."""
    if length and objects.get(name_of(pack), 0, len(PREAMBLE)) != PREAMBLE:
        raise DamagedRecord(pack, 0, "it does not begin as a pack of a format known here")
    offset = len(PREAMBLE)
    while offset < length:
        found = record_at(objects, pack, offset)
        yield found
        offset = found.end


def next_record(objects: Objects, pack: int, offset: int) -> int | None:
    """The first offset from here on where an intact header and table begin."""
    name = name_of(pack)
    while data := objects.get(name, offset, _SEARCH_BYTES):
        at = data.find(record.MAGIC)
        while at >= 0:
            try:
                record_at(objects, pack, offset + at)
            except DamagedRecord:
                at = data.find(record.MAGIC, at + 1)
            else:
                return offset + at
        if len(data) < len(record.MAGIC):
            return None
        offset += len(data) - len(record.MAGIC) + 1
    return None


def payload(objects: Objects, pack: int, found: Scanned) -> memoryview:
    """The raw payload; DamagedRecord when it cannot be had."""
    try:
        return record.payload_of(found.header, objects.get(name_of(pack), found.offset, found.size))
    except Corrupt as error:
        raise DamagedRecord(pack, found.offset, str(error)) from error
