"""Contents in, verified bytes out.

Every chunk is checked against its hash each time it is read from a pack; what fails is Corrupt, never
served. Long reads fetch neighbouring records with one read, some megabytes ahead of the consumer, on
the pool's threads.

Gc may move a chunk between looking it up and reading it; then its pack is gone and it is looked up once more.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice

from blake3 import blake3

from howdah.errors import Corrupt, Invalid, NotFound
from howdah.pachd.storage import record
from howdah.pachd.storage.cache import Cache
from howdah.pachd.storage.content import Content, Hash, decode_list, hash_of
from howdah.pachd.storage.packs import Packs, name_of
from howdah.pachd.storage.tables import Location

_BLOCK_CACHE_BYTES = 64 << 20
_PAYLOAD_CACHE_BYTES = 32 << 20
_HASHERS = 64

_FIRST_BATCH, _BATCH = 4, 64
_SPAN_BYTES = 4 << 20
_AHEAD = 2


class MissingChunk(NotFound):
    """No chunk of this hash is stored: it never was, or gc removed it."""

    def __init__(self, hash: Hash) -> None:
        self.hash = hash
        super().__init__(f"no chunk {hash.hex()} is stored")


class DamagedChunk(Corrupt):
    """A chunk's bytes are not what they were."""

    def __init__(self, hash: Hash, location: Location, reason: str) -> None:
        self.hash, self.location = hash, location
        super().__init__(
            f"chunk {hash.hex()} at {location.offset} of {name_of(location.pack)} is damaged: {reason}; "
            "run `howdah check --data` to see which files it touches"
        )


