"""Files in, contents out.

The bytes of a file are buffered up to 8 MiB, cut into chunks, and handed to a pool whose threads hash,
look up, compress and append them while the caller's thread receives on and hashes the whole. A file of
one chunk (all below 16 KiB) is one chunk whose hash is the file's; many such share a record.

Memory stays bounded: an upload holds its buffer and at most two buffers in the pool, and where many
uploads are open their buffers are smaller. Where chunks begin does not depend on it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import islice
from types import TracebackType
from typing import Self

from blake3 import blake3

from howdah.errors import Unavailable
from howdah.pachd.storage import content, record
from howdah.pachd.storage.chunker import MIN_BYTES, Chunker
from howdah.pachd.storage.content import Content, Hash, hash_of
from howdah.pachd.storage.ingest import Ingest, Item
from howdah.pachd.storage.leases import Lease
from howdah.pachd.storage.objects import Buffer
from howdah.pachd.storage.packs import Packs
from howdah.pachd.storage.reader import Reader

LIST_ENTRIES = 1024
"""Entries of a full chunk list."""

_FLUSH_BYTES = 256 << 10
_FLUSH_ITEMS = 4096
_BLOCK_FLUSH_BYTES = 512 << 10
_POOL_FROM_BYTES = 1 << 20
_IN_POOL = 2
_REUSED_FROM_BYTES = 1 << 20

Entry = tuple[Hash, int]


class Upload:
    """Used by one thread at a time. Everything written is garbage until some commit refers to it;
    until `close()`, gc leaves it alone. After an error, only `close()` makes sense."""

    def __init__(
        self, packs: Packs, ingest: Ingest, reader: Reader, pool: Executor, lease: Lease,
        buffer_bytes: Callable[[], int], closed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._packs, self._ingest, self._reader, self._pool = packs, ingest, reader, pool
        self._lease, self._buffer_bytes, self._closed = lease, buffer_bytes, closed
        self._chunker = Chunker()
        self._pieces = _Batch(self, pool, record.CHUNKS, _FLUSH_BYTES)
        self._blocks = _Batch(self, pool, record.BLOCKS, _BLOCK_FLUSH_BYTES)
        self._open, self._broken, self._blocks_are_new = True, False, False
        self._limit = buffer_bytes()
        self._begin_file()

    def _begin_file(self) -> None:
        self._parts: list[Buffer] = []
        self._buffered = 0  # bytes in the parts
        self._carried = b""  # what was cut off last and hashed, but may belong to a longer chunk
        self._entries: list[Entry] = []
        self._in_pool: deque[Future[list[Entry]]] = deque()
        self._hasher: blake3 | None = None  # only once the file is larger than the buffer
        self._size = 0  # bytes that the hasher has had

    def write(self, data: Buffer) -> None:
        """More of the current file."""
        self._check()
        piece = data if isinstance(data, bytes) else bytes(data)
        size = self._buffered + len(piece)
        if size < self._limit:
            self._parts.append(piece)
            self._buffered = size
            return
        self._write_much(memoryview(piece))

    def end_file(self) -> Content:
        """The content of what was written since the last file ended. Readable and durable after
        `sync()`."""
        self._check()
        try:
            if self._hasher is None and self._buffered < _POOL_FROM_BYTES:
                return self._end_small()
            return self._end_large()
        finally:
            self._begin_file()

    def extend(self, begun: Content) -> None:
        """Put the bytes of a content at the end of the current file. At a file's beginning a large
        one is not written again: its chunks are used, all but the last, and where this process wrote
        it, or extended it before, it is not read either. The result is the same as writing it all."""
        self._check()
        if (waiting := self._waiting(begun)) is not None:
            self.write(waiting)
        elif self._written or begun.size < _REUSED_FROM_BYTES or not begun.depth or not self._reuse(begun):
            for piece in self._reader.read(begun):
                self.write(piece)

    def put_block(self, data: bytes) -> Hash:
        """Store a tree node or the like, at most 16 MiB; found again by its hash."""
        hash = hash_of(data)
        self._blocks.add(hash, data)
        return hash

    def expect_new_blocks(self) -> None:
        """A hint: most blocks from here on are not stored yet. One that is may be stored again."""
        self._blocks_are_new = True

    def block(self, hash: Hash) -> bytes:
        """A block, of this upload or of the store."""
        if (data := self._blocks.waiting(hash)) is not None:
            return bytes(data)
        return self._reader.block(hash)

    def blocks(self, hashes: Sequence[Hash]) -> list[bytes]:
        """Several at once, in order."""
        waiting = {hash: data for hash in hashes if (data := self._blocks.waiting(hash)) is not None}
        missing = [hash for hash in hashes if hash not in waiting]
        read = dict(zip(missing, self._reader.blocks(missing), strict=True))
        return [read[hash] if hash in read else bytes(waiting[hash]) for hash in hashes]

    def keep(self, kept: Content) -> None:
        """Keep gc off an existing content while this upload lasts; NotFound when it is gone."""
        self._check()
        if self._waiting(kept) is None:
            hashes = self._reader.hashes_of(kept)
            while batch := list(islice(hashes, LIST_ENTRIES)):
                self._keep(batch)

    def sync(self) -> None:
        """When it returns, every file ended and block put through this upload is on disk and indexed.
        Unavailable when the disk is full or failing: then what was not synced before is not stored."""
        self._check()
        self._flush()
        self._drain(0)
        self._packs.sync()
        self._packs.check_kept(self._lease)

    def close(self) -> None:
        """End the lease. What no commit refers to by now is gc's. Idempotent."""
        if self._open:
            self._open = False
            wait([future for future in self._in_pool if not future.cancel()])
            self._pieces.give_up()
            self._blocks.give_up()
            self._lease.release()
            self._closed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def store(self, kind: int, items: Sequence[Item]) -> None:
        """Safe from any thread."""
        most_are_new = kind == record.BLOCKS and self._blocks_are_new
        self._ingest.store(kind, items, self._lease, most_are_new=most_are_new)

    def give_up(self) -> None:
        """Something was lost on its way: all further use is refused."""
        self._broken = True

    def _check(self) -> None:
        if not self._open or self._broken:
            raise Unavailable("this upload is closed or has failed; begin another")

    def _flush(self) -> None:
        self._pieces.flush()
        self._blocks.flush()

    def _waiting(self, known: Content) -> Buffer | None:
        """The bytes of a content that this upload has yet to store. What has lists is stored now, so
        that they can be read."""
        if known.depth:
            self._flush()
        if known.depth or known.inline is not None:
            return None
        return self._pieces.waiting(known.root)

    @property
    def _written(self) -> bool:
        return bool(self._buffered or self._size)

    def _write_much(self, view: memoryview) -> None:
        for first in range(0, len(view), self._limit):
            piece = view[first : first + self._limit]
            # What stays in the buffer must not keep all of a large argument alive.
            self._parts.append(piece if len(piece) == self._limit else bytes(piece))
            self._buffered += len(piece)
            if self._buffered >= self._limit:
                self._cut(last=False)
        self._limit = self._buffer_bytes()

    def _cut(self, *, last: bool) -> blake3:
        """Hand the buffer's chunks to the pool and keep the rest; meanwhile hash the whole here."""
        hasher = self._hasher = self._hasher or blake3()
        data = memoryview(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))
        chunks, rest = self._chunker.cut(self._carried, data, last=last)
        self._carried = bytes(rest)
        self._parts, self._buffered = [], 0
        if chunks:
            self._drain(_IN_POOL - 1)
            self._in_pool.append(self._pool.submit(self._store_chunks, chunks))
        hasher.update(data)
        self._size += len(data)
        return hasher

    def _store_chunks(self, chunks: Sequence[memoryview]) -> list[Entry]:
        items: list[Item] = [(hash_of(chunk), chunk) for chunk in chunks]
        self.store(record.CHUNKS, items)
        return [(hash, len(chunk)) for hash, chunk in items]

    def _drain(self, left: int) -> None:
        while len(self._in_pool) > left:
            try:
                self._entries += self._in_pool.popleft().result()
            except BaseException:
                self._broken = True  # the file in hand has a hole now
                raise

    def _end_small(self) -> Content:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        size = len(data)
        if size <= content.INLINE_LIMIT:
            return content.inline_content(bytes(data))
        hash = hash_of(data)
        chunks = [] if size <= MIN_BYTES else self._chunker.cut(b"", memoryview(data), last=True)[0]
        if len(chunks) < 2:
            self._pieces.add(hash, data)
            return content.chunk_content(size, hash)
        for chunk in chunks:
            piece = hash_of(chunk)
            self._pieces.add(piece, chunk)
            self._entries.append((piece, len(chunk)))
        return self._listed(size, hash)

    def _end_large(self) -> Content:
        hasher = self._cut(last=True)
        self._drain(0)
        size, hash = self._size, Hash(hasher.digest())
        self._reader.remember_hasher(hash, hasher)
        if len(self._entries) == 1:
            return content.chunk_content(size, hash)
        return self._listed(size, hash)

    def _listed(self, size: int, hash: Hash) -> Content:
        entries, depth = self._entries, 0
        while len(entries) > 1:
            groups = (entries[at : at + LIST_ENTRIES] for at in range(0, len(entries), LIST_ENTRIES))
            entries, depth = [self._put_list(group) for group in groups], depth + 1
        return content.list_content(size, hash, depth, entries[0][0])

    def _put_list(self, entries: Sequence[Entry]) -> Entry:
        return self.put_block(content.encode_list(entries)), sum(size for _, size in entries)

    def _reuse(self, begun: Content) -> bool:
        """Begin the file with the chunks of a content, all but the last, whose end was not cut by
        its bytes but by the file's end. False when gc is about to take them."""
        entries = list(self._reader.chunks_of(begun))
        hashes = [hash for hash, _ in entries]
        try:
            for first in range(0, len(hashes), LIST_ENTRIES):
                self._keep(hashes[first : first + LIST_ENTRIES])
        except Unavailable:
            return False
        self._hasher = self._reader.hasher_of(begun)
        self._size = begun.size
        *self._entries, (last, _) = entries
        self._carried = bytes(self._reader.chunk(last))
        return True

    def _keep(self, hashes: Sequence[Hash]) -> None:
        found = self._reader.find_all(hashes)
        if self._lease.pin({location.pack for location in found.values()}):
            raise Unavailable("these bytes belong to no commit and are being removed; write them again")


