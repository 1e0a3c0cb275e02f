"""The bytes of all files: one store of deduplicated chunks, on any object store and one database.

    upload = blobs.upload()          a lease against gc; one thread
    upload.write(...); content = upload.end_file()
    upload.sync()                    on disk and indexed; now a commit may refer to the content
    upload.close()
    blobs.read(content)              verified, piece by piece

A content is 33 bytes and a few, whatever the file's size; copying a file copies its content. Any
number of uploads and reads go on at once. What a crash leaves behind is garbage, never a lie.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from howdah.errors import Conflict, NotFound
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.ingest import Ingest
from howdah.pachd.storage.leases import Leases
from howdah.pachd.storage.objects import Objects
from howdah.pachd.storage.packs import PACK_BYTES, Packs
from howdah.pachd.storage.reader import Reader
from howdah.pachd.storage.upload import Upload

FORMAT_OBJECT = "format"
FORMAT = b"howdah store 1\n"

_BUFFER_BYTES, _LEAST_BUFFER_BYTES = 8 << 20, 1 << 20
_BUFFERS_BYTES = 96 << 20


class NewerStore(Conflict):
    """The packs are in a format that this Howdah does not know."""


class Blobs:
    """Open on a database that holds `tables.SCHEMA`; the caller closes the database afterwards."""

    def __init__(self, objects: Objects, database: Database, *, pack_bytes: int = PACK_BYTES) -> None:
        try:
            check_format(objects)
        except NotFound:
            objects.put(FORMAT_OBJECT, FORMAT)
        self.objects, self.database, self.leases = objects, database, Leases()
        self.packs = Packs(objects, database, pack_bytes=pack_bytes)
        # Threads that hash and write release the interpreter; more of them than cores gain nothing.
        self._pool = ThreadPoolExecutor(max(2, os.cpu_count() or 2), "bytes")
        self.reader = Reader(self.packs, self._pool)
        self._ingest = Ingest(self.packs)
        self._lock = threading.Lock()
        self._uploads = 0
        self._maintenance: str | None = None

    def upload(self) -> Upload:
        """Begin to write; close it when a commit refers to what was written, or when it is given up."""
        with self._lock:
            self._uploads += 1
        lease = self.leases.grant()
        return Upload(
            self.packs, self._ingest, self.reader, self._pool, lease, self._buffer_bytes, self._ended
        )

    def read(self, content: Content, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        """The bytes from `start`, piece by piece, each checked against its hash before it is given
        out; fewer than `length` where the content ends. Corrupt (DamagedChunk) where the disk has
        changed them, NotFound (MissingChunk) where gc has removed them."""
        return self.reader.read(content, start, length)

    def runs[T](self, content: Content, make: Callable[[list[memoryview]], T], start: int = 0) -> Iterator[T]:
        """What `read` gives, in runs of a megabyte, as `make` puts each together: on another
        thread, while the consumer deals with the run before."""
        return self.reader.runs(content, make, start)

    def read_all(self, content: Content) -> bytes:
        return b"".join(self.read(content))

    def block(self, hash: Hash) -> bytes:
        """What `Upload.put_block` stored; cached. NotFound (MissingChunk), Corrupt (DamagedChunk)."""
        return self.reader.block(hash)

    def blocks(self, hashes: Sequence[Hash]) -> list[bytes]:
        """Several at once, in order."""
        return self.reader.blocks(hashes)

    def hashes(self, content: Content) -> Iterator[Hash]:
        """Everything that must stay stored for the content to be readable; for marking."""
        return self.reader.hashes_of(content)

    @contextmanager
    def maintenance(self, name: str) -> Iterator[None]:
        """Until it ends no other maintenance runs: no chunk moves or goes. Conflict when one runs."""
        self.begin_maintenance(name)
        try:
            yield
        finally:
            self.end_maintenance()

    def begin_maintenance(self, name: str) -> None:
        """One of gc, check and backup at a time: each needs the packs not to move, or moves them."""
        with self._lock:
            if self._maintenance:
                raise Conflict(
                    f"{name} cannot run while {self._maintenance} does; try again when it has ended"
                )
            self._maintenance = name

    def end_maintenance(self) -> None:
        with self._lock:
            self._maintenance = None

    def close(self) -> None:
        """Make durable what was appended, and stop. Open uploads fail from here on."""
        self._pool.shutdown(cancel_futures=True)
        self.packs.close()
        self.objects.close()

    def _buffer_bytes(self) -> int:
        share = _BUFFERS_BYTES // max(self._uploads, 1)
        return max(_LEAST_BUFFER_BYTES, min(_BUFFER_BYTES, share))

    def _ended(self) -> None:
        with self._lock:
            self._uploads -= 1


def check_format(objects: Objects) -> None:
    """NotFound where no store is, NewerStore."""
    found = objects.get(FORMAT_OBJECT, 0, 256)
    if found != FORMAT:
        raise NewerStore(
            f"the store says {found!r} and this Howdah knows {FORMAT!r}; "
            "open it with the Howdah that wrote it"
        )
