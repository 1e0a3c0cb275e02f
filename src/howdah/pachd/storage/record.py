"""One record of a pack: a table of hashes and lengths, then the bytes, compressed where that pays.

A record describes itself: from packs alone, without the index, every chunk can be found again. A large
chunk has a record of its own; small chunks share one, and its compression. `docs/format.md` is normative.
"""

import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import zstandard

from howdah.errors import Corrupt
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.objects import Buffer

MAGIC = b"HREC"
RAW, ZSTD = 0, 1
CHUNKS, BLOCKS = 0, 1
"""What the items are: parts of files, or tree nodes and chunk lists. Only statistics differ."""

_HEADER = struct.Struct("<4sBBHIII")
_ITEM = struct.Struct("<32sI")
HEADER_BYTES, ITEM_BYTES = _HEADER.size, _ITEM.size
_HASH_BYTES = 32
MAX_ITEMS = 0xFFFF
MAX_PAYLOAD_BYTES = 32 << 20

_PROBE_BYTES = 64 << 10
_WORTH_IT = 0.9


@dataclass(frozen=True, slots=True)
class Header:
    codec: int
    kind: int
    count: int
    raw_bytes: int
    stored_bytes: int

    @property
    def table_end(self) -> int:
        return HEADER_BYTES + self.count * ITEM_BYTES

    @property
    def record_bytes(self) -> int:
        return self.table_end + self.stored_bytes


_LEVELS = {CHUNKS: 1, BLOCKS: -1}
"""Of a node mostly hashes and sums do not shrink, and its paths do at any level; this one takes half the
time, and a third of it to unpack."""


class Compressor:
    """Decides and compresses items of one kind; one a thread."""

    def __init__(self, kind: int) -> None:
        self._zstd = zstandard.ZstdCompressor(level=_LEVELS[kind], write_content_size=True)

    def pays(self, data: Buffer) -> bool:
        """Whether the first 64 KiB shrink by a tenth: what is true of a file's beginning is
        usually true of the rest, and random or compressed data costs little to recognise."""
        probe = memoryview(data)[:_PROBE_BYTES]
        return len(self._zstd.compress(probe)) < _WORTH_IT * len(probe)

    def compress(self, data: Buffer) -> bytes:
        return self._zstd.compress(data)


def encode(kind: int, items: Sequence[tuple[Hash, Buffer]], compressor: Compressor | None) -> list[Buffer]:
    """The record's bytes, in parts, so that a large chunk is not copied. Pass a compressor where
    compression pays; a payload that does not shrink is stored as it is."""
    lengths = [len(data) for _, data in items]
    raw_bytes = sum(lengths)
    payload = items[0][1] if len(items) == 1 else b"".join([data for _, data in items])
    codec, stored_bytes = RAW, raw_bytes
    if compressor is not None and len(packed := compressor.compress(payload)) < raw_bytes:
        codec, payload, stored_bytes = ZSTD, packed, len(packed)
    table = b"".join(_ITEM.pack(hash, length) for (hash, _), length in zip(items, lengths, strict=True))
    head = _HEADER.pack(MAGIC, codec, kind, len(items), raw_bytes, stored_bytes, 0)[:-4]
    check = zlib.crc32(table, zlib.crc32(head))
    return [b"".join((head, check.to_bytes(4, "little"), table)), payload]


def decode_header(data: Buffer) -> Header:
    """From the first HEADER_BYTES; Corrupt when no record begins here."""
    if len(data) < HEADER_BYTES:
        raise Corrupt("a record is cut off in its header")
    magic, codec, kind, count, raw_bytes, stored_bytes, _ = _HEADER.unpack_from(data)
    if magic != MAGIC or codec > ZSTD or count == 0 or max(raw_bytes, stored_bytes) > MAX_PAYLOAD_BYTES:
        raise Corrupt("no record begins here")
    return Header(codec, kind, count, raw_bytes, stored_bytes)


def decode_table(header: Header, data: Buffer) -> list[tuple[Hash, int, int]]:
    """The items as (hash, start, length within the raw payload), verified against the checksum."""
    if len(data) < header.table_end:
        raise Corrupt("a record is cut off in its table")
    view = memoryview(data)
    check = zlib.crc32(view[HEADER_BYTES : header.table_end], zlib.crc32(view[: HEADER_BYTES - 4]))
    if check != int.from_bytes(view[HEADER_BYTES - 4 : HEADER_BYTES], "little"):
        raise Corrupt("a record's table does not match its checksum")
    items, start = [], 0
    for hash, length in _ITEM.iter_unpack(view[HEADER_BYTES : header.table_end]):
        items.append((Hash(hash), start, length))
        start += length
    if start != header.raw_bytes:
        raise Corrupt("a record's table does not add up to its payload")
    return items


def payload_of(header: Header, data: Buffer) -> memoryview:
    """The raw payload of a whole record. Whoever uses an item checks it against its hash."""
    if len(data) < header.record_bytes:
        raise Corrupt("a record is cut off in its payload")
    stored = memoryview(data)[header.table_end : header.record_bytes]
    if header.codec == RAW:
        return stored
    return _decompressed(stored, header.raw_bytes)


def single_chunks(data: bytes) -> dict[Hash, memoryview]:
    """The payloads of the records that lie behind one another from the beginning of `data` and hold
    one chunk each, by the hashes that their tables name: to be checked, as ever, before use. Corrupt
    where no record begins, or one is cut off."""
    found: dict[Hash, memoryview] = {}
    view = memoryview(data)
    at, end = 0, len(data)
    while at < end:
        if end - at < HEADER_BYTES:
            raise Corrupt("a record is cut off in its header")
        magic, codec, _, count, raw_bytes, stored_bytes, _ = _HEADER.unpack_from(data, at)
        table = at + HEADER_BYTES
        payload = table + count * ITEM_BYTES
        following = payload + stored_bytes
        if magic != MAGIC or following > end:
            raise Corrupt("no whole record begins here")
        if count == 1:
            hash = Hash(data[table : table + _HASH_BYTES])
            whole = view[payload:following]
            found[hash] = whole if codec == RAW else _decompressed(whole, raw_bytes)
        at = following
    return found


def _decompressed(stored: Buffer, raw_bytes: int) -> memoryview:
    if raw_bytes > MAX_PAYLOAD_BYTES:
        raise Corrupt("a record's payload cannot be that large")
    try:
        raw = _decompressor().decompress(stored, max_output_size=raw_bytes)
    except zstandard.ZstdError as error:
        raise Corrupt(f"a record's payload cannot be decompressed ({error})") from error
    if len(raw) != raw_bytes:
        raise Corrupt("a record's payload has not the length it states")
    return memoryview(raw)


_local = threading.local()


def _decompressor() -> zstandard.ZstdDecompressor:
    """This thread's own; making one takes as long as unpacking a node."""
    found: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if found is None:
        found = _local.decompressor = zstandard.ZstdDecompressor()
    return found