class _Batch:
    """Small items that wait for company before they go into records. When there are enough they are
    handed to the pool, and go on being found here until they are stored."""

    def __init__(self, upload: Upload, pool: Executor, kind: int, flush_bytes: int) -> None:
        self._upload, self._pool = upload, pool
        self._kind, self._flush_bytes = kind, flush_bytes
        self._items: dict[Hash, Buffer] = {}
        self._bytes = 0
        self._storing: deque[tuple[dict[Hash, Buffer], Future[None]]] = deque()

    def add(self, hash: Hash, data: Buffer) -> None:
        if hash in self._items:
            return
        self._items[hash] = data
        self._bytes += len(data)
        if self._bytes >= self._flush_bytes or len(self._items) >= _FLUSH_ITEMS:
            self._await(_IN_POOL - 1)
            items = self._take()
            future = self._pool.submit(self._upload.store, self._kind, list(items.items()))
            self._storing.append((items, future))

    def waiting(self, hash: Hash) -> Buffer | None:
        found = self._items.get(hash)
        if found is None:
            for items, _ in self._storing:
                if (found := items.get(hash)) is not None:
                    break
        return found

    def flush(self) -> None:
        """When it returns everything added is stored."""
        if self._items:
            self._upload.store(self._kind, list(self._items.items()))
            self._take()
        self._await(0)

    def give_up(self) -> None:
        """When it returns nothing of this is stored any more that was not already."""
        wait([future for _, future in self._storing if not future.cancel()])

    def _take(self) -> dict[Hash, Buffer]:
        items, self._items, self._bytes = self._items, {}, 0
        return items

    def _await(self, left: int) -> None:
        while len(self._storing) > left:
            try:
                self._storing[0][1].result()
            except BaseException:
                self._upload.give_up()
                raise
            self._storing.popleft()