class Reader:
    """Safe from any thread."""

    def __init__(self, packs: Packs, pool: Executor) -> None:
        self._packs, self._pool = packs, pool
        self._blocks: Cache[Hash, bytes] = Cache(_BLOCK_CACHE_BYTES, len)
        self._payloads: Cache[tuple[int, int], memoryview] = Cache(_PAYLOAD_CACHE_BYTES, len)
        self._hashers: Cache[Hash, blake3] = Cache(_HASHERS, lambda _: 1)

    def read(self, content: Content, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        """The bytes from `start`, in pieces; fewer than `length` where the content ends."""
        if start < 0 or (length is not None and length < 0):
            raise Invalid(f"cannot read {length} bytes from {start}: neither may be negative")
        end = content.size if length is None else min(content.size, start + length)
        if (data := content.inline) is not None:
            if start < end:
                yield memoryview(data)[start:end]
            return
        for at, chunk in self._verified(self._walk(content.root, content.size, content.depth, 0, start, end)):
            piece = chunk[max(start - at, 0) : max(end - at, 0)]
            if len(piece):
                yield piece

    def block(self, hash: Hash) -> bytes:
        """A block or chunk whole, cached."""
        if (data := self._blocks.get(hash)) is None:
            data = bytes(self.chunk(hash))
            self._blocks.put(hash, data)
        return data

    def blocks(self, hashes: Sequence[Hash]) -> list[bytes]:
        """Several, in order: one question to the index, and neighbours in one read."""
        found = {hash: data for hash in hashes if (data := self._blocks.get(hash)) is not None}
        missing = [hash for hash in hashes if hash not in found]
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            for hash, data in zip(some, map(bytes, self._fetch(some)), strict=True):
                self._blocks.put(hash, data)
                found[hash] = data
        return [found[hash] for hash in hashes]

    def chunk(self, hash: Hash) -> memoryview:
        return self._fetch([hash])[0]

    def find_all(self, hashes: Sequence[Hash]) -> dict[Hash, Location]:
        found = self._packs.find(hashes)
        for hash in hashes:
            if hash not in found:
                raise MissingChunk(hash)
        return found

    def chunks_of(self, content: Content) -> Iterator[tuple[Hash, int]]:
        """The chunks of a content in order, with their sizes."""
        if content.inline is None:
            walk = self._walk(content.root, content.size, content.depth, 0, 0, content.size)
            yield from ((hash, size) for hash, size, _ in walk)

    def hashes_of(self, content: Content) -> Iterator[Hash]:
        """Everything that must stay stored for the content to be readable: its lists and its chunks."""
        if content.inline is None:
            yield from self._needed(content.root, content.depth)

    def remember_hasher(self, hash: Hash, hasher: blake3) -> None:
        """Let whoever extends this content go on from here instead of reading it."""
        self._hashers.put(hash, hasher)

    def hasher_of(self, content: Content) -> blake3:
        """A hasher that has seen all of the content."""
        if hasher := self._hashers.get(content.hash):
            return hasher.copy()
        hasher = blake3()
        for piece in self.read(content):
            hasher.update(piece)
        return hasher

    def _walk(
        self, hash: Hash, size: int, depth: int, at: int, start: int, end: int
    ) -> Iterator[tuple[Hash, int, int]]:
        """The chunks that hold bytes from start to end: (hash, size, where it begins)."""
        if depth == 0:
            yield hash, size, at
            return
        for below, bytes_below in decode_list(self.block(hash)):
            if at + bytes_below > start and at < end:
                yield from self._walk(below, bytes_below, depth - 1, at, start, end)
            at += bytes_below

    def _needed(self, hash: Hash, depth: int) -> Iterator[Hash]:
        yield hash
        if depth == 0:
            return
        for below, _ in decode_list(self.block(hash)):
            if depth == 1:
                yield below
            else:
                yield from self._needed(below, depth - 1)

    def _verified(self, chunks: Iterator[tuple[Hash, int, int]]) -> Iterator[tuple[int, memoryview]]:
        first = list(islice(chunks, _FIRST_BATCH))
        yield from zip((at for _, _, at in first), self._fetch([hash for hash, _, _ in first]), strict=True)
        if len(first) < _FIRST_BATCH:
            return
        ahead: deque[tuple[list[int], Future[list[memoryview]]]] = deque()
        try:
            while batch := list(islice(chunks, _BATCH)):
                fetching = self._pool.submit(self._fetch, [hash for hash, _, _ in batch])
                ahead.append(([at for _, _, at in batch], fetching))
                if len(ahead) > _AHEAD:
                    starts, fetched = ahead.popleft()
                    yield from zip(starts, fetched.result(), strict=True)
            while ahead:
                starts, fetched = ahead.popleft()
                yield from zip(starts, fetched.result(), strict=True)
        finally:
            for _, unwanted in ahead:
                unwanted.cancel()

    def _fetch(self, hashes: Sequence[Hash]) -> list[memoryview]:
        """The chunks, each checked against its hash."""
        found = self.find_all(hashes)
        try:
            return self._load(hashes, found)
        except NotFound:
            again = self.find_all(hashes)
            try:
                return self._load(hashes, again)
            except NotFound as error:
                raise DamagedChunk(hashes[0], again[hashes[0]], f"its pack is missing ({error})") from error

    def _load(self, hashes: Sequence[Hash], found: dict[Hash, Location]) -> list[memoryview]:
        payloads: dict[tuple[int, int], memoryview] = {}
        for span in _spans(found.values()):
            if len(span) == 1 and (cached := self._payloads.get(span[0][:2])) is not None:
                payloads[span[0][:2]] = cached
                continue
            try:
                self._read_span(span, payloads)
            except Corrupt as error:
                hash = next(hash for hash, location in found.items() if location[:2] == span[0][:2])
                raise DamagedChunk(hash, span[0], str(error)) from error
        out = []
        for hash in hashes:
            location = found[hash]
            chunk = payloads[location[:2]][location.start : location.start + location.length]
            if hash_of(chunk) != hash:
                raise DamagedChunk(hash, location, "its bytes do not match its hash")
            out.append(chunk)
        return out

    def _read_span(self, span: Sequence[Location], payloads: dict[tuple[int, int], memoryview]) -> None:
        """Read neighbouring records at once."""
        first, last = span[0], span[-1]
        whole = first._replace(size=last.offset + last.size - first.offset)
        data = memoryview(self._packs.read(whole))
        for location in span:
            at = location.offset - first.offset
            part = data[at : at + location.size]
            payload = record.payload_of(record.decode_header(part), part)
            payloads[location[:2]] = payload
            if len(payload) != location.length:  # shared by several chunks: the next may be wanted soon
                self._payloads.put(location[:2], payload if len(span) == 1 else memoryview(bytes(payload)))


def _spans(locations: Iterable[Location]) -> Iterator[list[Location]]:
    """Records that lie behind one another in a pack, in runs that are worth one read each."""
    run: list[Location] = []
    for location in sorted({(at.pack, at.offset): at for at in locations}.values()):
        if run and not (
            location.pack == run[-1].pack
            and location.offset == run[-1].offset + run[-1].size
            and location.offset + location.size - run[0].offset <= _SPAN_BYTES
        ):
            yield run
            run = []
        run.append(location)
    if run:
        yield run
