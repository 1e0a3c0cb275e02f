"""Contents in, verified bytes out.

Every chunk is checked against its hash each time it is read from a pack; what fails is Corrupt, never
served. Long reads go in runs of a megabyte, fetched and put together on the pool's threads ahead of
the consumer. What was written together lies together: the index is asked for a run's first and last
chunk, and what lies between is recognised by the records' own tables.

Gc may move a chunk between looking it up and reading it; then its pack is gone and it is looked up once more.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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

RUN_BYTES = 1 << 20
"""Small enough that what was read is still in the processor's cache when it is hashed, joined and sent."""

_SPAN_BYTES = 4 << 20
_WORTH_A_GUESS = 4
_FIRST_RUN, _BATCH = 4, 64
_AHEAD = 2

_Wanted = tuple[Hash, int, int]
"""A chunk of a content: its hash, its size, where it begins."""


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
        for pieces in self.runs(content, list, start, length):
            yield from pieces

    def runs[T](
        self,
        content: Content,
        make: Callable[[list[memoryview]], T],
        start: int = 0,
        length: int | None = None,
    ) -> Iterator[T]:
        """As `read`, but what `make` makes of each run of about RUN_BYTES, on the pool's threads: so
        that a consumer who must copy has it done while the run before is under way."""
        if start < 0 or (length is not None and length < 0):
            raise Invalid(f"cannot read {length} bytes from {start}: neither may be negative")
        end = content.size if length is None else min(content.size, start + length)
        if start >= end:
            return
        if (data := content.inline) is not None:
            yield make([memoryview(data)[start:end]])
            return
        runs = self._runs(self._walk(content.root, content.size, content.depth, 0, start, end))

        def made(run: list[_Wanted]) -> T:
            chunks = self._fetch_run([hash for hash, _, _ in run])
            last_at = run[-1][2]
            chunks[-1] = chunks[-1][: end - last_at]
            chunks[0] = chunks[0][max(start - run[0][2], 0) :]
            return make(chunks)

        yield from self._made_ahead(runs, made)

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

    def _walk(self, hash: Hash, size: int, depth: int, at: int, start: int, end: int) -> Iterator[_Wanted]:
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

    @staticmethod
    def _runs(chunks: Iterator[_Wanted]) -> Iterator[list[_Wanted]]:
        """The first is short: most contents end with it, and it is fetched without a thread."""
        if first := list(islice(chunks, _FIRST_RUN)):
            yield first
        run: list[_Wanted] = []
        size = 0
        for chunk in chunks:
            run.append(chunk)
            size += chunk[1]
            if size >= RUN_BYTES:
                yield run
                run, size = [], 0
        if run:
            yield run

    def _made_ahead[T](
        self, runs: Iterator[list[_Wanted]], made: Callable[[list[_Wanted]], T]
    ) -> Iterator[T]:
        yield made(next(runs))
        ahead: deque[Future[T]] = deque()
        try:
            for run in runs:
                ahead.append(self._pool.submit(made, run))
                if len(ahead) > _AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for unwanted in ahead:
                unwanted.cancel()

    def _fetch_run(self, hashes: Sequence[Hash]) -> list[memoryview]:
        """As `_fetch`, for chunks that were probably written one after the other: where the first
        and the last lie not far from each other, what is between them is read and recognised by its
        own table, without asking the index for each. Whatever is odd is left to `_fetch`."""
        if len(hashes) < _WORTH_A_GUESS:
            return self._fetch(hashes)
        found = self.find_all([hashes[0], hashes[-1]])
        first, last = found[hashes[0]], found[hashes[-1]]
        span = first._replace(size=last.offset + last.size - first.offset)
        if first.pack != last.pack or not 0 < span.size <= _SPAN_BYTES:
            return self._fetch(hashes)
        try:
            between = record.single_chunks(self._packs.read(span))
        except (NotFound, Corrupt):
            return self._fetch(hashes)
        out = []
        for hash in hashes:
            chunk = between.get(hash)
            if chunk is None or hash_of(chunk) != hash:
                return self._fetch(hashes)
            out.append(chunk)
        return out

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
